"""Chunks of arrays in a folder or at a URL, one array a trial: made once, read back as they are needed.

``<store>/<name>-<key>/<split>/<number>.npy`` holds the arrays of `CHUNK` trials in protocol order;
the key is a digest of the corpus, the settings and the code that computes. A chunk is moved into
place whole, so work can be stopped at any moment and goes on where it was. It is two arrays that
`numpy.save` wrote, the values of its trials in one row and their shapes, a row each; a checksum of
them and of the chunk's name ends it.
"""

import hashlib
import json
import os
import sys
import zlib
from collections import Counter
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from tqdm.auto import tqdm

from lib import cluster
from lib.corpus import SPLITS
from lib.errors import InputError
from lib.features.images import stretched
from lib.files import places
from lib.params import ROOT
from lib.params.identity import code_digest, versions

CACHE = ROOT / "data" / "cache"  # copies of chunks that stand at a URL
CHUNK = 128  # trials a file: 3 MB of spectrograms, a fraction of a second of work
_MARK = 4  # bytes of the checksum
_PORTION = 2**20  # bytes read at a time


@dataclass(frozen=True)
class Stored:
    """One array of every trial of a corpus; positions are numbers of trials in protocol order."""

    url: str
    sizes: dict  # split -> number of trials
    image_size: int = 0  # pixels, where the arrays are cells of images

    def batch(self, split, positions):
        """The images (uint8) or vectors (float32) of some trials as one array, in the order asked for."""
        arrays = self.arrays(split, positions)
        return np.stack([stretched(cells, self.image_size) for cells in arrays] if self.image_size else arrays)

    def arrays(self, split, positions):
        """The arrays of some trials as a list, each of its own shape; not to be written to."""
        if split not in self._opened:
            chunks = _urls(self.url, split, self.sizes[split]).values()
            self._opened[split] = [array for chunk in chunks for array in _arrays(_local(chunk))]
        return [self._opened[split][position] for position in positions]

    @cached_property
    def _opened(self):
        return {}  # split -> arrays, parts of files that are mapped into memory


def key(identity, *parts, packages=("numpy", "scipy", "librosa", "soundfile")):
    """Digest of what was computed (a list for JSON), and of the modules of lib and the packages that compute it."""
    marks = [code_digest("features.chunks", *parts), versions(*packages)]
    return hashlib.blake2b(json.dumps([*identity, *marks]).encode(), digest_size=8).hexdigest()


def filled(corpus, names, make, *, store, processes, doing, progress=True, scheduler=None):
    """Make the chunks that the store lacks, in parallel, all that a recording lacks in one call.

    `names`: wanted value -> name of its folder. `make` takes paths and wanted value -> URL of the
    chunk to write, and returns the number of paths, and note -> how many times. `processes` takes
    the number of chunks that are lacking. Returns wanted value -> `Stored`, and the notes.
    """
    root = places.absolute(store)
    paths = {split: corpus.split(split)["path"].tolist() for split in SPLITS}
    sizes = {split: len(there) for split, there in paths.items()}
    stored = {item: Stored(f"{root}/{name}", sizes, getattr(item, "size", 0)) for item, name in names.items()}
    lacking, notes = {}, Counter()  # (split, first trial) -> wanted -> URL of its chunk
    try:
        for item, kept in stored.items():
            for place, url in pending(kept.url, sizes).items():
                lacking.setdefault(place, {})[item] = url
        tasks = [(paths[split][start : start + CHUNK], urls) for (split, start), urls in lacking.items()]
        total = sum(len(part) for part, _ in tasks)
        with tqdm(total=total, desc=doing, unit="clip", disable=not (progress and tasks)) as bar:
            jobs = processes(len(tasks)) if tasks else 1
            for clips, found in cluster.unordered(make, tasks, jobs=jobs, scheduler=scheduler):
                bar.update(clips)
                notes.update(found)
    except OSError as error:
        raise InputError(f"{root}: the store cannot be written ({error.strerror or error})") from None
    return stored, dict(notes)


def pending(url, sizes):
    """The chunks that a folder lacks or holds damaged, in order: (split, first trial of the chunk) -> its URL.

    Those at a URL are checked when they are fetched.
    """
    missing, damaged = {}, 0
    for split in SPLITS:
        there = places.listing(f"{url}/{split}")
        for start, chunk in _urls(url, split, sizes[split]).items():
            lacks = chunk.rpartition("/")[2] not in there
            if lacks or not (places.is_url(chunk) or _is_sound(chunk, chunk)):
                missing[split, start] = chunk
                damaged += not lacks
    if damaged:
        tqdm.write(f"{url}: damaged and made again: {damaged} chunk{'s' * (damaged > 1)}", file=sys.stderr)
    return missing


def write_chunk(url, arrays):
    """Write one chunk of arrays of one type and number of dimensions; only whole ones stand under their name."""
    with places.whole_file(url) as file:
        np.save(file, np.concatenate([array.ravel() for array in arrays]))
        np.save(file, [array.shape for array in arrays])
        file.write(_mark(url, file, file.tell()))


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
    """A chunk's file on this machine: itself, which `pending` has checked, or its copy, since a chunk never changes.

    A damaged chunk is removed, so that it will be made again (InputError). The caches of fsspec
    write a copy under its name while another process may have mapped it.
    """
    if not places.is_url(url):
        return url
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
    try:
        with open(file, "rb") as content:
            return _mark(url, content, os.path.getsize(file) - _MARK) == content.read()
    except OSError:
        return False


def _mark(url, file, size):
    """CRC-32 of the first bytes of a file and of which chunk it is (several GB/s; meant for accidents, not attacks)."""
    mark = zlib.crc32("/".join(url.rsplit("/", 3)[1:]).encode())
    file.seek(0)
    while size > 0 and (block := file.read(min(size, _PORTION))):
        mark, size = zlib.crc32(block, mark), size - len(block)
    return mark.to_bytes(_MARK, "little")
