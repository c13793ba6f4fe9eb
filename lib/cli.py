"""The command ``study``.

Whatever is slow to import is imported inside the command that needs it, so that
``study --help`` answers at once.

Exit codes: 0 done, 1 a run failed, 2 the input or the arguments are wrong.
"""

import json
import math
import os
import signal
import sys
import time
from functools import partial, reduce
from pathlib import Path

import click

from lib.errors import InputError, RunError

_HELP = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
_LONG = 1300  # characters of an error; a list of parameters is shorter


class _Commands(click.Group):
    """Turns the study's own errors into one or two lines and an exit code."""

    def invoke(self, context):
        try:
            return super().invoke(context)
        except Exception as error:
            of_mlflow = type(error).__module__ == "mlflow.exceptions"  # imported only where it is needed
            if context.params.get("debug") or not (of_mlflow or isinstance(error, (InputError, RunError))):
                raise
            from lib.params.paths import without_logins

            text = without_logins(" ".join(str(error).split())[:300] if of_mlflow else str(error))
            click.echo(f"error: {text if len(text) <= _LONG else f'{text[:700]} ... {text[-500:]}'}", err=True)
            sys.exit(2 if isinstance(error, InputError) else 1)
        except KeyboardInterrupt:
            click.echo("stopped; the same command goes on where it was", err=True)
            sys.exit(1)


@click.group(cls=_Commands, context_settings=_HELP, invoke_without_command=True)
@click.version_option(package_name="replay-study", prog_name="study")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.pass_context
def main(context, debug):
    """Replayed-speech detection on ASVspoof 2017, run by run.

    Without a command: which runs there are, and what to do next.
    """
    if context.invoked_subcommand is None:
        click.echo(_next_steps())


def _next_steps():
    """Which runs there are, and what to do next, for someone who types the command alone."""
    from lib.params import studies
    from lib.tracking import query
    from lib.tracking.client import tracking_uri

    runs = {corpus: query.records(corpus) for corpus in studies.names("corpora")}
    runs = {corpus: done for corpus, made in runs.items() if (done := [r for r in made if r.status == "FINISHED"])}
    lines = [f"Runs in {tracking_uri()}:" if runs else f"No run yet in {tracking_uri()}."]
    for corpus, done in runs.items():
        ended = time.strftime("%Y-%m-%d %H:%M", time.gmtime(done[0].ended / 1000))
        lines.append(f"  corpus {corpus}: {len(done)} finished, the newest is {done[0].name}, {ended} UTC")
    steps = {
        "make demo": "a made corpus and twenty notebooks in about seven minutes; needs no data",
        "study corpus asvspoof2017 --data DIR": "is your copy of ASVspoof 2017 complete?",
        "study run report --data DIR": "the report's systems on it; `study plan` shows what would run",
    }
    if runs:
        corpus, done = max(runs.items(), key=lambda item: item[1][0].ended)
        study = next((r.tags["study"] for r in done if r.tags.get("study") in studies.names("studies")), "STUDY")
        model = next((r.name for r in done if query.is_model(r.name)), "RUN")
        steps = {
            f"study compare {study} --corpus {corpus}": "their table; --html FILE writes it as a page",
            f"study score PATH... --run {model}": "score recordings with a trained run",
            "study app": "the same for one recording of your own, on a page",
            "study ui": "each run in MLflow: numbers, curves, figures and its notebook",
            "study lab": "the notebooks in JupyterLab; begin with 00_start",
        }
    width = max(map(len, steps))
    lines += ["Next:", *(f"  {step:{width}}   {what}" for step, what in steps.items()), "Every command: study --help"]
    return "\n".join(lines)


_TEXT = click.File("w", "utf-8", "backslashreplace", lazy=False)  # names of files may be in another encoding
_CORPUS = click.option("--corpus", metavar="NAME", help="A file of params/corpora, instead of the study's.")
_DATA = click.option("--data", metavar="DIR|URL", help="The corpus' folder or URL, instead of the corpus file's.")
_STUDY = (
    click.argument("study"),
    _CORPUS,
    _DATA,
    click.option("--store", metavar="DIR|URL", help="Folder or URL of the feature store."),
    click.option("--only", metavar="GLOB", multiple=True, help="Only runs of that name, such as '11_*/mfcc'."),
    click.option("--set", "changes", metavar="KEY=VALUE", multiple=True, help="For every notebook that has KEY."),
    click.option("--seeds", metavar="0,1,2", help="Seeds, instead of the study's."),
    click.option("--force", is_flag=True, help="Run what is done again."),
)


def _study_options(command):
    return reduce(lambda made, option: option(made), reversed(_STUDY), command)


def _json_option(text):
    return click.option("--json", "as_json", is_flag=True, help=text)


def _echo_json(value):
    from lib.params.paths import without_logins

    click.echo(without_logins(json.dumps(_finite(value), indent=2, allow_nan=False)))


def _finite(value):
    """A value as JSON holds it: null for what is not a number."""
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _plan(study, seeds, force, **given):
    from lib.params import studies

    chosen = studies.load(study, seeds=seeds, **given)
    from lib import runner  # after every argument is known to be right

    _sweep(chosen.corpus)
    steps = runner.plan(chosen, force=force)
    todo = sum(step.done is None for step in steps)
    return chosen, steps, f"study {study} on corpus {chosen.corpus}: {todo} to run, {len(steps) - todo} done"


def _label(run):
    return run.name + ("" if run.seed is None else f" seed {run.seed}")


def _sweep(corpus=None):
    """End runs that nobody makes any more, of one corpus or all; an error at once where tracking cannot be used."""
    from lib.tracking import living

    for record in living.sweep(corpus):
        click.echo(f"run {record.run_id}, {record.name}, was stopped before its end; it is marked KILLED", err=True)


@main.command()
@_study_options
@_json_option("The runs with state and reasons, as JSON.")
def plan(study, as_json, **given):
    """Show what `study run` would do, and why; nothing is executed.

    A line a run: its state, name and seed, the id of the run that has done it or that is
    the newest before it, and what has changed since.
    """
    _, steps, state = _plan(study, **given)
    rows = [
        {
            "run": step.run.name,
            "seed": step.run.seed,
            "state": "done" if step.done else "to run",
            "run_id": step.done or step.before,
            "reasons": list(step.reasons),
            "fits": step.kept,
        }
        for step in steps
    ]
    if as_json:
        return _echo_json(rows)
    width = max((len(_label(step.run)) for step in steps), default=0)
    for step, row in zip(steps, rows, strict=True):
        why = "; ".join(step.reasons) + (f": {step.kept}" if step.kept else "")
        click.echo(f"{row['state']:6}  {_label(step.run):{width}}  {row['run_id'] or '-':32}  {why}".rstrip())
    click.echo(state)


@main.command()
@_study_options
@click.option("--jobs", type=click.IntRange(1), default=1, show_default=True, help="Runs at the same time.")
@click.option("--scheduler", metavar="URL", envvar="STUDY_SCHEDULER", help="A Dask cluster, such as tcp://HOST:8786.")
def run(study, force, jobs, scheduler, **given):
    """Run what is not done yet of STUDY (a file of params/studies).

    A run is done when MLflow holds a finished run with the same code, parameters, corpus,
    weights and libraries; `study plan` shows what has changed. A failed run is marked
    failed in MLflow, the others go on. Two commands at once share the work.
    """
    if scheduler:
        from lib import cluster

        cluster.check(scheduler)
    chosen, steps, state = _plan(study, force=force, **given)
    from tqdm import tqdm

    from lib import runner

    click.echo(state)
    todo, ended = [step for step in steps if step.done is None], []

    def report(outcome):
        ended.append(outcome)
        state = "finished" if outcome.error is None else "FAILED"
        tqdm.write(
            f"[{len(ended)}/{len(todo)}] {_label(outcome.step.run):40} {state} "
            f"after {outcome.seconds:.0f} s   run {outcome.run_id or '-'}"
        )
        if outcome.error:
            tqdm.write(f"      {outcome.error}", file=sys.stderr)

    def wait(names):
        click.echo(f"waiting for another command that is making {', '.join(names)}")

    if force:
        os.environ["STUDY_FORCE"] = "1"  # kept fits too
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C does: the processes of the runs end with it
    with runner.shown():
        outcomes = runner.run_all(chosen, steps, jobs=jobs, scheduler=scheduler, report=report, wait=wait)
    failed = [outcome for outcome in outcomes if outcome.error]
    _echo_table(study, chosen.corpus, digest=steps[0].corpus_digest if steps else None)
    if failed:
        raise RunError(f"{len(failed)} of {len(todo)} runs failed; the MLflow run's error.txt has the traceback")


@main.command()
@click.argument("study")
@_CORPUS
@click.option("--all", "everything", is_flag=True, help="Runs by hand, by raw papermill and of other studies too.")
@click.option("--scores", "others", metavar="NAME=FILE", multiple=True, help="Another system's scores of eval.")
@_DATA
@_json_option("The runs with every parameter and metric, as JSON.")
@click.option("--html", metavar="FILE", type=click.Path(dir_okay=False), help="Write the comparison page.")
def compare(study, corpus, everything, others, data, as_json, html):
    """Show the runs of STUDY side by side.

    The newest finished run of each name and seed stands whatever was started since. One
    that `study plan` would make again says why under `stale`, one with other parameters
    names them. Runs that did not finish are listed below. The scores of another system stand
    in rows of their own, marked as such.
    """
    from lib.params import studies

    chosen = studies.load(study, corpus=corpus)
    rows_of_others = _others(others, studies.corpus_values(chosen.corpus, data)) if others else []
    _sweep(chosen.corpus)
    if as_json:
        from lib.tracking import query

        rows, _ = query.compare(study, chosen.corpus, everything=everything)
        _echo_json(rows + rows_of_others)
    else:
        _echo_table(study, chosen.corpus, everything=everything, others=rows_of_others)
    if html:
        from lib import runner

        runner.comparison_page(chosen, Path(html))
        click.echo(f"comparison page: {html}", err=as_json)


def _others(named, values):
    from lib.corpus import read_trials
    from lib.tracking.measured import of_scores

    trials = read_trials(values["data"], values["layout"]).query("split == 'eval'")
    pairs = [text.partition("=") for text in named]
    for name, _, file in pairs:
        if not (name.strip() and file):
            raise InputError(f"--scores {name!r}: must be NAME=FILE")
    return [of_scores(name.strip(), file, trials) for name, _, file in pairs]


@main.command()
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=click.Path())
@click.option(
    "--run", required=True, metavar="RUN", help="A run's id, a name as 14_mobilenet/mfcc, or models:/NAME/VERSION."
)
@click.option("--corpus", metavar="NAME", help="Look for RUN among the runs on this corpus only.")
@click.option("--labels", metavar="CSV", type=click.Path(), help="True labels (path,label): print error rates too.")
@click.option("--csv", "table", metavar="FILE", type=_TEXT, help="Write the answers there too.")
@_json_option("Every answer with its warnings, as JSON.")
def score(paths, run, corpus, labels, table, as_json):
    """Score recordings with a trained run.

    PATH is a recording, or a folder of which every recording is taken. Of a name the newest
    finished run scores. Higher scores are more genuine; the label is the side of the run's own
    threshold, or "cannot tell" where dev leaves doubt or the recording is not of the kind
    that the run was made on. A recording that cannot be read is named and the others are
    scored; exit code 2 when none can be.
    """
    _sweep()
    from lib import scoring

    sys.stdout.reconfigure(errors="backslashreplace")  # as `_TEXT`
    files, passed = scoring.recordings(paths)
    truth = scoring.read_labels(labels) if labels else None
    judge = scoring.judge(scoring.open_run(run, corpus=corpus))
    click.echo(f"run {judge.run.name}, {judge.run.run_id}, corpus {judge.run.corpus}", err=as_json)
    rows = list(scoring.score_files(judge, files))
    if table:
        scoring.write_csv(rows, table)
    refused = [row for row in rows if row["score"] is None]
    if len(refused) == len(rows):
        others = f" (and {len(rows) - 1} more, so none is scored)" if len(rows) > 1 else ""
        raise InputError(f"{rows[0]['path']}: {rows[0]['warnings'][0]}{others}")
    _echo_json(rows) if as_json else click.echo(scoring.describe(rows, judge))
    for row in refused:
        click.echo(f"not scored: {row['path']}: {row['warnings'][0]}", err=True)
    for path in passed:
        click.echo(f"passed over: {path}: hidden, or of macOS", err=True)
    if as_json:
        click.echo(scoring.summary(rows), err=True)
    if labels:
        click.echo(scoring.errors(rows, truth), err=as_json)


@main.command()
@click.argument("scores", type=click.Path(), nargs=-1, required=True)
@click.option("--protocol", type=click.Path(), metavar="FILE", help="Protocol, unless the scores have labels.")
@click.option("--score-column", "column", metavar="NAME", help="Which column of several is the score.")
@click.option("--dev-scores", type=click.Path(), metavar="FILE", help="The same system's scores of dev.")
@click.option("--dev-protocol", type=click.Path(), metavar="FILE", help="Protocol of dev.")
@click.option("--allow-missing", is_flag=True, help="Measure the trials that both files have.")
@click.option("--p-spoof", type=float, default=0.05, show_default=True, help="How often a spoof comes (ASVspoof 5).")
@click.option("--c-miss", type=float, default=1.0, show_default=True, help="Cost of a genuine trial rejected.")
@click.option("--c-fa", type=float, default=10.0, show_default=True, help="Cost of a spoof accepted.")
@click.option("--c-unsure", type=float, help="Cost of no answer; half an answer's at the threshold without it.")
@click.option("--by", multiple=True, metavar="COLUMN", help="Break the EER down, by speaker, environment, ...")
@click.option("--recordings", metavar="DIR|URL", help="The recordings, for --by duration.")
@click.option("--pictures", type=click.Path(), metavar="DIR", help="Write DET curve, scores, breakdowns as PNG.")
@_json_option("Every number as JSON, fractions.")
def evaluate(
    scores, protocol, column, dev_scores, dev_protocol, allow_missing, p_spoof, c_miss, c_fa, c_unsure, by, recordings,
    pictures, as_json,
):  # fmt: skip
    """Measure SCORES, the score file of any system, or of several on the same trials.

    Lines are 'trial score', 'trial score label', 'trial label score' or as the ASVspoof
    baselines write them; or a CSV with a header, or what `study score` wrote. Higher scores
    are more genuine. With dev scores, thresholds, calibration and the threshold card are
    chosen on dev. Prior and costs decide DCFs, the Bayes threshold and the card. Several
    systems are ranked by what paired tests of their EERs tell apart.
    """
    from lib import metrics
    from lib.metrics.evaluation import read_tables
    from lib.metrics.tables import describe

    if len(scores) > 1 and (dev_scores or pictures or len(set(scores)) < len(scores)):
        raise InputError("several systems: each once, without --dev-scores and --pictures")
    costs, tables, found = metrics.Costs(p_spoof, c_miss, c_fa), {}, []
    for file in scores:
        tables[file], dev = read_tables(
            file, protocol, dev_scores, dev_protocol, allow_missing, column=column, recordings=recordings
        )
        measured = metrics.evaluate_table(tables[file], dev, by=by, costs=costs, c_unsure=c_unsure)
        found.append({"scores": file, "protocol": protocol, **measured})
    if len(found) > 1:
        ranked = {file: {None: table} for file, table in tables.items()}
        if as_json:
            return _echo_json({"systems": found, "ranking": metrics.ranking(ranked).to_dict("records")})
        from lib.comparison import rank

        click.echo("\n\n".join([*map(describe, found), rank(ranked).to_string(index=False)]))
        return click.echo("Paired tests on the same trials; equal ranks are not told apart.")
    _echo_json(found[0]) if as_json else click.echo(describe(found[0]))
    if pictures:
        _write_pictures(Path(pictures), Path(scores[0]).stem, tables[scores[0]], found[0]["breakdown"])


def _write_pictures(folder, title, table, breakdowns):
    import pandas as pd

    from lib.plots import evaluation as plots

    breakdowns = {column: pd.DataFrame(rows) for column, rows in breakdowns.items()}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, figure in plots.pages(table, breakdowns, title).items():
            figure.savefig(folder / f"{name}.png", dpi=120)
            click.echo(f"picture: {folder / name}.png", err=True)
    except OSError as error:
        raise InputError(f"{folder}: pictures cannot be written ({error.strerror})") from None


@main.command()
@click.argument("file", type=click.Path())
@_json_option("Every finding as JSON, fractions.")
def verdict(file, as_json):
    """Say what a printed result proves.

    FILE holds a classification report or a confusion matrix, as they are printed.
    """
    from lib.files.places import read_text
    from lib.judgement import verdict as verdicts

    found = verdicts.verdict(read_text(file, "a printed report"), source=file)
    _echo_json(found) if as_json else click.echo(verdicts.describe_verdict(found))


def _echo_table(study, corpus, *, digest=None, everything=False, others=()):
    from lib import comparison
    from lib.tracking import query

    rows, older = query.compare(study, corpus, digest=digest, everything=everything)
    finished = [row for row in rows if row["status"] == "FINISHED"]
    if not rows:
        click.echo(f"no run of a model yet for study {study} on corpus {corpus}")
    if finished or others:
        click.echo()
        click.echo(comparison.table([*finished, *others]).to_string(index=False))
    if finished:
        click.echo(f"{comparison.counts(finished)} In brackets: 95 % interval, the widest over trials or speakers.")
        click.echo(f"Corpus {corpus}, digest {finished[0]['corpus_digest']}.")
        for sentence in comparison.lessons(finished) + comparison.ranks_in_words(study, corpus, finished):
            click.echo(f"- {sentence}")
    if len(rows) > len(finished):
        click.echo("\nNot finished:")
    for row in rows[len(finished) :]:
        state = "diverged" if row["diverged"] else row["status"].lower()
        click.echo(f"  {comparison.label(row)}: {state}, run {row['run_id']}: {row['error'] or '-'}")
    if older:
        click.echo(f"{older} runs on another version of the corpus are not shown.")


class _Corpus(click.Group):
    """``study corpus NAME`` checks, ``study corpus new NAME`` writes the corpus' file."""

    def parse_args(self, context, args):
        known = bool(args) and args[0] in {*self.commands, *_HELP["help_option_names"]}
        return super().parse_args(context, args if known else ["check", *args])


@main.group(cls=_Corpus)
def corpus():
    """Check the corpus NAME (`study corpus NAME`), or begin a new one."""


@corpus.command()
@click.argument("name")
@_DATA
@_json_option("The whole report as JSON.")
def check(name, data, as_json):
    """Check the corpus NAME: counts, files, what its splits share, what is odd in it.

    Exit code 2 when a listed recording is missing or cannot be read, or when labels or
    recordings contradict each other.
    """
    from lib.corpus import audit
    from lib.params.studies import corpus_values

    values = corpus_values(name, data)
    found = audit.check(name, values["data"], values["layout"])
    _echo_json(found.as_json()) if as_json else click.echo(audit.describe(found))
    if found.problems:
        raise InputError(f"{found.folder}: {found.problems[0]}")
    if not found.complete:
        raise InputError(
            f"{found.folder}: {len(found.missing)} recordings missing, {len(found.unreadable)} unusable; "
            "`--set allow_partial=true` uses the rest"
        )


@corpus.command()
@click.argument("name")
@click.option("--data", metavar="DIR|URL", required=True, help="The corpus' folder or URL.")
@click.option("--layout", metavar="L", help="How it is laid out (params/layouts.yaml); found out without it.")
def new(name, data, layout):
    """Write params/corpora/NAME.yaml for a corpus of one's own, or a published one.

    A corpus without a known layout has a list, trials.csv, in its folder: a header with
    path and label (genuine or spoof), and where they are known split, speaker, attack and
    others; or folders train/genuine, train/spoof and so on. A missing split is made.
    """
    from lib.corpus import audit

    path, trials = audit.write_corpus_file(name, data, layout)
    click.echo(f"{path}: {trials}")
    click.echo(f"Next: study corpus {name}    study plan demo --corpus {name}    study run demo --corpus {name}")


@main.command()
@click.option("--store", metavar="DIR|URL", default="data/store", show_default=True, help="Where fits are kept.")
@click.option("--remove", is_flag=True, help="Remove the fits that no run uses.")
@_json_option("Every fit with what decides it, as JSON.")
def keep(store, remove, as_json):
    """List the fits that are kept: which system, which runs use it, its size."""
    _sweep()
    from lib.files import places
    from lib.systems import kept
    from lib.tracking import query

    used, rows = query.fits_in_use(), kept.listing(places.absolute(store, Path.cwd()))
    rows = [row | {"runs": sorted(set(used.get(row["key"], ())))} for row in rows]
    unused = [row for row in rows if not row["runs"]]
    for row in unused if remove else ():
        places.remove(row["place"])
    if as_json:
        return _echo_json(rows)
    for row in rows:
        kind = row["about"].get("system", {}).get("kind", "damaged")
        state = ", ".join(row["runs"]) or ("removed" if remove else "no run uses it")
        click.echo(f"{row['key']}  {row['bytes'] / 1e6:8.1f} MB  {kind:10}  {state}")
    size, less = (sum(row["bytes"] for row in part) / 1e6 for part in (rows, unused))
    click.echo(f"{len(rows)} fits, {size:.1f} MB; {len(unused)} that no run uses, {less:.1f} MB")


@main.command("make-demo")
@click.option("--data", metavar="DIR", help="Where to; the demo corpus' own folder without it.")
@click.option("--seed", type=int, default=1, show_default=True, help="Decides every sample.")
def make_demo(data, seed):
    """Make the embedded corpus: made speech, simulated replay."""
    from lib.demo.made import make_corpus
    from lib.files.places import absolute
    from lib.params.studies import corpus_values

    folder = absolute(corpus_values("demo", data)["data"])
    make_corpus(folder, seed=seed)
    click.echo(f"made speech with simulated replay (not ASVspoof data): {folder}")


_PORT = partial(click.option, "--port", type=click.IntRange(1, 65535), show_default=True)


@main.command()
@_PORT(default=5000)
def ui(port):
    """Open the runs in the MLflow UI on this machine (127.0.0.1).

    It takes about 0.8 GB of memory, this command included, and ends with it.
    """
    from lib import runner

    _sweep()
    sys.exit(runner.serve_ui(port, lambda lines: click.echo("\n".join(lines or ["no run yet"]))))


@main.command()
@_PORT(default=8888)
def lab(port):
    """Open the notebooks in JupyterLab on this machine."""
    from lib import runner

    sys.exit(runner.serve_lab(port))


@main.command()
@click.option("--run", metavar="RUN", help="The run that answers, as in `study score`; the best on dev without it.")
@click.option("--port", type=click.IntRange(1, 65535), default=7860, show_default=True)
def app(run, port):
    """Open a page for a recording of one's own on this machine (127.0.0.1)."""
    from lib.scoring.app import serve

    serve(run, port, lambda name, address: click.echo(f"run {name} answers at {address} until Ctrl-C stops it"))
