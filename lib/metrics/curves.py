"""Error rates over all thresholds: ROC, EER with and without convex hull, AUC."""

import numpy as np

from lib.corpus.protocol import GENUINE, SPOOF
from lib.errors import InputError


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

    Where the linearly interpolated ROC crosses FAR = FRR; the threshold lies half-way to the
    next lower score from the point nearest the crossing. `scores` [shape=(n,)] are log-odds,
    higher = more genuine, `labels` 1 = genuine, 0 = spoof. InputError for unequal shapes,
    scores that are not finite, other labels or one class.

    Ties are one step of the ROC, so constant scores give 0.5 and the order of trials does not
    matter (N. Brümmer and E. de Villiers, "The BOSARIS Toolkit User Guide", 2011, 2.2.3).

    Examples
    --------
    >>> eer([4, 3, 1, 0], [1, 1, 0, 0])
    (0.0, 2.0)
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
    """Equal error rate on the convex hull of the ROC, a fraction from 0 to 0.5: what the field publishes.

    Never above `eer`: some threshold or a mixture of two decides as well as every point of the hull
    (N. Brümmer and E. de Villiers, "The BOSARIS Toolkit User Guide", 2011, section 2).

    Examples
    --------
    >>> eer_hull([4, 2, 3, 1, 0], [1, 1, 0, 0, 0])
    0.2
    """
    from scipy.spatial import ConvexHull

    far, frr, _ = roc(scores, labels)
    corners = ConvexHull(np.c_[np.r_[far, 1], np.r_[frr, 1]]).vertices  # (1, 1) closes the hull above the diagonal
    corners = np.sort(corners[corners < len(far)])
    corners = corners[far[corners] + frr[corners] < 1 + 1e-9]  # worse than a coin
    return float(crossing(far[corners], frr[corners]))


def auc(scores, labels):
    """Area under the ROC curve; ties count half."""
    from sklearn.metrics import roc_auc_score

    scores, labels = checked(scores, labels)
    return float(roc_auc_score(labels, scores))


def crossing(far, frr):
    """FAR = FRR on the straight line between two points of each ROC [shape=(..., points)]."""
    gap = far - frr
    after = np.argmax(gap >= 0, axis=-1)[..., np.newaxis]  # gap starts at -1: never the first point
    low, high = (np.take_along_axis(gap, k, -1) for k in (after - 1, after))
    start, end = (np.take_along_axis(far, k, -1) for k in (after - 1, after))
    return (start + (end - start) * low / (low - high))[..., 0]
