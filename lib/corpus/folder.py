"""A corpus in its folder, on disk or at a URL: its layout, its trials and the digest of its content."""

import hashlib
import json
import os
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import PurePosixPath

import pandas as pd

from lib.corpus.protocol import GENUINE, SPLITS, SPOOF, read_protocol
from lib.errors import InputError
from lib.files import places
from lib.params import ROOT

# Layout -> split -> (folder of the recordings, protocol file).
LAYOUTS = {
    "asvspoof2017_v2": {
        "train": ("ASVspoof2017_V2_train", "protocol_V2/ASVspoof2017_V2_train.trn.txt"),
        "dev": ("ASVspoof2017_V2_dev", "protocol_V2/ASVspoof2017_V2_dev.trl.txt"),
        "eval": ("ASVspoof2017_V2_eval", "protocol_V2/ASVspoof2017_V2_eval.trl.txt"),
    }
}
# What a folder of Version 1 holds; named so that nobody takes one for the other.
_VERSION_1 = ("protocol/ASVspoof2017_train.trn", "protocol/ASVspoof2017_train.trn.txt", "ASVspoof2017_train")

DIGESTS = ROOT / "data" / "digests"


@dataclass(frozen=True)
class Corpus:
    """The usable trials of a corpus.

    Attributes
    ----------
    name : str
        The MLflow experiment its runs go to.
    folder : str
        Its absolute path, or its URL.
    trials : pandas.DataFrame [one row a trial]
        The protocol's columns, `split`, and `path` (str) of the recording, or its URL.
    digest : str
        16 hexadecimal digits over protocol lines and recordings' bytes.
    left_out : dict of str to str
        File -> reason, of a partial corpus; empty for a whole one.
    """

    name: str
    folder: str
    trials: pd.DataFrame
    digest: str
    left_out: dict = field(default_factory=dict)

    def split(self, name):
        """The trials of one split, numbered from 0 in protocol order."""
        return self.trials[self.trials["split"] == name].reset_index(drop=True)

    def counts(self):
        """Trials by split and label: ``{"train": {"genuine": n, "spoof": n}, ...}``."""
        return count(self.trials)


def count(trials):
    """Trials by split and label, of a table with `split` and `label`."""
    return {
        split: {
            "genuine": int(((trials["split"] == split) & (trials["label"] == GENUINE)).sum()),
            "spoof": int(((trials["split"] == split) & (trials["label"] == SPOOF)).sum()),
        }
        for split in SPLITS
    }


def layout_of(name):
    """The layout of that name, or an InputError that lists them."""
    if name not in LAYOUTS:
        raise InputError(f"layout {name!r} is unknown; there are {', '.join(LAYOUTS)}")
    return LAYOUTS[name]


def read_trials(folder, layout):
    """All trials that the protocols list, whether their recordings are there or not.

    Parameters
    ----------
    folder : str or Path
        The corpus' folder or its URL; a relative folder starts at the project's folder.
    layout : str
        One of `LAYOUTS`.

    Returns
    -------
    pandas.DataFrame
        See `Corpus.trials`.

    Raises
    ------
    InputError
        The folder or a protocol is missing, a protocol is malformed, or the URL cannot
        be reached.
    """
    folder = places.absolute(folder)
    if not places.is_folder(folder):
        raise InputError(f"{folder}: no such folder; a corpus of layout {layout} is wanted")
    parts = []
    for split, (recordings, protocol) in layout_of(layout).items():
        if not places.exists(f"{folder}/{protocol}"):
            raise InputError(_missing_protocol(folder, protocol))
        part = read_protocol(f"{folder}/{protocol}")
        part["split"] = split
        part["path"] = _recordings(f"{folder}/{recordings}", part["file"])
        parts.append(part)
    trials = pd.concat(parts, ignore_index=True)
    twice = trials["trial"][trials["trial"].duplicated()]
    if len(twice):
        raise InputError(f"{folder}: trial {twice.iloc[0]!r} stands in two splits; each may stand in one")
    return trials


def _missing_protocol(folder, protocol):
    if any(places.exists(f"{folder}/{name}") for name in _VERSION_1):
        return (
            f"{folder}: holds ASVspoof 2017 Version 1 (no {protocol}); Version 2 is wanted, "
            "its numbers are never mixed with Version 1's"
        )
    if not places.listing(folder):
        return f"{folder}: the folder is empty; {protocol} is wanted in it"
    return f"{folder}/{protocol}: no such protocol file; a corpus keeps one for each split"


def _recordings(folder, files):
    if all(PurePosixPath(file).suffix for file in files):
        return [f"{folder}/{file}" for file in files]
    there = places.listing(folder)  # some protocols name trials, not files
    return [f"{folder}/{_file_of(file, there)}" for file in files]


def _file_of(name, there):
    if PurePosixPath(name).suffix:
        return name
    return next((name + ending for ending in (".wav", ".flac") if name + ending in there), f"{name}.wav")


def recordings_there(folder, layout):
    """What stands in the folders of the recordings, listed or not; one listing a split.

    Parameters
    ----------
    folder, layout : str
        As `read_trials` takes them, the folder absolute.

    Returns
    -------
    dict of str to (int, int or str)
        Path or URL -> size and mark, see `lib.files.places.listing`.
    """
    return {
        f"{folder}/{recordings}/{name}": about
        for recordings, _ in layout_of(layout).values()
        for name, about in places.listing(f"{folder}/{recordings}").items()
        if about
    }


def open_corpus(name, data, layout, *, left_out=None):
    """Open a corpus for work.

    Parameters
    ----------
    name : str
    data, layout
        As `read_trials` takes them.
    left_out : dict of str to str, optional
        Files (``split/name``) that are known to be unusable, and why. Without it
        every recording that a protocol lists has to be there.

    Returns
    -------
    Corpus

    Raises
    ------
    InputError
        See `read_trials`; or a recording is missing and not in `left_out`.
    """
    folder = places.absolute(data)
    trials = read_trials(folder, layout)
    if left_out:
        keys = trials["split"] + "/" + trials["file"]
        trials = trials[~keys.isin(left_out)].reset_index(drop=True)
    there = recordings_there(folder, layout)
    absent = [path for path in trials["path"] if path not in there]
    if absent:
        raise InputError(
            f"{folder}: {len(absent)} of {len(trials)} recordings that the protocols list are missing, "
            f"first {absent[0]}; see `study corpus`, or use the part there is with allow_partial"
        )
    for split in SPLITS:
        labels = set(trials["label"][trials["split"] == split])
        if labels != {0, 1}:
            raise InputError(f"{folder}: split {split} has no usable trials of both labels")
    digest = _digest(folder, trials, [there[path] for path in trials["path"]])
    return Corpus(name, folder, trials, digest, dict(left_out or {}))


def _digest(folder, trials, abouts):
    """Digest of protocol lines and recordings' bytes.

    Reading every byte of a large corpus takes seconds, so the digest is kept under a
    signature of paths, sizes and marks of change, and computed again when one differs.
    Where the corpus stands is no part of the digest: a copy elsewhere is the same corpus.
    """
    lines = trials.drop(columns="path").to_csv(index=False, sep="\t")
    place = folder if places.is_url(folder) else os.path.realpath(folder)
    signature = hashlib.blake2b(json.dumps([place, lines, abouts]).encode()).hexdigest()[:32]
    known = DIGESTS / signature
    if known.is_file():
        return known.read_text(encoding="ascii")
    total = hashlib.blake2b(lines.encode())
    for content in places.each(_content, trials["path"].tolist(), threads=4 + (os.cpu_count() or 1)):
        total.update(content)
    digest = total.hexdigest()[:16]
    if not all(mark for _, mark in abouts):  # a place that does not tell when a file was changed
        return digest
    with suppress(OSError):  # a checkout that cannot be written computes it each time
        DIGESTS.mkdir(parents=True, exist_ok=True)
        fresh = known.with_suffix(f".{os.getpid()}")
        fresh.write_text(digest, encoding="ascii")
        fresh.replace(known)
    return digest


def _content(path):
    try:
        return hashlib.blake2b(places.read(path)).digest()
    except OSError as error:
        raise InputError(f"{path}: the recording cannot be read ({error.strerror})") from None
