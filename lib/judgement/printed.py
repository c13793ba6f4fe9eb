"""Reading a printed classification report or confusion matrix.

Numbers stay text, since their digits say how far they are rounded.
"""

import re
from decimal import Decimal
from typing import NamedTuple

import numpy as np

from lib.corpus.protocol import GENUINE, LABEL_NAMES, LABELS, SPOOF
from lib.errors import InputError

_CLASSES = LABELS | {"spoofed": SPOOF}
_ROWS = _CLASSES | {"accuracy": "accuracy", "micro": "accuracy", "macro": "macro", "weighted": "weighted"}
_TOKEN = re.compile(r"[A-Za-z][\w-]*|[-+−]?\.?\d[\w.,'+−-]*(?:\s?%)?")
_CELL = r"\s*([^][,\s]+)[,\s]+([^][,\s]+)\s*"
_BARE = re.compile(rf"\[\s*\[{_CELL}\][,\s]*\[{_CELL}\]\s*\]")  # as NumPy prints a matrix, or a list of lists
_LABELS = re.compile(r"(?:labels?|classes)\W{1,20}([a-z][\w-]{0,20})\W{1,20}([a-z][\w-]{0,20})")  # JSON's too
_STATED = re.compile(r"\b(?:labels?|classes)[\"']?[ \t]*[:=][^\na-z]{0,20}[a-z][^\n]{0,60}")  # in whatever words
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
    text = _WIDE.sub("", text)
    orders = ([_CLASSES.get(name) for name in labels.groups()] for labels in _LABELS.finditer(text.lower()))
    order = next((order for order in orders if sorted(order, key=str) == [SPOOF, GENUINE]), None)
    first, second = (LABEL_NAMES[label] for label in order or (SPOOF, GENUINE))
    text, bare = _BARE.subn(rf"\n{first} {second}\n{first} \1 \2\n{second} \3 \4\n", text)
    if bare and not order and (stated := _STATED.search(text.lower())):
        rule = "expected genuine and spoof in the order of the matrix, such as 'labels: genuine, spoof'"
        raise InputError(f"{source}: {stated[0].strip()!r} does not tell the order: {rule}")
    named = bool(order) or not bare
    columns, counts, numbers, supports, totals, wrong = None, {}, {}, {}, set(), []
    for number, line in enumerate(text.splitlines(), 1):
        tokens = [token.rstrip(",.'") for token in _TOKEN.findall(line)]
        where = source if bare else f"{source}, line {number}"  # bare matrices are rewritten, over more lines
        classes = [_CLASSES[token.lower()] for token in tokens if token.lower() in _CLASSES]
        cells = [token for token in tokens if _is_number(token) and not token.endswith("%")]
        if len(classes) == 2 and not cells and classes[0] != classes[1] and len(tokens) <= 6:
            columns = classes
        elif len(classes) == 1 and len(cells) == 2 and columns:
            name, found = LABEL_NAMES[classes[0]], [_count(cell, where, 0) for cell in cells]
            if name in counts:
                raise InputError(f"{where}: a second row for {name}: expected one matrix")
            if not any(found):
                raise InputError(f"{where}: {found} in the row of {name}: expected at least one trial")
            counts[name] = found if columns == [SPOOF, GENUINE] else found[::-1]
        else:
            row, shown, trials = _report_row(tokens, where)
            if row in supports:
                raise InputError(f"{where}: a second row for {tokens[0]!r}: expected one report")
            for key, printed in shown:
                (low, high), (least, most) = bounds(numbers.setdefault(key, printed)), bounds(printed)
                if min(high, most) - max(low, least) <= 1e-8:
                    wrong.append(f"a second {in_words(key, printed)}")
                else:
                    numbers[key] = max(numbers[key], printed, key=len)
            if row in (SPOOF, GENUINE):
                supports[row] = trials
                named &= tokens[0] not in ("0", "1")
            elif trials is not None:
                totals.add(trials)
    if len(counts) == 1 or len(supports) == 1 or not (counts or supports):
        names = [*counts, *(LABEL_NAMES[row] for row in supports)]
        there = f"only a row for {names[0]}" if names else "no row of a class with its numbers"
        raise InputError(f"{source}: {there}; {_RULE}")
    if any(("precision", label) not in numbers for label in supports):
        # scikit-learn leaves an undefined precision out of the averages.
        numbers = {key: printed for key, printed in numbers.items() if key[0] != "precision" or key[1] in supports}
    support = [supports[label] for label in (SPOOF, GENUINE)] if supports else []
    matrix = np.array([counts[name] for name in LABEL_NAMES]) if counts else None
    if counts:
        trials = matrix.sum(axis=1).tolist()
        wrong += [f"supports {support} beside a matrix of {trials}"] if support not in ([], trials) else []
        support = trials
    total = sum(support)
    wrong += [f"support of the averages {n:,}, of the classes {total:,}" for n in sorted(totals - {total})]
    return Printed(matrix, numbers, support, wrong, named)


def in_words(key, text):
    """A printed number, such as ``precision of spoof 0.92``."""
    column, row = key
    of = "" if column == row else f" of {LABEL_NAMES[row] if row in (SPOOF, GENUINE) else row + ' avg'}"
    return f"{column}{of} {text}"


def bounds(text):
    """Lowest and highest number that is printed so, with one decimal or more."""
    half = 0.5 * 10.0 ** -max(1, len(text.partition(".")[2])) + 1e-9
    return float(text) - half, float(text) + half


def _report_row(tokens, where):
    """Of a line of a report: its class or average, (column, row) -> text of its numbers, and the trials it names."""
    name, cells = (tokens[0].lower(), tokens[1:]) if tokens else ("", [])
    if cells and cells[0].lower() == "avg":
        del cells[0]
    if len(cells) > (2 if name == "accuracy" else 4) and cells[-1].endswith("%"):
        del cells[-1]  # the share beside the support
    row = _ROWS.get(name)
    if row is None and name in ("0", "1") and len(cells) == 4:
        row = int(name)
    if not cells or not all(map(_is_number, cells)) or (row is None and len(cells) != 4):
        return None, [], None
    if row is None:
        raise InputError(f"{where}: a row for {name[:30]!r}: expected classes genuine and spoof, and averages")
    if row == "accuracy":  # alone, before its support, or three times as micro average
        columns = ("accuracy",) * max(1, len(cells) - 1)
    elif len(cells) == 4:
        columns = ("precision", "recall", "f1")
    else:
        given = f"{len(cells)} numbers in {' '.join(cells)[:60]!r}"
        raise InputError(f"{where}: {given}: expected precision, recall, f1-score, support")
    pairs = zip(columns, cells, strict=False)
    defined = [pair for pair in pairs if (pair[0], pair[1].lower()) != ("precision", "nan")]
    numbers = [((column, row), _fraction(cell, where)) for column, cell in defined]
    most = _MOST if row in (SPOOF, GENUINE) else 2 * _MOST
    return row, numbers, _count(cells[-1], where, most=most) if len(cells) > 1 else None


def _is_number(token):
    return not token[0].isalpha() or token.lower() == "nan"


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
