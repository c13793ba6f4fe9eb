"""The connection to MLflow: where tracking stands, and how a run comes to be.

Apart from `runs`, so that planning a study imports no plots and no metrics. MLflow
itself, slow to import, is imported when it is first needed.
"""

import logging
import os
from pathlib import Path

from lib.params import ROOT

SQLITE = "sqlite:///"
RUN_ID = "STUDY_RUN_ID"  # environment variable by which the runner hands over a run
_KIND = {"mlflow.experimentKind": "custom_model_development"}  # the UI opens on training runs and their curves


def tracking_uri():
    """``MLFLOW_TRACKING_URI``, or the project's own SQLite file."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"{SQLITE}{ROOT / 'mlruns' / 'mlflow.db'}"


def connect():
    """A client of the study's tracking; the database is made when it is missing."""
    from mlflow import MlflowClient

    logging.getLogger("mlflow").setLevel(logging.WARNING)  # it tells of every table that it makes
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")  # a bar for each small file
    uri = tracking_uri()
    if uri.startswith(SQLITE):
        Path(uri.removeprefix(SQLITE)).absolute().parent.mkdir(parents=True, exist_ok=True)
    return MlflowClient(uri)


def create(client, *, experiment, name, tags):
    """Create a run in an experiment, and the experiment when it is new.

    Returns
    -------
    str
        The run's id.
    """
    from mlflow.exceptions import MlflowException

    from lib.tracking.artifacts import location

    known = client.get_experiment_by_name(experiment)
    if known:
        experiment_id = known.experiment_id
    else:
        # A server decides where its artifacts go; a SQLite file has them beside it.
        where = location(experiment) if tracking_uri().startswith(SQLITE) else None
        try:
            experiment_id = client.create_experiment(experiment, artifact_location=where, tags=_KIND)
        except MlflowException:  # another process was faster
            experiment_id = client.get_experiment_by_name(experiment).experiment_id
    tags = {key: str(value) for key, value in tags.items()}
    tags |= {"mlflow.source.name": f"notebooks/{name.partition('/')[0]}.ipynb", "mlflow.source.type": "NOTEBOOK"}
    return client.create_run(experiment_id, run_name=name, tags=tags).info.run_id
