"""The trials of a folder, on disk or at a URL, by its layout, missing splits made; and a corpus opened for work."""

import hashlib
import json
import os
from dataclasses import dataclass, field
from itertools import combinations
from unicodedata import normalize

import pandas as pd

from lib.audio import ENDINGS
from lib.corpus.protocol import HIDDEN, LABEL_NAMES, LAYOUTS, SPLITS, UNKNOWN, completed, read_protocol
from lib.errors import InputError
from lib.files import places
from lib.params import ROOT

DIGESTS = ROOT / "data" / "digests"
_OF_SPOOFS = ("playback", "recorder", "attack")  # what a genuine trial has none of
_FEW = 0.01  # share of a split that may stand in another one: no error rate moves by more
_SHARES = {"train": 3, "dev": 1, "eval": 1}
_SEED = 0  # another split is one's own, in the column `split` of a list


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


def open_corpus(name, data, layout, *, left_out=None):
    """Open a corpus for work: ``open_corpus("demo", "data/demo", "asvspoof2017_v2")``.

    `data` is a folder (relative ones start at the project's) or URL. `left_out` maps unusable files (``split/name``) to
    reasons; any other listed recording must exist. InputError for what is missing or stops a run.
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
    found = [*odd_labels(trials), *twice]
    for stops, sentence in found:
        if stops:
            raise InputError(f"{folder}: {sentence}")
    return Corpus(name, folder, trials, digest, left_out or {}, [*trials.attrs["notes"], *(text for _, text in found)])


def _content_of(folder, trials, abouts):
    """Digest of protocol lines and recordings' bytes, and their `copies`; kept where a changed file leaves a mark."""
    lines = trials.drop(columns="path").to_csv(index=False, sep="\t")

    def read():
        files, threads = trials["path"].tolist(), 4 + (os.cpu_count() or 1)
        contents = list(places.each(lambda file: hashlib.blake2b(places.read(file)).digest(), files, threads=threads))
        total = hashlib.blake2b(lines.encode() + b"".join(contents))
        return total.hexdigest()[:16], list(copies(trials, contents))

    if not all(mark for _, mark in abouts):
        return read()
    place = folder if places.is_url(folder) else os.path.realpath(folder)
    signature = hashlib.blake2b(json.dumps([place, lines, abouts]).encode()).hexdigest()[:32]
    return places.remembered(f"{DIGESTS}/{signature}.json", read)


def odd_labels(trials):
    """Genuine trials with a replay device or an attack, as pairs: whether they stop a run (as swapped), a sentence."""
    for column in (name for name in _OF_SPOOFS if name in trials):
        known = (trials[column] != UNKNOWN).groupby([trials["split"], trials["label"]])
        for split, part in known.agg(["sum", "size"]).groupby("split"):
            (n_spoof, spoof), (n_genuine, genuine) = part.droplevel(0).reindex([0, 1], fill_value=0).to_numpy().tolist()
            if n_genuine:
                text = f"{n_genuine:,} of {genuine:,} genuine trials of {split} have a {column}, {n_spoof:,} of"
                yield n_genuine * spoof >= n_spoof * genuine, f"{text} {spoof:,} spoof trials: are labels swapped?"


def copies(trials, digests):
    """Recordings that stand twice, by the digest of each trial's content (None: not read); pairs as `odd_labels`."""
    table = trials[["split", "label", "file"]].assign(digest=digests).dropna(subset="digest")
    table = table[table["digest"].duplicated(keep=False)]
    both = table[table.groupby("digest")["label"].transform("nunique") == 2]
    if len(both):
        pair = both[both["digest"] == both["digest"].iloc[0]].drop_duplicates("label")
        names = " and ".join(pair["split"] + "/" + pair["file"])
        yield True, f"{both['digest'].nunique():,} recordings stand as genuine and as spoof, first {names}"
    for first, second in combinations(SPLITS, 2):
        here, total = table[table["split"] == second], (trials["split"] == second).sum()
        twice = here.loc[here["digest"].isin(table.loc[table["split"] == first, "digest"]), "file"]
        if len(twice):
            text = f"{len(twice):,} of {total:,} recordings of {second} are copies of {first}'s"
            yield bool(len(twice) > _FEW * total), f"{text}, first {twice.iloc[0]}"


def count(trials):
    """Trials by split and label: ``{"train": {"genuine": n, "spoof": n}, ...}``."""
    numbers = trials.groupby(["split", "label"]).size()
    return {split: {LABEL_NAMES[label]: int(numbers.get((split, label), 0)) for label in (1, 0)} for split in SPLITS}


def protocol_of(folder, files):
    """The place of a protocol, under the first of its names that is there; None if there is none."""
    return next((f"{folder}/{name}" for name in files[1:] if places.exists(f"{folder}/{name}")), None)


def fitting(folder, *, of=all):
    """Names of the layouts of whose protocols, or folders, all (or any) are there."""
    found = []
    for name, layout in LAYOUTS.items():
        pairs = layout.get("folders", {}).values()
        there = [places.is_folder(f"{folder}/{part}") for pair in pairs for part in pair]
        there += [protocol_of(folder, files) is not None for files in layout.get("files", {}).values()]
        if of(there):
            found.append(name)
    return found


def read_trials(folder, layout):
    """All listed trials, whether their recordings are there or not, as `lib.corpus.Corpus.trials` has them."""
    folder, declared = places.absolute(folder), LAYOUTS[layout]
    if not places.is_folder(folder):
        raise InputError(f"{folder}: no such folder: expected a corpus of layout {layout}")
    parts = _in_folders(folder, declared["folders"]) if "folders" in declared else _listed(folder, layout, declared)
    trials = pd.concat(parts, ignore_index=True)
    if (again := trials["trial"].duplicated()).any():
        raise InputError(f"{folder}: duplicate trial {trials['trial'][again.idxmax()]!r}, in two protocols or folders")
    hidden = trials["split"] == HIDDEN
    trials, notes = _with_splits(folder, trials[~hidden].reset_index(drop=True))
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
            like = f"; the folder is like layout {others[0]} ({LAYOUTS[others[0]]['title']})" if others else ""
            raise InputError(f"{folder}/{files[1]}: no such protocol file, of layout {layout}{like}")
        part = read_protocol(protocol, declared.get("columns", "").split())
        if split != "all" or "split" not in part:
            part["split"] = split.replace("all", UNKNOWN)
        if (unknown := part["split"] == UNKNOWN).any() and not unknown.all():
            raise InputError(f"{protocol}: trial {part['trial'][unknown.idxmax()]} has no split, and others have one")
        place = f"{folder}/{files[0]}".removesuffix("/.")
        paths = [f"{place}/{file}" for file in part["file"]]
        bare = [path for path in paths if not path.lower().endswith(ENDINGS)]  # of protocols that name trials
        parents = dict.fromkeys(map(os.path.dirname, bare))
        there = {f"{parent}/{name}" for parent in parents for name, about in places.listing(parent).items() if about}
        endings = ("", *ENDINGS, *map(str.upper, ENDINGS))
        found = {path: next((path + e for e in endings if path + e in there), None) for path in bare}
        usual = {path: path if os.path.splitext(path)[1] else path + ENDINGS[0] for path in bare}  # if it is not there
        yield part.assign(path=[found.get(path, path) or usual[path] for path in paths])


def _in_folders(folder, folders):
    """A table for each split, of the recordings in its folders of genuine and of spoof ones."""
    for split, pair in folders.items():
        rows = [
            (f"{part}/{name}", label)
            for part, label in zip(pair, (1, 0), strict=True)
            for name in places.listing(f"{folder}/{part}")
            if name.lower().endswith(ENDINGS)
        ]
        if not rows:
            raise InputError(f"{folder}: no recording in {' or '.join(pair)}")
        part = completed(pd.DataFrame(rows, columns=["file", "label"]))
        yield part.assign(split=split, path=f"{folder}/" + part["file"])


def _with_splits(folder, trials):
    """Trials with all three splits, and sentences on those that were made, of whole speakers where they are known."""
    there = [split for split in SPLITS if (trials["split"] == split).any()]
    if len(there) == len(SPLITS):
        return trials, ()
    source = next((split for split in ("train", "eval", "dev") if split in there), UNKNOWN)  # what they are taken from
    rows, made = trials[trials["split"] == source], trials["split"].copy()
    into = [split for split in SPLITS if split not in there or split == source]
    speakers = rows["speaker"].nunique() if (rows["speaker"] != UNKNOWN).all() else 0
    made[rows.index] = _dealt(rows, [split for split in into for _ in range(_SHARES[split])], speakers)
    missing = ", ".join(split for split in into if split != source)
    for split in into:
        if trials["label"][made == split].nunique() < 2:
            dealt = f"{speakers:,} speakers" if speakers else f"{len(rows):,} trials"
            raise InputError(
                f"{folder}: no split {missing}, and it cannot be made: with {dealt} {split} lacks a label; "
                "a column `split` in a list decides it"
            )
    whole = "all trials" if source == UNKNOWN else f"the {source} that is there"
    how = f"by speaker ({speakers:,})" if speakers else "by trial, since speakers are unknown"
    sizes = ", ".join(f"{(made == split).sum():,} {split}" for split in into)
    note = f"No split {missing} in the corpus: made of {whole} {how}, seed {_SEED}: {sizes}."
    return trials.assign(split=made), (note,)


def _dealt(rows, parts, speakers):
    """The part of each trial, labels alike in all of them; the first part where there are too few trials."""
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    found = rows["split"].replace(UNKNOWN, parts[0])
    if min(speakers or len(rows), *(sum(rows["label"] == label) for label in (0, 1))) >= len(parts):
        kind = StratifiedGroupKFold if speakers else StratifiedKFold
        groups = rows["speaker"] if speakers else None
        folds = kind(len(parts), shuffle=True, random_state=_SEED).split(rows, rows["label"], groups)
        for part, (_, members) in zip(parts, folds, strict=True):
            found.iloc[members] = part
    return found


def with_recordings(trials):
    """The trials, found in any Unicode normalisation; path -> (size, mark), of `places.listing`, of all files there."""
    folders = dict.fromkeys(os.path.dirname(path) for path in trials["path"])
    there = {f"{part}/{name}": about for part in folders for name, about in places.listing(part).items() if about}
    alike = {normalize("NFC", path): path for path in there}
    paths = [path if path in there else alike.get(normalize("NFC", path), path) for path in trials["path"]]
    if renamed := sum(trials["path"] != paths):
        note = f"{renamed:,} recordings are named in another Unicode normalisation than the protocols have."
        trials = trials.assign(path=paths)
        trials.attrs["notes"] += (note,)
    return trials, there
