"""Chunks of arrays in a folder or at a URL, one array a trial.

``<store>/<feature>-<key>/<split>/<number>.npy`` holds the arrays of `CHUNK` trials in
protocol order, of images the cells that they show; ``about.json`` beside the splits says
what the key stands for: a digest of the corpus, the settings and the code that computes,
so nothing stale is ever read. A chunk is written under another name and moved into place,
so work can be stopped at any moment and goes on where it was. Recordings differ in length,
so a chunk is two arrays that `numpy.save` wrote, the values of its trials in one row and
their shapes, a row each; a checksum of them and of the chunk's name ends it.
"""

import hashlib
import json
import os
import sys
import zlib
from dataclasses import dataclass

import numpy as np
from tqdm.auto import tqdm

from lib.corpus import SPLITS
from lib.errors import InputError
from lib.features.images import stretched
from lib.files import places
from lib.params import ROOT, code

CACHE = ROOT / "data" / "cache"  # copies of chunks that stand at a URL
CHUNK = 128  # trials a file: 3 MB of spectrograms, a fraction of a second of work
_MARK = 4  # bytes of the checksum
_PORTION = 2**20  # bytes read at a time
_SOUND = set()  # files whose checksum this process has seen to be right
_OPEN = {}  # (URL, split) -> chunks that this process has mapped


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
        chunks = self._chunks(split)
        return [chunks[p // CHUNK][p % CHUNK] for p in positions]

    def _chunks(self, split):
        if (self.url, split) not in _OPEN:
            count = -(-self.sizes[split] // CHUNK)
            chunks = [_Chunk(_local(_chunk_url(self.url, split, number))) for number in range(count)]
            _OPEN[self.url, split] = chunks
        return _OPEN[self.url, split]


class _Chunk:
    """The arrays of one chunk, a local file mapped into memory."""

    def __init__(self, file):
        values = np.load(file, mmap_mode="r")
        with open(file, "rb") as content:
            content.seek(values.offset + values.nbytes)
            shapes = np.load(content)
        self._values = values.view(np.ndarray)  # slices of a memmap take longer to make
        self._shapes = [tuple(shape) for shape in shapes.tolist()]
        self._ends = [0, *np.cumsum(shapes.prod(axis=1)).tolist()]

    def __getitem__(self, number):
        start, stop = self._ends[number : number + 2]
        return self._values[start:stop].reshape(self._shapes[number])


def key(identity, *parts, packages=("numpy", "scipy", "librosa", "soundfile")):
    """Digest of what was computed (a list for JSON), and of the modules of lib and the packages that compute it."""
    marks = [code.digest("features.chunks", *parts), code.versions(*packages)]
    return hashlib.blake2b(json.dumps([*identity, *marks]).encode(), digest_size=8).hexdigest()


def pending(url, sizes):
    """The chunks that a folder lacks or holds damaged, in order: (split, first trial of the chunk) -> its URL.

    Those at a URL are checked when they are fetched.
    """
    missing, damaged = {}, 0
    for split in SPLITS:
        there = places.listing(f"{url}/{split}")
        for start in range(0, sizes[split], CHUNK):
            chunk = _chunk_url(url, split, start // CHUNK)
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


def write_about(url, about):
    """Say beside the chunks what they are, once."""
    url = f"{url}/about.json"
    if not places.exists(url):
        with places.whole_file(url) as file:
            file.write(json.dumps(about, indent=2).encode())


def _local(url):
    """A chunk's file on this machine: itself, or its copy, since a chunk never changes.

    A damaged copy is fetched again; a damaged chunk is removed, so that it will be made again (InputError).
    The caches of fsspec write a copy under its name while another process may have mapped it.
    """
    if not places.is_url(url):
        file = url
    else:
        file = CACHE / url.replace("://", os.sep)
        if not _is_sound(file, url):
            with places.whole_file(str(file)) as copy:
                copy.write(places.read(url))
    if not _is_sound(file, url):
        for place in (str(file), url):
            places.remove(place)
        raise InputError(f"{url}: the chunk was damaged and is removed; run the command again to make it anew")
    return file


def _is_sound(file, url):
    """Whether the file is a chunk as `write_chunk` left it at this URL; asked once while it does not change."""
    try:
        about = os.stat(file)
        seen = str(file), url, about.st_size, about.st_mtime_ns, about.st_ino
        if seen not in _SOUND:
            with open(file, "rb") as content:
                mark = _mark(url, content, about.st_size - _MARK)
                if content.read() != mark:
                    return False
            _SOUND.add(seen)
    except OSError:
        return False
    return True


def _mark(url, file, size):
    """CRC-32 of the first bytes of a file and of which chunk it is (several GB/s; meant for accidents, not attacks)."""
    mark = zlib.crc32("/".join(url.rsplit("/", 3)[1:]).encode())
    file.seek(0)
    while size > 0 and (block := file.read(min(size, _PORTION))):
        mark, size = zlib.crc32(block, mark), size - len(block)
    return mark.to_bytes(_MARK, "little")


def _chunk_url(url, split, number):
    return f"{url}/{split}/{number:05d}.npy"
