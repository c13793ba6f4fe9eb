"""What a printed classification report or confusion matrix proves.

Only so many pairs of right counts (spoof, genuine) round to what a report prints, and everything else follows from
them. The ROC of any scores is monotone, so the EER lies between FAR and FRR. Matrices have rows for the truth and
columns for the decision, spoof first.
"""

import numpy as np

from lib.corpus.protocol import GENUINE, LABEL_NAMES, SPOOF
from lib.judgement.printed import bounds, in_words, read
from lib.metrics.measures import from_counts, rate_interval
from lib.params import read_table

_TEXTS = read_table("verdict")


def verdict(text, *, source="text"):
    """What a printed report or matrix proves; `source` names the text in messages.

    `text` is one classification report as scikit-learn prints it, in any order, case and spacing; or a line
    with both class names for the columns (decisions), then for each class (truth) a line with its name and two
    counts; or a matrix as NumPy or JSON writes it, in scikit-learn's order unless `labels` beside it name
    another. A report beside a matrix is checked against it.

    Returns, of the counts nearest to the printed recalls (a single false number left out), `matrix`, `n_genuine`,
    `n_spoof` and the fractions of `lib.metrics.measures.from_counts`; `candidates`, how many pairs of counts fit,
    `ranges`, lowest and highest value over them, and `eer_bracket`, which holds for all; `consistent`, and
    `contradictions`, what does not fit the rest; `kind` (report or matrix); `findings`, sentences. InputError names
    source, line, value and rule.

    Examples
    --------
    >>> verdict("spoof genuine\\nspoof 8 2\\ngenuine 1 3")["eer_bracket"]
    [0.2, 0.25]
    """
    printed = read(text, source)
    support = np.asarray(printed.support)
    if printed.matrix is None:
        right, ends, candidates, wrong, state = _of_report(printed)
    else:
        state = ""
        right, candidates = printed.matrix.diagonal(), 1
        ends, undefined, wrong = right[np.newaxis], _undefined(printed.numbers), []
        for key, shown in printed.numbers.items():
            low, high = bounds(shown)
            if not low <= _value(key, right, support, undefined) <= high:
                wrong.append(in_words(key, shown))
    wrong, matrix = [*wrong, *printed.wrong], _matrices(right, support)
    extremes = from_counts(_matrices(ends, support))  # each rises or falls with both counts
    ranges = {name: [float(value.min()), float(value.max())] for name, value in extremes.items()}
    errors = ranges["far"] + ranges["frr"]
    result = {
        "kind": "report" if printed.matrix is None else "matrix",
        "candidates": candidates,
        "consistent": not wrong,
        "contradictions": wrong,
        "matrix": matrix.tolist(),
        "n_genuine": int(support[GENUINE]),
        "n_spoof": int(support[SPOOF]),
        **{name: float(value) for name, value in from_counts(matrix).items()},
        "eer_bracket": [min(errors), max(errors)],
        "ranges": ranges,
    }
    return result | {"findings": _findings(result, printed, state)}


def describe_verdict(result):
    """A verdict as a page of text."""
    lines = [f"{'truth':10}{'as spoof':>12}{'as genuine':>14}"]
    lines += [f"{name:10}{row[0]:12,}{row[1]:14,}" for name, row in zip(LABEL_NAMES, result["matrix"], strict=True)]
    lines.append("")
    names = {"accuracy": "accuracy", "majority class": "constant_accuracy", "balanced accuracy": "balanced_accuracy"}
    for name, key in [*names.items(), ("MCC", "mcc")]:
        factor, digits, unit = (1, 3, "  ") if key == "mcc" else (100, 2, " %")
        least, most = (f"{factor * end:.{digits}f}" for end in result["ranges"][key])
        rounding = "" if least == most else f"   ({least} to {most} within the rounding)"
        lines.append(f"{name:20}{factor * result[key]:7.{digits}f}{unit}{rounding}".rstrip())
    low, high = result["eer_bracket"]
    lines += [f"{'EER between':20}{100 * low:7.2f} % and {100 * high:.2f} %", ""]
    return "\n".join([*lines, *(f"- {finding}" for finding in result["findings"])])


def _value(key, right, support, undefined):
    """A number of a report from right counts (spoof, genuine), of which more never lower it; see `_undefined`."""
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


def _undefined(numbers):
    """The precision of a class that is never decided for, as this report prints it."""
    recall, precision = ([float(numbers.get((n, c), 0.5)) for c in (SPOOF, GENUINE)] for n in ("recall", "precision"))
    return float((0, 1) in zip(recall, precision, strict=True))


def _allowed(numbers, support, along=SPOOF):
    """Right counts of a class that its recall allows; for each other number lowest and highest of the other class."""
    undefined, most = _undefined(numbers), support[1 - along]
    low, high = (end * support[along] for end in bounds(numbers["recall", along]))
    counts = np.arange(max(0, int(np.ceil(low))), min(support[along], int(high)) + 1)

    def first(key, least):  # count of the other class from which a number is at least that, by bisection
        start, end = np.zeros_like(counts), np.full_like(counts, most + 1)
        for _ in range(int(most + 1).bit_length()):
            middle = (start + end) // 2
            right = (counts, middle) if along == SPOOF else (middle, counts)
            there = (start >= end) | (_value(key, right, support, undefined) >= least)
            start, end = np.where(there, start, middle + 1), np.where(there, middle, end)
        return start

    ends = {key: bounds(text) for key, text in numbers.items() if key != ("recall", along)}
    return counts, {key: (first(key, low), first(key, np.nextafter(high, 2)) - 1) for key, (low, high) in ends.items()}


def _fitting(counts, allowed, without=None):
    """Rows of a count, and lowest and highest of the other class, that all numbers allow [shape=(rows, 3)]."""
    lows, highs = zip(*(ends for key, ends in allowed.items() if key != without), strict=True)
    low, high = np.max(lows, axis=0), np.min(highs, axis=0)
    return np.stack([counts, low, high], axis=1)[low <= high]


def _of_report(printed):
    """Right counts nearest to the recalls, extremes of all that fit, how many fit, misfits, and what these are."""
    numbers, support, misfits, along, state = printed.numbers, printed.support, [], SPOOF, ""
    recalls = {("recall", label): numbers["recall", label] for label in (SPOOF, GENUINE)}
    target = np.array([float(text) for text in recalls.values()]) * support
    found = _fitting(*_allowed(numbers, support))
    candidates = int((found[:, 2] - found[:, 1] + 1).sum())
    if not candidates:  # to blame is a number without which the rest fits
        both = [_allowed(numbers, support, along) for along in (SPOOF, GENUINE)]
        fits = [key for key in numbers if len(_fitting(*both[int(key == ("recall", SPOOF))], without=key))]
        misfits = [in_words(key, numbers[key]) for key in fits] or ["more than one number"]
        state = "one false" if len(fits) == 1 else "one of several" if fits else "several false"
        if len(fits) == 1:
            along = GENUINE if fits == [("recall", SPOOF)] else SPOOF
            found = _fitting(*both[along], without=fits[0])
        else:
            found = _fitting(*_allowed(recalls, support))
    if not len(found):  # no count at all has such a recall
        found = np.rint(target).astype(np.int64)[np.newaxis, [SPOOF, GENUINE, GENUINE]]
    other = np.clip(np.ceil(target[1 - along] - 0.5), found[:, 1], found[:, 2])
    near, ends = np.stack([found[:, 0], other], axis=1).astype(np.int64), np.concatenate([found[:, :2], found[:, ::2]])
    if along == GENUINE:
        near, ends = near[:, ::-1], ends[:, ::-1]
    return near[(((near - target) / support) ** 2).sum(1).argmin()], ends, candidates, misfits, state


def _matrices(right, support):
    """Confusion matrices [shape=(..., 2, 2)] of right counts [shape=(..., 2)]."""
    wrong = support - right
    cells = right[..., SPOOF], wrong[..., SPOOF], wrong[..., GENUINE], right[..., GENUINE]
    return np.stack(cells, axis=-1).reshape(*right.shape, 2)


def _findings(result, printed, state):
    """What was assumed, whether the numbers agree, how it decides and how well: sentences of params/verdict.yaml."""
    (right, false), (missed, hits) = result["matrix"]
    genuine, total, accepted = missed + hits, right + false + missed + hits, false + hits
    balanced, far, frr, count = (result[name] for name in ("balanced_accuracy", "far", "frr", "candidates"))
    fars, frrs = rate_interval(false, right + false), rate_interval(missed, genuine)
    # Limits for a sum of two rates: R. G. Newcombe, Statistics in Medicine 17, 1998, method 10.
    low = balanced - np.hypot(fars[1] - far, frrs[1] - frr) / 2
    high = balanced + np.hypot(fars[0] - far, frrs[0] - frr) / 2
    difference = result["accuracy"] - result["constant_accuracy"]

    said = [] if printed.named else ["order"]
    if result["contradictions"]:
        said.append(state or "one misfit")
    elif printed.numbers:
        said.append("one way" if count == 1 else "ways")
    one_class = "one class, rounded" if count > 1 else "one class"
    said += ["both classes" if 0 < accepted < total else one_class, "baseline"]
    better = "slightly better" if balanced < 0.6 else "better"
    said += ["guessing" if low <= 0.5 <= high else "worse" if balanced < 0.5 else better]
    said.append("bracket, recalls" if state in ("one of several", "several false") else "bracket")
    figures = result | {
        "wrong": "; ".join(result["contradictions"]),
        "printed": len(printed.numbers),
        "decided": LABEL_NAMES[int(accepted > 0)],
        "accepted": accepted / total,
        "rightly": hits / max(accepted, 1),
        "genuine": genuine / total,
        "relation": "equals" if abs(difference) < 0.5 / total else "lies below" if difference < 0 else "beats",
        "larger": LABEL_NAMES[int(2 * genuine > total)],
        "low": 100 * low,
        "high": 100 * high,
        "least": 100 * result["eer_bracket"][0],
        "most": result["eer_bracket"][1],
    }
    return [_TEXTS[name].format(**figures).replace("%", " %") for name in said]
