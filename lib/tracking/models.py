"""A run's fitted system as an MLflow model: samples and their rate in, a score out; and its corpus as a dataset."""

import json
import tempfile
import time
from importlib import metadata
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
from mlflow.entities import Dataset, DatasetInput, InputTag, LoggedModelOutput, LoggedModelStatus
from mlflow.exceptions import MlflowException
from mlflow.models import Model, ModelSignature
from mlflow.types import ColSpec, DataType, Schema
from mlflow.types.schema import Array

from lib import inputs
from lib.params import PARAMS, identity
from lib.tracking import trained
from lib.tracking.views import NOTE

INPUTS = "inputs.json"
SYSTEM = "model/artifacts/system"  # in a run's artifacts
_CARD = {  # what params/model_card.md says, from these tags of the run
    "digest": "corpus_digest", "seed": "seed", "weights": "weights", "eer": "eval EER", "balanced": "eval bal. acc.",
    "dev": "dev EER", "diagnosis": "diagnosis", "alarms": "alarms.eval",
}  # fmt: skip


def log_system(run, fitted, fed):
    """Keep a fitted system, without pickle, as the run's MLflow model, and what it is fed as ``inputs.json``."""
    from lib.systems import kept  # TensorFlow comes with it, and pages over finished runs need none

    client, described, sr = run.client, json.dumps(inputs.as_json(fed.inputs), indent=1), inputs.rate(fed.inputs)
    client.log_text(run.run_id, described, INPUTS)
    with tempfile.TemporaryDirectory() as folder:
        model, system = Path(folder, "model"), Path(folder, "system")
        kept.save(fitted.system, str(system))
        (system / INPUTS).write_text(described, encoding="utf-8")
        run.tag(**{trained.DIGEST: trained.digest(system)})
        mlflow.pyfunc.save_model(
            str(model),
            mlflow_model=Model(artifact_path="model", run_id=run.run_id),
            python_model=str(Path(__file__).with_name("scorer.py")),
            artifacts={"system": str(system)},
            signature=ModelSignature(
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
        client.finalize_logged_model(logged.model_id, LoggedModelStatus.READY)
        client.log_outputs(run.run_id, [LoggedModelOutput(logged.model_id, step=0)])


def _card(run, sr):
    """What a reader of the model has to know, from what the run has recorded so far."""
    found = run.client.get_run(run.run_id)
    values = {name: " ".join(found.data.tags.get(tag, "not known").split()) for name, tag in _CARD.items()}
    corpus = run.client.get_experiment(found.info.experiment_id).name
    text = (PARAMS / "model_card.md").read_text(encoding="utf-8")
    return text.format(name=found.info.run_name, corpus=corpus, run_id=run.run_id, sr=sr, **values)


def log_corpus(run, corpus):
    """Name the corpus as the run's dataset, for MLflow's page."""
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
