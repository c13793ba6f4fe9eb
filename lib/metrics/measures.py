"""Decisions at a threshold, and all metrics of one system on one set of trials."""

import numpy as np

from lib.corpus.protocol import GENUINE, LABEL_NAMES, SPOOF
from lib.metrics.costs import ASVSPOOF5, act_dcf, cllr, min_cllr, min_dcf
from lib.metrics.curves import auc, checked, eer, eer_hull


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
    """Metrics of confusion matrices [shape=(..., 2, 2)], rows truth, columns decision, spoof first.

    `constant_accuracy` is the majority-class baseline's; `mcc` (B. W. Matthews, Biochimica et
    Biophysica Acta 405, 1975) is 0 when one class is never decided for.
    """
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
    """Mid-P form of the exact 95 % interval (low, high) of the rate `errors` / `count`; it has width at 0 and 1 too.

    H. O. Lancaster, Journal of the American Statistical Association 56, 1961; A. Agresti and
    A. Gottard, Computational Statistics & Data Analysis 51, 2007.
    """
    from scipy.optimize import brentq
    from scipy.stats import binom

    errors, count = int(errors), int(count)

    def below(rate):  # P(fewer errors) + P(as many) / 2
        return binom.cdf(errors, count, rate) - binom.pmf(errors, count, rate) / 2

    low = brentq(lambda rate: below(rate) - 0.975, 0, 1) if errors > 0 else 0.0
    return low, brentq(lambda rate: below(rate) - 0.025, 0, 1) if errors < count else 1.0


def evaluate(scores, labels, *, threshold=0.0, costs=ASVSPOOF5):
    """All metrics of scores (log-odds) [shape=(n,)] against labels (1 = genuine) [shape=(n,)].

    Accuracies and MCC are at `threshold`, log-odds. Returns fractions `eer`, `eer_hull`, `auc`,
    `accuracy`, `balanced_accuracy`, `constant_accuracy` (majority-class baseline); `mcc`,
    -1 to 1; normalised costs `min_dcf`, `act_dcf`; `cllr`, `min_cllr`, bits; counts
    `n_genuine`, `n_spoof`. InputError as for `eer`.

    Examples
    --------
    >>> evaluate([2.0, 1.0, -1.0], [1, 0, 0])["eer"]
    0.0
    """
    scores, labels = checked(scores, labels)
    matrix = confusion(scores, labels, threshold)
    decided = {name: float(value) for name, value in from_counts(matrix).items()}
    return {
        "eer": eer(scores, labels)[0],
        "eer_hull": eer_hull(scores, labels),
        "auc": auc(scores, labels),
        **{name: decided[name] for name in ("accuracy", "balanced_accuracy", "mcc")},
        "min_dcf": min_dcf(scores, labels, costs),
        "act_dcf": act_dcf(scores, labels, costs),
        "cllr": cllr(scores, labels),
        "min_cllr": min_cllr(scores, labels),
        "constant_accuracy": decided["constant_accuracy"],
        "n_genuine": int(matrix[1].sum()),
        "n_spoof": int(matrix[0].sum()),
    }
