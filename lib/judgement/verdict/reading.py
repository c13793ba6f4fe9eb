"""Reading what people paste: classification reports and confusion matrices."""

import json
import re

import numpy as np

from lib.corpus.protocol import GENUINE, LABEL_NAMES, SPOOF
from lib.errors import InputError

_CLASSES = {
    **dict.fromkeys(("genuine", "bonafide", "bona-fide", "real"), GENUINE),
    **dict.fromkeys(("spoof", "spoofed", "fake"), SPOOF),
}
_AVERAGES = {"accuracy": "accuracy", "micro": "accuracy", "macro": "macro", "weighted": "weighted"}
COLUMNS = ("precision", "recall", "f1")
_TOKEN = re.compile(r"[A-Za-z][A-Za-z0-9_-]*|[-+]?(?:\d[\d,]*)?\.?\d+%?")
_RULE = (
    "wanted is scikit-learn's classification report, or two rows (truth) of two counts (answers) under a line that "
    "names the columns; classes are genuine (or bonafide) and spoof"
)


def split_reports(text):
    """The classification reports that stand in a longer text, each on its own.

    Returns
    -------
    list of (str, str)
        Title and text. The title has the heading above the report and the first caption
        below it that begins with "Figure" and no earlier report took.
    """
    found, heading, waiting = [], "", []
    for line in text.splitlines():
        tokens = _TOKEN.findall(line)
        if re.match(r"\s*Figure\s", line) and waiting:
            waiting.pop(0)["caption"] = line.strip()
        elif "report" in (token.lower() for token in tokens) and "classification" in line.lower():
            heading = line.strip(" =#*\t")
        elif _is_row(tokens, _CLASSES):
            if not found or len(found[-1]["classes"]) == 2:
                found.append({"heading": heading, "caption": "", "classes": [], "lines": []})
                waiting.append(found[-1])
            found[-1]["classes"].append(tokens[0])
            found[-1]["lines"].append(line)
        elif found and _is_row(tokens, _AVERAGES):
            found[-1]["lines"].append(line)
    return [(" · ".join(filter(None, (f["caption"], f["heading"]))), "\n".join(f["lines"])) for f in found]


def read_report(text, source):
    """The numbers that a report prints.

    Returns
    -------
    dict
        (column, class or average) -> (number, printed digits); ``accuracy`` the same
        way; ``support`` [spoof, genuine]; ``total``, the trials of the averages.

    Raises
    ------
    InputError
        A class is missing or stands twice, or a cell is no number of its kind.
    """
    printed, lines = {"support": [0, 0]}, {}
    for number, line in enumerate(text.splitlines(), 1):
        where = f"{source}, line {number}"
        tokens = _TOKEN.findall(line)
        name = tokens[0].lower() if tokens else ""
        if _is_row(tokens, _CLASSES):
            label = _CLASSES[name]
            if label in lines:
                raise InputError(
                    f"{where}: a second row for {name!r} after line {lines[label]}; one report at a time is wanted"
                )
            lines[label] = number
            printed |= _cells(tokens[1:], label, where)
            printed["support"][label] = _count(tokens[-1], where)
        elif _is_row(tokens, _AVERAGES) and not (_AVERAGES[name] in printed or ("recall", name) in printed):
            numbers = [token for token in tokens[1:] if _is_number(token)]
            if name in ("accuracy", "micro"):
                printed["accuracy"] = _fraction(numbers[0], where)
            else:
                printed |= _cells(numbers, name, where)
            printed["total"] = _count(numbers[-1], where)
    if len(lines) < 2:
        there = f"only a row for {LABEL_NAMES[next(iter(lines))]} (line {min(lines.values())})" if lines else "no row"
        raise InputError(f"{source}: {there} of a class with its numbers; {_RULE}")
    return printed


def _is_row(tokens, names):
    """Whether a line is one of these names, or two words, and then nothing but numbers."""
    if len(tokens) < 3 or tokens[0].lower() not in names:
        return False
    numbers = tokens[2:] if tokens[1].lower() == "avg" else tokens[1:]
    return len(numbers) > 1 and all(_is_number(token) for token in numbers)


def _is_number(token):
    return not token[0].isalpha()


def _cells(tokens, row, where):
    if len(tokens) != 4:
        raise InputError(
            f"{where}: {len(tokens)} numbers in {' '.join(tokens)!r}; precision, recall, f1-score, support are wanted"
        )
    return {(column, row): _fraction(token, where) for column, token in zip(COLUMNS, tokens, strict=False)}


def _fraction(token, where):
    try:
        value = float(token)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise InputError(f"{where}: {token!r} is no fraction; numbers from 0 to 1 are wanted")
    return value, len(token.partition(".")[2])


def _count(token, where):
    digits = token.replace(",", "")
    if not digits.isdecimal() or int(digits) == 0:
        raise InputError(f"{where}: {token!r} is no number of trials; a whole number above 0 is wanted")
    return int(digits)


def read_matrix(text, source):
    """A confusion matrix, labelled or as JSON; None when the text holds none.

    Returns
    -------
    list of list of int [shape=(2, 2)] or None
        Rows truth, columns answer, spoof first.

    Raises
    ------
    InputError
        A row is missing, stands twice or holds no trial; a cell is no count.
    """
    return _json_matrix(text, source) or _labelled_matrix(text, source)


def _json_matrix(text, source):
    """The matrix of a JSON file as the runs keep it, or None when the text is no JSON object."""
    try:
        content = json.loads(text)
    except ValueError:
        return None
    try:
        order = [_CLASSES[str(name).lower()] for name in content["labels"]]
        matrix = np.array(content["matrix"])
        if sorted(order) != [SPOOF, GENUINE] or matrix.shape != (2, 2) or matrix.dtype.kind != "i":
            raise ValueError
    except (KeyError, TypeError, ValueError):
        raise InputError(
            f"{source}: JSON without 'labels' (genuine and spoof) and 'matrix' (2 x 2 counts, rows truth); {_RULE}"
        ) from None
    return _checked_matrix(matrix[np.ix_(np.argsort(order), np.argsort(order))].tolist(), source)


def _labelled_matrix(text, source):
    """A labelled 2 x 2 matrix, or None when the text holds none."""
    columns, rows = None, {}
    for number, line in enumerate(text.splitlines(), 1):
        where = f"{source}, line {number}"
        tokens = _TOKEN.findall(line)
        named = [_CLASSES[token.lower()] for token in tokens if token.lower() in _CLASSES]
        numbers = [token for token in tokens if _is_number(token)]
        if len(named) == 2 and not numbers and named[0] != named[1] and len(tokens) <= 6:
            columns = named
        elif len(named) == 1 and len(numbers) == 2 and columns:
            if named[0] in rows:
                raise InputError(f"{where}: a second row for {LABEL_NAMES[named[0]]}; one matrix is wanted")
            rows[named[0]] = dict(zip(columns, (_cell(token, where) for token in numbers), strict=True))
    if not rows:
        return None
    if len(rows) < 2:
        raise InputError(f"{source}: only a row for {LABEL_NAMES[next(iter(rows))]}; {_RULE}")
    return _checked_matrix([[rows[truth][said] for said in (SPOOF, GENUINE)] for truth in (SPOOF, GENUINE)], source)


def _cell(token, where):
    digits = token.replace(",", "")
    if not digits.isdecimal():
        raise InputError(f"{where}: {token!r} is no count; whole numbers of trials are wanted, not shares")
    return int(digits)


def _checked_matrix(matrix, source):
    for label, row in zip(LABEL_NAMES, matrix, strict=True):
        if min(row) < 0 or sum(row) == 0:
            raise InputError(f"{source}: {row} in the row of {label}; counts of at least one trial are wanted")
    return matrix
