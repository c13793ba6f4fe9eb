"""Trained runs opened again: samples in, log-odds out."""

from dataclasses import dataclass

from lib.errors import InputError
from lib.scoring import inputs
from lib.systems import training
from lib.systems.backend import keras
from lib.tracking.trained import Trained, find

SR = 16_000  # Hz; the rate of the corpora, and the notebooks' default


@dataclass(frozen=True)
class System:
    """A trained run that can score.

    Attributes
    ----------
    run : lib.tracking.trained.Trained
    model : keras.Model
        Inputs -> log-odds.
    inputs : tuple of lib.scoring.inputs.Input
    sr : int, Hz
        Rate of the recordings that it takes.
    """

    run: Trained
    model: keras.Model
    inputs: tuple
    sr: int


def open_run(run, *, corpus=None):
    """A trained run, ready to score.

    Parameters
    ----------
    run, corpus : str
        As `lib.tracking.trained.find` takes them.

    Returns
    -------
    System

    Raises
    ------
    InputError
        There is no such run, it keeps no model, or what its model is fed cannot be made
        here.
    """
    found = find(run, corpus=corpus)
    fed = inputs.of_run(found)
    with found.artifact("model/model.keras") as path:
        return System(found, _model(found, path), fed, found.settings["sr"])


def open_runs(runs):
    """Those of many runs that can score, and why the others cannot.

    Parameters
    ----------
    runs : dict of str to str
        Name on the page -> run id.

    Returns
    -------
    systems : dict of str to System
    refused : dict of str to str
        Name -> reason.

    Raises
    ------
    InputError
        None can.
    """
    systems, refused = {}, {}
    for name, run_id in runs.items():
        try:
            systems[name] = open_run(run_id)
        except InputError as error:
            refused[name] = str(error)
    if not systems:
        reason = next(iter(refused.values()), "no finished run of a model; `study run` makes them")
        raise InputError(f"none of {len(runs)} runs can score: {reason}")
    return systems, refused


def log_odds(systems, clips, *, sr=SR):
    """Scores of recordings by several systems; what they share is computed once.

    Parameters
    ----------
    systems : sequence of System
    clips : sequence of numpy.ndarray [shape=(samples,), float32]
    sr : int, Hz
        Rate of the recordings.

    Returns
    -------
    list of numpy.ndarray [shape=(clips,), float64]
        One a system: log-odds, higher = more genuine.

    Raises
    ------
    InputError
        A system takes recordings of another rate.
    """
    for system in systems:
        if system.sr != sr:
            raise InputError(f"run {system.run.name}: takes recordings at {system.sr} Hz, not at {sr} Hz")
    arrays = inputs.prepared([item for system in systems for item in system.inputs], clips)
    return [training.log_odds(s.model, inputs.batches(s.inputs, arrays, len(clips))) for s in systems]


def _model(run, path):
    try:
        return keras.models.load_model(path, compile=False)
    except (OSError, TypeError, ValueError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise InputError(f"run {run.name}: its model cannot be read ({reason})") from None
