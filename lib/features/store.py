"""The feature store: what was computed of a corpus in one pass over its recordings, made once and read back."""

from collections import Counter
from functools import partial
from typing import NamedTuple

import numpy as np
from tqdm.auto import tqdm

from lib import audio, cluster
from lib.corpus import SPLITS
from lib.errors import InputError
from lib.features import chunks, images
from lib.features.matrices import FeatureSettings, Spectra, identity, scaled
from lib.files import places

# The code that decides the numbers.
_CODE = (
    "audio.reading",
    "audio.wav",
    *(f"features.{name}" for name in ("cqcc", "images", "matrices", "statistics", "store")),
)


class Drawn(NamedTuple):
    """A feature as an image of `size` x `size` pixels; what is kept are the cells that it shows, uint8."""

    feature: str
    settings: FeatureSettings
    size: int


class Framed(NamedTuple):
    """A feature as a float32 matrix [rows, frames] of the whole recording."""

    feature: str
    settings: FeatureSettings


def maker(wanted):
    """A function of samples that makes all that is wanted of one recording, in float32.

    The transform then takes half the time. That moves one pixel in 30,000 of the
    spectrogram by one level of 256, none of the MFCC, and values of LFCC by 2e-4 at most
    where recordings have a standard deviation of 2.9 (measured on real speech).
    """
    for item in wanted:
        identity(item.feature, item.settings)
        if isinstance(item, Drawn) and item.size <= 0:
            raise InputError(f"image_size must be positive, got {item.size}")
    rates = sorted({item.settings.sr for item in wanted})
    if len(rates) > 1:
        raise InputError(f"sr must be the same for all, got {', '.join(map(str, rates))}")

    def make(y):
        spectra, found, arrays = Spectra(y, np.float32), {}, {}
        for item in wanted:
            what = item.feature, item.settings
            if what not in found:
                found[what] = scaled(spectra, *what)
            cells, scale = found[what]
            arrays[item] = images.shown(cells, scale, item.size) if isinstance(item, Drawn) else scale(cells)
        return arrays

    return make


def extract(corpus, wanted, *, store, jobs=2, progress=True):
    """Make what the store does not hold yet of a corpus in one pass over its recordings, and open it.

    Parameters
    ----------
    corpus : lib.corpus.Corpus
    wanted : sequence of Drawn and Framed
        Hashable, so they name their results; all of one rate.
    store : str
        Folder or fsspec URL; a relative folder starts at the project's folder.
    jobs : int > 0
        Processes.
    progress : bool
        Show a bar while there is work.

    Returns
    -------
    stored : dict of Drawn and Framed to lib.features.chunks.Stored
        `batch` gives images, `arrays` float32 matrices ``[rows, frames]``.
    notes : dict of str to int
        What reading had to do in this call, and how many times.

    Raises
    ------
    InputError
        A feature is unknown, a recording cannot be used, or the store cannot be written.
    """
    wanted = list(dict.fromkeys(wanted))
    maker(wanted)  # refuses before anything is written
    urls, sizes, notes = filled(
        corpus,
        {item: _named(item, corpus) for item in wanted},
        partial(_make_chunk, wanted[0].settings.sr),
        store=store,
        processes=lambda tasks: min(jobs, max(tasks // 2, 1)),  # starting one costs more than a chunk
        doing="extracting",
        progress=progress,
        scheduler=cluster.at_hand(),
    )
    return {item: chunks.Stored(url, sizes, getattr(item, "size", 0)) for item, url in urls.items()}, notes


def from_clips(wanted, clips):
    """What is wanted of some recordings, as a list of arrays each, byte for byte what the store would hold.

    Clips are float32 samples at the rate of the settings.
    """
    wanted = list(wanted)
    make = maker(wanted)
    made = [make(y) for y in clips]
    return {item: [arrays[item] for arrays in made] for item in wanted}


def filled(corpus, abouts, make, *, store, processes, doing, progress=True, scheduler=None):
    """Make the chunks that the store lacks, in parallel, all that a recording lacks in one call.

    `abouts`: wanted value -> name of its folder, and what its ``about.json`` says. `make` takes
    paths and wanted value -> URL of the chunk to write, and returns how many recordings were
    read, and note -> how many times. `processes` takes the number of chunks that are lacking.
    Returns wanted value -> URL of its folder, split -> number of trials, note -> how many times.
    """
    root = places.absolute(store)
    urls = {item: f"{root}/{name}" for item, (name, _) in abouts.items()}
    paths = {split: corpus.split(split)["path"].tolist() for split in SPLITS}
    sizes = {split: len(there) for split, there in paths.items()}
    targets, notes = {}, Counter()  # (split, first trial) -> wanted -> URL of its chunk
    try:
        for item, (_, about) in abouts.items():
            chunks.write_about(urls[item], {"corpus": corpus.name, "corpus_digest": corpus.digest, **about})
            for place, url in chunks.pending(urls[item], sizes).items():
                targets.setdefault(place, {})[item] = url
        tasks = [(paths[split][start : start + chunks.CHUNK], lacking) for (split, start), lacking in targets.items()]
        jobs, total = processes(len(tasks)) if tasks else 1, sum(len(part) for part, _ in tasks)
        with tqdm(total=total, desc=doing, unit="clip", disable=not (progress and tasks)) as bar:
            for clips, found in cluster.unordered(make, tasks, jobs=jobs, scheduler=scheduler):
                bar.update(clips)
                notes.update(found)
    except OSError as error:
        raise InputError(f"{root}: the store cannot be written ({error.strerror or error})") from None
    return urls, sizes, dict(notes)


def _make_chunk(sr, paths, targets):
    """Make one chunk of each wanted value; how many recordings, and notes on them."""
    make, arrays, notes = maker(targets), {item: [] for item in targets}, Counter()
    for y, remarks in places.each(partial(audio.read, sr=sr), paths):
        for item, array in make(y).items():
            arrays[item].append(array)
        notes.update(remarks)
    for item, url in targets.items():
        chunks.write_chunk(url, arrays[item])
    return len(paths), notes


def _named(item, corpus):
    """Name of the folder that holds what is wanted of a corpus, and words about it."""
    about = {"feature": item.feature, "settings": identity(item.feature, item.settings)}
    if isinstance(item, Drawn):
        kind = about["image_size"] = item.size
        about["cells"] = "uint8 positions in a colormap, scaled per image, low frequencies in the first row"
    else:
        kind = "frames"
        about["matrix"] = "float32, rows x frames, low frequencies or coefficients in the first row"
    numbers = [corpus.digest, item.feature, about["settings"], kind]
    key = chunks.key(numbers, *_CODE)
    return f"{item.feature}-{key}", about
