"""A run's fitted system as an MLflow model: samples and their rate in, a score out."""

import json
import tempfile
import time
from importlib import metadata
from pathlib import Path

import numpy as np
import pandas as pd

from lib import inputs
from lib.tracking import trained

INPUTS = "inputs.json"
SYSTEM = "model/artifacts/system"  # in a run's artifacts
_NEEDED = (
    "tensorflow", "keras", "torch", "transformers", "numpy", "scipy", "scikit-learn", "skops", "librosa", "soundfile",
    "mlflow",
)  # fmt: skip


def log_system(run, fitted, fed):
    """Keep a fitted system as the run's MLflow model ``model``, and what it is fed as ``inputs.json``.

    The model is code and data, without pickle. `mlflow.pyfunc.load_model` opens it
    wherever this project's package is installed.
    """
    import mlflow
    from mlflow.models import Model, ModelSignature
    from mlflow.types import ColSpec, DataType, Schema
    from mlflow.types.schema import Array

    from lib.systems import kept  # TensorFlow comes with it, and pages over finished runs need none

    described = json.dumps(inputs.as_json(fed.inputs), indent=1)
    run.client.log_text(run.run_id, described, INPUTS)
    sr = inputs.rate(fed.inputs)
    with tempfile.TemporaryDirectory() as folder:
        kept.save(fitted.system, f"{folder}/system")
        Path(folder, "system", INPUTS).write_text(described, encoding="utf-8")
        run.tag(**{trained.DIGEST: trained.digest(Path(folder, "system"))})
        mlflow.pyfunc.save_model(
            f"{folder}/model",
            mlflow_model=Model(artifact_path="model", run_id=run.run_id),
            python_model=str(Path(__file__).with_name("scorer.py")),
            artifacts={"system": f"{folder}/system"},
            signature=ModelSignature(
                Schema([ColSpec(Array(DataType.double), "samples"), ColSpec(DataType.long, "sr")]),
                Schema([ColSpec(DataType.double, "score")]),
            ),
            input_example=pd.DataFrame({"samples": [np.sin(np.arange(sr // 2) / 7).round(4).tolist()], "sr": [sr]}),
            pip_requirements=[f"{name}=={metadata.version(name)}" for name in _NEEDED],
        )
        run.client.log_artifacts(run.run_id, f"{folder}/model", "model")
        _log_model(run, fitted, f"{folder}/model")


def _log_model(run, fitted, folder):
    """The model as MLflow's page lists it beside the run; `Model.log` would keep it there only, and not in the run."""
    from mlflow.entities import LoggedModelOutput, LoggedModelStatus

    found = run.client.get_run(run.run_id)
    logged = run.client.create_logged_model(
        found.info.experiment_id, name=found.info.run_name.replace("/", "-"), source_run_id=run.run_id,
        model_type=type(fitted.system).__name__, tags={"fit": fitted.key},
    )  # fmt: skip
    run.client.log_model_artifacts(logged.model_id, folder)
    run.client.finalize_logged_model(logged.model_id, LoggedModelStatus.READY)
    run.client.log_outputs(run.run_id, [LoggedModelOutput(logged.model_id, step=0)])


def log_corpus(run, corpus):
    """Name the corpus as the run's dataset, for MLflow's page."""
    from mlflow.entities import Dataset, DatasetInput, InputTag
    from mlflow.exceptions import MlflowException

    counts = {split: sum(by_label.values()) for split, by_label in corpus.counts().items()}
    source = json.dumps({"uri": corpus.folder})
    dataset = Dataset(corpus.name, corpus.digest, "local", source, profile=json.dumps(counts))
    named = [DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])]
    for last in (False, False, True):  # two runs that begin at once both find that it is not there yet
        try:
            return run.client.log_inputs(run.run_id, named)
        except MlflowException:
            if last:
                raise
            time.sleep(0.2)
