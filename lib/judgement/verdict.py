"""What a printed classification report or confusion matrix proves.

A report rounds to a few digits and states the number of trials of each class. Only so many
pairs of right counts (spoof, genuine) round to what is printed, and everything else follows
from them. The ROC of any scores is monotone, so the EER lies between FAR and FRR. Matrices
have rows for the truth and columns for the decision, spoof first.
"""

import json
import re

import numpy as np

from lib.corpus.protocol import GENUINE, LABEL_NAMES, SPOOF
from lib.errors import InputError
from lib.metrics.measures import from_counts

_CLASSES = {
    **dict.fromkeys(("genuine", "bonafide", "bona-fide", "real"), GENUINE),
    **dict.fromkeys(("spoof", "spoofed", "fake"), SPOOF),
}
_AVERAGES = {"accuracy": "accuracy", "micro": "accuracy", "macro": "macro", "weighted": "weighted"}
_COLUMNS = ("precision", "recall", "f1")
_TOKEN = re.compile(r"[A-Za-z][A-Za-z0-9_-]*|[-+]?(?:\d[\d,'_]*)?\.?\d+(?:\s?%)?")
_RULE = (
    "expected scikit-learn's classification report, or two rows (truth) of two counts (decisions) under a line that "
    "names the columns; classes are genuine (or bonafide) and spoof"
)
_MOST = 10_000_000  # trials of a class; their number decides time and memory


def verdict(text, *, source="text"):
    """What a printed report or matrix proves; `source` names the text in messages.

    `text` is one classification report as scikit-learn prints it, in any order, case and
    spacing; or a line with both class names for the columns (decisions), then for each class
    (truth) a line with its name and two counts; or a matrix as JSON, as runs keep it.

    Returns, of the counts nearest to the printed recalls and as fractions, `matrix`, `accuracy`,
    `balanced_accuracy`, `mcc`, `constant_accuracy` (majority-class baseline), `far`, `frr`;
    `candidates`, how many pairs of counts fit, and `ranges`, lowest and highest value over them;
    `eer_bracket` and `auc_bracket`, which hold for all of them; `consistent`, and
    `contradictions`, what does not fit the rest; `n_genuine`, `n_spoof`, `kind` (report or
    matrix), `findings`, sentences. InputError names source, line, value and rule.

    Examples
    --------
    >>> verdict("spoof genuine\\nspoof 8 2\\ngenuine 1 3")["eer_bracket"]
    [0.2, 0.25]
    """
    matrix = _matrix(text, source)
    if matrix is None:
        result = _of_report(*_read_report(text, source))
    else:
        right = matrix.diagonal()
        result = {"kind": "matrix", "candidates": 1, "consistent": True, "contradictions": []}
        result |= _judged(right, right[np.newaxis], matrix.sum(1))
    return result | {"findings": _findings(result)}


def describe_verdict(result):
    """A verdict as a page of text."""
    (ss, sg), (gs, gg) = result["matrix"]
    low, high = result["eer_bracket"]
    lines = [
        f"{'truth':10}{'as spoof':>12}{'as genuine':>14}",
        f"{'spoof':10}{ss:12,}{sg:14,}",
        f"{'genuine':10}{gs:12,}{gg:14,}",
        "",
    ]
    names = {"accuracy": "accuracy", "majority class": "constant_accuracy", "balanced accuracy": "balanced_accuracy"}
    lines += [f"{name:20}{100 * result[key]:7.2f} %{_range(result, key, 100)}" for name, key in names.items()]
    lines.append(f"{'MCC':20}{result['mcc']:7.3f}  {_range(result, 'mcc', 1)}")
    lines.append(f"{'EER between':20}{100 * low:7.2f} % and {100 * high:.2f} %")
    return "\n".join([line.rstrip() for line in lines] + ["", *(f"- {finding}" for finding in result["findings"])])


def _range(result, key, factor):
    low, high = (factor * end for end in result["ranges"][key])
    digits = 2 if factor == 100 else 3
    return "" if low == high else f"   ({low:.{digits}f} to {high:.{digits}f} within the rounding)"


# -- reading what people paste


def _lines(text, source):
    """Place, words and numbers of each line."""
    for number, line in enumerate(text.splitlines(), 1):
        yield f"{source}, line {number}", _TOKEN.findall(line)


def _is_number(token):
    return not token[0].isalpha() or token.lower() == "nan"


def _read_report(text, source):
    """Printed numbers (column, class or average) -> text, the support [spoof, genuine], and what contradicts it."""
    printed, support, lines, totals, wrong = {}, [0, 0], {}, set(), []
    for where, tokens in _lines(text, source):
        name, numbers = " ".join(tokens[:1]).lower(), tokens[1:]
        if numbers and numbers[0].lower() == "avg":
            del numbers[0]
        if len(numbers) < 2 or not all(map(_is_number, numbers)):
            continue
        if name in _CLASSES:
            label = _CLASSES[name]
            if label in lines:
                raise InputError(f"{where}: a second row for {name!r} after {lines[label]}: expected one report")
            lines[label] = where.removeprefix(f"{source}, ")
            printed |= _cells(numbers, label, where)
            support[label] = _count(numbers[-1], where)
        elif name in _AVERAGES:
            row = _AVERAGES[name]
            cells = _cells(numbers, row, where) if row != "accuracy" else {(row, row): _fraction(numbers[0], where)}
            wrong += [f"a second {_named(key, cell)}" for key, cell in cells.items() if printed.get(key, cell) != cell]
            printed = cells | printed
            totals.add(_count(numbers[-1], where))
    if len(lines) < 2:
        there = f"only a row for {LABEL_NAMES[min(lines)]} ({min(lines.values())})" if lines else "no row"
        raise InputError(f"{source}: {there} of a class with its numbers; {_RULE}")
    if any(("precision", label) not in printed for label in (SPOOF, GENUINE)):
        # scikit-learn leaves an undefined precision out of the averages.
        printed = {key: text for key, text in printed.items() if key[0] != "precision" or key[1] in (SPOOF, GENUINE)}
    total = sum(support)
    wrong += [f"support of the averages {n:,}, of the classes {total:,}" for n in sorted(totals - {total})]
    return printed, support, wrong


def _cells(tokens, row, where):
    if len(tokens) != 4:
        raise InputError(
            f"{where}: {len(tokens)} numbers in {' '.join(tokens)!r}: expected precision, recall, f1-score, support"
        )
    names = _COLUMNS[1:] if tokens[0].lower() == "nan" else _COLUMNS  # an undefined precision
    return {(name, row): _fraction(token, where) for name, token in zip(names, tokens[-1 - len(names) :], strict=False)}


def _fraction(token, where):
    if not re.fullmatch(r"0|0?\.\d+|1(\.0+)?", token):
        raise InputError(f"{where}: {token[:30]!r} is not a fraction: expected a number from 0 to 1")
    return token


def _count(token, where, least=1):
    digits = re.sub(r"[,'_]|\.0+$", "", token)
    if not digits.isdecimal() or len(digits) > 20 or not least <= int(digits) <= _MOST:
        rule = f"expected a whole number from {least} to {_MOST:,}"
        raise InputError(f"{where}: {token[:30]!r} is not a number of trials: {rule}")
    return int(digits)


def _matrix(text, source):
    """The 2 x 2 matrix of a text, or None; shares in percent beside its counts are left out."""
    columns, rows = None, {}
    for where, tokens in _lines(_without_json(text, source), source):
        named = [_CLASSES[token.lower()] for token in tokens if token.lower() in _CLASSES]
        numbers = [token for token in tokens if _is_number(token) and not token.endswith("%")]
        if len(named) == 2 and not numbers and named[0] != named[1] and len(tokens) <= 6:
            columns = named
        elif len(named) == 1 and len(numbers) == 2 and columns:
            label = LABEL_NAMES[named[0]]
            if label in rows:
                raise InputError(f"{where}: a second row for {label}: expected one matrix")
            counts = dict(zip(columns, (_count(token, where, 0) for token in numbers), strict=True))
            rows[label] = [counts[SPOOF], counts[GENUINE]]
            if not any(rows[label]):
                raise InputError(f"{where}: {rows[label]} in the row of {label}: expected at least one trial")
    if len(rows) == 1:
        raise InputError(f"{source}: only a row for {next(iter(rows))}; {_RULE}")
    return np.array([rows[label] for label in LABEL_NAMES]) if rows else None


def _without_json(text, source):
    """A matrix in JSON, as the runs keep it, as labelled lines; other text as it is."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
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


# -- the counts behind printed numbers


def _value(key, right, support, undefined):
    """A number of a report from right counts (spoof, genuine); more of either never lowers it.

    `undefined` is the precision of a class that is never decided for.
    """
    column, row = key
    if column == "accuracy":
        return (right[SPOOF] + right[GENUINE]) / sum(support)
    if row in ("macro", "weighted"):
        weights = support if row == "weighted" else (1, 1)
        parts = [weights[label] * _value((column, label), right, support, undefined) for label in (SPOOF, GENUINE)]
        return sum(parts) / sum(weights)
    if column == "recall":
        return right[row] / support[row]
    decided = right[row] + support[1 - row] - right[1 - row]
    if column == "f1":
        return 2 * right[row] / (decided + support[row])
    return np.where(decided > 0, right[row] / np.maximum(decided, 1), undefined)


def _bounds(text):
    """Lowest and highest number that is printed so, with one decimal or more."""
    half = 0.5 * 10.0 ** -max(1, len(text.partition(".")[2])) + 1e-9
    return float(text) - half, float(text) + half


def _allowed(printed, support, along):
    """Right counts of a class that its recall allows; for each other number lowest and highest of the other class."""
    pairs = [(printed["recall", label], printed.get(("precision", label), "0")) for label in (SPOOF, GENUINE)]
    undefined = float(any(float(recall) == 0 and float(precision) == 1 for recall, precision in pairs))
    low, high = _bounds(printed["recall", along])
    counts = np.arange(support[along] + 1)
    counts = counts[(counts / support[along] >= low) & (counts / support[along] <= high)]
    most = support[1 - along]

    def first(key, least):  # count of the other class from which a number is at least that, by bisection
        start, end = np.zeros_like(counts), np.full_like(counts, most + 1)
        for _ in range(int(most + 1).bit_length()):
            middle = (start + end) // 2
            right = (counts, middle) if along == SPOOF else (middle, counts)
            there = (start >= end) | (_value(key, right, support, undefined) >= least)
            start, end = np.where(there, start, middle + 1), np.where(there, middle, end)
        return start

    bounds = {key: _bounds(text) for key, text in printed.items() if key != ("recall", along)}
    return counts, {
        key: (first(key, low), first(key, np.nextafter(high, 2)) - 1) for key, (low, high) in bounds.items()
    }


def _fitting(counts, allowed, without=None):
    """Rows of a count, and lowest and highest of the other class, that all numbers allow [shape=(rows, 3)]."""
    lows, highs = zip(*(ends for key, ends in allowed.items() if key != without), strict=True)
    low, high = np.max(lows, axis=0), np.min(highs, axis=0)
    return np.stack([counts, low, high], axis=1)[low <= high]


def _blamed(printed, support):
    """Printed numbers without any one of which the rest fits, such as ``precision of spoof 0.92``."""
    both = [_allowed(printed, support, along) for along in (SPOOF, GENUINE)]
    for key, text in printed.items():
        if len(_fitting(*both[GENUINE if key == ("recall", SPOOF) else SPOOF], without=key)):
            yield _named(key, text)


def _named(key, text):
    column, row = key
    of = "" if column == row else f" of {LABEL_NAMES[row] if row in (SPOOF, GENUINE) else row + ' avg'}"
    return f"{column}{of} {text}"


# -- what follows from counts


def _of_report(printed, support, wrong):
    found = _fitting(*_allowed(printed, support, SPOOF))
    candidates = int((found[:, 2] - found[:, 1] + 1).sum())
    target = np.array([float(printed["recall", label]) for label in (SPOOF, GENUINE)]) * support
    if not candidates:  # the recalls alone
        wrong = [*_blamed(printed, support), *wrong]
        found = np.rint(target).astype(np.int64)[np.newaxis, [SPOOF, GENUINE, GENUINE]]
    near = np.stack([found[:, 0], np.clip(np.ceil(target[1] - 0.5), found[:, 1], found[:, 2])], axis=1).astype(np.int64)
    nearest = near[(((near - target) / support) ** 2).sum(1).argmin()]
    result = {"kind": "report", "candidates": candidates, "consistent": candidates > 0 and not wrong}
    result |= {"contradictions": wrong, "numbers": len(printed)}
    return result | _judged(nearest, np.concatenate([found[:, :2], found[:, ::2]]), support)


def _judged(right, ends, support):
    """Metrics of right counts, and their range over all that fit; `ends` hold the extremes of each."""
    support = np.asarray(support)
    everywhere = from_counts(_matrices(ends, support))  # each rises or falls with both counts
    ranges = {name: [float(value.min()), float(value.max())] for name, value in everywhere.items()}
    far, frr = everywhere["far"], everywhere["frr"]
    brackets = {
        "eer_bracket": [float(np.minimum(far, frr).min()), float(np.maximum(far, frr).max())],
        "auc_bracket": [float(((1 - far) * (1 - frr)).min()), float((1 - far * frr).max())],
    }
    matrix = _matrices(right, support)
    return {
        "matrix": matrix.tolist(),
        "n_genuine": int(support[GENUINE]),
        "n_spoof": int(support[SPOOF]),
        **{name: float(value) for name, value in from_counts(matrix).items()},
        **brackets,
        "ranges": ranges | brackets,
    }


def _matrices(right, support):
    """Confusion matrices [shape=(..., 2, 2)] of right counts [shape=(..., 2)]."""
    wrong = support - right
    spoof, genuine = np.stack([right[..., 0], wrong[..., 0]], -1), np.stack([wrong[..., 1], right[..., 1]], -1)
    return np.stack([spoof, genuine], -2)


def _findings(result):
    found = _about_arithmetic(result) if result["kind"] == "report" else []
    total = result["n_genuine"] + result["n_spoof"]
    (_, false), (_, hits) = result["matrix"]
    accepted = false + hits
    if accepted in (0, total):
        rounding = ", as far as the rounding shows" if result["candidates"] > 1 else ""
        name = LABEL_NAMES[int(accepted > 0)]
        found.append(f"It classifies every trial as {name}{rounding}: it does not separate the classes.")
    else:
        found.append(
            f"It classifies {100 * accepted / total:.1f} % of trials as genuine, {100 * hits / accepted:.0f} % of them "
            f"rightly; {100 * result['n_genuine'] / total:.1f} % of all trials are genuine."
        )
    difference = result["accuracy"] - result["constant_accuracy"]
    relation = "equals" if abs(difference) < 0.5 / total else "lies below" if difference < 0 else "beats"
    larger = LABEL_NAMES[int(result["n_genuine"] > result["n_spoof"])]
    found.append(
        f"Accuracy {100 * result['accuracy']:.1f} % {relation} the majority-class baseline (always {larger}, "
        f"{100 * result['constant_accuracy']:.1f} %)."
    )
    low, high = (100 * end for end in result["eer_bracket"])
    bracket = f"Whatever the scores were, the EER lies between {low:.1f} and {high:.1f} %."
    return [*found, _about_balance(result), bracket]


def _about_arithmetic(result):
    wrong, count = "; ".join(result["contradictions"]), result["candidates"]
    if result["consistent"]:
        ways = "exactly one pair of counts gives" if count == 1 else f"{count:,} pairs of counts give"
        return [f"All {result['numbers']} printed numbers agree with each other; {ways} them."]
    if count:
        return [f"The counts fit, but this does not: {wrong}."]
    return [
        f"No counts give all printed numbers; without one of these the rest fits: {wrong or 'more than one of them'}. "
        "The rest follows from the recalls alone."
    ]


def _about_balance(result):
    value = result["balanced_accuracy"]
    rates = ((result["far"], result["n_spoof"]), (result["frr"], result["n_genuine"]))
    # Each recall is a binomial share of its class.
    margin = 1.96 * 0.5 * np.sqrt(sum(rate * (1 - rate) / n for rate, n in rates))
    text = f"Balanced accuracy {100 * value:.1f} % +- {100 * margin:.1f}"
    if abs(value - 0.5) <= margin:
        return f"{text}: indistinguishable from guessing (50 %)."
    if value < 0.5:
        return f"{text}: worse than guessing (50 %); genuine and spoof may be swapped."
    return f"{text}: {'slightly ' if value < 0.6 else ''}better than guessing (50 %)."
