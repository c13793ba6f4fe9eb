"""Reading a printed classification report or confusion matrix.

Numbers stay text, since their digits say how far they are rounded.
"""

import json
import re
from decimal import Decimal
from typing import NamedTuple

import numpy as np

from lib.corpus.protocol import GENUINE, LABEL_NAMES, SPOOF
from lib.errors import InputError

_CLASSES = {
    **dict.fromkeys(("genuine", "bonafide", "bona-fide", "real"), GENUINE),
    **dict.fromkeys(("spoof", "spoofed", "fake"), SPOOF),
}
_AVERAGES = {"accuracy": "accuracy", "micro": "accuracy", "macro": "macro", "weighted": "weighted"}
_COLUMNS = ("precision", "recall", "f1")
_TOKEN = re.compile(r"[A-Za-z][\w-]*|[-+−]?\.?\d[\w.,'+−-]*(?:\s?%)?")
_CELL = r"\s*([^][,\s]+)[,\s]+([^][,\s]+)\s*"
_BARE = re.compile(rf"\[\s*\[{_CELL}\][,\s]*\[{_CELL}\]\s*\]")  # as NumPy prints a matrix, or a list of lists
_WIDE = re.compile(r"(?<=\d)[\u00a0\u2009\u202f](?=\d{3}\b)")  # spaces between thousands
_RULE = (
    "expected scikit-learn's classification report, or two rows (truth) of two counts (decisions) under a line that "
    "names the columns, or as NumPy prints them; classes are genuine (or bonafide) and spoof"
)
_MOST = 2_000_000  # trials of a class; their number decides time and memory


class Printed(NamedTuple):
    """What a text says; classes in the order spoof, genuine."""

    matrix: np.ndarray | None  # rows truth, columns decision
    numbers: dict  # (column, class or average) -> text
    support: list
    wrong: list  # what contradicts the rest before any arithmetic
    named: bool  # False where the order of the classes is scikit-learn's


def read(text, source):
    """The `Printed` of a text; InputError names source, line, value and rule."""
    text, bare = _BARE.subn(r"spoof genuine\nspoof \1 \2\ngenuine \3 \4", _without_json(_WIDE.sub("", text), source))
    lines = [
        (f"{source}, line {number}", [token.rstrip(",.'") for token in tokens])
        for number, line in enumerate(text.splitlines(), 1)
        if (tokens := _TOKEN.findall(line))
    ]
    found = _report(lines, source, _matrix(lines, source))
    return found._replace(named=found.named and not bare)


def in_words(key, text):
    """A printed number, such as ``precision of spoof 0.92``."""
    column, row = key
    of = "" if column == row else f" of {LABEL_NAMES[row] if row in (SPOOF, GENUINE) else row + ' avg'}"
    return f"{column}{of} {text}"


def bounds(text):
    """Lowest and highest number that is printed so, with one decimal or more."""
    half = 0.5 * 10.0 ** -max(1, len(text.partition(".")[2])) + 1e-9
    return float(text) - half, float(text) + half


def _without_json(text, source):
    """A matrix in JSON, as the runs keep it, as labelled lines; other text as it is."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return text
    if isinstance(content, list):
        return text
    try:
        (first, second), (upper, lower) = content["labels"], content["matrix"]
        named = {_CLASSES[str(name).lower()] for name in (first, second)}
        if len(named) == len(upper) == len(lower) == 2:
            return "\n".join(" ".join(map(str, row)) for row in ((first, second), (first, *upper), (second, *lower)))
    except (KeyError, TypeError, ValueError):
        pass
    raise InputError(
        f"{source}: JSON without 'labels' (genuine and spoof) and 'matrix' (2 x 2 counts, rows truth); {_RULE}"
    )


def _matrix(lines, source):
    """The 2 x 2 matrix of a text, or None; shares in percent beside its counts are left out."""
    columns, rows = None, {}
    for where, tokens in lines:
        classes = [_CLASSES[token.lower()] for token in tokens if token.lower() in _CLASSES]
        cells = _counted(filter(_is_number, tokens))
        if len(classes) == 2 and not cells and classes[0] != classes[1] and len(tokens) <= 6:
            columns = classes
        elif len(classes) == 1 and len(cells) == 2 and columns:
            label = LABEL_NAMES[classes[0]]
            if label in rows:
                raise InputError(f"{where}: a second row for {label}: expected one matrix")
            counts = dict(zip(columns, (_count(cell, where, 0) for cell in cells), strict=True))
            rows[label] = [counts[SPOOF], counts[GENUINE]]
            if not any(rows[label]):
                raise InputError(f"{where}: {rows[label]} in the row of {label}: expected at least one trial")
    if len(rows) == 1:
        raise InputError(f"{source}: only a row for {next(iter(rows))}; {_RULE}")
    return np.array([rows[label] for label in LABEL_NAMES]) if rows else None


def _report(lines, source, matrix):
    """The `Printed` of a report, beside a matrix or alone."""
    numbers, support, seen, totals, wrong, named = {}, [0, 0], {}, set(), [], True
    for where, tokens in lines:
        row, cells = _row(tokens, where)
        if not cells or (matrix is not None and row in (SPOOF, GENUINE) and len(_counted(cells)) == 2):
            continue
        if row in seen:
            raise InputError(f"{where}: a second row for {tokens[0]!r} after {seen[row]}: expected one report")
        for key, text in _keyed(row, cells, where):
            before = numbers.setdefault(key, text)
            if not _agree(before, text):
                wrong.append(f"a second {in_words(key, text)}")
            elif len(text) > len(before):
                numbers[key] = text
        if row in (SPOOF, GENUINE):
            seen[row] = where.removeprefix(f"{source}, ")
            named &= tokens[0] not in ("0", "1")
            support[row] = _count(cells[-1], where)
        elif len(cells) > 1:
            totals.add(_count(cells[-1], where, most=2 * _MOST))
    if len(seen) == 1 or not (seen or matrix is not None):
        there = f"only a row for {LABEL_NAMES[min(seen)]} ({min(seen.values())})" if seen else "no row"
        raise InputError(f"{source}: {there} of a class with its numbers; {_RULE}")
    if any(("precision", label) not in numbers for label in seen):
        # scikit-learn leaves an undefined precision out of the averages.
        numbers = {key: text for key, text in numbers.items() if key[0] != "precision" or key[1] in seen}
    if matrix is not None:
        rows = matrix.sum(1).tolist()
        wrong += [f"supports {support} beside a matrix of {rows}"] if seen and support != rows else []
        support = rows
    total = sum(support)
    wrong += [f"support of the averages {n:,}, of the classes {total:,}" for n in sorted(totals - {total})]
    return Printed(matrix, numbers, support, wrong, named)


def _row(tokens, where):
    """The class or average of a line, and its numbers; none where it is neither."""
    name, cells = tokens[0].lower(), tokens[1:]
    if cells and cells[0].lower() == "avg":
        del cells[0]
    row = _CLASSES.get(name, _AVERAGES.get(name))
    if len(cells) > (2 if name == "accuracy" else 4) and cells[-1].endswith("%"):
        del cells[-1]  # the share beside the support
    if not all(map(_is_number, cells)):
        return row, []
    if row is None and len(cells) == 4:
        if name not in ("0", "1"):
            raise InputError(f"{where}: a row for {name[:30]!r}: expected classes genuine and spoof, and averages")
        row = int(name)
    return row, cells if row is not None else []


def _keyed(row, cells, where):
    """(column, row) and text of each number of a row."""
    if row == "accuracy":  # alone, before its support, or three times as micro average
        return [((row, row), _fraction(cell, where)) for cell in cells[: max(1, len(cells) - 1)]]
    if len(cells) != 4:
        given = f"{len(cells)} numbers in {' '.join(cells)[:60]!r}"
        raise InputError(f"{where}: {given}: expected precision, recall, f1-score, support")
    first = int(cells[0].lower() == "nan")  # an undefined precision
    return [((_COLUMNS[n], row), _fraction(cells[n], where)) for n in range(first, 3)]


def _agree(first, second):
    """Whether one number may be printed both ways."""
    (low, high), (least, most) = bounds(first), bounds(second)
    return min(high, most) - max(low, least) > 1e-8


def _is_number(token):
    return not token[0].isalpha() or token.lower() == "nan"


def _counted(cells):
    """Numbers without the shares in percent beside them."""
    return [cell for cell in cells if not cell.endswith("%")]


def _fraction(token, where):
    text = token
    if re.fullmatch(r"(?a:\d{1,3}(\.\d{1,9})?\s?%)", token):
        text = format(Decimal(token[:-1].strip()).scaleb(-2), "f")
    if not re.fullmatch(r"(?a:0|0?\.\d{1,18}|1(\.0{1,18})?)", text):
        raise InputError(f"{where}: {token[:30]!r} is not a fraction: expected a number from 0 to 1, or percent to 100")
    return text


def _count(token, where, least=1, most=_MOST):
    found = re.fullmatch(r"(?a:(\d{1,9}|\d{1,3}(?:[,'_]\d{3}){1,2})(?:\.0*)?)", token)
    number = int(re.sub("[,'_]", "", found[1])) if found else -1
    if not least <= number <= most:
        rule = f"expected a whole number from {least} to {most:,}"
        raise InputError(f"{where}: {token[:30]!r} is not a number of trials: {rule}")
    return number
