"""Pictures of features, made for a whole corpus in one pass over its recordings."""

from dataclasses import dataclass
from functools import partial

import numpy as np
from tqdm.auto import tqdm

from lib import audio, cluster, features
from lib.corpus import SPLITS
from lib.errors import InputError
from lib.features import images
from lib.features.store import chunks
from lib.files import places


@dataclass(frozen=True)
class Pictures(chunks.Stored):
    """The pictures of one feature of every trial of a corpus.

    Attributes
    ----------
    url, sizes
        As `lib.features.store.Stored` has them.
    size : int
        Side of a picture, pixels.
    """

    size: int

    def batch(self, split, positions):
        """The pictures of some trials of a split, in the order asked for.

        Parameters
        ----------
        split, positions
            As `lib.features.store.Stored.batch` takes them.

        Returns
        -------
        numpy.ndarray [shape=(len(positions), size, size), uint8]
        """
        return np.stack([images.stretched(cells, self.size) for cells in self.arrays(split, positions)])


def extract(corpus, names, settings, *, size, store, jobs=2, progress=True):
    """Make the pictures of a corpus that the store does not hold yet.

    All features asked for come from one pass over the recordings.

    Parameters
    ----------
    corpus : lib.corpus.Corpus
    names : sequence of str
        Some of `lib.features.matrices.FEATURES`.
    settings : lib.features.matrices.FeatureSettings
    size : int > 0
        Side of a picture, pixels.
    store : str
        Folder or fsspec URL; a relative folder starts at the project's folder.
    jobs : int > 0
        Processes.
    progress : bool
        Whether to show a progress bar when there is work.

    Returns
    -------
    pictures : dict of str to Pictures
    notes : dict of str to int
        What reading had to do in this call, and how many times.

    Raises
    ------
    InputError
        A recording cannot be used, the store cannot be written, or an unknown feature.
    """
    if size <= 0:
        raise InputError(f"image_size = {size}: has to be positive")
    root = places.absolute(store)
    urls = {name: f"{root}/{name}-{_key(corpus, name, settings, size)}" for name in names}
    sizes = {split: len(corpus.split(split)) for split in SPLITS}
    try:
        for name in names:
            chunks.write_about(urls[name], _about(corpus, name, settings, size))
        targets = {}  # (split, first trial) -> feature -> URL of its chunk
        for name in names:
            for place, url in chunks.pending(urls[name], sizes).items():
                targets.setdefault(place, {})[name] = url
        paths = {split: corpus.split(split)["path"].tolist() for split in SPLITS}
        tasks = [(paths[split][start : start + chunks.CHUNK], urls) for (split, start), urls in targets.items()]
        notes = _run(tasks, settings, size, jobs, progress)
    except OSError as error:
        raise InputError(f"{root}: the store cannot be written ({error.strerror or error})") from None
    return {name: Pictures(urls[name], sizes, size) for name in names}, notes


def _run(tasks, settings, size, jobs, progress):
    jobs = min(jobs, max(len(tasks) // 2, 1))  # starting a process costs more than a chunk
    chunk_tasks = [(paths, targets, settings, size) for paths, targets in tasks]
    results = cluster.unordered(_make_chunk, chunk_tasks, jobs=jobs, scheduler=cluster.at_hand())
    notes = {}
    total = sum(len(paths) for paths, _ in tasks)
    with tqdm(total=total, desc="extracting", unit="clip", disable=not (progress and tasks)) as bar:
        for clips, chunk_notes in results:
            bar.update(clips)
            for note, count in chunk_notes.items():
                notes[note] = notes.get(note, 0) + count
    return notes


def _make_chunk(paths, targets, settings, size):
    """Make one chunk of each feature."""
    shown, notes = {name: [] for name in targets}, {}
    for y, remarks in places.each(partial(audio.read, sr=settings.sr), paths):
        for name, cells in images.shown_cells(y, tuple(targets), settings, size).items():
            shown[name].append(cells)
        for remark in remarks:
            notes[remark] = notes.get(remark, 0) + 1
    for name, url in targets.items():
        chunks.write_chunk(url, shown[name])
    return len(paths), notes


def _key(corpus, name, settings, size):
    identity = [corpus.digest, name, features.identity(name, settings), size]
    return chunks.key(identity, "audio.reading", "features.matrices", "features.images")


def _about(corpus, name, settings, size):
    return {
        "corpus": corpus.name,
        "corpus_digest": corpus.digest,
        "feature": name,
        "settings": features.identity(name, settings),
        "image_size": size,
        "cells": "uint8 positions in a colormap, scaled per picture, low frequencies in the first row",
    }
