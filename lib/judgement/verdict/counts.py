"""Which counts round to the numbers that a report prints."""

import numpy as np

from lib.corpus.protocol import GENUINE, LABEL_NAMES, SPOOF
from lib.judgement.verdict.reading import COLUMNS

_CELLS = 2_000_000  # pairs of counts tried at a time
_PATIENCE = 50_000_000  # pairs of counts tried to blame one number


def fitting(printed, without=None):
    """All pairs (spoof called spoof, genuine called genuine) that fit.

    Parameters
    ----------
    printed : dict
        From `lib.judgement.verdict.reading.read_report`.
    without : key of printed, optional
        A number that need not fit.

    Returns
    -------
    numpy.ndarray [shape=(candidates, 2), int]
    """
    support = printed["support"]
    spoof, genuine = (_possible(printed, label, support[label], without) for label in (SPOOF, GENUINE))
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


def _possible(printed, label, n, without):
    """Counts of right answers that a printed recall leaves."""
    counts = np.arange(n + 1)
    key = ("recall", label)
    return counts if key == without else counts[_rounds_to(counts / n, printed[key])]


def _rounds_to(value, printed):
    number, digits = printed
    return np.abs(value - number) <= 0.5 * 10.0**-digits + 1e-9


def _numbers(spoof, genuine, support):
    """Every number of a report from its counts; an undefined one is 0, as scikit-learn prints it."""
    right = {SPOOF: spoof, GENUINE: genuine}
    total = sum(support)
    result = {"accuracy": (spoof + genuine) / total}
    for label in (SPOOF, GENUINE):
        other = 1 - label
        said = right[label] + support[other] - right[other]
        result["precision", label] = right[label] / np.maximum(said, 1)
        result["recall", label] = right[label] / support[label]
        result["f1", label] = 2 * right[label] / (said + support[label])
    for column in COLUMNS:
        pair = result[column, SPOOF], result[column, GENUINE]
        result[column, "macro"] = sum(pair) / 2
        result[column, "weighted"] = (pair[0] * support[SPOOF] + pair[1] * support[GENUINE]) / total
    return result


def contradictions(printed):
    """Printed numbers without any one of which the rest fits.

    Returns
    -------
    list of str
        Such as ``precision of spoof 0.92``; empty when more than one number is wrong.
    """
    keys = [key for key in printed if key == "accuracy" or isinstance(key, tuple)]
    found = []
    for key in keys:
        sizes = [len(_possible(printed, label, printed["support"][label], key)) for label in (SPOOF, GENUINE)]
        if sizes[0] * sizes[1] <= _PATIENCE and len(fitting(printed, without=key)):
            number, digits = printed[key]
            column, row = key if isinstance(key, tuple) else (key, None)
            of = "" if row is None else f" of {LABEL_NAMES[row] if row in (SPOOF, GENUINE) else row + ' avg'}"
            found.append(f"{column}{of} {number:.{digits}f}")
    return found
