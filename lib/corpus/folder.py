"""A corpus opened for work: its usable trials, the digest of its content, and what in it is wrong but plausible."""

import hashlib
import json
import os
from dataclasses import dataclass, field
from itertools import combinations

import pandas as pd

from lib.corpus.protocol import SPLITS, UNKNOWN
from lib.corpus.trials import count, read_trials, with_recordings
from lib.errors import InputError
from lib.files import places
from lib.params import ROOT

DIGESTS = ROOT / "data" / "digests"
_OF_SPOOFS = ("playback", "recorder", "attack")  # what a genuine trial has none of
_FEW = 0.01  # share of a split that may stand in another one: no error rate moves by more


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
