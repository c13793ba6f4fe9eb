"""The command ``study``.

Whatever is slow to import is imported inside the command that needs it, so that ``study --help`` answers at once.

Exit codes: 0 done, 1 a run failed, 2 the input or the arguments are wrong.
"""

import errno
import json
import os
import signal
import sys
import time
from functools import partial
from pathlib import Path

import click

from lib.errors import InputError, RunError, one_line, without_logins

_HELP = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
_LONG = 1300  # characters of an error; a list of parameters is shorter


class _Commands(click.Group):
    """Turns the study's own errors into one or two lines and an exit code."""

    def invoke(self, context):
        try:
            return super().invoke(context)
        except Exception as error:
            of_mlflow = type(error).__module__ == "mlflow.exceptions"  # imported only where it is needed
            full = isinstance(error, OSError) and error.errno == errno.ENOSPC  # of a pipe or file without a name
            of_file = isinstance(error, OSError) and (error.filename or full)  # one that cannot be written
            known = of_mlflow or of_file or isinstance(error, (InputError, RunError))
            if context.params.get("debug") or not known:
                raise
            text = one_line(error) if of_mlflow else str(error)
            text = without_logins(f"{error.filename or 'output'}: {error.strerror}" if of_file else text)
            click.echo(f"error: {text if len(text) <= _LONG else f'{text[:700]} ... {text[-500:]}'}", err=True)
            sys.exit(2 if of_file or isinstance(error, InputError) else 1)
        except KeyboardInterrupt:
            goes_on = "; the same command goes on where it was" * (context.invoked_subcommand == "run")
            click.echo(f"stopped{goes_on}", err=True)
            sys.exit(1)


def _answer(value, as_json, text):
    """Print a value as JSON, null for what is not a number, or the text that is made of it."""
    if not as_json:
        return click.echo(text(value))
    finite = json.loads(json.dumps(value), parse_constant=lambda _: None)
    click.echo(without_logins(json.dumps(finite, indent=2)))


def _sweep(corpus=None):
    """End runs that nobody makes any more, of one corpus or all; an error at once where tracking cannot be used."""
    from lib.tracking import query

    for record in query.sweep(corpus):
        click.echo(f"run {record.run_id}, {record.name}, was stopped before its end; it is marked KILLED", err=True)


@click.group(cls=_Commands, context_settings=_HELP, invoke_without_command=True)
@click.version_option(package_name="replay-study", prog_name="study")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.pass_context
def main(context, debug):
    """Replayed-speech detection on ASVspoof 2017, run by run.

    Without a command: which runs there are, and what to do next.
    """
    sys.stdout.reconfigure(errors="backslashreplace")  # names of files may be in another encoding
    if context.invoked_subcommand is None:
        click.echo(_next_steps())


def _next_steps():
    from lib.params import read_table, studies
    from lib.tracking import query
    from lib.tracking.client import tracking_uri

    lines, runs, names, place = [], [], {}, without_logins(tracking_uri())
    finished = [record for record in query.records() if record.status == "FINISHED"]
    for corpus in studies.names("corpora"):
        if done := [record for record in finished if record.corpus == corpus]:
            runs.append((done[0].ended, corpus, done))
            ended = time.strftime("%Y-%m-%d %H:%M", time.gmtime(done[0].ended / 1000))
            lines.append(f"  corpus {corpus}: {len(done)} finished, the newest is {done[0].name}, {ended} UTC")
    if runs:
        _, corpus, done = max(runs)
        study = next((r.tags["study"] for r in done if r.tags.get("study") in studies.names("studies")), "STUDY")
        model = next((r.name for r in query.by_dev(done)), "RUN")
        names = {"study": study, "corpus": corpus, "model": model}
    steps = read_table("next_steps")["runs" if runs else "none"]
    steps = {step.format(**names): what for step, what in steps.items()}
    width = max(map(len, steps))
    first = f"Runs in {place}:" if runs else f"No run yet in {place}."
    lines += ["Next:", *(f"  {step:{width}}   {what}" for step, what in steps.items()), "Every command: study --help"]
    return "\n".join([first, *lines])


_WIDEST = (
    "In brackets: 95 % interval, the widest over trials, speakers, replay configurations, or the last two at once."
)
_WRITTEN = click.Path(dir_okay=False, writable=True, allow_dash=True)
_JSON = partial(click.option, "--json", "as_json", is_flag=True)
_PORT = partial(click.option, "--port", type=click.IntRange(1, 65535), show_default=True)
_HTML = click.option("--html", metavar="FILE", type=click.Path(dir_okay=False), help="Write the comparison page.")
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
    for option in reversed(_STUDY):
        command = option(command)
    return command


def _plan(study, force, **given):
    from lib.params import studies

    chosen = studies.load(study, **given)
    if given["data"] and not given["corpus"] and chosen.corpus == "demo":
        said = "--data changes only where that is; for another corpus, give --corpus NAME too"
        click.echo(f"study {study} is on corpus demo: {said}", err=True)
    from lib import runner  # after every argument is known to be right

    _sweep(chosen.corpus)
    steps = runner.plan(chosen, force=force)
    todo = sum(step.done is None for step in steps)
    return chosen, steps, f"study {study} on corpus {chosen.corpus}: {todo} to run, {len(steps) - todo} done"


def _label(run):
    return run.name + ("" if run.seed is None else f" seed {run.seed}")


@main.command()
@_study_options
@click.option("--jobs", "--scheduler", "--html", hidden=True, expose_value=False)  # of `run`: no plan depends on them
@_JSON(help="The runs with state and reasons, as JSON.")
def plan(study, as_json, **given):
    """Show what `study run` would do, and why; nothing is executed.

    One line per run: its state, name and seed, the id of the run that has done it or that is
    the newest before it, and what has changed since.
    """
    _, steps, summary = _plan(study, **given)
    width = max(len(_label(step.run)) for step in steps)
    rows, lines = [], []
    for step in steps:
        state, run_id = "done" if step.done else "to run", step.done or step.before
        about = {"run": step.run.name, "seed": step.run.seed, "state": state, "run_id": run_id}
        rows.append(about | {"reasons": list(step.reasons), "fits": step.kept})
        why = "; ".join(step.reasons) + (f": {step.kept}" if step.kept else "")
        lines.append(f"{state:6}  {_label(step.run):{width}}  {run_id or '-':32}  {why}".rstrip())
    _answer(rows, as_json, lambda _: "\n".join([*lines, summary]))


@main.command()
@_study_options
@click.option("--jobs", type=click.IntRange(1), default=1, show_default=True, help="Runs at the same time.")
@click.option("--scheduler", metavar="URL", envvar="STUDY_SCHEDULER", help="A Dask cluster, such as tcp://HOST:8786.")
@_HTML
def run(study, force, jobs, scheduler, html, **given):
    """Run what is not done yet of STUDY (a file of params/studies).

    A run is done when MLflow holds a finished run with the same code, parameters, corpus,
    weights and libraries; `study plan` shows what has changed. A failed run is marked
    failed in MLflow, the others go on. Two commands at once share the work.
    """
    if scheduler:
        from lib import cluster

        cluster.check(scheduler)
    chosen, steps, summary = _plan(study, force=force, **given)
    from tqdm import tqdm

    from lib import runner
    from lib.tracking import query

    click.echo(summary)
    todo, ended = sum(step.done is None for step in steps), []
    if force:
        os.environ["STUDY_FORCE"] = "1"  # kept fits too
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C does: the processes of the runs end with it
    with runner.shown():
        for outcome in runner.run_all(chosen, steps, jobs=jobs, scheduler=scheduler):
            if outcome.elsewhere:
                tqdm.write(f"waiting for another command that is making {outcome.step.run.name}")
                continue
            ended.append(outcome)
            state = f"{'FAILED' if outcome.error else 'finished'} after {outcome.seconds:.0f} s"
            name = _label(outcome.step.run)
            tqdm.write(f"[{len(ended)}/{todo}] {name:40} {state}   run {outcome.run_id or '-'}")
            if outcome.error:
                tqdm.write(f"      {outcome.error}", file=sys.stderr)
    if any(query.is_model(one.name) for one in chosen.runs):
        found = query.compare(study, chosen.corpus, digest=steps[0].corpus_digest)
        click.echo(_side_by_side(study, chosen.corpus, *found))
    failed = sum(outcome.error is not None for outcome in ended)
    if html:
        try:
            runner.comparison_page(chosen, Path(html))
            click.echo(f"comparison page: {html}")
        except InputError as error:  # the runs are made all the same
            click.echo(f"no page written: {error}", err=True)
    if failed:
        raise RunError(f"{failed} of {todo} runs failed; the MLflow run's error.txt has the traceback")


@main.command()
@click.argument("study")
@_CORPUS
@click.option("--all", "everything", is_flag=True, help="Runs by hand, by raw papermill and of other studies too.")
@click.option("--scores", "others", metavar="NAME=FILE", multiple=True, help="Another system's scores of eval.")
@_DATA
@_JSON(help="The runs with every parameter and metric, as JSON.")
@_HTML
def compare(study, corpus, everything, others, data, as_json, html):
    """Show the runs of STUDY side by side.

    The newest finished run of each name and seed stands whatever was started since. One that `study plan` would make
    again says why under `stale`, one with other parameters names them. Runs that did not finish are listed below. The
    scores of another system stand in rows of their own, marked as such.
    """
    from lib.params import studies
    from lib.tracking import query
    from lib.tracking.runs import of_scores

    chosen, theirs = studies.load(study, corpus=corpus), {}
    if others or data:
        from lib.corpus import read_trials
        from lib.scores import match, read_scores

        values = studies.corpus_values(chosen.corpus, data)
        data, trials = values["data"], read_trials(values["data"], values["layout"]).query("split == 'eval'")
        for text in others:
            name, _, file = (part.strip() for part in text.partition("="))
            if not (name and file):
                raise InputError(f"--scores {text!r}: must be NAME=FILE")
            name = f"{name} (scores of another system)"
            if name in theirs:
                raise InputError(f"--scores {text!r}: there is another file of that name")
            theirs[name] = match(read_scores(file), trials)
    _sweep(chosen.corpus)
    rows, older = query.compare(study, chosen.corpus, everything=everything)
    beside = [of_scores(name, table) for name, table in theirs.items()]
    _answer(rows + beside, as_json, lambda _: _side_by_side(study, chosen.corpus, rows, older, beside, theirs, data))
    if html:
        from lib import comparison, runner

        finished = [row for row in rows if row["status"] == "FINISHED"]
        table = comparison.table([*finished, *beside]).drop(columns="stale", errors="ignore")
        runner.comparison_page(chosen, Path(html), table if theirs else None)
        click.echo(f"comparison page: {html}", err=as_json)


def _side_by_side(study, corpus, rows, older, beside=(), theirs=None, data=None):
    """The table of runs and, `beside` them, of other systems, whose scores are `theirs`; and what it says."""
    from lib import comparison
    from lib.metrics.tables import noted

    finished, lines = [row for row in rows if row["status"] == "FINISHED"], []
    if not rows:
        lines.append(f"no run of a model yet for study {study} on corpus {corpus}")
    if finished or beside:
        table = comparison.table([*finished, *beside])
        lines.append("\n" + noted(table.drop(columns="stale", errors="ignore"), table.get("stale")))
    if finished:
        lines.append(f"{comparison.counts(finished)} {_WIDEST}")
        lines.append(f"Corpus {corpus}, digest {finished[0]['corpus_digest']}.")
        sentences = comparison.lessons(finished)
        if len(finished) + len(beside) > 1:
            sentences += comparison.ranks_in_words(finished, theirs or {}, data)
        lines += [f"- {sentence}" for sentence in sentences]
    if len(rows) > len(finished):
        lines.append("\nNot finished:")
    for row in rows[len(finished) :]:
        state = "diverged" if row["diverged"] else row["status"].lower()
        lines.append(f"  {comparison.label(row)}: {state}, run {row['run_id']}: {row['error'] or '-'}")
    if older:
        lines.append(f"{older} runs on another version of the corpus are not shown.")
    return "\n".join(lines)


@main.command()
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=click.Path())
@click.option(
    "--run", "chosen", required=True, multiple=True, metavar="RUN",
    help="A run's id, a name as 14_mobilenet/mfcc, or models:/NAME/VERSION.",
)  # fmt: skip
@click.option("--corpus", metavar="NAME", help="Look for RUN among the runs on this corpus only.")
@click.option("--labels", metavar="CSV", type=click.Path(), help="True labels (path,label): print error rates too.")
@click.option("--csv", "table", metavar="FILE", type=_WRITTEN, help="Write the answers there too.")
@_JSON(help="Every answer with its warnings, as JSON.")
def score(paths, chosen, corpus, labels, table, as_json):
    """Score recordings with a trained run.

    PATH is a recording, or a folder of which every recording is taken. Of a name the newest finished run scores. Higher
    scores are more genuine; the label is the side of the run's own threshold, or "cannot tell" where dev leaves doubt
    or the recording is not of the kind that the run was made on. A recording that cannot be read is named and the
    others are scored; exit code 2 when none can be.
    """
    if len(chosen) > 1:
        raise InputError(f"--run {' --run '.join(chosen)}: one run at a time")
    _sweep()
    from lib import scoring

    files, passed = scoring.recordings(paths)
    truth = scoring.read_labels(labels, files) if labels else None
    judge = scoring.judge(scoring.open_run(*chosen, corpus=corpus))
    click.echo(f"run {judge.run.name}, {judge.run.run_id}, corpus {judge.run.corpus}", err=as_json)
    rows = list(scoring.score_files(judge, files))
    if table:
        with click.open_file(table, "w", "utf-8", "backslashreplace") as file:
            scoring.write_csv(rows, file)
    refused = [row for row in rows if row["score"] is None]
    if len(refused) == len(rows):
        others = f" (and {len(rows) - 1} more, so none is scored)" if len(rows) > 1 else ""
        raise InputError(f"{rows[0]['path']}: {rows[0]['warnings'][0]}{others}")
    _answer(rows, as_json, lambda _: scoring.describe(rows, judge))
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
@click.option("--pictures", type=click.Path(), metavar="DIR", help="Write DET curve, scores, decisions as PNG.")
@_JSON(help="Every number as JSON, fractions.")
def evaluate(scores, protocol, p_spoof, c_miss, c_fa, c_unsure, by, pictures, as_json, **read):
    """Measure SCORES, the score file of any system, or of several on the same trials.

    Lines are 'trial score', 'trial score label', 'trial label score' or as the ASVspoof baselines write them; or a CSV
    with a header, or what `study score` wrote. Higher scores are more genuine. With dev scores, thresholds, calibration
    and the threshold card are chosen on dev. Prior and costs decide DCFs, the Bayes threshold and the card. Several
    systems are ranked by what paired tests of their EERs tell apart.
    """
    from lib import metrics
    from lib.metrics.evaluation import read_tables
    from lib.metrics.tables import describe

    if len(scores) > 1 and (read["dev_scores"] or pictures or len(set(scores)) < len(scores)):
        raise InputError("several systems: each once, without --dev-scores and --pictures")
    if c_unsure is not None and not read["dev_scores"]:
        raise InputError("--c-unsure goes with --dev-scores: where to give no answer is chosen on dev")
    costs, tables, found = metrics.Costs(p_spoof, c_miss, c_fa), {}, []
    for file in scores:
        tables[file], dev = read_tables(file, protocol, **read)
        measured = metrics.evaluate_table(tables[file], dev, by=by, costs=costs, c_unsure=c_unsure)
        found.append({"scores": file, "protocol": protocol, **measured})
    if len(found) == 1:
        _answer(found[0], as_json, describe)
        if pictures:
            from lib.plots import evaluation as plots

            Path(pictures).mkdir(parents=True, exist_ok=True)
            title = Path(scores[0]).stem.encode("utf-8", "backslashreplace").decode()
            for name, figure in plots.pages(tables[scores[0]], title).items():
                figure.savefig(f"{pictures}/{name}.png", dpi=120)
                click.echo(f"picture: {pictures}/{name}.png", err=True)
        return
    ranked = {file: {None: table} for file, table in tables.items()}
    if as_json:
        return _answer({"systems": found, "ranking": metrics.ranking(ranked).to_dict("records")}, as_json, None)
    from lib.comparison import rank

    how = "Ranks are by paired tests on the same trials, their intervals Student's t; equal ranks are not told apart."
    click.echo("\n\n".join([*map(describe, found), f"{rank(ranked).to_string(index=False)}\n{how}"]))


@main.command()
@click.argument("file", type=click.Path())
@_JSON(help="Every finding as JSON, fractions.")
def verdict(file, as_json):
    """Say what a printed result proves.

    FILE holds a classification report or a confusion matrix, as they are printed.
    """
    from lib.files.places import read_text
    from lib.judgement import verdict as verdicts

    found = verdicts.verdict(read_text(file, "a printed report"), source=file)
    _answer(found, as_json, verdicts.describe_verdict)


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
@_JSON(help="The whole report as JSON.")
def check(name, data, as_json):
    """Check the corpus NAME: counts, files, what its splits share, what is odd in it.

    Exit code 2 when a listed recording is missing or cannot be read, or when labels or
    recordings contradict each other.
    """
    from lib.corpus import audit
    from lib.params.studies import corpus_values

    values = corpus_values(name, data)
    found = audit.check(name, values["data"], values["layout"])
    _answer(found, as_json, audit.describe)
    if found["problems"]:
        raise InputError(f"{found['folder']}: {found['problems'][0]}")
    if not found["complete"]:
        raise InputError(
            f"{found['folder']}: {len(found['missing'])} recordings missing, {len(found['unreadable'])} unusable; "
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
    others, of which a missing split is made; or folders train/genuine, train/spoof and so on
    of every split.
    """
    from lib.corpus import audit

    if name in corpus.commands:
        raise InputError(f"NAME must not be {name}, which is a command of `study corpus`")
    path, trials = audit.write_corpus_file(name, data, layout)
    click.echo(f"{path}: {trials}")
    click.echo(f"Next: study corpus {name}    study plan best --corpus {name}    study run best --corpus {name}")


@main.command()
@click.option("--store", metavar="DIR|URL", help="Where fits are kept; data/store of the project without it.")
@click.option("--remove", is_flag=True, help="Remove the fits that no run uses.")
@_JSON(help="Every fit with what decides it, as JSON.")
def keep(store, remove, as_json):
    """List the fits that are kept: which system, which runs use it, its size."""
    _sweep()
    from lib.files import places
    from lib.systems import kept
    from lib.tracking import query
    from lib.tracking.client import tracking_uri

    used = query.fits_in_use()
    place = places.absolute("data/store") if store is None else places.absolute(store, Path.cwd())
    if store is not None and not places.is_folder(place):
        raise InputError(f"--store {without_logins(store)}: no such folder")
    rows = kept.listing(place)
    if remove and rows and not used:
        raise InputError(f"{without_logins(tracking_uri())}: no run there uses a fit; nothing is removed")
    rows = [row | {"runs": sorted(used.get(row["key"], ()))} for row in rows]
    unused = [row for row in rows if not row["runs"]]
    for row in unused if remove else ():
        places.remove(row["place"])
    lines = []
    for row in rows:
        kind = row["about"].get("system", {}).get("kind", "damaged")
        state = ", ".join(row["runs"]) or ("removed" if remove else "no run uses it")
        lines.append(f"{row['key']}  {row['bytes'] / 1e6:8.1f} MB  {kind:10}  {state}")
    size, less = (sum(row["bytes"] for row in part) / 1e6 for part in (rows, unused))
    lines.append(f"{len(rows)} fits, {size:.1f} MB; {len(unused)} that no run uses, {less:.1f} MB")
    _answer(rows, as_json, lambda _: "\n".join(lines))


@main.command("make-demo")
@click.option("--data", metavar="DIR", help="Where to; the demo corpus' own folder without it.")
@click.option("--seed", type=int, default=1, show_default=True, help="Decides every sample.")
def make_demo(data, seed):
    """Make the embedded corpus: synthetic speech, simulated replay."""
    from lib.demo.made import make_corpus
    from lib.files.places import absolute
    from lib.params.studies import corpus_values

    folder = absolute(corpus_values("demo", data)["data"])
    make_corpus(folder, seed=seed)
    click.echo(f"synthetic speech with simulated replay (not ASVspoof data): {folder}")


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
@click.option("--run", metavar="RUN", help="The run that scores, as in `study score`; the best on dev without it.")
@_PORT(default=7860)
def app(run, port):
    """Open a page for a recording of one's own on this machine (127.0.0.1)."""
    from lib import runner

    runner.serve_app(run, port, click.echo)
