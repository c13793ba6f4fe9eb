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
from lib.tracking.views import NOTE

INPUTS = "inputs.json"
SYSTEM = "model/artifacts/system"  # in a run's artifacts
_NEEDED = (
    "tensorflow", "keras", "torch", "transformers", "numpy", "scipy", "scikit-learn", "skops", "librosa", "soundfile",
    "mlflow",
)  # fmt: skip
_CARD = """# {name}

Recordings of speech in, a score each out: log-odds that it is genuine, not replayed.

- **Trained on** corpus {corpus}, digest {digest}, seed {seed}; pretrained weights: {weights}
- **Eval of that corpus**: EER {eer}, balanced accuracy {balanced} (95 % intervals over trials); dev EER {dev}
- **Diagnosis** from train and dev: {diagnosis}
- **Alarms** on eval: {alarms}
- **Input**: samples at full scale 1.0 and their rate; resampled to {sr} Hz; analysed as `inputs.json` says
- **Use**: `study score PATH --run {run_id}`, or `mlflow.pyfunc.load_model("runs:/{run_id}/model")` where this
  project's package is installed

Its error rates hold for recordings like those of that corpus. On others, from other rooms, microphones or codecs,
they are unknown, and its scores are no proof of anything.
"""


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
    card = _card(run, sr)
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
        Path(folder, "model", "README.md").write_text(card, encoding="utf-8")
        run.client.log_artifacts(run.run_id, f"{folder}/model", "model")
        _log_model(run, fitted, f"{folder}/model", card)


def _card(run, sr):
    """What a reader of the model has to know, from what the run has recorded so far."""
    found = run.client.get_run(run.run_id)
    tags = found.data.tags
    known = {"digest": "corpus_digest", "eer": "eval EER", "balanced": "eval bal. acc.", "dev": "dev EER"}
    known |= {name: name for name in ("seed", "weights", "diagnosis")} | {"alarms": "alarms.eval"}
    values = {name: " ".join(tags.get(tag, "not known").split()) for name, tag in known.items()}
    corpus = run.client.get_experiment(found.info.experiment_id).name
    return _CARD.format(name=found.info.run_name, corpus=corpus, run_id=run.run_id, sr=sr, **values)


def _log_model(run, fitted, folder, card):
    """The model as MLflow's page lists it beside the run; `Model.log` would keep it there only, and not in the run."""
    from mlflow.entities import LoggedModelOutput, LoggedModelStatus

    found = run.client.get_run(run.run_id)
    logged = run.client.create_logged_model(
        found.info.experiment_id, name=found.info.run_name.replace("/", "-"), source_run_id=run.run_id,
        model_type=type(fitted.system).__name__, tags={"fit": fitted.key, NOTE: card},
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
