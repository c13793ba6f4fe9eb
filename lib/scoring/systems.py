"""Trained runs opened again: samples in, log-odds out."""

import json
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np

from lib import inputs
from lib.errors import InputError, one_line
from lib.params import identity
from lib.systems import kept
from lib.tracking import models, query
from lib.tracking.client import artifact

SR = 16_000  # Hz; the rate of the corpora, and the notebooks' default
_EXPANDED = 100  # times its size that an archive of a model may become, from
_LARGE = 2**28  # bytes on
_HIGHEST = 2**20  # of the whole numbers that describe inputs
_AT_ONCE = 2  # systems that score side by side: one that is of one thread leaves the other core to a network
_OF_MODELS = (ArithmeticError, AttributeError, LookupError, MemoryError, RuntimeError, TypeError, ValueError)


@dataclass(frozen=True)
class System:
    """A trained run that can score."""

    run: query.Record
    system: object  # lib.systems.System
    inputs: tuple  # what it is fed, of `lib.inputs`

    @property
    def sr(self):
        """Rate of the recordings that it takes, Hz."""
        return inputs.rate(self.inputs)


def open_run(run, *, corpus=None):
    """A trained run (see `models.find`), ready to score; InputError: there is none, or its model cannot be used."""
    found = models.find(run, corpus=corpus)
    with artifact(found.run_id, models.SYSTEM) as folder:
        try:
            _refuse_other_files(found, folder)
            described = (folder / models.INPUTS).read_text(encoding="utf-8")
            fed = inputs.from_json(json.loads(described, parse_int=_bounded))
            if not fed:
                raise InputError(f"{models.INPUTS} names no input")
            return System(found, kept.load(folder), fed)
        except (InputError, OSError, AttributeError, TypeError, ValueError, RecursionError) as error:
            reason = str(error).replace(f"{folder}: ", "").replace(f"{folder}/", "")
            older = "if an older version of lib kept it, `study run` makes it again"
            raise InputError(f"run {found.name}: its model cannot be used: {reason}; {older}") from None


def _bounded(text):
    if int(text) > _HIGHEST:
        raise ValueError(f"{models.INPUTS}: {text} must be at most {_HIGHEST}")
    return int(text)


def _refuse_other_files(run, folder):
    """Refuse files that are not those of the run, as far as it says which they are, and archives without bounds."""
    mark, now = run.tags.get(models.DIGEST), identity.content_digest(folder)
    if mark not in (None, now):
        raise InputError(f"the digest of its files is {now}, and was {mark} when the run kept them")
    for file in filter(zipfile.is_zipfile, folder.rglob("*.*")):
        with zipfile.ZipFile(file) as parts:
            size = sum(part.file_size for part in parts.infolist())
        if size > max(_LARGE, _EXPANDED * file.stat().st_size):
            raise InputError(f"{file.name} expands to {size:,} bytes, over {_EXPANDED} times its size")


def open_runs(runs):
    """Of runs (name -> id) those that can score at `SR`, name -> `System`, and name -> why not; InputError: none."""
    systems, refused = {}, {}
    for name, run_id in runs.items():
        try:
            system = open_run(run_id)
            if system.sr != SR:
                raise InputError(f"run {system.run.name}: takes recordings at {system.sr} Hz, not at {SR} Hz")
            systems[name] = system
        except InputError as error:
            refused[name] = str(error)
    if not systems:
        reason = next(iter(refused.values()), "no finished run of a model; `study run` makes them")
        raise InputError(f"none of {len(runs)} runs can score: {reason}")
    return systems, refused


def log_odds(systems, clips):
    """Scores of recordings, float32 samples at the systems' rate: an array a system; what they share is made once.

    InputError when a system fails to give each recording one finite score.
    """
    arrays = inputs.prepared([item for system in systems for item in system.inputs], clips)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(partial(_scores, clips=clips, arrays=arrays), systems))


def _scores(system, clips, arrays):
    model = f"run {system.run.name}: its model"
    try:
        scores = inputs.scores(system.system, system.inputs, clips, arrays=arrays)
    except _OF_MODELS as error:
        raise InputError(f"{model} does not take its inputs:\n{one_line(error)}") from None
    if scores.shape != (len(clips),):
        raise InputError(f"{model} gives {scores.shape} scores of {len(clips)} recordings")
    for wrong in scores[~np.isfinite(scores)][:1]:
        raise InputError(f"{model} gives the score {wrong}: scores must be finite")
    return scores
