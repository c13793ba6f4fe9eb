"""Which runs there are, which are done, and which are to do.

Importing MLflow takes longer than all else that a plan does: a SQLite file is read without it, a server is not.
"""

import json
import math
import sqlite3
import time
from contextlib import suppress
from dataclasses import dataclass, field

from lib.corpus import audit
from lib.files import places
from lib.params import identity, studies
from lib.tracking.client import connect, database, is_made, reading, refuse_deleted

_RUNS = """
SELECT run_uuid, runs.name, experiments.name, status, start_time, end_time, experiments.lifecycle_stage
FROM experiments LEFT JOIN runs
  ON runs.experiment_id = experiments.experiment_id AND (? OR runs.lifecycle_stage = 'active')
WHERE experiments.name = ? ORDER BY start_time DESC, runs.rowid DESC
"""
_INFINITE = 1.7e308  # MLflow writes a number beyond for infinity
_MODELS = 10  # the stage of the runs that have fits


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

    @property
    def seed(self):
        """Its seed, or None."""
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


@dataclass(frozen=True)
class Step:
    """One planned run, and what is known of it."""

    run: studies.PlannedRun
    corpus_digest: str
    fingerprint: str
    done: str | None  # id of the run that has done it already
    identity: dict = field(default_factory=dict, repr=False)
    reasons: tuple = ()  # why it would run, in words
    kept: str = ""  # what becomes of its fits, in words
    before: str | None = None  # id of the finished run that the reasons speak of
    planned: int = 0  # when this was asked, milliseconds since 1970, UTC
    tags: dict = field(default_factory=dict, repr=False)  # of the run that has done it


def records(experiment=None, *, deleted=False):
    """Every `Record` of an experiment, newest first, or of all; those that were deleted in MLflow on request."""
    if experiment is None:
        names = [known.name for known in connect().search_experiments()]
        return [record for name in names for record in records(name, deleted=deleted)]
    file = database()
    if file and not is_made(file):
        return []
    if file:
        with suppress(sqlite3.Error), reading(file) as connection:
            return _read(connection, experiment, deleted)
    return _of_mlflow(connect(), experiment, deleted)


def _read(connection, experiment, deleted):
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


def _unbounded(value):
    """Infinity where MLflow has written the largest number for it."""
    return math.copysign(math.inf, value) if isinstance(value, float) and abs(value) > _INFINITE else value


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


def plan(chosen, *, force=False):
    """A `Step` for each run of a study: done, or to do and why; with `force` none is done. Nothing is executed."""
    now = int(1000 * time.time())
    every = records(chosen.corpus)
    finished = [record for record in every if record.status == "FINISHED"]
    under_way = {record.tags.get("fingerprint"): record.run_id for record in every if record.status == "RUNNING"}
    by_mark = {record.tags.get("fingerprint"): record for record in reversed(finished)}
    digests, steps = {}, []
    for run in chosen.runs:
        where = tuple(run.parameters[name] for name in ("corpus", "data", "layout", "allow_partial"))
        if where not in digests:
            digests[where] = audit.usable(*where[:3], allow_partial=where[3]).digest
        read = [step for step in steps if run.compares and not step.run.compares]
        out_of_date = any(step.done is None and chosen.chooses(step.run) for step in read)
        parts = identity.identity(run, digests[where], [step.done for step in read if step.done])
        mark = identity.fingerprint(parts)
        known = None if force or out_of_date else by_mark.get(mark)
        if known:
            steps.append(Step(run, digests[where], mark, known.run_id, parts, planned=now, tags=known.tags))
            continue
        same = [record for record in finished if (record.name, record.seed) == run.key]
        before = next((record for record in same if not record.changed(run)), same[0] if same else None)
        why = ["--force"] if force else identity.reasons(before and before.identity, parts)
        if before and out_of_date and not force:
            why = [reason for reason in why if reason != identity.READS] + ["the runs that it reads are to run"]
        if mark in under_way:
            why = [*why, f"run {under_way[mark]} is making it"]
        fits = identity.kept(before.identity, parts) if before and run.stage == _MODELS and not force else ""
        for key in before.tags.get("fits", "").split() if fits else ():
            if not places.exists(f"{places.absolute(run.parameters['store_url'])}/fits/{key}.zip"):
                fits = "its fits have been removed"
        steps.append(Step(run, digests[where], mark, None, parts, tuple(why), fits, before and before.run_id, now))
    return [step for step in steps if chosen.chooses(step.run)]
