"""A corpus in its folder, on disk or at a URL: layout, trials and the digest of its content."""

import hashlib
import json
import os
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import PurePosixPath

import pandas as pd

from lib.audio import ENDINGS
from lib.corpus import doubts, splits
from lib.corpus.layouts import fitting, layout_of, protocol_of
from lib.corpus.protocol import LABEL_NAMES, LEFT_OUT, SPLITS, UNKNOWN, of_files, read_protocol
from lib.errors import InputError
from lib.files import places
from lib.params import ROOT

DIGESTS = ROOT / "data" / "digests"


@dataclass(frozen=True)
class Corpus:
    """The usable trials of a corpus; its name is the MLflow experiment of its runs."""

    name: str
    folder: str  # absolute, or a URL
    trials: pd.DataFrame  # the protocol's columns, `split`, and `path` or URL of the recording
    digest: str  # 16 hexadecimal digits over protocol lines and recordings' bytes
    left_out: dict = field(default_factory=dict)  # file -> reason, of a partial corpus
    notes: list = field(default_factory=list)  # sentences on splits that were made and on what is odd

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


def read_trials(folder, layout):
    """All trials that the protocols list, whether their recordings are there or not; see `Corpus.trials`.

    Splits that are missing are made; ``attrs["notes"]`` says so.
    """
    folder, declared = places.absolute(folder), layout_of(layout)
    if not places.is_folder(folder):
        raise InputError(f"{folder}: no such folder: expected a corpus of layout {layout}")
    parts = _in_folders(folder, declared["folders"]) if "folders" in declared else _listed(folder, layout, declared)
    trials = pd.concat(parts, ignore_index=True)
    twice = trials["trial"][trials["trial"].duplicated()]
    if len(twice):
        raise InputError(f"{folder}: duplicate trial {twice.iloc[0]!r}, in two splits")
    hidden = trials["split"] == LEFT_OUT
    trials, notes = splits.complete(folder, trials[~hidden].reset_index(drop=True))
    if hidden.any():
        notes += (f"{hidden.sum():,} trials of hidden sets are left out.",)
    trials.attrs["notes"] = notes
    return trials


def _listed(folder, layout, declared):
    """A table for each protocol."""
    for split, files in declared["files"].items():
        protocol = protocol_of(folder, files)
        if protocol is None:
            raise InputError(_missing_protocol(folder, layout, files[1]))
        part = read_protocol(protocol, declared.get("columns", "").split())
        if split != "all" or "split" not in part:
            part["split"] = split.replace("all", UNKNOWN)
        if (unknown := part["split"] == UNKNOWN).any() and not unknown.all():
            raise InputError(f"{protocol}: trial {part['trial'][unknown.idxmax()]} has no split, and others have one")
        part["path"] = _recordings(f"{folder}/{files[0]}".removesuffix("/."), part["file"])
        yield part


def _in_folders(folder, folders):
    """A table for each split, of the recordings in its folders of genuine and of spoof ones."""
    for split, pair in folders.items():
        names = [[f"{part}/{name}" for name in places.listing(f"{folder}/{part}")] for part in pair]
        files = {file: label for label, several in zip((1, 0), names, strict=True) for file in several}
        files = {file: label for file, label in files.items() if file.lower().endswith(ENDINGS)}
        if not files:
            raise InputError(f"{folder}: no recording in {' or '.join(pair)}")
        yield of_files(folder, files).assign(split=split, path=[f"{folder}/{file}" for file in files])


def recordings_there(trials):
    """Path or URL -> (size, mark) of every file in the folders of the recordings; see `lib.files.places.listing`."""
    folders = dict.fromkeys(os.path.dirname(path) for path in trials["path"])
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
    there = recordings_there(trials)
    absent = [path for path in trials["path"] if path not in there]
    if absent:
        raise InputError(
            f"{folder}: {len(absent)} of {len(trials)} recordings that the protocols list are missing, "
            f"first {absent[0]}{why_not(absent[0])}; see `study corpus`, or use the others with allow_partial"
        )
    for split in SPLITS:
        if set(trials["label"][trials["split"] == split]) != {0, 1}:
            raise InputError(f"{folder}: split {split} has no usable trials of both labels")
    digest, twice = _content_of(folder, trials, [there[path] for path in trials["path"]])
    found = [*doubts.of_labels(trials), *twice]
    for stops, sentence in found:
        if stops:
            raise InputError(f"{folder}: {sentence}")
    return Corpus(name, folder, trials, digest, left_out or {}, [*trials.attrs["notes"], *(text for _, text in found)])


def why_not(path):
    """Why a path that is there is no recording: a pipe or device would never end."""
    return ": not a regular file" if os.path.lexists(path) else ""


def _missing_protocol(folder, layout, protocol):
    if not places.listing(folder):
        return f"{folder}: the folder is empty: expected {protocol} in it"
    others = [other for other in fitting(folder, of=any) if other != layout]
    like = f"; the folder is like layout {others[0]} ({layout_of(others[0])['title']})" if others else ""
    return f"{folder}/{protocol}: no such protocol file, of layout {layout}{like}"


def _recordings(folder, files):
    """Paths of a protocol's files; some protocols name trials instead, whose ending is looked up."""
    bare = [file for file in files if not PurePosixPath(file).suffix]
    there = places.listing(folder) if bare else {}
    ending = {name: next((e for e in ENDINGS if name + e in there), ENDINGS[0]) for name in bare}
    return [f"{folder}/{file}{ending.get(file, '')}" for file in files]


def _content_of(folder, trials, abouts):
    """Digest of protocol lines and recordings' bytes, and what their contents tell (`doubts.of_contents`).

    Kept under a signature of paths, sizes and marks of change.
    """
    lines = trials.drop(columns="path").to_csv(index=False, sep="\t")
    place = folder if places.is_url(folder) else os.path.realpath(folder)
    signature = hashlib.blake2b(json.dumps([place, lines, abouts]).encode()).hexdigest()[:32]
    known = DIGESTS / f"{signature}.json"
    with suppress(OSError, ValueError):
        return json.loads(known.read_text(encoding="utf-8"))
    contents = list(places.each(_content, trials["path"].tolist(), threads=4 + (os.cpu_count() or 1)))
    total = hashlib.blake2b(lines.encode())
    for content in contents:
        total.update(content)
    found = total.hexdigest()[:16], list(doubts.of_contents(trials, contents))
    if not all(mark for _, mark in abouts):  # a place without marks of change
        return found
    with suppress(OSError):  # a read-only checkout computes it each time
        DIGESTS.mkdir(parents=True, exist_ok=True)
        fresh = known.with_suffix(f".{os.getpid()}")
        fresh.write_text(json.dumps(found), encoding="utf-8")
        fresh.replace(known)
    return found


def _content(path):
    try:
        return hashlib.blake2b(places.read(path)).digest()
    except OSError as error:
        raise InputError(f"{path}: the recording cannot be read ({error.strerror})") from None
