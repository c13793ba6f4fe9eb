"""Features for a whole corpus in one pass over its recordings, or from samples."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from lib import audio, cluster
from lib.features import images
from lib.features.matrices import identity
from lib.features.store import chunks
from lib.features.store.filling import filled
from lib.features.wanted import Drawn, maker
from lib.files import places


@dataclass(frozen=True)
class Images(chunks.Stored):
    """One feature of every trial of a corpus as images of `size` x `size` pixels."""

    size: int

    def batch(self, split, positions):
        """Images of some trials, uint8 [len(positions), size, size], in the order asked for."""
        return np.stack([images.stretched(cells, self.size) for cells in self.arrays(split, positions)])


def extract(corpus, wanted, *, store, jobs=2, progress=True):
    """Make what the store does not hold yet of a corpus in one pass over its recordings, and open it.

    Settings that differ in `sr` have a reading each.

    Parameters
    ----------
    corpus : lib.corpus.Corpus
    wanted : sequence of Drawn and Framed
    store : str
        Folder or fsspec URL; a relative folder starts at the project's folder.
    jobs : int > 0
        Processes.
    progress : bool
        Show a bar while there is work.

    Returns
    -------
    stored : dict of Drawn to Images, of Framed to Stored
        `batch` gives images, `arrays` float32 matrices ``[rows, frames]``.
    notes : dict of str to int
        What reading had to do in this call, and how many times.

    Raises
    ------
    InputError
        A feature is unknown, a recording cannot be used, or the store cannot be written.

    Examples
    --------
    >>> mfcc = store.Drawn("mfcc", FeatureSettings(), size=200)  # doctest: +SKIP
    >>> stored, _ = store.extract(corpus, [mfcc], store="data/store")  # doctest: +SKIP
    >>> stored[mfcc].batch("train", [0, 1]).shape  # doctest: +SKIP
    (2, 200, 200)
    """
    wanted = dict.fromkeys(wanted)
    _by_rate(wanted)  # refuses before anything is written
    urls, sizes, notes = filled(
        corpus,
        {item: _named(item, corpus) for item in wanted},
        _make_chunk,
        store=store,
        processes=lambda tasks: min(jobs, max(tasks // 2, 1)),  # starting one costs more than a chunk
        doing="extracting",
        progress=progress,
        scheduler=cluster.at_hand(),
    )
    return {
        item: Images(url, sizes, item.size) if isinstance(item, Drawn) else chunks.Stored(url, sizes)
        for item, url in urls.items()
    }, notes


def from_clips(wanted, clips):
    """What is wanted of some recordings, byte for byte what the store would hold.

    Clips are float32 samples at the rate of the settings. Of each wanted value comes a
    list of arrays, one a clip: of Framed matrices, of Drawn the cells, of which
    `lib.features.images.stretched` makes images.

    Examples
    --------
    >>> from lib.features import FeatureSettings, store
    >>> lfcc = store.Framed("lfcc", FeatureSettings())
    >>> [array.shape for array in store.from_clips([lfcc], [np.ones(16_000, np.float32)])[lfcc]]
    [(20, 32)]
    """
    wanted = list(wanted)
    make = maker(wanted)
    made = [make(y) for y in clips]
    return {item: [arrays[item] for arrays in made] for item in wanted}


def _make_chunk(paths, targets):
    """Make one chunk of each wanted value; how many recordings, and notes on them."""
    makers, arrays, notes = _by_rate(targets), {item: [] for item in targets}, Counter()
    for readings in places.each(lambda path: [audio.read(path, sr=sr) for sr in makers], paths):
        for make, (y, _) in zip(makers.values(), readings, strict=True):
            for item, array in make(y).items():
                arrays[item].append(array)
        notes.update({remark for _, remarks in readings for remark in remarks})
    for item, url in targets.items():
        chunks.write_chunk(url, arrays[item])
    return len(paths), notes


def _by_rate(wanted):
    """Rate, Hz -> function that makes what is wanted at that rate."""
    rates = {item.settings.sr for item in wanted}
    return {sr: maker([item for item in wanted if item.settings.sr == sr]) for sr in rates}


def _named(item, corpus):
    """Name of the folder that holds what is wanted of a corpus, and words about it."""
    about = {"feature": item.feature, "settings": identity(item.feature, item.settings)}
    if isinstance(item, Drawn):
        kind = item.size
        about["image_size"] = item.size
        about["cells"] = "uint8 positions in a colormap, scaled per image, low frequencies in the first row"
    else:
        kind = "frames"
        about["matrix"] = "float32, rows x frames, low frequencies or coefficients in the first row"
    numbers = [corpus.digest, item.feature, about["settings"], kind]
    key = chunks.key(numbers, "audio.reading", "features.matrices", "features.images", "features.wanted")
    return f"{item.feature}-{key}", about
