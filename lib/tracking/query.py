"""How a study's runs compare, as far as MLflow has them."""

import json
import math
from dataclasses import replace

from lib.errors import InputError
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

    Of each run, seed and set of parameters the newest finished run is shown, whatever has been started since; one
    that failed or was stopped only while no newer one has finished. Without `digest` the newest finished run decides
    which version of the corpus this is. `everything` adds runs of other studies and by hand.

    Returns the rows, and how many runs of the study are on other versions. A row is a dict of `run`, `seed`, `run_id`,
    `status`, `study`, `corpus_digest`, `weights`, `error`, `diagnosis` (cause), `longest` (the section that took
    longest), `changed` (parameters other than the study's, as ``epochs=2``), `stale` (why a plan would make it
    again), `diverged` (a loss is not finite), `parameters` (dict) and every metric under its MLflow name. The study's
    own runs stand first, then those with other parameters, those no longer listed, those not finished.
    """
    chosen, tag = studies.load(study, corpus=experiment), in_study(study)
    planned = {run.name: run for run in reversed(chosen.runs)}
    members = [record for record in records(experiment) if is_model(record.name) and record.status != "RUNNING"]
    members = [record for record in members if everything or tag in record.tags]
    if digest is None:  # a run that has not finished has a say only where none has
        known = [record for record in members if record.tags.get("corpus_digest")]
        known.sort(key=lambda record: record.status != "FINISHED")
        digest = known[0].tags["corpus_digest"] if known else None
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
    """The eval ledger: every run on one version of a corpus that has opened eval, and how often, oldest first.

    Runs of every study, replaced, failed and deleted ones count: who saw their numbers may have chosen by them.
    Each is a dict of `run`, `run_id`, `started` (ms since 1970, UTC) and `looks`.
    """
    found = [r for r in records(experiment, deleted=True) if r.tags.get("corpus_digest") == corpus_digest]
    return [
        {"run": r.name, "run_id": r.run_id, "started": r.started, "looks": int(r.metrics.get("eval/looks", 1))}
        for r in reversed(found)
        if "eval/eer" in r.metrics
    ]
