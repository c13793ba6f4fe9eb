"""Protocol files and lists: which trials there are, and what is known of each."""

import csv
import os
from sys import intern

import pandas as pd

from lib.audio import ENDINGS
from lib.corpus.layouts import layouts
from lib.errors import InputError
from lib.files.places import read_text

SPOOF, GENUINE = 0, 1
LABEL_NAMES = ("spoof", "genuine")  # position = number
SPLITS = ("train", "dev", "eval")
UNKNOWN = "-"
LEFT_OUT = "hidden"  # of ASVspoof 2021: trials with silences cut, in no split


def _words(**meanings):
    return {word: meaning for meaning, words in meanings.items() for word in words.split()}


_KNOWN = ("speaker", "phrase", "environment", "playback", "recorder")  # columns that every table of trials has
# Later corpora use other words than ASVspoof 2017's "genuine" and "spoof".
LABELS = {"genuine": GENUINE, "bonafide": GENUINE, "bona-fide": GENUINE, "real": GENUINE, "spoof": SPOOF, "fake": SPOOF}
_SPLITS = _words(
    train="train training",
    dev="dev development val valid validation progress",
    eval="eval evaluation test testing",
    hidden=LEFT_OUT,
)
_MEANINGS = {"label": LABELS, "split": {**_SPLITS, UNKNOWN: UNKNOWN, "": UNKNOWN}}
_HEADER = _words(
    trial="path file file_name filename utterance utterance_id",
    label="key class",
    speaker="speaker_id spk",
    split="subset partition phase",
)


def read_protocol(path, columns=None):
    """Read one protocol file or list, a local file or a URL; one row a trial, in file order.

    Columns are separated by blanks, and are `columns` or those of the layout whose lines are like
    the first one; or by comma, semicolon or tab below a header, which names at least path and
    label. The table has `trial` (file without ending), `label` (1 = genuine, 0 = spoof), every
    other column as text, ``-`` if unknown, and `file`; `split` is ``train``, ``dev``, ``eval`` (or
    ``hidden``, ``-``). InputError names file, line and rule.
    """
    lines = read_text(path, "a protocol").splitlines()
    first = next((number for number, line in enumerate(lines) if line.strip()), None)
    if first is None:
        raise InputError(f"{path}: no trial: expected one line per trial")
    header, separator = _header(lines[first])
    if header:
        rows, columns = _separated(path, lines[first + 1 :], separator, first + 2), header
    else:
        rows = ((number, line.split()) for number, line in enumerate(lines, 1) if line.strip())
        columns = columns or _columns_like(lines[first].split()) or layouts()["asvspoof2017_v2"]["columns"].split()
    return _table(path, rows, columns, folders=bool(header))


def trial_name(file):
    """A file name without the ending of a recording, and without blanks, which separate the columns of score files."""
    for ending in ENDINGS:
        if file.lower().endswith(ending) and len(file) > len(ending):
            file = file[: -len(ending)]
            break
    return "_".join(file.split())


def table_of(files, /, *, label, **columns):
    """The table of trials of files: their labels, and what else is known of them, columns of text."""
    table = {"trial": list(map(trial_name, files)), "label": label}
    table |= {name: columns.pop(name, UNKNOWN) for name in _KNOWN}
    for name, column in columns.items():  # an attack or a codec called "bonafide" is none
        table[name] = [UNKNOWN if value.lower() in LABELS else value for value in column]
    return pd.DataFrame(table | {"file": files})


def _header(line):
    """The names of a header's columns and their separator; None, None if the line is none."""
    for separator in ",;\t":
        names = [name.strip().lower() for name in line.split(separator)]
        names = [_HEADER.get(name, name) for name in names]
        if {"trial", "label"} <= set(names):
            return names, separator
    return None, None


def _separated(path, lines, separator, start):
    reader = csv.reader(lines, delimiter=separator, strict=True)
    try:
        for fields in reader:
            if any(fields):
                yield start + reader.line_num - 1, [field.strip() for field in fields]
    except csv.Error as error:
        raise InputError(f"{path}, line {start + reader.line_num - 1}: not a list of values ({error})") from None


def _columns_like(fields):
    """The columns of the layout whose lines are as wide as this one, with the label in the same place."""
    for names in (layout["columns"].split() for layout in layouts().values() if "columns" in layout):
        if len(names) == len(fields) and fields[names.index("label")].lower() in LABELS:
            return names
    return None


def _table(path, rows, columns, *, folders):
    """The table of rows (number of the line, fields); with `folders` a file may be named with those it is in."""
    if len(set(columns)) < len(columns):
        raise InputError(f"{path}, line 1: a column stands twice in {', '.join(columns)}")
    values, numbers = {name: [] for name in columns}, {}
    for number, fields in rows:
        where = f"{path}, line {number}"
        if len(fields) != len(columns):
            expected = f"expected {len(columns)}, {' '.join(columns)}"
            expected += "" if folders else "; a list of another kind begins with a header that names path and label"
            raise InputError(f"{where}: {len(fields)} columns in {' '.join(fields)!r}: {expected}")
        row = dict(zip(columns, fields, strict=True))
        trial = trial_name(row["trial"])
        if numbers.setdefault(trial, number) != number:
            raise InputError(f"{where}: duplicate trial {trial!r}, first on line {numbers[trial]}")
        for name, words in _MEANINGS.items():
            if name in row and row[name].lower() not in words:
                rule = f"expected one of {', '.join(filter(str.isalpha, words))}"
                raise InputError(f"{where}: {name} {row[name]!r} is unknown: {rule}")
        for name, value in row.items():
            value = _MEANINGS[name][value.lower()] if name in _MEANINGS else intern(value) or UNKNOWN
            values[name].append(value)
    if not numbers:
        raise InputError(f"{path}: a header and no trial: expected one line per trial")
    return table_of(_inside(path, values.pop("trial"), numbers.values(), folders), **values)


def _inside(path, files, numbers, folders):
    """The files in their place below the folder of the recordings; absolute paths without what they have in common."""
    if folders and all(map(os.path.isabs, files)):
        here = os.path.dirname(path)
        if not all(file.startswith(f"{here}/") for file in files):
            here = os.path.commonpath(map(os.path.dirname, files))
        files = [os.path.relpath(file, here) for file in files]
    for file, number in zip(files, numbers, strict=True):
        parts = file.split("/")
        if "\\" in file or {"", ".."} & set(parts) or (len(parts) > 1 and not folders):
            rule = "a path below that of the list" if folders else "a plain file name"
            raise InputError(f"{path}, line {number}: file {file!r} leaves the folder: expected {rule}")
    return files
