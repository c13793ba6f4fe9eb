"""The code of every logged model: MLflow executes this file when it opens one."""

import json
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd

from lib import audio, inputs
from lib.systems import kept


class Scorer(mlflow.pyfunc.PythonModel):
    """A data frame of `samples` (one list a recording, full scale 1.0) and `sr` (Hz) -> log-odds."""

    def load_context(self, context):
        folder = Path(context.artifacts["system"])
        self.system = kept.load(folder)
        self.inputs = inputs.from_json(json.loads((folder / "inputs.json").read_text(encoding="utf-8")))

    def predict(self, context, model_input: pd.DataFrame, params=None):
        wanted = inputs.rate(self.inputs)
        rows = zip(model_input["samples"], model_input["sr"], strict=True)
        clips = [audio.resampled(np.asarray(samples, np.float32), int(sr), wanted) for samples, sr in rows]
        return inputs.scores(self.system, self.inputs, clips)


mlflow.models.set_model(Scorer())
