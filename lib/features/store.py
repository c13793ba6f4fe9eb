"""The feature store: one array a trial of all that was computed of a corpus, made once and read back.

``<store>/<name>-<key>/<split>/<number>.npy`` holds the arrays of `CHUNK` trials in protocol order, under a key of what
decides them: `numpy.save` of their values in one row, and of their shapes, then a checksum. It is moved there whole.
"""

import os
import sys
import zlib
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm.auto import tqdm

from lib import audio, cluster
from lib.corpus import SPLITS
from lib.errors import InputError
from lib.features import embeddings, images
from lib.features.matrices import FeatureSettings, Spectra, identity, scaled
from lib.files import places
from lib.params import ROOT
from lib.params.identity import code_digest, fingerprint, versions

CACHE = ROOT / "data" / "cache"  # copies of chunks that stand at a URL
LOCKS = ROOT / "data" / "states"  # of stores that are being filled
CHUNK = 128  # trials a file: 3 MB of spectrograms, a fraction of a second of work
_MARK = 4  # bytes of the checksum
_CODE = (  # decides the numbers
    "audio.reading", "features.cqcc", "features.images", "features.matrices", "features.statistics",
)  # fmt: skip


class Wanted(NamedTuple):
    """A feature as a float32 matrix [rows, frames], or as an image, whose cells are kept (uint8)."""

    feature: str
    settings: FeatureSettings
    size: int = 0  # pixels of an image; 0 for a matrix

    @property
    def sr(self):
        return self.settings.sr

    def name(self, corpus):
        """The folder of the store that holds it of a corpus."""
        numbers = [corpus.digest, self.feature, identity(self.feature, self.settings), self.size]
        return f"{self.feature}-{key(numbers, *_CODE)}"


@dataclass(frozen=True)
class Stored:
    """One array of every trial of a corpus; positions are numbers of trials in protocol order."""

    url: str
    sizes: dict  # split -> number of trials
    image_size: int = 0  # pixels, where the arrays are cells of images
    opened: dict = field(default_factory=dict, init=False, repr=False, compare=False)  # split -> mapped arrays

    def batch(self, split, positions):
        """The images (uint8) or vectors (float32) of some trials as one array, in the order asked for."""
        arrays = self.arrays(split, positions)
        return np.stack([images.stretched(a, self.image_size) for a in arrays] if self.image_size else arrays)

    def arrays(self, split, positions):
        """The arrays of some trials as a list, each of its own shape; not to be written to."""
        if split not in self.opened:
            chunks = _urls(self.url, split, self.sizes[split]).values()
            self.opened[split] = [array for chunk in chunks for array in _arrays(_local(chunk))]
        return [self.opened[split][position] for position in positions]


def extract(corpus, wanted, *, store, jobs=2):
    """Make what the store does not hold yet of a corpus in one pass over its recordings, and open it.

    Of what is `Wanted` (all of one rate), or a `lib.inputs.Embedding`, in a store (a folder, from the project's folder,
    or an fsspec URL) each is returned with its `Stored`; and what reading had to do, with how many times.
    InputError if a feature is unknown, a recording cannot be used, or the store cannot be written.
    """
    root = places.absolute(store)
    sizes = {split: len(corpus.split(split)) for split in SPLITS}
    stored = {item: Stored(f"{root}/{item.name(corpus)}", sizes, item.size) for item in wanted}
    rates = sorted({item.sr for item in stored})
    if len(rates) > 1:
        raise InputError(f"sr must be the same for all, got {', '.join(map(str, rates))}")
    notes = Counter()
    if _lacking(stored):
        with _filling(root):
            notes = _make(corpus, stored, jobs)
    return stored, dict(notes)


def derived(url, split, count, make, *, what):
    """Arrays of a split in a folder of the store, a `Stored`; `make(positions)` computes what it lacks of a chunk."""
    with _filling(url):
        lacking = pending(url, {split: count})
        for (_, start), chunk in tqdm(lacking.items(), desc=what, unit="chunk", disable=not lacking, leave=False):
            write_chunk(chunk, make(np.arange(start, min(start + CHUNK, count))))
    return Stored(url, {split: count})


@contextmanager
def _filling(url):
    """Of two runs of this machine that lack the same in a store, or a folder of it, one makes it."""
    try:
        with places.locked(LOCKS / f"{fingerprint(url)}.lock"):
            yield
    except OSError as error:
        raise InputError(f"{url}: the store cannot be written ({error.strerror or error})") from None


def _lacking(stored):
    """What the store lacks, in order: (split, first trial of a chunk) -> wanted -> URL of its chunk."""
    found = {}
    for item, kept in stored.items():
        for place, url in pending(kept.url, kept.sizes).items():
            found.setdefault(place, {})[item] = url
    return found


def _make(corpus, stored, jobs):
    """Make what the store lacks; what reading had to do, with how many times."""
    paths = {split: corpus.split(split)["path"].tolist() for split in SPLITS}
    tasks = [(next(iter(urls)).sr, paths[split][n : n + CHUNK], urls) for (split, n), urls in _lacking(stored).items()]
    if damaged := sum(os.path.exists(url) for _, _, urls in tasks for url in urls.values()):
        root = next(iter(stored.values())).url.rpartition("/")[0]
        tqdm.write(f"{root}: damaged and made again: {damaged} chunk{'s' * (damaged > 1)}", file=sys.stderr)
    jobs = min(jobs, max(len(tasks) // 2, 1))  # starting a process costs more than a chunk
    scheduler, notes = os.environ.get(cluster.SCHEDULER), Counter()
    if any(not isinstance(item, Wanted) for item in stored):  # an encoder's weights are on this machine
        jobs, scheduler = embeddings.processes(jobs) if tasks else 1, None
    total = sum(len(part) for _, part, _ in tasks)
    with tqdm(total=total, desc="extracting", unit="clip", disable=not tasks, leave=False) as bar:
        for clips, found in cluster.unordered(_make_chunk, tasks, jobs=jobs, scheduler=scheduler):
            bar.update(clips)
            notes.update(found)
    return notes


def from_clips(wanted, clips):
    """What is wanted of float32 samples: arrays each, as the store holds them (embeddings: to their rounding)."""
    features = [item for item in wanted if isinstance(item, Wanted)]
    clips = clips if len(features) == len(wanted) else list(clips)
    made = [_made(features, y) for y in clips]
    found = {item: [arrays[item] for arrays in made] for item in features}
    for item in wanted:
        if item not in found:
            parts = [clips[start : start + CHUNK] for start in range(0, len(clips), CHUNK)]
            found[item] = [vector for part in parts for vector in item.vectors(part)]
    return found


def _made(wanted, y):
    """All that is wanted of one recording, by a transform in float32, which takes half the time of float64."""
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
    notes = Counter()

    def clips():
        for y, remarks in places.each(partial(audio.read, sr=sr), paths):
            notes.update(remarks)
            yield y

    for item, arrays in from_clips(targets, clips()).items():
        write_chunk(targets[item], arrays)
    return len(paths), notes


def key(identity, *parts, packages=("numpy", "scipy", "librosa", "soundfile")):
    """Digest of what was computed (a list for JSON), and of the modules of lib and the packages that compute it."""
    return fingerprint([*identity, code_digest("features.store", *parts), versions(*packages)])


def pending(url, sizes):
    """The chunks that a folder lacks or holds damaged, in order: (split, first trial of the chunk) -> its URL."""
    missing = {}
    for split, size in sizes.items():
        there = places.listing(f"{url}/{split}")
        for start, chunk in _urls(url, split, size).items():
            held = chunk.rpartition("/")[2] in there
            if not (held and (places.is_url(chunk) or _is_sound(chunk, chunk))):  # at a URL when they are fetched
                missing[split, start] = chunk
    return missing


def write_chunk(url, arrays):
    """Write one chunk of arrays of one type and number of dimensions; only whole ones stand under their name."""
    with places.whole_file(url) as file:
        np.save(file, np.concatenate([array.ravel() for array in arrays]))
        np.save(file, [array.shape for array in arrays])
        file.seek(0)
        file.write(_mark(url, file.read()))


def _urls(url, split, size):
    """First trial of each chunk of a split -> the chunk's URL."""
    return {start: f"{url}/{split}/{start // CHUNK:05d}.npy" for start in range(0, size, CHUNK)}


def _arrays(file):
    """The arrays of one chunk, a local file mapped into memory."""
    values = np.load(file, mmap_mode="r")
    with open(file, "rb") as content:
        content.seek(values.offset + values.nbytes)
        shapes = np.load(content)
    values = values.view(np.ndarray)  # slices of a memmap take longer to make
    parts = np.split(values, np.cumsum(shapes.prod(axis=1))[:-1])
    return [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]


def _local(url):
    """A chunk's file on this machine: itself, which `pending` has checked, or its copy, since a chunk never changes."""
    if not places.is_url(url):
        return url
    # The caches of fsspec write a copy under its name while another process may have mapped it.
    file = str(CACHE / url.replace("://", os.sep))
    if not _is_sound(file, url):
        with places.whole_file(file) as copy:
            copy.write(places.read(url))
        if not _is_sound(file, url):
            places.remove(file)
            places.remove(url)
            raise InputError(f"{url}: the chunk was damaged and is removed; run the command again to make it anew")
    return file


def _is_sound(file, url):
    """Whether the file is a chunk as `write_chunk` left it at this URL."""
    content = Path(file).read_bytes() if os.path.exists(file) else b""
    return content[-_MARK:] == _mark(url, content[:-_MARK])


def _mark(url, content):
    """CRC-32 of a chunk's content and of which chunk it is (meant for accidents, not attacks)."""
    name = "/".join(url.rsplit("/", 3)[1:]).encode()
    return zlib.crc32(content, zlib.crc32(name)).to_bytes(_MARK, "little")
