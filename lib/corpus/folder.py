"""A corpus in its folder, on disk or at a URL: layout, trials and the digest of its content."""

import hashlib
import json
import os
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import PurePosixPath

import pandas as pd

from lib.audio import ENDINGS
from lib.corpus.protocol import LABEL_NAMES, SPLITS, read_protocol
from lib.errors import InputError
from lib.files import places
from lib.params import ROOT

# Layout -> split -> (folder of the recordings, protocol file).
_LAYOUTS = {
    "asvspoof2017_v2": {
        "train": ("ASVspoof2017_V2_train", "protocol_V2/ASVspoof2017_V2_train.trn.txt"),
        "dev": ("ASVspoof2017_V2_dev", "protocol_V2/ASVspoof2017_V2_dev.trl.txt"),
        "eval": ("ASVspoof2017_V2_eval", "protocol_V2/ASVspoof2017_V2_eval.trl.txt"),
    }
}
# What a folder of Version 1 holds, so that it is never mistaken for Version 2.
_VERSION_1 = ("protocol/ASVspoof2017_train.trn", "protocol/ASVspoof2017_train.trn.txt", "ASVspoof2017_train")

DIGESTS = ROOT / "data" / "digests"


@dataclass(frozen=True)
class Corpus:
    """The usable trials of a corpus; its name is the MLflow experiment of its runs."""

    name: str
    folder: str  # absolute, or a URL
    trials: pd.DataFrame  # the protocol's columns, `split`, and `path` or URL of the recording
    digest: str  # 16 hexadecimal digits over protocol lines and recordings' bytes
    left_out: dict = field(default_factory=dict)  # file -> reason, of a partial corpus

    def split(self, name):
        """The trials of one split, numbered from 0 in protocol order."""
        return self.trials[self.trials["split"] == name].reset_index(drop=True)

    def counts(self):
        """Trials by split and label: ``{"train": {"genuine": n, "spoof": n}, ...}``."""
        return count(self.trials)


def count(trials):
    """Trials by split and label, of a table with `split` and `label`."""
    numbers = trials.groupby(["split", "label"]).size()
    return {split: {LABEL_NAMES[label]: int(numbers.get((split, label), 0)) for label in (1, 0)} for split in SPLITS}


def layout_of(name):
    """Split -> (folder of the recordings, protocol file); InputError if the layout is unknown."""
    if name not in _LAYOUTS:
        raise InputError(f"layout {name!r} is unknown: expected one of {', '.join(_LAYOUTS)}")
    return _LAYOUTS[name]


def read_trials(folder, layout):
    """All trials that the protocols list, whether their recordings are there or not; see `Corpus.trials`."""
    folder = places.absolute(folder)
    if not places.is_folder(folder):
        raise InputError(f"{folder}: no such folder: expected a corpus of layout {layout}")
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
        raise InputError(f"{folder}: duplicate trial {twice.iloc[0]!r}, in two splits")
    return trials


def recordings_there(folder, layout):
    """Path or URL -> (size, mark) of every file in the folders of the recordings; see `lib.files.places.listing`."""
    folders = [f"{folder}/{recordings}" for recordings, _ in layout_of(layout).values()]
    return {f"{part}/{name}": about for part in folders for name, about in places.listing(part).items() if about}


def open_corpus(name, data, layout, *, left_out=None):
    """Open a corpus for work: ``open_corpus("demo", "data/demo", "asvspoof2017_v2")``.

    `data` is a folder (a relative one starts at the project's folder) or URL. `left_out` maps
    unusable files (``split/name``) to reasons; any other listed recording must exist.
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
            f"first {absent[0]}; see `study corpus`, or use the others with allow_partial"
        )
    for split in SPLITS:
        if set(trials["label"][trials["split"] == split]) != {0, 1}:
            raise InputError(f"{folder}: split {split} has no usable trials of both labels")
    digest = _digest(folder, trials, [there[path] for path in trials["path"]])
    return Corpus(name, folder, trials, digest, dict(left_out or {}))


def _missing_protocol(folder, protocol):
    if any(places.exists(f"{folder}/{name}") for name in _VERSION_1):
        return (
            f"{folder}: holds ASVspoof 2017 Version 1 (no {protocol}): expected Version 2, whose numbers are never "
            "mixed with those of Version 1"
        )
    if not places.listing(folder):
        return f"{folder}: the folder is empty: expected {protocol} in it"
    return f"{folder}/{protocol}: no such protocol file: a corpus has one for each split"


def _recordings(folder, files):
    """Paths of a protocol's files; some protocols name trials instead, whose ending is looked up."""
    bare = [file for file in files if not PurePosixPath(file).suffix]
    there = places.listing(folder) if bare else {}
    ending = {name: next((e for e in ENDINGS if name + e in there), ENDINGS[0]) for name in bare}
    return [f"{folder}/{file}{ending.get(file, '')}" for file in files]


def _digest(folder, trials, abouts):
    """Digest of protocol lines and recordings' bytes, kept under a signature of paths, sizes and marks of change."""
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
    if not all(mark for _, mark in abouts):  # a place without marks of change
        return digest
    with suppress(OSError):  # a read-only checkout computes it each time
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
