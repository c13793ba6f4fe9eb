"""Which runs there are, read without MLflow where a SQLite file holds them; which are alive, and how a study's compare.

A run says once a minute that it is alive, in its tag `heartbeat`.
"""

import json
import math
import socket
import sqlite3
import time
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field, replace
from threading import Event, Thread

from lib.files.places import machine
from lib.params import identity, studies
from lib.tracking.client import Missing, connect, database, is_made, lock_folder, locked, read, reading, refuse_deleted

METRICS = "metrics.json"  # a run's artifact with every number
BEAT = 60  # seconds between two heartbeats
SILENT = 900  # seconds without one after which a run is taken for dead, wherever it was made
BY_HAND = "by hand"  # the study and the fingerprint of runs that the runner did not make
_RUNS = """
SELECT run_uuid, runs.name, experiments.name, status, start_time, end_time, experiments.lifecycle_stage
FROM experiments LEFT JOIN runs
  ON runs.experiment_id = experiments.experiment_id AND (?1 OR runs.lifecycle_stage = 'active')
WHERE experiments.name = ?2 OR ?2 IS NULL AND experiments.lifecycle_stage = 'active'
ORDER BY start_time DESC, runs.rowid DESC
"""
_INFINITE = 1.7e308  # MLflow writes a number beyond for infinity


@dataclass(frozen=True)
class Record:
    """A run as MLflow has it: times in milliseconds since 1970, UTC; `ended` is 0 while it is running."""

    run_id: str
    name: str
    corpus: str  # its experiment
    status: str
    started: int
    ended: int
    tags: dict = field(default_factory=dict, repr=False)
    params: dict = field(default_factory=dict, repr=False)
    metrics: dict = field(default_factory=dict, repr=False)
    threshold: float = 0.0  # log-odds from which on a score is genuine; `lib.tracking.models.find` reads it

    @property
    def threshold_source(self):
        return self.params.get("threshold", "0.5")  # or dev-eer

    @property
    def seed(self):
        seed = self.tags.get("seed", "")
        return int(seed) if seed.isdigit() else None

    @property
    def identity(self):
        """What decided its numbers, see `lib.params.identity`; empty when it was not kept."""
        try:
            return json.loads(self.tags.get("identity", "{}"))
        except ValueError:  # cut by a server
            return {}

    @property
    def parameters(self):
        """Every parameter that is known of it, as text."""
        return self.params or {name: str(value) for name, value in self.identity.get("parameters", {}).items()}

    def changed(self, run):
        """Parameters in which it differs from a planned run, places and seed aside, with its own values."""
        planned = identity.parameters(run.parameters)
        own = self.identity.get("parameters") or self.params
        names = [name for name in planned if name in own and name != "seed"]
        return {name: own[name] for name in names if str(own[name]) != str(planned[name])}


def records(experiment=None, *, deleted=False):
    """Every `Record` of an experiment, newest first, or of all; those that were deleted in MLflow on request."""
    file = database()
    if file and not is_made(file):
        return []
    if file:
        with suppress(sqlite3.Error), reading(file) as connection:
            return _of_file(connection, experiment, deleted)
    if experiment is None:
        names = [known.name for known in connect().search_experiments()]
        return [record for name in names for record in records(name, deleted=deleted)]
    return _of_mlflow(connect(), experiment, deleted)


def _of_file(connection, experiment, deleted):
    rows = connection.execute(_RUNS, (deleted, experiment)).fetchall()
    if rows:
        refuse_deleted(experiment, rows[0][-1])
    found = {row[0]: Record(*row[:5], row[5] or 0) for row in rows if row[0]}
    for table, nan in (("tags", 0), ("params", 0), ("latest_metrics", "is_nan")):
        for run_id, key, value, is_nan in connection.execute(f"SELECT run_uuid, key, value, {nan} FROM {table}"):
            if run_id in found:
                values = getattr(found[run_id], table.removeprefix("latest_"))
                values[key] = math.nan if is_nan else _unbounded(value)
    return list(found.values())


def _of_mlflow(client, experiment, deleted):
    from mlflow.entities import ViewType
    from mlflow.utils import get_results_from_paginated_fn

    known = client.get_experiment_by_name(experiment)
    if not known:
        return []
    refuse_deleted(experiment, known.lifecycle_stage)
    asked = [known.experiment_id], "", ViewType.ALL if deleted else ViewType.ACTIVE_ONLY
    newest_first = ["attributes.start_time DESC"]
    runs = get_results_from_paginated_fn(lambda n, token: client.search_runs(*asked, n, newest_first, token), 1000)
    found = []
    for about, data in ((run.info, run.data) for run in runs):
        metrics = {name: _unbounded(value) for name, value in data.metrics.items()}
        stated = about.run_id, about.run_name, experiment, about.status, about.start_time, about.end_time or 0
        found.append(Record(*stated, data.tags, data.params, metrics))
    return found


def _unbounded(value):
    """Infinity where MLflow has written the largest number for it."""
    return math.copysign(math.inf, value) if isinstance(value, float) and abs(value) > _INFINITE else value


def owner():
    """Tags of a run that this process makes: its machine, by name and, since names repeat, by its own mark."""
    place = identity.fingerprint(f"{machine()} {lock_folder()}")
    return {"host": f"{socket.gethostname()} {place[:8]}", "heartbeat": int(time.time())}


def beat(client, run_id):
    """Say from now on that a run is alive, until it ends in MLflow or the returned Event is set."""
    stop = Event()

    def say():
        while not stop.wait(BEAT):
            with suppress(Exception):  # a server that is away for a while costs a heartbeat
                if client.get_run(run_id).info.status != "RUNNING":
                    return
                client.set_tag(run_id, "heartbeat", int(time.time()))

    Thread(target=say, daemon=True).start()
    return stop


def sweep(experiment=None, *, held=None):
    """End 'running' runs whose lock nobody holds here, or `SILENT` ones: of an experiment, of a lock `held`, or all."""
    here, now, ended = owner()["host"], time.time(), []
    for record in records(experiment):
        mark = record.tags.get("fingerprint", "")
        if record.status != "RUNNING" or held not in (None, mark):
            continue
        mine = record.tags.get("host") == here and mark != BY_HAND
        silent = now - float(record.tags.get("heartbeat") or record.started / 1000) > SILENT
        lock = locked(mark, wait=False) if mine and not held else nullcontext(mine or silent)
        with suppress(Exception), lock as dead:  # a full disk: a later command can still end it
            if not dead or (client := connect()).get_run(record.run_id).info.status != "RUNNING":
                continue
            why = "the process that made it is gone" if mine else f"it has been silent for {SILENT // 60} minutes"
            client.set_tag(record.run_id, "error", f"stopped before its end: {why}")
            client.set_terminated(record.run_id, "KILLED")
            ended.append(record)
    return ended


def in_study(study):
    """The tag by which a run says that it belongs to a study."""
    return f"in_study.{study}"


def is_model(run_name):
    """Whether a run of that name trains one model (notebooks from 10 to 29)."""
    return run_name[:2].isdigit() and 10 <= int(run_name[:2]) < 30


def by_dev(found):
    """Of some records the finished runs of models, lowest dev EER first, of equals the newest."""
    found = [r for r in found if r.status == "FINISHED" and is_model(r.name) and "dev/eer" in r.metrics]
    return sorted(found, key=lambda record: (record.metrics["dev/eer"], -record.started))


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
    kept = {}
    with suppress(Missing):  # of a run that keeps no such file MLflow has them all
        kept = read(record.run_id, METRICS, lambda path: dict(json.loads(path.read_bytes())))
    return record.metrics | {name: math.nan if value is None else value for name, value in kept.items()}


def fits_in_use():
    """Key of a kept fit -> names of the runs that use it, of every experiment; deleted runs use none."""
    found = {}
    for record in records():
        for key in record.tags.get("fits", "").split():
            found.setdefault(key, set()).add(record.name)
    return found


def looks(experiment, corpus_digest):
    """The eval ledger: every run on one version of a corpus that has opened eval, deleted ones too, oldest first.

    Each is a dict of `run`, `run_id`, `started` (ms since 1970, UTC) and `looks`, how often.
    """
    found = [r for r in records(experiment, deleted=True) if r.tags.get("corpus_digest") == corpus_digest]
    return [
        {"run": r.name, "run_id": r.run_id, "started": r.started, "looks": int(r.metrics.get("eval/looks", 1))}
        for r in reversed(found)
        if "eval/eer" in r.metrics
    ]


def compare(study, experiment, *, digest=None, everything=False):
    """A study's runs of models on one version of a corpus (an experiment; without `digest` the newest finished run's).

    Of each run, seed and set of parameters the newest finished one is shown, be it of another study, if a plan takes
    it for done; one that failed or was stopped only while no newer one has finished. `everything` adds runs of other
    studies and by hand.

    Returns the rows, and how many runs of the study are on other versions. A row is a dict of `run`, `seed`, `run_id`,
    `status`, `study`, `corpus_digest`, `weights`, `error`, `diagnosis`, `longest` (the section that took longest),
    `changed` (parameters other than the study's), `stale` (why a plan would make it again), `diverged`, `parameters`
    and every metric under its MLflow name. The study's own runs stand first, those not finished last.
    """
    chosen, tag = studies.load(study, corpus=experiment), in_study(study)
    planned = {run.name: run for run in reversed(chosen.runs)}
    members = [record for record in records(experiment) if is_model(record.name) and record.status != "RUNNING"]
    mine = {r.run_id for r in members if tag in r.tags or _does(r, [run for run in chosen.runs if run.name == r.name])}
    members = [record for record in members if everything or record.run_id in mine]
    if digest is None:  # a run that has not finished has a say only where none has
        first = sorted(members, key=lambda record: (tag not in record.tags, record.status != "FINISHED"))
        digest = next((r.tags["corpus_digest"] for r in first if r.tags.get("corpus_digest")), None)
    same = [record for record in members if digest in (None, record.tags.get("corpus_digest", digest))]
    finished, failed = {}, {}
    for record in same:  # newest first
        run = planned.get(record.name)
        changed = record.changed(run) if run else {}
        key = record.name, record.seed, record.run_id in mine, str(sorted(changed.items()))
        if record.status == "FINISHED":
            finished.setdefault(key, (record, run, changed))
        elif key not in finished:
            failed.setdefault(key, (record, run, changed))
    rows = [_row(study, *found, found[0].run_id in mine) for found in (*finished.values(), *failed.values())]
    return [row for _, row in sorted(rows, key=lambda entry: entry[0])], len(members) - len(same)


def _does(record, planned):
    """Whether it has done one of the planned runs of its name, though no command of the study has asked for it yet."""
    if record.status != "FINISHED" or record.tags.get("fingerprint") == BY_HAND:
        return False
    return any(run.seed == record.seed and not record.changed(run) and not _stale(record, run, {}) for run in planned)


def _row(study, record, run, changed, mine):
    """The order of a run in the table, and its row."""
    tags, finished = record.tags, record.status == "FINISHED"
    marks = [f"{name}={str(value).rpartition('/')[2]}" for name, value in changed.items()]  # of a path its last part
    row = {
        "run": record.name,
        "seed": record.seed,
        "run_id": record.run_id,
        "status": record.status,
        "study": study if mine else tags.get("study", ""),
        **{name: tags.get(name, "") for name in ("corpus_digest", "weights", "error", "diagnosis", "longest")},
        "changed": ", ".join(marks if mine else [tags.get("study", "another study"), *marks]),
        "stale": _stale(record, run, changed) if finished and (mine or run) else "",
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
    now = identity.identity(replace(run, parameters=own), record.tags.get("corpus_digest", ""))
    return "; ".join(identity.reasons(record.identity, now))
