"""A trained run found again, with all that it takes to use its model."""

import json
import re
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from lib.errors import InputError
from lib.tracking.client import connect, tracking_uri
from lib.tracking.query import all_runs, is_model

_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Trained:
    """A finished run that keeps a model.

    Attributes
    ----------
    run_id, name, corpus : str
        The corpus is the run's experiment.
    settings : dict
        Every parameter of its notebook.
    tags : dict of str to str
    threshold : float, log-odds
        Scores from here on say genuine.
    threshold_source : str
        ``0.5`` or ``dev-eer``.
    """

    run_id: str
    name: str
    corpus: str
    settings: dict
    tags: dict
    threshold: float
    threshold_source: str

    def artifact(self, path):
        """One of the run's artifacts as a file on this machine, for as long as a ``with`` lasts.

        Yields
        ------
        Path

        Raises
        ------
        InputError
            The run does not keep it.
        """
        return _artifact(connect(), self.run_id, self.name, path)


def find(run, *, corpus=None):
    """The run of that id, or the newest finished run of that name.

    Parameters
    ----------
    run : str
        Id in MLflow, or a name as ``14_mobilenet/mfcc``.
    corpus : str, optional
        The experiment to look into; all of them without it.

    Returns
    -------
    Trained

    Raises
    ------
    InputError
        There is no such run, it has not finished, or it keeps no model.
    """
    client = connect()
    found = _of_id(client, run) if _ID.fullmatch(run) else _newest(client, run, corpus)
    experiment = client.get_experiment(found.info.experiment_id).name
    name, run_id = found.info.run_name, found.info.run_id
    if corpus not in (None, experiment):
        raise InputError(f"run {run}: was made on corpus {experiment}, not on {corpus}")
    if found.info.status != "FINISHED":
        raise InputError(f"run {run}: its status is {found.info.status}; it must be finished")
    if not is_model(name):
        raise InputError(f"run {run}: {name} trains no model; expected a run of the notebooks 10 to 79")
    with _artifact(client, run_id, run, "params.yaml") as path:
        settings = yaml.safe_load(path.read_text(encoding="utf-8"))
    with _artifact(client, run_id, run, "confusion_matrix/eval.json") as path:
        threshold = json.loads(path.read_text(encoding="utf-8"))["threshold"]
    tags, source = dict(found.data.tags), settings.get("threshold", "0.5")
    return Trained(run_id, name, experiment, settings, tags, threshold, source)


def _of_id(client, run_id):
    from mlflow.exceptions import MlflowException  # slow to import

    try:
        return client.get_run(run_id)
    except MlflowException:
        raise InputError(f"run {run_id}: no run of that id in {tracking_uri()}") from None


def _newest(client, name, corpus):
    experiments = [corpus] if corpus else [known.name for known in client.search_experiments()]
    every = [run for experiment in experiments for run in all_runs(client, experiment)]
    of_name = sorted((run for run in every if run.info.run_name == name), key=lambda run: run.info.start_time)
    finished = [run for run in of_name if run.info.status == "FINISHED"]
    if of_name:
        return (finished or of_name)[-1]
    there = sorted({run.info.run_name for run in every if is_model(run.info.run_name)})
    where = f"of corpus {corpus} " if corpus else ""
    raise InputError(f"run {name!r}: no run {where}has that name; there are {', '.join(there) or 'none of a model'}")


@contextmanager
def _artifact(client, run_id, run, path):
    from mlflow.exceptions import MlflowException  # slow to import

    with tempfile.TemporaryDirectory() as folder:  # without one MLflow leaves a copy behind each time
        try:
            copy = Path(client.download_artifacts(run_id, path, folder))
        except (MlflowException, OSError):
            raise InputError(f"run {run}: keeps no {path}; it must have trained a model") from None
        yield copy
