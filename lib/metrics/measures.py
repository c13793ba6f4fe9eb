"""Error rates over all thresholds and at one, the costs of errors, and all metrics of one system at once.

Costs read scores as natural-log likelihood ratios of genuine against spoof: the log-odds of a model
trained on equally many trials of both classes, or scores after `calibrate` (N. Brümmer and J. du Preez,
"Application-independent evaluation of speaker detection", Computer Speech & Language 20, 2006).
"""

from typing import NamedTuple

import numpy as np
import scipy  # its parts are loaded when they are used, and some take long

from lib.corpus.protocol import GENUINE, LABEL_NAMES, SPOOF
from lib.errors import InputError


class Costs(NamedTuple):
    """Prior of a spoof, costs of rejecting a genuine trial and of accepting a spoof: ASVspoof 5's (plan of track 1)."""

    p_spoof: float = 0.05
    c_miss: float = 1.0
    c_fa: float = 10.0


ASVSPOOF5 = Costs()


def checked(scores, labels):
    """Scores (float64) and labels (int64) as one-dimensional arrays, or an InputError."""
    scores, labels = np.asarray(scores, dtype=np.float64), np.asarray(labels)
    if scores.ndim != 1 or scores.shape != labels.shape:
        raise InputError(f"scores of shape {scores.shape} and labels of shape {labels.shape}: expected equal lengths")
    odd = np.flatnonzero(~np.isfinite(scores))
    if len(odd):
        raise InputError(
            f"{len(odd)} of {len(scores)} scores are not finite, first {scores[odd[0]]} at position {odd[0]}"
        )
    odd = np.flatnonzero((labels != GENUINE) & (labels != SPOOF))
    if len(odd):
        raise InputError(f"label {labels[odd[0]]!r} at position {odd[0]}: expected 1 (genuine) or 0 (spoof)")
    labels = labels.astype(np.int64)
    if len(np.unique(labels)) < 2:
        raise InputError(f"{len(labels)} trials of one class: both genuine and spoof trials are required")
    return scores, labels


def roc(scores, labels):
    """FAR, FRR (fractions) and the threshold, descending, at every distinct score; from (0, 1) to (1, 0)."""
    from sklearn.metrics import roc_curve

    scores, labels = checked(scores, labels)
    far, hits, thresholds = roc_curve(labels, scores, pos_label=GENUINE, drop_intermediate=False)
    return far, 1 - hits, thresholds


def eer(scores, labels):
    """Equal error rate, a fraction from 0 (perfect) to 1 (inverted), and its threshold, log-odds.

    Where the linearly interpolated ROC crosses FAR = FRR; the threshold lies half-way to the next lower score from the
    point nearest the crossing. Ties are one step of the ROC, so constant scores give 0.5 (N. Brümmer and E. de
    Villiers, "The BOSARIS Toolkit User Guide", 2011, 2.2.3). `scores` [shape=(n,)] are log-odds, `labels` 1 = genuine.
    """
    far, frr, thresholds = roc(scores, labels)
    value = float(crossing(far, frr))
    k = int(np.argmax(far >= frr))
    if k > 1 and frr[k - 1] - far[k - 1] < far[k] - frr[k]:
        k -= 1
    threshold = thresholds[k]
    if k + 1 < len(thresholds):
        # Every threshold down to the next score decides the same; neighbouring floats have no middle.
        middle = (thresholds[k] + thresholds[k + 1]) / 2
        threshold = middle if thresholds[k + 1] < middle < thresholds[k] else threshold
    return value, float(threshold)


def eer_hull(scores, labels):
    """Equal error rate on the convex hull of the ROC, from 0 to 0.5: what the field publishes (BOSARIS, section 2)."""
    far, frr, _ = roc(scores, labels)
    corners = scipy.spatial.ConvexHull(np.c_[np.r_[far, 1], np.r_[frr, 1]]).vertices  # (1, 1) closes it at the top
    corners = np.sort(corners[corners < len(far)])
    corners = corners[far[corners] + frr[corners] < 1 + 1e-9]  # worse than a coin
    return float(crossing(far[corners], frr[corners]))


def crossing(far, frr):
    """FAR = FRR on the straight line between two points of each ROC [shape=(..., points)]."""
    gap = far - frr
    after = np.argmax(gap >= 0, axis=-1)[..., np.newaxis]  # gap starts at -1: never the first point
    low, high = (np.take_along_axis(gap, k, -1) for k in (after - 1, after))
    start, end = (np.take_along_axis(far, k, -1) for k in (after - 1, after))
    return (start + (end - start) * low / (low - high))[..., 0]


def auc(scores, labels):
    """Area under the ROC curve; ties count half."""
    from sklearn.metrics import roc_auc_score

    scores, labels = checked(scores, labels)
    return float(roc_auc_score(labels, scores))


def confusion(scores, labels, threshold):
    """Counts at a threshold (log-odds) [shape=(2, 2)]: rows truth, columns decision; spoof first."""
    from sklearn.metrics import confusion_matrix

    scores, labels = checked(scores, labels)
    return confusion_matrix(labels, (scores >= threshold).astype(int), labels=[SPOOF, GENUINE])


def report(scores, labels, threshold):
    """scikit-learn's classification report of the decisions at a threshold (log-odds), as text."""
    from sklearn.metrics import classification_report

    scores, labels = checked(scores, labels)
    names = {"labels": [SPOOF, GENUINE], "target_names": list(LABEL_NAMES)}
    return classification_report(labels, (scores >= threshold).astype(int), zero_division=0, **names)


def from_counts(matrix):
    """Metrics of confusion matrices [shape=(..., 2, 2)]; the MCC is 0 where one class is never decided for."""
    matrix = np.asarray(matrix, dtype=np.float64)
    truth, decided = matrix.sum(-1), matrix.sum(-2)
    total = truth.sum(-1)
    far, frr = matrix[..., 0, 1] / truth[..., 0], matrix[..., 1, 0] / truth[..., 1]
    determinant = matrix[..., 0, 0] * matrix[..., 1, 1] - matrix[..., 0, 1] * matrix[..., 1, 0]
    product = np.sqrt(truth.prod(-1) * decided.prod(-1))
    return {
        "accuracy": (matrix[..., 0, 0] + matrix[..., 1, 1]) / total,
        "balanced_accuracy": 1 - (far + frr) / 2,
        "constant_accuracy": truth.max(-1) / total,
        "mcc": np.divide(determinant, product, out=np.zeros_like(product), where=product > 0),
        "far": far,
        "frr": frr,
    }


def rate_interval(errors, count):
    """Exact 95 % interval (low, high) of a rate, 0 and 1 too (C. J. Clopper and E. S. Pearson, Biometrika 26, 1934)."""
    ends = scipy.stats.binomtest(int(errors), int(count)).proportion_ci(0.95, method="exact")
    return float(ends.low), float(ends.high)


def bayes_threshold(costs=ASVSPOOF5):
    """Log-likelihood ratio from which accepting is expected to cost less than rejecting; -0.64 with ASVspoof 5's."""
    p_spoof, c_miss, c_fa = costs
    if not 0 < p_spoof < 1:
        raise InputError(f"p_spoof = {p_spoof}: must be between 0 and 1, both excluded")
    if not (0 < c_miss < np.inf and 0 < c_fa < np.inf):
        raise InputError(f"c_miss = {c_miss}, c_fa = {c_fa}: costs must be positive and finite")
    return float(np.log(c_fa * p_spoof) - np.log(c_miss * (1 - p_spoof)))


def dcf(far, frr, costs=ASVSPOOF5):
    """Normalised detection cost (ASVspoof 5 evaluation plan, 2024, track 1); 1 is the better constant decision."""
    miss, accept = costs.c_miss * (1 - costs.p_spoof), costs.c_fa * costs.p_spoof
    return (miss * frr + accept * far) / min(miss, accept)


def cllr(scores, labels):
    """Cost of the log-likelihood ratios, bits: 0 perfect, 1 as good as none (Brümmer and du Preez, eq. 6)."""
    scores, labels = checked(scores, labels)
    cost = surprise(scores, labels)
    return float((cost[labels == GENUINE].mean() + cost[labels == SPOOF].mean()) / 2)


def surprise(scores, labels):
    """What each trial adds to Cllr: log2(1 + exp(-score)), sign turned for spoofs; bits."""
    return np.logaddexp(0, np.where(labels == GENUINE, -scores, scores)) / np.log(2)


def min_cllr(scores, labels):
    """Cllr after the best monotone map of these very trials, bits (Brümmer and du Preez, section 6)."""
    scores, labels = checked(scores, labels)
    _, rank = np.unique(scores, return_inverse=True)
    genuine, spoof = np.bincount(rank, labels == GENUINE), np.bincount(rank, labels == SPOOF)
    return isotonic_cllr(genuine / genuine.sum(), spoof / spoof.sum())


def isotonic_cllr(genuine, spoof):
    """Cllr of the isotonic map; the share of each class at every score, ascending [shape=(points,)]."""
    there = genuine + spoof > 0
    genuine, spoof = genuine[there], spoof[there]
    weights = genuine + spoof
    p = scipy.optimize.isotonic_regression(genuine / weights, weights=weights).x
    # A class has no weight wherever its probability is 0, but for rounding.
    bits = genuine * -np.log2(p, where=genuine > 0, out=np.zeros_like(p))
    bits += spoof * -np.log2(1 - p, where=(spoof > 0) & (p < 1), out=np.zeros_like(p))
    return float(bits.sum() / 2)


def evaluate(scores, labels, *, threshold=0.0, costs=ASVSPOOF5):
    """All metrics of scores (log-odds) [shape=(n,)] against labels (1 = genuine) [shape=(n,)].

    Accuracies and MCC are at `threshold`, log-odds. Returns fractions `eer`, `eer_hull`, `auc`, `accuracy`,
    `balanced_accuracy`, `constant_accuracy` (majority-class baseline); `mcc`, -1 to 1; normalised costs `min_dcf`,
    `act_dcf`; `cllr`, `min_cllr`, bits; counts `n_genuine`, `n_spoof`.
    """
    matrix, (far, frr, _) = confusion(scores, labels, threshold), roc(scores, labels)
    decided, at_bayes = (from_counts(counts) for counts in (matrix, confusion(scores, labels, bayes_threshold(costs))))
    found = {"eer": eer(scores, labels)[0], "eer_hull": eer_hull(scores, labels), "auc": auc(scores, labels)}
    found |= {name: float(decided[name]) for name in ("accuracy", "balanced_accuracy", "mcc", "constant_accuracy")}
    # Miscalibration raises the actual cost above the least, that of the best threshold for these very trials.
    found["min_dcf"] = float(dcf(far, frr, costs).min())
    found["act_dcf"] = float(dcf(at_bayes["far"], at_bayes["frr"], costs))
    found |= {"cllr": cllr(scores, labels), "min_cllr": min_cllr(scores, labels)}
    return found | {"n_genuine": int(matrix[1].sum()), "n_spoof": int(matrix[0].sum())}
