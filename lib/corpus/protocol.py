"""Protocol files and lists: which trials there are, and what is known of each. Their words: params/words.yaml."""

import csv
import os
import re
from sys import intern

import pandas as pd

from lib.audio import ENDINGS
from lib.errors import InputError
from lib.files.places import read_text
from lib.params import read_table
from lib.params.paths import is_url

LAYOUTS = read_table("layouts")  # name -> its declaration
SPOOF, GENUINE = 0, 1
LABEL_NAMES = ("spoof", "genuine")  # position = number
SPLITS = ("train", "dev", "eval")
UNKNOWN = "-"
HIDDEN = "hidden"  # of ASVspoof 2021: trials with silences cut, in no split
WORDS = {
    kind: {word: meaning for meaning, words in meanings.items() for word in words.split()}
    for kind, meanings in read_table("words").items()
}
LABELS = {word: LABEL_NAMES.index(name) for word, name in WORDS["labels"].items()}
_MEANINGS = {"label": LABELS, "split": {**WORDS["splits"], UNKNOWN: UNKNOWN, "": UNKNOWN}}
_KNOWN = ("speaker", "phrase", "environment", "playback", "recorder")  # columns that every table of trials has
_ENDING = re.compile(rf"(?<=.)(?:{'|'.join(map(re.escape, ENDINGS))})\Z", re.IGNORECASE | re.DOTALL)


def read_protocol(path, columns=None):
    """Read one protocol file or list, a local file or a URL; one row a trial, in file order.

    Columns are separated by blanks, and are `columns` or those of the layout with such lines; or by comma, semicolon or
    tab below a header, which names at least path and label. The table has `trial` (file without ending), `label`
    (1 = genuine, 0 = spoof), every other column as text, ``-`` if unknown, and `file`; `split` is one of `SPLITS`,
    ``hidden`` or ``-``. InputError names file, line and rule.
    """
    table, header = read_list(path, columns)
    return completed(table.replace("", UNKNOWN).assign(file=_inside(path, table["file"], header)))


def read_list(path, columns=None):
    """A protocol or list as `table_of` makes it, its files as they are written; and whether it has a header."""
    lines = read_text(path, "a protocol").splitlines()
    start = next((number for number, line in enumerate(lines) if line.strip()), None)
    if start is None:
        raise InputError(f"{path}: no trial: expected one line per trial")
    header, separator = _header(lines[start])
    if header:
        start, columns, hint = start + 1, header, ""
    else:
        columns = columns or _columns_like(lines[start].split()) or LAYOUTS["asvspoof2017_v2"]["columns"].split()
        hint = "; a list of another kind begins with a header that names path and label"
    rows = fields_of(path, lines[start:], separator, start + 1)
    return table_of(path, rows, columns, _MEANINGS, hint), bool(header)


def fields_of(path, lines, separator, start=1):
    """Number (the first is `start`) and fields of each line that is not empty; without a separator blanks are it."""
    if separator is None:
        for number, line in enumerate(lines, start):
            if fields := line.split():
                yield number, list(map(intern, fields))
        return
    reader = csv.reader(lines, delimiter=separator, strict=True)
    try:
        for fields in reader:
            if any(fields):
                yield start + reader.line_num - 1, [intern(field.strip()) for field in fields]
    except csv.Error as error:
        where = f"{path}, line {start + reader.line_num - 1}"
        raise InputError(f"{where}: not a list of values between {separator!r} ({error})") from None


def table_of(path, rows, columns, meanings, hint=""):
    """The table of rows (number of the line, fields) by that number; `meanings`: column -> word -> what it means."""
    named = list(filter(None, columns))
    if len(set(named)) < len(named):
        raise InputError(f"{path}: a column stands twice in {', '.join(named)}")
    numbers, values = [], []
    for number, fields in rows:
        if len(fields) != len(columns):
            expected = f"expected {len(columns)}, {' '.join(columns)}{hint}"
            raise InputError(f"{path}, line {number}: {len(fields)} columns in {' '.join(fields)!r}: {expected}")
        numbers.append(number)
        values.append(fields)
    if not numbers:
        raise InputError(f"{path}: a header and no trial: expected one line per trial")
    table = pd.DataFrame(values, numbers, columns)[named]
    table = table.assign(file=table["trial"], trial=table["trial"].map(trial_name))
    for number, trial in table["trial"][table["trial"].duplicated()].head(1).items():
        first = table.index[table["trial"] == trial][0]
        raise InputError(f"{path}, line {number}: duplicate trial {trial!r}, first on line {first}")
    for name, words in meanings.items():
        if name in table:
            meant = table[name].str.lower().map(words)
            for number, word in table[name][meant.isna()].head(1).items():
                known = ", ".join(word for word in words if word.strip(UNKNOWN))
                raise InputError(f"{path}, line {number}: {name} {word!r} is unknown: expected one of {known}")
            table[name] = meant
    return table


def trial_name(file):
    """A file name without the ending of a recording, and without blanks, which separate the columns of score files."""
    return "_".join(_ENDING.sub("", file).split())


def completed(table):
    """A table of files, labels and what else is known, with every column that a table of trials has."""
    others = table.columns.drop(["trial", "label", "file", *_KNOWN], errors="ignore")
    for name in others:  # an attack or a codec called "bonafide" is none
        table[name] = table[name].mask(table[name].str.lower().isin(LABELS), UNKNOWN)
    table = table.assign(trial=table["file"].map(trial_name)).reset_index(drop=True)
    return table.reindex(columns=["trial", "label", *_KNOWN, *others, "file"], fill_value=UNKNOWN)


def _header(line):
    """The names of a header's columns and their separator; None, None if the line is none."""
    for separator in ",;\t":
        names = [name.strip(' "').lower() for name in line.split(separator)]
        names = [WORDS["lists"].get(name, name) for name in names]
        if {"trial", "label"} <= set(names):
            return names, separator
    return None, None


def _columns_like(fields):
    """The columns of the layout whose lines are as wide as this one, with the label in the same place."""
    for names in (layout["columns"].split() for layout in LAYOUTS.values() if "columns" in layout):
        if len(names) == len(fields) and fields[names.index("label")].lower() in LABELS:
            return names
    return None


def _inside(path, files, folders):
    """The files, by lines, in their place below the folder of the recordings; with `folders` they may name theirs."""
    if folders and files.map(os.path.isabs).all():  # without what they have in common
        here = os.path.dirname(path if is_url(path) else os.path.abspath(path))
        if not files.str.startswith(f"{here}/").all():
            here = os.path.commonpath(map(os.path.dirname, files))
        files = files.map(lambda file: os.path.relpath(file, here))
    for number, file in files.items():
        parts = file.split("/")
        if "\\" in file or {"", ".."} & set(parts) or (len(parts) > 1 and not folders):
            rule = "a path below that of the list" if folders else "a plain file name"
            raise InputError(f"{path}, line {number}: file {file!r} leaves the folder: expected {rule}")
    return list(files)
