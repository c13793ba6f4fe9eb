"""Protocol files: which trials there are, and what is known of each."""

from pathlib import PurePosixPath

import pandas as pd

from lib.errors import InputError
from lib.files.text import read_text

SPOOF, GENUINE = 0, 1
LABEL_NAMES = ("spoof", "genuine")  # position = number
SPLITS = ("train", "dev", "eval")

# Columns of ASVspoof 2017 Version 2.0, in the order of its files.
COLUMNS = ("trial", "label", "speaker", "phrase", "environment", "playback", "recorder")
UNKNOWN = "-"

# Later corpora say "bonafide" for what ASVspoof 2017 calls "genuine".
LABELS = {"genuine": GENUINE, "bonafide": GENUINE, "bona-fide": GENUINE, "spoof": SPOOF}


def read_protocol(path):
    """Read one protocol file of ASVspoof 2017.

    Version 2 lines hold file, label, speaker, phrase, environment, playback and
    recorder, separated by white space; Version 1 files use the same order. A
    byte-order mark and Windows line ends are accepted, blank lines skipped.

    Parameters
    ----------
    path : str or Path
        A local file, or its URL.

    Returns
    -------
    pandas.DataFrame [one row a trial, in file order]
        Columns `trial` (file stem), `file` (as written), `label` (1 = genuine,
        0 = spoof), `speaker`, `phrase`, `environment`, `playback`, `recorder`
        (strings, ``-`` where the file says nothing).

    Raises
    ------
    InputError
        The file is missing, is not text or is empty; a line lacks a column, names
        an unknown label, repeats a trial or leaves the folder. The message names
        the file, the line, the value and the rule.
    """
    rows, lines_seen = [], {}
    for number, line in enumerate(read_text(path, "a protocol").splitlines(), 1):
        fields = line.split()
        if not fields:
            continue
        row = _parse(fields, f"{path}, line {number}")
        if row["trial"] in lines_seen:
            raise InputError(
                f"{path}, line {number}: trial {row['trial']!r} stands on line "
                f"{lines_seen[row['trial']]} already; each trial may stand once"
            )
        lines_seen[row["trial"]] = number
        rows.append(row)
    if not rows:
        raise InputError(f"{path}: holds no trial; a protocol has one line a trial")
    return pd.DataFrame(rows)


def _parse(fields, where):
    if len(fields) != len(COLUMNS):
        raise InputError(
            f"{where}: {len(fields)} columns in {' '.join(fields)!r}; a line has "
            f"{len(COLUMNS)}: file {' '.join(COLUMNS[1:])}"
        )
    row = dict(zip(COLUMNS, fields, strict=True))
    file = PurePosixPath(row["trial"])
    if "\\" in row["trial"] or file.is_absolute() or len(file.parts) != 1 or ".." in file.parts:
        raise InputError(f"{where}: file {row['trial']!r} leaves the folder; a plain file name is wanted")
    if row["label"].lower() not in LABELS:
        raise InputError(f"{where}: label {row['label']!r} is unknown; one of {', '.join(LABELS)} is wanted")
    suffix = file.suffix.lower() in {".wav", ".flac"}
    row["file"] = row["trial"]
    row["trial"] = file.stem if suffix else file.name
    row["label"] = LABELS[row["label"].lower()]
    return row
