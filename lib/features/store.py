"""The feature store: what was computed of a corpus in one pass over its recordings, made once and read back."""

from collections import Counter
from functools import partial
from typing import NamedTuple

import numpy as np

from lib import audio, cluster
from lib.errors import InputError
from lib.features import chunks, images
from lib.features.matrices import FeatureSettings, Spectra, identity, scaled
from lib.files import places

_CODE = (  # decides the numbers
    "audio.reading", "audio.wav", "features.cqcc", "features.images", "features.matrices", "features.statistics",
    "features.store",
)  # fmt: skip


class Wanted(NamedTuple):
    """A feature as a float32 matrix [rows, frames], or as an image, whose cells are kept (uint8)."""

    feature: str
    settings: FeatureSettings
    size: int = 0  # pixels of an image; 0 for a matrix


def extract(corpus, wanted, *, store, jobs=2, progress=True):
    """Make what the store does not hold yet of a corpus in one pass over its recordings, and open it.

    Of what is `Wanted` (all of one rate) in a store (a folder, from the project's
    folder, or an fsspec URL) each is returned with its `lib.features.chunks.Stored`, whose `batch`
    gives images and `arrays` float32 matrices ``[rows, frames]``; and what reading had to do, with
    how many times. InputError if a feature is unknown, a recording cannot be used, or the store
    cannot be written.
    """
    names = {}
    for item in wanted:
        numbers = [corpus.digest, item.feature, identity(item.feature, item.settings), item.size]
        names[item] = f"{item.feature}-{chunks.key(numbers, *_CODE)}"
    rates = sorted({item.settings.sr for item in names})
    if len(rates) > 1:
        raise InputError(f"sr must be the same for all, got {', '.join(map(str, rates))}")
    return chunks.filled(
        corpus,
        names,
        partial(_make_chunk, rates[0]),
        store=store,
        processes=lambda tasks: min(jobs, max(tasks // 2, 1)),  # starting one costs more than a chunk
        doing="extracting",
        progress=progress,
        scheduler=cluster.at_hand(),
    )


def from_clips(wanted, clips):
    """What is wanted of some float32 samples at its rate: a list of arrays each, byte for byte what the store holds."""
    made = [_made(wanted, y) for y in clips]
    return {item: [arrays[item] for arrays in made] for item in wanted}


def _made(wanted, y):
    """All that is wanted of one recording, by a transform in float32, which takes half the time.

    That moves one pixel in 30,000 of the spectrogram by one level of 256, and values of LFCC by
    2e-4 at most where recordings have a standard deviation of 2.9 (measured on real speech).
    """
    spectra, found, arrays = Spectra(y, np.float32), {}, {}
    for item in wanted:
        what = item.feature, item.settings
        if what not in found:
            found[what] = scaled(spectra, *what)
        cells, scale = found[what]
        arrays[item] = images.shown(cells, scale, item.size) if item.size else scale(cells)
    return arrays


def _make_chunk(sr, paths, targets):
    """Make one chunk of each wanted value; how many recordings, and notes on them."""
    made, notes = [], Counter()
    for y, remarks in places.each(partial(audio.read, sr=sr), paths):
        made.append(_made(targets, y))
        notes.update(remarks)
    for item, url in targets.items():
        chunks.write_chunk(url, [arrays[item] for arrays in made])
    return len(paths), notes
