"""The feature store: pictures of a corpus, made once and read back.

Layout
------
``<store>/<feature>-<key>/<split>/<chunk>.npy`` holds the pictures of `CHUNK` trials in
protocol order, uint8 of shape ``[trials, size, size]``; ``about.json`` beside the
splits says in words what the key stands for. The key is a digest of corpus digest,
feature settings, picture size and the code that computes them, so nothing stale is
ever read. A chunk is written under another name and moved into place when it is
whole: an extraction can be stopped at any moment and goes on where it was.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import fsspec
import numpy as np
from joblib import Parallel, delayed
from tqdm.auto import tqdm

from lib import audio, features, images
from lib.corpus import SPLITS
from lib.errors import InputError
from lib.params import local_path

CHUNK = 128  # trials a file: 5 MB, a second or less of work


@dataclass(frozen=True)
class StoredPictures:
    """The pictures of one feature of one corpus.

    Attributes
    ----------
    url : str
    sizes : dict of str to int
        Split -> number of trials.
    """

    url: str
    sizes: dict

    def batch(self, split, positions):
        """Some pictures of a split, in the order asked for.

        Parameters
        ----------
        split : str
        positions : sequence of int
            Numbers of trials in protocol order.

        Returns
        -------
        numpy.ndarray [shape=(len(positions), size, size), uint8]
        """
        chunks = self._chunks(split)
        return np.stack([chunks[p // CHUNK][p % CHUNK] for p in positions])

    def _chunks(self, split):
        chunks = _OPEN.get((self.url, split))
        if chunks is None:
            files = [_chunk_url(self.url, split, i) for i in range(-(-self.sizes[split] // CHUNK))]
            # Local files are mapped into memory, so only the pictures asked for are read.
            chunks = [np.load(path, mmap_mode="r") for path in fsspec.open_local(files)]
            _OPEN[self.url, split] = chunks
        return chunks


_OPEN = {}  # mapped chunks of this process


def extract(corpus, names, settings, *, size, store, jobs=2, progress=True):
    """Make the pictures of a corpus that the store does not hold yet.

    All features asked for come from one pass over the recordings.

    Parameters
    ----------
    corpus : lib.corpus.Corpus
    names : sequence of str
        Some of `lib.features.FEATURES`.
    settings : lib.features.FeatureSettings
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
    pictures : dict of str to StoredPictures
    notes : dict of str to int
        What reading had to do in this call, and how many times.

    Raises
    ------
    InputError
        A recording cannot be used, the store cannot be written, or an unknown feature.
    """
    if size <= 0:
        raise InputError(f"image_size = {size}: has to be positive")
    root = store if "://" in store else str(local_path(store))
    urls = {name: f"{root}/{name}-{_key(corpus, name, settings, size)}" for name in names}
    tasks = []
    try:
        for split in SPLITS:
            paths = corpus.split(split)["path"].tolist()
            done = {name: _chunks_there(urls[name], split) for name in names}
            for start in range(0, len(paths), CHUNK):
                number = start // CHUNK
                targets = {n: _chunk_url(urls[n], split, number) for n in names if number not in done[n]}
                if targets:
                    tasks.append((paths[start : start + CHUNK], targets))
        for name in names:
            _write_about(urls[name], corpus, name, settings, size)
        notes = _run(tasks, settings, size, jobs, progress)
    except OSError as error:
        raise InputError(f"{root}: the store cannot be written ({error.strerror or error})") from None
    sizes = {split: len(corpus.split(split)) for split in SPLITS}
    return {name: StoredPictures(urls[name], sizes) for name in names}, notes


def _run(tasks, settings, size, jobs, progress):
    jobs = min(jobs, max(len(tasks) // 2, 1))  # starting a process costs more than a chunk
    results = Parallel(n_jobs=jobs, return_as="generator_unordered")(
        delayed(_make_chunk)(paths, targets, settings, size) for paths, targets in tasks
    )
    notes = {}
    total = sum(len(paths) for paths, _ in tasks)
    with tqdm(total=total, desc="extracting", unit="clip", disable=not (progress and tasks)) as bar:
        for clips, chunk_notes in results:
            bar.update(clips)
            for note, count in chunk_notes.items():
                notes[note] = notes.get(note, 0) + count
    return notes


def _make_chunk(paths, targets, settings, size):
    """Make one chunk of each feature; whole chunks only ever stand under their name."""
    pictures = {name: np.empty((len(paths), size, size), np.uint8) for name in targets}
    notes = {}
    for i, path in enumerate(paths):
        y, remarks = audio.read(path, sr=settings.sr)
        for name, feature in features.compute(y, tuple(targets), settings).items():
            pictures[name][i] = images.to_index(feature, size)
        for remark in remarks:
            notes[remark] = notes.get(remark, 0) + 1
    for name, url in targets.items():
        fs, path = fsspec.url_to_fs(url, auto_mkdir=True)
        with fs.transaction, fs.open(path, "wb") as file:
            np.save(file, pictures[name])
    return len(paths), notes


def _key(corpus, name, settings, size):
    code = hashlib.blake2b()
    for module in (audio, features, images):
        code.update(Path(module.__file__).read_bytes())
    identity = [corpus.digest, name, features.identity(name, settings), size, code.hexdigest()]
    return hashlib.blake2b(json.dumps(identity).encode(), digest_size=8).hexdigest()


def _write_about(url, corpus, name, settings, size):
    about = {
        "corpus": corpus.name,
        "corpus_digest": corpus.digest,
        "feature": name,
        "settings": features.identity(name, settings),
        "image_size": size,
        "pixel": "uint8 position in a colormap, scaled per picture, low frequencies in the last row",
    }
    fs, path = fsspec.url_to_fs(f"{url}/about.json", auto_mkdir=True)
    if not fs.exists(path):
        with fs.transaction, fs.open(path, "wb") as file:
            file.write(json.dumps(about, indent=2).encode())


def _chunk_url(url, split, number):
    return f"{url}/{split}/{number:05d}.npy"


def _chunks_there(url, split):
    fs, path = fsspec.url_to_fs(f"{url}/{split}")
    if not fs.exists(path):
        return set()
    names = (Path(p).name for p in fs.ls(path, detail=False, refresh=True))
    return {int(Path(n).stem) for n in names if n.endswith(".npy") and n[:-4].isdigit()}
