"""A corpus on disk: its layout, its trials and the digest of its content."""

import hashlib
import json
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from lib.corpus.protocol import GENUINE, SPLITS, SPOOF, read_protocol
from lib.errors import InputError
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
    folder : Path
    trials : pandas.DataFrame [one row a trial]
        The protocol's columns, `split`, and `path` (str) of the recording.
    digest : str
        16 hexadecimal digits over protocol lines and recordings' bytes.
    left_out : dict of str to str
        File -> reason, of a partial corpus; empty for a whole one.
    """

    name: str
    folder: Path
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

    Returns
    -------
    pandas.DataFrame
        See `Corpus.trials`.

    Raises
    ------
    InputError
        The folder or a protocol is missing, or a protocol is malformed.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; a corpus of layout {layout} is wanted")
    parts = []
    for split, (recordings, protocol) in layout_of(layout).items():
        if not (folder / protocol).exists():
            raise InputError(_missing_protocol(folder, protocol))
        part = read_protocol(folder / protocol)
        part["split"] = split
        part["path"] = [str(_recording(folder / recordings, file)) for file in part["file"]]
        parts.append(part)
    trials = pd.concat(parts, ignore_index=True)
    twice = trials["trial"][trials["trial"].duplicated()]
    if len(twice):
        raise InputError(f"{folder}: trial {twice.iloc[0]!r} stands in two splits; each may stand in one")
    return trials


def _missing_protocol(folder, protocol):
    if any((folder / name).exists() for name in _VERSION_1):
        return (
            f"{folder}: holds ASVspoof 2017 Version 1 (no {protocol}); Version 2 is wanted, "
            "its numbers are never mixed with Version 1's"
        )
    if not any(folder.iterdir()):
        return f"{folder}: the folder is empty; {protocol} is wanted in it"
    return f"{folder / protocol}: no such protocol file; a corpus keeps one for each split"


def _recording(folder, file):
    if Path(file).suffix:
        return folder / file
    for ending in (".wav", ".flac"):  # some protocols name trials, not files
        if (folder / (file + ending)).exists():
            return folder / (file + ending)
    return folder / (file + ".wav")


def open_corpus(name, data, layout, *, left_out=None):
    """Open a corpus for work.

    Parameters
    ----------
    name : str
    data : str or Path
        The corpus' folder; a relative one starts at the project's folder.
    layout : str
        One of `LAYOUTS`.
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
    folder = ROOT / Path(data).expanduser()
    trials = read_trials(folder, layout)
    if left_out:
        keys = trials["split"] + "/" + trials["file"]
        trials = trials[~keys.isin(left_out)].reset_index(drop=True)
    sizes = [_stat(path) for path in trials["path"]]
    absent = [path for path, stat in zip(trials["path"], sizes, strict=True) if stat is None]
    if absent:
        raise InputError(
            f"{folder}: {len(absent)} of {len(trials)} recordings that the protocols list are missing, "
            f"first {absent[0]}; see `study corpus`, or use the part there is with allow_partial"
        )
    for split in SPLITS:
        labels = set(trials["label"][trials["split"] == split])
        if labels != {0, 1}:
            raise InputError(f"{folder}: split {split} has no usable trials of both labels")
    return Corpus(name, folder, trials, _digest(folder, trials, sizes), dict(left_out or {}))


def _stat(path):
    try:
        stat = os.stat(path)
    except OSError:
        return None
    return stat.st_size, stat.st_mtime_ns


def _digest(folder, trials, stats):
    """Digest of protocol lines and recordings' bytes.

    Reading every byte of a large corpus takes seconds, so the digest is kept under a
    signature of paths, sizes and times of change, and computed again when one differs.
    """
    lines = trials.drop(columns="path").to_csv(index=False, sep="\t")
    signature = hashlib.blake2b(json.dumps([str(folder.resolve()), lines, stats]).encode()).hexdigest()[:32]
    known = DIGESTS / signature
    if known.is_file():
        return known.read_text(encoding="ascii")
    with ThreadPoolExecutor() as pool:
        contents = pool.map(_content, trials["path"], chunksize=64)
        total = hashlib.blake2b(lines.encode())
        for content in contents:
            total.update(content)
    digest = total.hexdigest()[:16]
    with suppress(OSError):  # a checkout that cannot be written computes it each time
        DIGESTS.mkdir(parents=True, exist_ok=True)
        fresh = known.with_suffix(f".{os.getpid()}")
        fresh.write_text(digest, encoding="ascii")
        fresh.replace(known)
    return digest


def _content(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "blake2b").digest()
