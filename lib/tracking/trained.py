"""A trained run found again, with all that it takes to use its model."""

import json
import re
from dataclasses import dataclass

import yaml

from lib.errors import InputError
from lib.tracking.client import artifact, tracking_uri
from lib.tracking.done import experiments, records
from lib.tracking.models import run_of
from lib.tracking.query import is_model

_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Trained:
    """A finished run that keeps a model; scores from `threshold` (log-odds, `0.5` or `dev-eer`) on are genuine."""

    run_id: str
    name: str
    corpus: str
    settings: dict
    tags: dict
    threshold: float
    threshold_source: str


def find(run, *, corpus=None):
    """The run of that id or ``models:/...``, or the newest finished run of that name, on one corpus or all.

    InputError when there is no such run, it has not finished, or it keeps no model.
    """
    run = run_of(run) if run.startswith("models:/") else run
    every = [(record, experiment) for experiment in experiments() for record in records(experiment)]
    if _ID.fullmatch(run):
        found = [pair for pair in every if pair[0].run_id == run]
    else:
        every = [pair for pair in every if corpus in (None, pair[1])]
        found = [pair for pair in every if pair[0].name == run]
    if not found:
        raise InputError(_unknown(run, corpus, every))
    record, experiment = max(found, key=lambda pair: (pair[0].status == "FINISHED", pair[0].started))
    if corpus not in (None, experiment):
        raise InputError(f"run {run}: was made on corpus {experiment}, not on {corpus}")
    if record.status != "FINISHED":
        raise InputError(f"run {run}: its status is {record.status}; it must be finished")
    if not is_model(record.name):
        raise InputError(f"run {run}: {record.name} trains no model; expected a run of the notebooks 10 to 79")
    with artifact(record.run_id, "params.yaml") as path:
        settings = yaml.safe_load(path.read_text(encoding="utf-8"))
    with artifact(record.run_id, "confusion_matrix/eval.json") as path:
        threshold = json.loads(path.read_text(encoding="utf-8"))["threshold"]
    source = settings.get("threshold", "0.5")
    return Trained(record.run_id, record.name, experiment, settings, record.tags, threshold, source)


def _unknown(run, corpus, every):
    if _ID.fullmatch(run):
        return f"run {run}: no run of that id in {tracking_uri()}"
    there = sorted({record.name for record, _ in every if is_model(record.name)})
    where = f"of corpus {corpus} " if corpus else ""
    return f"run {run!r}: no run {where}has that name; there are {', '.join(there) or 'none of a model'}"
