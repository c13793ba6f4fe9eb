"""What a printed classification report or confusion matrix proves.

A report rounds to two digits and states the number of trials of each class. Only so many
pairs of counts (spoof classified as spoof, genuine as genuine) round to what is printed:
all of them are found, and everything else follows from them. The ROC of any scores is
monotone, so the EER lies between the FAR and the FRR of the one point that is printed.
Matrices have rows for the truth and columns for the decision, spoof first.
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
_TOKEN = re.compile(r"[A-Za-z][A-Za-z0-9_-]*|[-+]?(?:\d[\d,]*)?\.?\d+%?")
_RULE = (
    "expected scikit-learn's classification report, or two rows (truth) of two counts (decisions) under a line that "
    "names the columns; classes are genuine (or bonafide) and spoof"
)
_CELLS = 2_000_000  # pairs of counts tried at a time
_MOST = 50_000_000  # pairs of counts tried to find the one number that is wrong


def verdict(text, *, source="text"):
    """What a printed report or matrix proves.

    Parameters
    ----------
    text : str
        One classification report as scikit-learn prints it, in either order of the
        classes, any case and spacing; or a confusion matrix: a line with both class names
        for the columns (decisions), then for each class (truth) a line with its name and
        two counts; or a matrix as JSON, as the runs keep it.
    source : str
        Names the text in messages.

    Returns
    -------
    dict
        Of the counts nearest to the printed recalls: `matrix`, `accuracy`,
        `balanced_accuracy`, `mcc`, `constant_accuracy` (majority-class baseline), `far`,
        `frr`, `eer_bracket` and `auc_bracket` [low, high], fractions. `candidates`, how
        many pairs of counts fit, and `ranges`, lowest and highest value over them.
        `consistent`, and `contradictions`, printed numbers that do not fit the rest.
        `n_genuine`, `n_spoof`, `kind` (report or matrix), `findings`, sentences.

    Raises
    ------
    InputError
        The text is neither; the message names source, line, value and rule.

    Examples
    --------
    >>> verdict("spoof genuine\\nspoof 8 2\\ngenuine 1 3")["eer_bracket"]
    [0.2, 0.25]
    """
    matrix = _json_matrix(text, source) or _labelled_matrix(text, source)
    if matrix is not None:
        counts = np.array(matrix)
        result = {"kind": "matrix", "candidates": 1, "consistent": True, "contradictions": []}
        result |= _judged(counts, counts.diagonal()[np.newaxis])
    else:
        result = _of_report(_read_report(text, source))
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


# -- reading what people paste


def _read_report(text, source):
    """Printed numbers: (column, class or average) -> (number, digits), `accuracy`, `support`, `total`."""
    printed, lines = {"support": [0, 0]}, {}
    for number, line in enumerate(text.splitlines(), 1):
        where = f"{source}, line {number}"
        tokens = _TOKEN.findall(line)
        name = tokens[0].lower() if tokens else ""
        if _is_row(tokens, _CLASSES):
            label = _CLASSES[name]
            if label in lines:
                raise InputError(f"{where}: a second row for {name!r} after line {lines[label]}: expected one report")
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
            f"{where}: {len(tokens)} numbers in {' '.join(tokens)!r}: expected precision, recall, f1-score, support"
        )
    return {(column, row): _fraction(token, where) for column, token in zip(_COLUMNS, tokens, strict=False)}


def _fraction(token, where):
    try:
        value = float(token)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise InputError(f"{where}: {token!r} is not a fraction: expected a number from 0 to 1")
    return value, len(token.partition(".")[2])


def _count(token, where, least=1):
    digits = token.replace(",", "")
    if not digits.isdecimal() or int(digits) < least:
        raise InputError(f"{where}: {token!r} is not a number of trials: expected a whole number of at least {least}")
    return int(digits)


def _json_matrix(text, source):
    """The matrix of a JSON file as the runs keep it, or None when the text is not JSON."""
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
                raise InputError(f"{where}: a second row for {LABEL_NAMES[named[0]]}: expected one matrix")
            rows[named[0]] = dict(zip(columns, (_count(token, where, 0) for token in numbers), strict=True))
    if not rows:
        return None
    if len(rows) < 2:
        raise InputError(f"{source}: only a row for {LABEL_NAMES[next(iter(rows))]}; {_RULE}")
    return _checked_matrix([[rows[truth][to] for to in (SPOOF, GENUINE)] for truth in (SPOOF, GENUINE)], source)


def _checked_matrix(matrix, source):
    for label, row in zip(LABEL_NAMES, matrix, strict=True):
        if min(row) < 0 or sum(row) == 0:
            raise InputError(f"{source}: {row} in the row of {label}: expected counts of at least one trial")
    return matrix


# -- the counts behind printed numbers


def _of_report(printed):
    support = printed["support"]
    recall = np.array([printed["recall", label][0] for label in (SPOOF, GENUINE)])
    found = _fitting(printed)
    wrong = [] if len(found) else _contradictions(printed)
    if printed.get("total", sum(support)) != sum(support):
        wrong.append(f"support of the averages {printed['total']:,}, of the classes {sum(support):,}")
    result = {
        "kind": "report",
        "candidates": len(found),
        "consistent": bool(len(found)) and not wrong,
        "contradictions": wrong,
        "numbers": sum(isinstance(key, tuple) or key == "accuracy" for key in printed),
    }
    if not len(found):  # the recalls alone
        found = np.rint(recall * support).astype(np.int64)[np.newaxis]
    nearest = np.argmin((((found / support) - recall) ** 2).sum(1))
    return result | _judged(_matrices(found[nearest], support), found)


def _fitting(printed, without=None):
    """All pairs (spoof, genuine) of right counts that round to the printed numbers [shape=(candidates, 2)]."""
    support = printed["support"]
    spoof, genuine = (_possible(printed, label, without) for label in (SPOOF, GENUINE))
    rows = max(1, _CELLS // max(len(genuine), 1))
    found = [np.zeros((0, 2), dtype=np.int64)]
    for start in range(0, len(spoof), rows):
        a, b = np.meshgrid(spoof[start : start + rows], genuine, indexing="ij")
        fits = np.ones(a.shape, dtype=bool)
        for key, value in _numbers(a, b, support).items():
            if key in printed and key != without:
                fits &= _rounds_to(value, printed[key])
        found.append(np.stack([a[fits], b[fits]], axis=1))
    return np.concatenate(found)


def _possible(printed, label, without):
    """Right counts of a class that its printed recall allows."""
    counts, key = np.arange(printed["support"][label] + 1), ("recall", label)
    return counts if key == without else counts[_rounds_to(counts / counts[-1], printed[key])]


def _rounds_to(value, printed):
    number, digits = printed
    return np.abs(value - number) <= 0.5 * 10.0**-digits + 1e-9


def _numbers(spoof, genuine, support):
    """Every number of a report from its counts; an undefined one is 0, as scikit-learn prints it."""
    right, total = {SPOOF: spoof, GENUINE: genuine}, sum(support)
    result = {"accuracy": (spoof + genuine) / total}
    for label in (SPOOF, GENUINE):
        other = 1 - label
        decided = right[label] + support[other] - right[other]
        result["precision", label] = right[label] / np.maximum(decided, 1)
        result["recall", label] = right[label] / support[label]
        result["f1", label] = 2 * right[label] / (decided + support[label])
    for column in _COLUMNS:
        pair = result[column, SPOOF], result[column, GENUINE]
        result[column, "macro"] = sum(pair) / 2
        result[column, "weighted"] = (pair[0] * support[SPOOF] + pair[1] * support[GENUINE]) / total
    return result


def _contradictions(printed):
    """Printed numbers without any one of which the rest fits, such as ``precision of spoof 0.92``."""
    found = []
    for key in [key for key in printed if key == "accuracy" or isinstance(key, tuple)]:
        sizes = [len(_possible(printed, label, key)) for label in (SPOOF, GENUINE)]
        if sizes[0] * sizes[1] <= _MOST and len(_fitting(printed, without=key)):
            number, digits = printed[key]
            column, row = key if isinstance(key, tuple) else (key, None)
            of = "" if row is None else f" of {LABEL_NAMES[row] if row in (SPOOF, GENUINE) else row + ' avg'}"
            found.append(f"{column}{of} {number:.{digits}f}")
    return found


# -- what follows from counts


def _judged(matrix, found):
    """Metrics of a matrix, and their range over all counts that were found."""
    support = matrix.sum(1)
    values = {name: float(value) for name, value in from_counts(matrix).items()}
    everywhere = from_counts(_matrices(found, support))
    brackets = _brackets(values["far"], values["frr"])
    widest = _brackets(everywhere["far"], everywhere["frr"])
    ranges = {name: [float(value.min()), float(value.max())] for name, value in everywhere.items()}
    ranges |= {name: [float(low.min()), float(high.max())] for name, (low, high) in widest.items()}
    return {
        "matrix": [[int(n) for n in row] for row in matrix],
        "n_genuine": int(support[GENUINE]),
        "n_spoof": int(support[SPOOF]),
        **values,
        **{name: [float(end) for end in ends] for name, ends in brackets.items()},
        "ranges": ranges,
    }


def _brackets(far, frr):
    """Bounds of EER and AUC of a monotone ROC through one point."""
    return {
        "eer_bracket": (np.minimum(far, frr), np.maximum(far, frr)),
        "auc_bracket": ((1 - far) * (1 - frr), 1 - far * frr),
    }


def _matrices(right, support):
    """Confusion matrices [shape=(..., 2, 2)] of right counts [shape=(..., 2)]."""
    right = np.moveaxis(np.asarray(right), -1, 0)
    wrong = [support[SPOOF] - right[0], support[GENUINE] - right[1]]
    return np.moveaxis(np.array([[right[0], wrong[0]], [wrong[1], right[1]]]), (0, 1), (-2, -1))


def _range(result, key, factor):
    low, high = (factor * end for end in result["ranges"][key])
    digits = 2 if factor == 100 else 3
    return "" if low == high else f"   ({low:.{digits}f} to {high:.{digits}f} within the rounding)"


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
    found.append(_about_balance(result))
    low, high = result["eer_bracket"]
    found.append(f"Whatever the scores were, the EER lies between {100 * low:.1f} and {100 * high:.1f} %.")
    return found


def _about_arithmetic(result):
    wrong = "; ".join(result["contradictions"])
    if result["consistent"]:
        count = result["candidates"]
        ways = "exactly one pair of counts gives" if count == 1 else f"{count:,} pairs of counts give"
        return [f"All {result['numbers']} printed numbers agree with each other; {ways} them."]
    if result["candidates"]:
        return [f"The counts fit, but not the totals: {wrong}."]
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
