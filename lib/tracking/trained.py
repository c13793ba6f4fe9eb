"""A trained run found again, with all that it takes to use its model."""

import hashlib
import json
import math
import re
from dataclasses import dataclass

import yaml

from lib.errors import InputError, unknown
from lib.tracking.client import artifact, connect, tracking_uri
from lib.tracking.done import Record, records
from lib.tracking.query import is_model, numbers

DIGEST = "model_digest"  # tag of a run: `digest` of the files of its model


@dataclass(frozen=True)
class Trained(Record):
    """A finished run that keeps a model, with every number; scores from `threshold` (log-odds) on are genuine."""

    threshold: float = 0.0
    threshold_source: str = "0.5"  # or dev-eer


def find(run, *, corpus=None):
    """The run of that id or ``models:/...``, or the newest finished run of that name, on one corpus or all.

    InputError when there is no such run, it has not finished, or it keeps no model.
    """
    run = run_of(run) if run.startswith("models:/") else run
    every, by_id = records(), re.fullmatch(r"[0-9a-f]{32}", run)
    if not by_id:
        every = [record for record in every if corpus in (None, record.corpus)]
    found = [record for record in every if run == (record.run_id if by_id else record.name)]
    if not found and by_id:
        raise InputError(f"run {run}: no run of that id in {tracking_uri()}")
    if not found:
        there = sorted({record.name for record in every if is_model(record.name)})
        raise unknown(run, there, f"run {run!r}: no run {f'of corpus {corpus} ' if corpus else ''}has that name")
    record = max(found, key=lambda known: (known.status == "FINISHED", known.started))
    if corpus not in (None, record.corpus):
        raise InputError(f"run {run}: was made on corpus {record.corpus}, not on {corpus}")
    if record.status != "FINISHED":
        raise InputError(f"run {run}: its status is {record.status}; it must be finished")
    if not is_model(record.name):
        raise InputError(f"run {run}: {record.name} trains no model; expected a run of the notebooks 10 to 79")
    settings = read(record, "params.yaml", lambda path: dict(yaml.safe_load(path.read_text(encoding="utf-8"))))
    matrix = "confusion_matrix/eval.json"
    threshold = read(record, matrix, lambda path: float(json.loads(path.read_text(encoding="utf-8"))["threshold"]))
    if not math.isfinite(threshold):
        raise InputError(f"run {run}: the threshold in its {matrix} is {threshold}: must be finite")
    known = vars(record) | {"metrics": numbers(record)}
    return Trained(**known, threshold=threshold, threshold_source=str(settings.get("threshold", "0.5")))


def run_of(uri):
    """Id of the run that made ``models:/NAME/VERSION``, ``models:/NAME@ALIAS`` or ``models:/m-ID``; else InputError."""
    from mlflow.exceptions import MlflowException

    client, parts = connect(), re.fullmatch(r"models:/([^/@]+)(?:/(\d+)|@([^/@]+))?", uri)
    if not parts:
        raise InputError(f"{uri}: expected models:/NAME/VERSION, models:/NAME@ALIAS or models:/m-ID")
    name, version, alias = parts.groups()
    try:
        if alias:
            version = client.get_model_version_by_alias(name, alias).version
        if version:
            found = client.get_model_version(name, version)
            if found.run_id:
                return found.run_id
            name = found.model_id
        return client.get_logged_model(name).source_run_id
    except MlflowException as error:
        raise InputError(f"{uri}: {error.message}") from None


def digest(folder):
    """16 hexadecimal digits over names and bytes of the files in a folder."""
    total = hashlib.sha256()
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        total.update(f"{file.relative_to(folder).as_posix()}\0".encode())
        with file.open("rb") as content:
            total.update(hashlib.file_digest(content, "sha256").digest())
    return total.hexdigest()[:16]


def read(run, name, parsed):
    """An artifact of a run, as the function `parsed` reads its Path; InputError when it is missing or damaged."""
    with artifact(run.run_id, name) as path:
        try:
            return parsed(path)
        except (InputError, OSError, ValueError, KeyError, TypeError, RecursionError, yaml.YAMLError) as error:
            reason = " ".join(str(error).replace(str(path), path.name).split())[:200]
            raise InputError(f"run {run.name}, {run.run_id}: its {name} cannot be read:\n{reason}") from None
