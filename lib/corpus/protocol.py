"""Protocol files: which trials there are, and what is known of each."""

from pathlib import PurePosixPath

import pandas as pd

from lib.audio import ENDINGS
from lib.errors import InputError
from lib.files.places import read_text

SPOOF, GENUINE = 0, 1
LABEL_NAMES = ("spoof", "genuine")  # position = number
SPLITS = ("train", "dev", "eval")
UNKNOWN = "-"

_COLUMNS = ("trial", "label", "speaker", "phrase", "environment", "playback", "recorder")  # of ASVspoof 2017, V1 and V2
# Later corpora use "bonafide" for ASVspoof 2017's "genuine".
LABELS = {"genuine": GENUINE, "bonafide": GENUINE, "bona-fide": GENUINE, "spoof": SPOOF}


def read_protocol(path):
    """Read one protocol file of ASVspoof 2017, a local file or a URL; one row a trial, in file order.

    `trial` (file stem), `file` (as written), `label` (1 = genuine, 0 = spoof), and the other
    columns as text, ``-`` if unknown. InputError names file, line and rule.
    """
    rows = {}  # trial -> number of its line, and its row
    for number, line in enumerate(read_text(path, "a protocol").splitlines(), 1):
        if not line.split():
            continue
        row = _parse(line.split(), f"{path}, line {number}")
        first, _ = rows.setdefault(row["trial"], (number, row))
        if first != number:
            raise InputError(f"{path}, line {number}: duplicate trial {row['trial']!r}, first on line {first}")
    if not rows:
        raise InputError(f"{path}: no trial: expected one line per trial")
    return pd.DataFrame([row for _, row in rows.values()])


def trial_name(file):
    """A file name without the ending of a recording."""
    for ending in ENDINGS:
        if file.lower().endswith(ending) and len(file) > len(ending):
            return file[: -len(ending)]
    return file


def _parse(fields, where):
    if len(fields) != len(_COLUMNS):
        raise InputError(
            f"{where}: {len(fields)} columns in {' '.join(fields)!r}: expected {len(_COLUMNS)}, "
            f"file {' '.join(_COLUMNS[1:])}"
        )
    row = dict(zip(_COLUMNS, fields, strict=True))
    file = row["trial"]
    if "\\" in file or file == ".." or PurePosixPath(file).name != file:
        raise InputError(f"{where}: file {file!r} leaves the folder: expected a plain file name")
    if row["label"].lower() not in LABELS:
        raise InputError(f"{where}: label {row['label']!r} is unknown: expected one of {', '.join(LABELS)}")
    return row | {"trial": trial_name(file), "label": LABELS[row["label"].lower()], "file": file}
