"""What follows from the counts behind a printed report."""

import numpy as np

from lib.corpus.protocol import GENUINE, LABEL_NAMES, SPOOF
from lib.judgement.verdict.counts import contradictions, fitting
from lib.judgement.verdict.reading import read_matrix, read_report
from lib.metrics.measures import from_counts


def verdict(text, *, source="text"):
    """What a printed report or matrix proves.

    Parameters
    ----------
    text : str
        One classification report as scikit-learn prints it, in either order of the
        classes, any case and spacing; or a confusion matrix: a line with both class
        names for the columns (answers) and a line with a class name and two counts for
        each row (truth); or a matrix as JSON, as the runs keep it.
    source : str
        Names the text in messages.

    Returns
    -------
    dict
        Of the counts nearest to the printed recalls: `matrix`, `accuracy`,
        `balanced_accuracy`, `mcc`, `constant_accuracy`, `far`, `frr`, `eer_bracket` and
        `auc_bracket` [low, high]. `candidates`, how many pairs of counts fit, and
        `ranges`, the lowest and highest value over all of them. `consistent`, and
        `contradictions`, printed numbers that fit no counts with the rest. `n_genuine`,
        `n_spoof`, `kind` (report or matrix), `findings`, plain sentences.

    Raises
    ------
    InputError
        The text is neither; the message names source, line, value and rule.
    """
    matrix = read_matrix(text, source)
    if matrix is not None:
        counts = np.array(matrix)
        result = {"kind": "matrix", "candidates": 1, "consistent": True, "contradictions": []}
        result |= _judged(counts, counts.diagonal()[np.newaxis])
    else:
        result = _of_report(read_report(text, source))
    return result | {"findings": _findings(result)}


def _of_report(printed):
    support = printed["support"]
    recall = np.array([printed["recall", label][0] for label in (SPOOF, GENUINE)])
    found = fitting(printed)
    wrong = [] if len(found) else contradictions(printed)
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
    # Of all counts that fit, those whose recalls lie nearest to the printed ones stand for them.
    nearest = np.argmin((((found / support) - recall) ** 2).sum(1))
    return result | _judged(_matrices(found[nearest], support), found)


def describe_verdict(result):
    """A verdict as a page of text.

    Returns
    -------
    str
    """
    (ss, sg), (gs, gg) = result["matrix"]
    low, high = result["eer_bracket"]
    lines = [
        f"{'truth':10}{'said spoof':>12}{'said genuine':>14}",
        f"{'spoof':10}{ss:12,}{sg:14,}",
        f"{'genuine':10}{gs:12,}{gg:14,}",
        "",
    ]
    for name, key in (
        ("accuracy", "accuracy"),
        ("constant answer", "constant_accuracy"),
        ("balanced accuracy", "balanced_accuracy"),
    ):
        lines.append(f"{name:20}{100 * result[key]:7.2f} %{_range(result, key, 100)}")
    lines.append(f"{'MCC':20}{result['mcc']:7.3f}  {_range(result, 'mcc', 1)}")
    lines.append(f"{'EER between':20}{100 * low:7.2f} % and {100 * high:.2f} %")
    return "\n".join([line.rstrip() for line in lines] + ["", *(f"- {finding}" for finding in result["findings"])])


def _range(result, key, factor):
    low, high = (factor * end for end in result["ranges"][key])
    digits = 2 if factor == 100 else 3
    return "" if low == high else f"   ({low:.{digits}f} to {high:.{digits}f} within the rounding)"


def _judged(matrix, found):
    """What a matrix says, and the range of that over all counts that were found."""
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
    """Where EER and AUC of a monotone ROC through one point lie."""
    return {
        "eer_bracket": (np.minimum(far, frr), np.maximum(far, frr)),
        "auc_bracket": ((1 - far) * (1 - frr), 1 - far * frr),
    }


def _matrices(fitting, support):
    right = np.moveaxis(np.asarray(fitting), -1, 0)
    wrong = [support[SPOOF] - right[0], support[GENUINE] - right[1]]
    return np.moveaxis(np.array([[right[0], wrong[0]], [wrong[1], right[1]]]), (0, 1), (-2, -1))


def _findings(result):
    found = []
    if result["kind"] == "report" and result["consistent"]:
        ways = (
            "exactly one pair of counts gives"
            if result["candidates"] == 1
            else f"{result['candidates']:,} pairs of counts give"
        )
        found.append(f"All {result['numbers']} printed numbers agree with each other; {ways} them.")
    elif result["kind"] == "report" and result["candidates"]:
        found.append(f"The counts fit, but not the totals: {'; '.join(result['contradictions'])}.")
    elif result["kind"] == "report":
        blamed = "; ".join(result["contradictions"]) or "more than one of them"
        found.append(
            f"No counts give all printed numbers; without one of these the rest fits: {blamed}. What follows is from "
            "the recalls alone."
        )
    total = result["n_genuine"] + result["n_spoof"]
    (_, false), (_, hits) = result["matrix"]
    said = false + hits
    larger = LABEL_NAMES[int(result["n_genuine"] > result["n_spoof"])]
    constant = f"always answering {larger} ({100 * result['constant_accuracy']:.1f} %)"
    if said in (0, total):
        rounding = ", as far as the rounding shows" if result["candidates"] > 1 else ""
        found.append(f"It calls every trial {LABEL_NAMES[int(said > 0)]}{rounding}: it tells nothing apart.")
    else:
        found.append(
            f"It says genuine to {100 * said / total:.1f} % of trials, where {100 * result['n_genuine'] / total:.1f} % "
            f"are; of those called genuine {100 * hits / said:.0f} % are."
        )
    difference = result["accuracy"] - result["constant_accuracy"]
    if abs(difference) < 0.5 / total:
        found.append(f"Accuracy {100 * result['accuracy']:.1f} % is just that of {constant}.")
    else:
        relation = "lies below" if difference < 0 else "beats"
        found.append(f"Accuracy {100 * result['accuracy']:.1f} % {relation} {constant}.")
    found.append(_about_balance(result))
    low, high = result["eer_bracket"]
    found.append(f"Whatever the scores were, the EER lies between {100 * low:.1f} and {100 * high:.1f} %.")
    return found


def _about_balance(result):
    value = result["balanced_accuracy"]
    rates = ((result["far"], result["n_spoof"]), (result["frr"], result["n_genuine"]))
    # Each recall is a binomial share of its class.
    margin = 1.96 * 0.5 * np.sqrt(sum(rate * (1 - rate) / n for rate, n in rates))
    text = f"Balanced accuracy {100 * value:.1f} % +- {100 * margin:.1f}"
    if abs(value - 0.5) <= margin:
        return f"{text}: not told apart from guessing (50 %)."
    if value < 0.5:
        return f"{text}: worse than guessing (50 %); genuine and spoof may be swapped."
    return f"{text}: better than guessing (50 %)" + (" by little." if value < 0.6 else ".")
