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

# Columns of ASVspoof 2017 Version 2.0, in the order of its files.
_COLUMNS = ("trial", "label", "speaker", "phrase", "environment", "playback", "recorder")
# Later corpora use "bonafide" for ASVspoof 2017's "genuine".
LABELS = {"genuine": GENUINE, "bonafide": GENUINE, "bona-fide": GENUINE, "spoof": SPOOF}


def read_protocol(path):
    """Read one protocol file of ASVspoof 2017, a local file or a URL.

    Lines hold file, label, speaker, phrase, environment, playback and recorder, separated
    by white space (Version 1 uses the same order). A byte-order mark, Windows line ends and
    blank lines are accepted.

    Returns
    -------
    pandas.DataFrame [one row a trial, in file order]
        `trial` (file stem), `file` (as written), `label` (1 = genuine, 0 = spoof),
        `speaker`, `phrase`, `environment`, `playback`, `recorder` (str, ``-`` if unknown).

    Raises
    ------
    InputError
        The file is missing, not text or empty; a line lacks a column, has an unknown label
        or a duplicate trial, or leaves the folder. The message names file, line and rule.
    """
    rows, lines_seen = [], {}
    for number, line in enumerate(read_text(path, "a protocol").splitlines(), 1):
        if not line.split():
            continue
        row = _parse(line.split(), f"{path}, line {number}")
        first = lines_seen.setdefault(row["trial"], number)
        if first != number:
            raise InputError(f"{path}, line {number}: duplicate trial {row['trial']!r}, first on line {first}")
        rows.append(row)
    if not rows:
        raise InputError(f"{path}: no trial: expected one line per trial")
    return pd.DataFrame(rows)


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
