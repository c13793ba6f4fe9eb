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

KNOWN = ("speaker", "phrase", "environment", "playback", "recorder")  # columns that every table of trials has
# Later corpora use other words than ASVspoof 2017's "genuine" and "spoof".
LABELS = {
    **dict.fromkeys(("genuine", "bonafide", "bona-fide", "real"), GENUINE),
    **dict.fromkeys(("spoof", "fake"), SPOOF),
}
LEFT_OUT = "hidden"  # of ASVspoof 2021: trials with silences cut, in no split
_SPLIT_WORDS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("dev", "development", "val", "valid", "validation", "progress"), "dev"),
    **dict.fromkeys(("eval", "evaluation", "test", "testing"), "eval"),
    **{LEFT_OUT: LEFT_OUT, UNKNOWN: UNKNOWN, "": UNKNOWN},
}
_HEADER = {
    **dict.fromkeys(("path", "file", "file_name", "filename", "utterance", "utterance_id"), "trial"),
    **dict.fromkeys(("key", "class"), "label"),
    **dict.fromkeys(("speaker_id", "spk"), "speaker"),
    **dict.fromkeys(("subset", "partition", "phase"), "split"),
}


def read_protocol(path, columns=None):
    """Read one protocol file or list, a local file or a URL; one row a trial, in file order.

    Lines separated by blanks hold `columns`, those of the layout of `params/layouts.yaml` whose
    lines are like the first one without them; comma, semicolon or tab separate the columns of a
    list with a header, which names at least path and label.

    `trial` (file without ending), `file` (as written), `label` (1 = genuine, 0 = spoof), and
    every other column as text, ``-`` if unknown; `split` as ``train``, ``dev``, ``eval`` (or
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
    table = _table(path, rows, columns, folders=bool(header))
    if table.empty:
        raise InputError(f"{path}: a header and no trial: expected one line per trial")
    return table


def trial_name(file):
    """A file name without the ending of a recording."""
    for ending in ENDINGS:
        if file.lower().endswith(ending) and len(file) > len(ending):
            return file[: -len(ending)]
    return file


def of_files(path, files):
    """The table of trials of files (file -> label) that no protocol lists, but the folders at `path`."""
    rows = enumerate(([file, LABEL_NAMES[label]] for file, label in files.items()), 1)
    return _table(path, rows, ["trial", "label"], folders=True)


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
    values, words = {name: [] for name in columns}, {"label": LABELS, "split": _SPLIT_WORDS}
    numbers, at = {}, columns.index("trial")
    for number, fields in rows:
        if len(fields) != len(columns):
            raise InputError(
                f"{path}, line {number}: {len(fields)} columns in {' '.join(fields)!r}: expected {len(columns)}, "
                f"{' '.join(columns)}"
            )
        first = numbers.setdefault(_trial(fields[at]), number)
        if first != number:
            raise InputError(f"{path}, line {number}: duplicate trial {_trial(fields[at])!r}, first on line {first}")
        for (name, column), value in zip(values.items(), fields, strict=True):
            if name in words:
                known = words[name]
                if value.lower() not in known:
                    rule = f"expected one of {', '.join(filter(str.isalpha, known))}"
                    raise InputError(f"{path}, line {number}: {name} {value!r} is unknown: {rule}")
                value = known[value.lower()]
            column.append(value if name == "label" else intern(value) or UNKNOWN)
    files = _inside(path, values.pop("trial"), numbers.values(), folders)
    table = {"trial": [_trial(file) for file in files], "label": values.pop("label")}
    table |= {name: values.pop(name, UNKNOWN) for name in KNOWN}
    for name, column in values.items():  # an attack or a codec called "bonafide" is none
        table[name] = [UNKNOWN if value.lower() in LABELS else value for value in column]
    return pd.DataFrame(table | {"file": files})


def _trial(file):
    """The trial's name: score files have blanks between their columns."""
    return "_".join(trial_name(file).split())


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
