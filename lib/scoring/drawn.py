"""Recordings that were not made for a run: eval of other corpora, and folders of genuine ones."""

import re
from dataclasses import dataclass
from pathlib import PurePath

import pandas as pd

from lib import audio
from lib.corpus import GENUINE, UNKNOWN, open_corpus
from lib.errors import InputError
from lib.files import places
from lib.scoring.files import recordings
from lib.scoring.systems import SR


@dataclass(frozen=True)
class Place:
    """Recordings from one folder, those that can be read."""

    name: str  # of the folder
    digest: str  # of a corpus; empty for genuine recordings only
    trials: pd.DataFrame  # `path`, `label`, `speaker` of the recordings
    clips: list  # their samples at `SR`
    left_out: list  # why, of each recording that cannot be read


def elsewhere(corpora, genuine, *, layout, most):
    """Yield the recordings of one folder after the other, so that only one must be held.

    Parameters
    ----------
    corpora, genuine : list of str
        Folders (relative ones start at the project's) or URLs of corpora, of which eval is drawn
        from; folders with genuine recordings only. InputError for two of the same name, or one
        without recordings that can be read.
    layout : str
        Of the corpora.
    most : int
        Recordings of each label that are drawn, the same ones each time.
    """
    names = [_name(folder) for folder in (*corpora, *genuine)]
    for folder, name in zip((*corpora, *genuine), names, strict=True):
        if names.count(name) > 1:
            raise InputError(f"{folder}: another folder is called {name} too; each needs a name of its own")
    opened = [open_corpus(_name(folder), folder, layout) for folder in corpora]
    found = [recordings([places.absolute(folder)])[0] for folder in genuine]  # a wrong folder is told before any work
    for corpus in opened:
        yield _read(corpus.name, corpus.digest, corpus.split("eval"), most)
    for folder, paths in zip(genuine, found, strict=True):
        yield _read(_name(folder), "", pd.DataFrame({"path": paths}).assign(label=GENUINE, speaker=UNKNOWN), most)


def _name(folder):
    """The folder's own name, as far as MLflow takes it in the name of a metric."""
    return re.sub(r"[^\w.-]", "_", PurePath(folder).name)


def _read(name, digest, trials, most):
    drawn = trials.sample(frac=1, random_state=0).groupby("label").head(most).sort_index()
    clips, left_out = {}, []
    for path in drawn["path"]:
        try:
            clips[path] = audio.read(path, sr=SR)[0]
        except InputError as error:
            left_out.append(str(error))
    kept = drawn[drawn["path"].isin(list(clips))].reset_index(drop=True)
    if set(kept["label"]) != set(trials["label"]):
        raise InputError(f"{left_out[0]}; no recording of its label in {name} can be read")
    return Place(name, digest, kept, list(clips.values()), left_out)
