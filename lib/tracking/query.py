"""How a study's runs compare, as far as MLflow has them."""

import json
import math
from contextlib import suppress
from dataclasses import replace

from lib.corpus import open_corpus
from lib.errors import InputError
from lib.files.places import is_url
from lib.params import identity, studies
from lib.tracking.client import artifact
from lib.tracking.done import records

METRICS = "metrics.json"  # a run's artifact with every number
BY_HAND = "by hand"  # the study and the fingerprint of runs that the runner did not make


def in_study(study):
    """The tag by which a run says that it belongs to a study."""
    return f"in_study.{study}"


def is_model(run_name):
    """Whether a run of that name trains one model (notebooks from 10 to 29)."""
    return run_name[:2].isdigit() and 10 <= int(run_name[:2]) < 30


def newest(experiment, notebook, **tags):
    """The newest finished run of a notebook that has these tags, a `Record`, or None."""
    made = (record for record in records(experiment) if record.name.startswith(f"{notebook}/"))
    return next((r for r in made if r.status == "FINISHED" and tags.items() <= r.tags.items()), None)


def newest_metrics(experiment, notebook, digest):
    """Every number of the newest finished run of a notebook on one version of a corpus, or None."""
    found = newest(experiment, notebook, corpus_digest=digest)
    return found and numbers(found)


def numbers(record):
    """Every number of a run by its MLflow name, those that MLflow's own tables leave out included."""
    try:
        with artifact(record.run_id, METRICS) as path:
            kept = json.loads(path.read_text(encoding="utf-8"))
    except InputError:  # of a run that keeps no such file MLflow has them all
        kept = {}
    return record.metrics | {name: math.nan if value is None else value for name, value in kept.items()}


def fits_in_use():
    """Key of a kept fit -> names of the runs that use it, of every experiment; deleted runs use none."""
    found = {}
    for record in records():
        for key in record.tags.get("fits", "").split():
            found.setdefault(key, []).append(record.name)
    return found


def compare(study, experiment, *, digest=None, everything=False):
    """A study's runs of models on one version of a corpus (an experiment), side by side.

    Of each run, seed and set of parameters the newest finished run is shown, whatever has been
    started since; one that failed or was stopped only while no newer one has finished. Numbers on
    different versions of a corpus are never in one table: without `digest` the corpus on disk decides
    which, or the newest finished run. `everything` adds runs of other studies and by hand.

    Returns
    -------
    rows : list of dict
        `run`, `seed`, `run_id`, `status`, `study`, `corpus_digest`, `weights`, `error`, `diagnosis`
        (cause, empty without one), `longest` (the section that took longest), `changed` (parameters
        other than the study's, as ``epochs=2``), `stale` (why a plan would make it again), `diverged`
        (a loss is not finite), `parameters` (dict) and every metric under its MLflow name. The study's
        own runs, then those with other parameters, those no longer listed, those not finished.
    older : int
        Runs of the study on other versions of the corpus.
    """
    chosen, tag = studies.load(study, corpus=experiment), in_study(study)
    planned = {run.name: run for run in reversed(chosen.runs)}
    members = [record for record in records(experiment) if is_model(record.name) and record.status != "RUNNING"]
    members = [record for record in members if everything or tag in record.tags]
    digest = digest or _ruling(chosen, members)
    same = [record for record in members if digest in (None, record.tags.get("corpus_digest", digest))]
    finished, failed = {}, {}
    for record in same:  # newest first
        run = planned.get(record.name)
        changed = record.changed(run) if run else {}
        key = record.name, record.seed, tag in record.tags, str(sorted(changed.items()))
        if record.status == "FINISHED":
            finished.setdefault(key, (record, run, changed))
        elif key not in finished:
            failed.setdefault(key, (record, run, changed))
    rows = [_row(study, *found) for found in (*finished.values(), *failed.values())]
    return [row for _, row in sorted(rows, key=lambda entry: entry[0])], len(members) - len(same)


def _ruling(chosen, members):
    """The version of the corpus that is compared; a run that failed before it knew its own has no say."""
    finished = [record for record in members if record.status == "FINISHED"]
    made = [r.tags["corpus_digest"] for r in finished or members if r.tags.get("corpus_digest")]
    if len(set(made)) > 1:
        values = chosen.runs[0].parameters
        if not values["allow_partial"] and not is_url(values["data"]):  # quickly told
            with suppress(InputError):
                present = open_corpus(chosen.corpus, values["data"], values["layout"]).digest
                return present if present in made else made[0]
    return made[0] if made else None


def _row(study, record, run, changed):
    """The order of a run in the table, and its row."""
    tags, finished = record.tags, record.status == "FINISHED"
    mine = in_study(study) in tags
    marks = [f"{name}={value}" for name, value in changed.items()]
    row = {
        "run": record.name,
        "seed": record.seed,
        "run_id": record.run_id,
        "status": record.status,
        "study": study if mine else tags.get("study", ""),
        **{name: tags.get(name, "") for name in ("corpus_digest", "weights", "error", "diagnosis", "longest")},
        "changed": ", ".join(marks if mine else [tags.get("study", "another study"), *marks]),
        "stale": _stale(record, run, changed) if finished else "",
        "diverged": any(name.endswith("loss") and not math.isfinite(v) for name, v in record.metrics.items()),
        "parameters": record.parameters,
        **dict(sorted(record.metrics.items())),
    }
    return (not finished, not mine, run is None, bool(changed), record.name, record.seed or 0, row["changed"]), row


def _stale(record, run, changed):
    """Why a plan with the run's own parameters would make it again."""
    if run is None:
        return "no longer in the study"
    if record.tags.get("fingerprint") == BY_HAND:
        return ""
    own = run.parameters | changed | ({"seed": record.seed} if "seed" in run.parameters else {})
    now = identity.identity(replace(run, parameters=own), record.tags["corpus_digest"])
    return "; ".join(identity.reasons(record.identity, now))


def looks(experiment, corpus_digest):
    """The eval ledger: every run on one version of a corpus that has opened eval, oldest first.

    Runs of every study, replaced, failed and deleted ones count: who saw their numbers may have chosen
    by them. Each a dict of `run`, `run_id`, `started` (ms since 1970, UTC) and `looks` (how many times).
    """
    return [
        {
            "run": record.name,
            "run_id": record.run_id,
            "started": record.started,
            "looks": int(record.metrics.get("eval/looks", 1)),
        }
        for record in reversed(records(experiment, deleted=True))
        if "eval/eer" in record.metrics and record.tags.get("corpus_digest") == corpus_digest
    ]
