"""Recording one run: parameters, curves, scores, metrics, pictures.

A notebook calls `start` after its parameters, `log_epoch`, `log_model` and `log_split`
as it goes, and `finish` at its end. Under the runner the run exists already (its id is
in the environment) and the runner closes it, after the executed notebook is attached.
"""

import json
import logging
import os
import platform
import tempfile
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import yaml
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag
from mlflow.exceptions import MlflowException

from lib import metrics, scores
from lib.corpus import LABEL_NAMES
from lib.params import ROOT
from lib.plots import evaluation
from lib.tracking.artifacts import location

RUN_ID = "STUDY_RUN_ID"  # environment variable by which the runner hands over a run
BY_HAND = "by hand"
_KIND = {"mlflow.experimentKind": "custom_model_development"}  # the UI opens on training runs and their curves

LOGGED = (
    "eer", "auc", "accuracy", "balanced_accuracy", "min_dcf", "cllr", "constant_accuracy", "n_genuine", "n_spoof"
)  # fmt: skip
INTERVALS = ("eer", "auc", "accuracy", "balanced_accuracy")


@dataclass(frozen=True)
class Run:
    """A run that is being recorded: MLflow client and run id."""

    client: MlflowClient
    run_id: str


def tracking_uri():
    """``MLFLOW_TRACKING_URI``, or the project's own SQLite file."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{ROOT / 'mlruns' / 'mlflow.db'}"


def connect():
    """A client of the study's tracking; the database is made when it is missing."""
    logging.getLogger("mlflow").setLevel(logging.WARNING)  # it tells of every table that it makes
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")  # a bar for each small file
    uri = tracking_uri()
    if uri.startswith("sqlite:///"):
        Path(uri.removeprefix("sqlite:///")).absolute().parent.mkdir(parents=True, exist_ok=True)
    return MlflowClient(uri)


def create(client, *, experiment, name, tags):
    """Create a run in an experiment, and the experiment when it is new.

    Returns
    -------
    str
        The run's id.
    """
    known = client.get_experiment_by_name(experiment)
    if known:
        experiment_id = known.experiment_id
    else:
        # A server decides where its artifacts go; a SQLite file has them beside it.
        where = location(experiment) if tracking_uri().startswith("sqlite:///") else None
        try:
            experiment_id = client.create_experiment(experiment, artifact_location=where, tags=_KIND)
        except MlflowException:  # another process was faster
            experiment_id = client.get_experiment_by_name(experiment).experiment_id
    tags = {key: str(value) for key, value in tags.items()}
    tags |= {"mlflow.source.name": f"notebooks/{name.partition('/')[0]}.ipynb", "mlflow.source.type": "NOTEBOOK"}
    return client.create_run(experiment_id, run_name=name, tags=tags).info.run_id


def start(notebook, settings, *, corpus_digest, weights="none"):
    """Open the record of a notebook's run.

    Parameters
    ----------
    notebook : str
    settings : dict
        All resolved parameters, with `corpus` and `variant` among them.
    corpus_digest : str
    weights : str
        Where pretrained weights came from; "none" when training starts from scratch.

    Returns
    -------
    Run
    """
    client = connect()
    run_id = os.environ.get(RUN_ID) or create(
        client,
        experiment=settings["corpus"],
        name=f"{notebook}/{settings['variant']}",
        tags={"study": BY_HAND, "fingerprint": BY_HAND},
    )
    tags = {"corpus_digest": corpus_digest, "weights": weights, "seed": settings.get("seed", "-")}
    client.log_batch(
        run_id,
        params=[Param(key, str(value)) for key, value in settings.items()],
        tags=[RunTag(key, str(value)) for key, value in tags.items()],
    )
    run = Run(client, run_id)
    log_text(run, yaml.safe_dump(settings, sort_keys=False), "params.yaml")
    log_text(run, "\n".join(_packages()) + "\n", "packages.txt")
    return run


def log_text(run, text, name):
    """Keep a text as an artifact."""
    run.client.log_text(run.run_id, text, name)


def log_figure(run, figure, name):
    """Keep a matplotlib figure as an artifact."""
    run.client.log_figure(run.run_id, figure, name, save_kwargs={"dpi": 110})


def log_metrics(run, values, *, step=0):
    """Keep numbers under their MLflow names."""
    run.client.log_batch(run.run_id, [Metric(name, float(v), 0, step) for name, v in values.items()])


def log_epoch(run, epoch, values):
    """Keep one epoch's numbers as ``epoch/<name>``, for MLflow's curves."""
    log_metrics(run, {f"epoch/{name}": value for name, value in values.items()}, step=epoch)


def log_model(run, model):
    """Keep a trained Keras model as ``model/model.keras`` and its size as a metric."""
    log_metrics(run, {"model/parameters": model.count_params()})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        model.save(path)
        run.client.log_artifact(run.run_id, str(path), "model")


def log_split(run, split, table, *, threshold=0.0):
    """Measure the scores of one split and keep numbers, tables and pictures.

    Parameters
    ----------
    run : Run
    split : str
    table : pandas.DataFrame
        `trial`, `score` (log-odds) and `label` (1 = genuine) of every trial.
    threshold : float, log-odds
        Scores from here on say genuine; 0 is a probability of 0.5.

    Returns
    -------
    dict of str to float
        The metrics, with ``<name>_ci_low`` and ``<name>_ci_high`` of the 95 %
        bootstrap interval over trials.
    """
    values, labels = table["score"].to_numpy(), table["label"].to_numpy()
    measured = metrics.evaluate(values, labels, threshold=threshold)
    result = {name: measured[name] for name in LOGGED}
    for name, (low, high) in metrics.bootstrap(values, labels, metrics=INTERVALS, threshold=threshold).items():
        result[f"{name}_ci_low"], result[f"{name}_ci_high"] = low, high
    log_metrics(run, {f"{split}/{name}": value for name, value in result.items()})

    matrix = metrics.confusion(values, labels, threshold)
    title = f"{split}, threshold {threshold:g} log-odds"
    log_figure(run, evaluation.confusion_matrix(matrix, title), f"confusion_matrix/{split}.png")
    log_text(run, _matrix_json(matrix, threshold), f"confusion_matrix/{split}.json")
    log_text(run, metrics.report(values, labels, threshold), f"classification_report/{split}.txt")
    log_figure(run, evaluation.det({split: (values, labels)}, f"{split}: DET curve"), f"det/{split}.png")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{split}.tsv"
        scores.write_scores(path, table["trial"], values, labels)
        run.client.log_artifact(run.run_id, str(path), "scores")
    return result


def finish(run, summary=""):
    """Close the record, unless the runner does; the summary heads the run's page."""
    if summary:
        run.client.set_tag(run.run_id, "mlflow.note.content", summary)
    if os.environ.get(RUN_ID) != run.run_id:
        run.client.set_terminated(run.run_id, "FINISHED")


def _matrix_json(matrix, threshold):
    return json.dumps(
        {
            "labels": list(LABEL_NAMES),
            "rows": "truth",
            "columns": "answer",
            "threshold": threshold,
            "matrix": [[int(n) for n in row] for row in matrix],
        },
        indent=2,
    )


def _packages():
    found = {d.metadata["Name"]: d.version for d in metadata.distributions() if d.metadata["Name"]}
    return [f"python=={platform.python_version()}"] + [f"{n}=={found[n]}" for n in sorted(found, key=str.lower)]
