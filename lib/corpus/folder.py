"""A corpus in its folder, on disk or at a URL: layout, trials and the digest of its content."""

import hashlib
import json
import os
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from unicodedata import normalize

import pandas as pd

from lib.audio import ENDINGS
from lib.corpus import doubts, splits
from lib.corpus.layouts import fitting, layouts, protocol_of
from lib.corpus.protocol import GENUINE, LABEL_NAMES, LEFT_OUT, SPLITS, SPOOF, UNKNOWN, read_protocol, table_of
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
    folder, declared = places.absolute(folder), layouts()[layout]
    if not places.is_folder(folder):
        raise InputError(f"{folder}: no such folder: expected a corpus of layout {layout}")
    parts = _in_folders(folder, declared["folders"]) if "folders" in declared else _listed(folder, layout, declared)
    trials = pd.concat(parts, ignore_index=True)
    if (again := trials["trial"].duplicated()).any():
        raise InputError(f"{folder}: duplicate trial {trials['trial'][again.idxmax()]!r}, in two protocols or folders")
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
            others = [other for other in fitting(folder, of=any) if other != layout]
            like = f"; the folder is like layout {others[0]} ({layouts()[others[0]]['title']})" if others else ""
            raise InputError(f"{folder}/{files[1]}: no such protocol file, of layout {layout}{like}")
        part = read_protocol(protocol, declared.get("columns", "").split())
        if split != "all" or "split" not in part:
            part["split"] = split.replace("all", UNKNOWN)
        if (unknown := part["split"] == UNKNOWN).any() and not unknown.all():
            raise InputError(f"{protocol}: trial {part['trial'][unknown.idxmax()]} has no split, and others have one")
        place = f"{folder}/{files[0]}".removesuffix("/.")
        bare = [file for file in part["file"] if not PurePosixPath(file).suffix]  # of protocols that name trials
        there = places.listing(place) if bare else {}
        ending = {name: next((e for e in ENDINGS if name + e in there), ENDINGS[0]) for name in bare}
        yield part.assign(path=[f"{place}/{file}{ending.get(file, '')}" for file in part["file"]])


def _in_folders(folder, folders):
    """A table for each split, of the recordings in its folders of genuine and of spoof ones."""
    for split, pair in folders.items():
        names = [(f"{part}/{name}", label) for part, label in zip(pair, (GENUINE, SPOOF), strict=True)
                 for name in places.listing(f"{folder}/{part}") if name.lower().endswith(ENDINGS)]  # fmt: skip
        if not names:
            raise InputError(f"{folder}: no recording in {' or '.join(pair)}")
        files, labels = zip(*names, strict=True)
        yield table_of(files, label=labels).assign(split=split, path=[f"{folder}/{file}" for file in files])


def with_recordings(trials):
    """The trials, and path or URL -> (size, mark) of every file in their folders; see `lib.files.places.listing`.

    A recording whose name is there in another Unicode normalisation only is taken, and ``attrs["notes"]`` says so.
    """
    folders = dict.fromkeys(os.path.dirname(path) for path in trials["path"])
    there = {f"{part}/{name}": about for part in folders for name, about in places.listing(part).items() if about}
    alike = {normalize("NFC", path): path for path in there}
    paths = [path if path in there else alike.get(normalize("NFC", path), path) for path in trials["path"]]
    if renamed := sum(trials["path"] != paths):
        note = f"{renamed:,} recordings are named in another Unicode normalisation than the protocols have."
        trials = trials.assign(path=paths)
        trials.attrs["notes"] += (note,)
    return trials, there


def open_corpus(name, data, layout, *, left_out=None):
    """Open a corpus for work: ``open_corpus("demo", "data/demo", "asvspoof2017_v2")``.

    `data` is a folder (a relative one starts at the project's folder) or URL. `left_out` maps
    unusable files (``split/name``) to reasons; any other listed recording must exist.
    """
    folder = places.absolute(data)
    trials, there = with_recordings(read_trials(folder, layout))
    trials = trials[~(trials["split"] + "/" + trials["file"]).isin(left_out or {})].reset_index(drop=True)
    absent = [path for path in trials["path"] if path not in there]
    if absent:
        raise InputError(
            f"{folder}: {len(absent)} of {len(trials)} recordings that the protocols list are missing, first "
            f"{absent[0]}; see `study corpus`, or use the others with allow_partial"
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


def _content_of(folder, trials, abouts):
    """Digest of protocol lines and recordings' bytes, and what their contents tell (`doubts.of_contents`).

    Kept under a signature of paths, sizes and marks of change, where there are marks.
    """
    lines = trials.drop(columns="path").to_csv(index=False, sep="\t")

    def read():
        contents = list(places.each(_content, trials["path"].tolist(), threads=4 + (os.cpu_count() or 1)))
        total = hashlib.blake2b(lines.encode() + b"".join(contents))
        return total.hexdigest()[:16], list(doubts.of_contents(trials, contents))

    if not all(mark for _, mark in abouts):
        return read()
    place = folder if places.is_url(folder) else os.path.realpath(folder)
    signature = hashlib.blake2b(json.dumps([place, lines, abouts]).encode()).hexdigest()[:32]
    return places.remembered(f"{DIGESTS}/{signature}.json", read)


def _content(path):
    try:
        return hashlib.blake2b(places.read(path)).digest()
    except OSError as error:
        raise InputError(f"{path}: the recording cannot be read ({error.strerror})") from None
