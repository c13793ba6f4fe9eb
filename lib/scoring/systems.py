"""Trained runs opened again: samples in, log-odds out."""

import json
from dataclasses import dataclass

from lib import inputs
from lib.errors import InputError
from lib.systems import kept
from lib.tracking import models
from lib.tracking.client import artifact
from lib.tracking.trained import Trained, find

SR = 16_000  # Hz; the rate of the corpora, and the notebooks' default


@dataclass(frozen=True)
class System:
    """A trained run that can score, its fitted system, and what that is fed."""

    run: Trained
    system: object
    inputs: tuple

    @property
    def sr(self):
        """Rate of the recordings that it takes, Hz."""
        return inputs.rate(self.inputs)


def open_run(run, *, corpus=None):
    """A trained run, ready to score; `run` and `corpus` as `lib.tracking.trained.find` takes them.

    InputError when there is no such run, it keeps no model, or its model cannot be used here.
    """
    found = find(run, corpus=corpus)
    with artifact(found.run_id, models.SYSTEM) as folder:
        try:
            fed = inputs.from_json(json.loads((folder / models.INPUTS).read_text(encoding="utf-8")))
            return System(found, kept.load(folder), fed)
        except (InputError, OSError, TypeError, ValueError) as error:
            reason = str(error).replace(f"{folder}: ", "")
            raise InputError(f"run {found.name}: its model cannot be used: {reason}") from None


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
    return [inputs.scores(s.system, s.inputs, clips, arrays=arrays) for s in systems]
