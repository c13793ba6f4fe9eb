"""A run's fitted system as an MLflow model, kept and found again; and its corpus as a dataset."""

import json
import math
import re
import tempfile
import time
from collections import defaultdict
from dataclasses import replace
from importlib import metadata
from pathlib import Path

import numpy as np
import pandas as pd

from lib import inputs
from lib.errors import InputError, unknown
from lib.params import PARAMS, identity
from lib.tracking.client import connect, read
from lib.tracking.query import is_model, numbers, records
from lib.tracking.views import NOTE

INPUTS = "inputs.json"
SYSTEM = "model/artifacts/system"  # in a run's artifacts
DIGEST = "model_digest"  # tag of a run: `lib.params.identity.content_digest` of its model's files


def log_system(run, fitted, fed):
    """Keep a fitted system, without pickle, as the run's MLflow model, and what it is fed as ``inputs.json``."""
    from mlflow import entities, models, pyfunc
    from mlflow.types import ColSpec, DataType, Schema
    from mlflow.types.schema import Array

    from lib.systems import kept

    client, described, sr = run.client, json.dumps(inputs.as_json(fed.inputs), indent=1), inputs.rate(fed.inputs)
    client.log_text(run.run_id, described, INPUTS)
    with tempfile.TemporaryDirectory() as folder:
        model, system = Path(folder, "model"), Path(folder, "system")
        kept.save(fitted.system, str(system))
        (system / INPUTS).write_text(described, encoding="utf-8")
        run.tag(**{DIGEST: identity.content_digest(system)})
        pyfunc.save_model(
            str(model),
            mlflow_model=models.Model(artifact_path="model", run_id=run.run_id),
            python_model=str(Path(__file__).with_name("scorer.py")),
            artifacts={"system": str(system)},
            signature=models.ModelSignature(
                Schema([ColSpec(Array(DataType.double), "samples"), ColSpec(DataType.long, "sr")]),
                Schema([ColSpec(DataType.double, "score")]),
            ),
            input_example=pd.DataFrame({"samples": [np.sin(np.arange(sr // 2) / 7).round(4).tolist()], "sr": [sr]}),
            pip_requirements=[f"{name}=={metadata.version(name)}" for name in (*identity.LIBRARIES, "skops", "mlflow")],
        )
        about, card = client.get_run(run.run_id).info, _card(run, sr)
        (model / "README.md").write_text(card, encoding="utf-8")
        client.log_artifacts(run.run_id, str(model), "model")
        # For MLflow's page beside the run; `Model.log` would keep it there only, and not in the run.
        logged = client.create_logged_model(
            about.experiment_id, name=about.run_name.replace("/", "-"), source_run_id=run.run_id,
            model_type=type(fitted.system).__name__, tags={"fit": fitted.key, NOTE: card},
        )  # fmt: skip
        client.log_model_artifacts(logged.model_id, str(model))
        client.finalize_logged_model(logged.model_id, entities.LoggedModelStatus.READY)
        client.log_outputs(run.run_id, [entities.LoggedModelOutput(logged.model_id, step=0)])


def _card(run, sr):
    """What a reader of the model has to know, from what the run has recorded so far."""
    found = run.client.get_run(run.run_id)
    tags = defaultdict(lambda: "not known", {name: " ".join(text.split()) for name, text in found.data.tags.items()})
    corpus = run.client.get_experiment(found.info.experiment_id).name
    text = (PARAMS / "model_card.md").read_text(encoding="utf-8")
    return text.format(name=found.info.run_name, corpus=corpus, run_id=run.run_id, sr=sr, tags=tags)


def log_corpus(run, corpus):
    """Name the corpus as the run's dataset, for MLflow's page."""
    from mlflow import MlflowException, entities

    counts = {split: sum(by_label.values()) for split, by_label in corpus.counts().items()}
    source = json.dumps({"uri": corpus.folder})
    dataset = entities.Dataset(corpus.name, corpus.digest, "local", source, profile=json.dumps(counts))
    named = [entities.DatasetInput(dataset, [entities.InputTag("mlflow.data.context", "training")])]
    for last in (False, False, True):  # two runs that begin at once both find that it is not there yet
        try:
            return run.client.log_inputs(run.run_id, named)
        except MlflowException:
            if last:
                raise
            time.sleep(0.2)


def find(run, *, corpus=None):
    """The run of that id or ``models:/...``, or the newest finished one of that name: a `Record`, or an InputError."""
    run = run_of(run) if run.startswith("models:/") else run
    every = [record for record in records() if corpus in (None, record.corpus)]
    found = [record for record in every if run in (record.run_id, record.name)]
    if not found:
        there = sorted({record.name for record in every if is_model(record.name)})
        raise unknown(run, there, f"run {run!r}: no run {f'of corpus {corpus} ' if corpus else ''}has that name or id")
    record = max(found, key=lambda known: (known.status == "FINISHED", known.started))
    if record.status != "FINISHED":
        raise InputError(f"run {run}: its status is {record.status}; it must be finished")
    if not is_model(record.name):
        raise InputError(f"run {run}: {record.name} trains no model; expected a run of the notebooks 10 to 29")
    matrix = "confusion_matrix/eval.json"
    threshold = read(record.run_id, matrix, lambda path: float(json.loads(path.read_bytes())["threshold"]))
    if not math.isfinite(threshold):
        raise InputError(f"run {run}: the threshold in its {matrix} is {threshold}: must be finite")
    return replace(record, metrics=numbers(record), threshold=threshold)


def run_of(uri):
    """Id of the run that made ``models:/NAME/VERSION``, ``models:/NAME@ALIAS`` or ``models:/m-ID``; else InputError."""
    from mlflow import MlflowException

    client, parts = connect(), re.fullmatch(r"models:/([^/@]+)(?:/(\d+)|@([^/@]+))?", uri)
    if not parts:
        raise InputError(f"{uri}: expected models:/NAME/VERSION, models:/NAME@ALIAS or models:/m-ID")
    name, version, alias = parts.groups()
    try:
        if not (version or alias):
            return client.get_logged_model(name).source_run_id
        made = client.get_model_version_by_alias(name, alias) if alias else client.get_model_version(name, version)
        return made.run_id or client.get_logged_model(made.model_id).source_run_id
    except MlflowException as error:
        raise InputError(f"{uri}: {error.message}") from None
