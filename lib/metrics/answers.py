"""What a threshold answers: confusion matrix, classification report, accuracies."""

import numpy as np

from lib.corpus.protocol import GENUINE, LABEL_NAMES, SPOOF
from lib.metrics.curves import checked


def confusion(scores, labels, threshold):
    """Count the answers of a threshold.

    Parameters
    ----------
    scores, labels : array_like [shape=(n,)]
    threshold : float, log-odds
        Scores from here on say genuine.

    Returns
    -------
    numpy.ndarray [shape=(2, 2), int64]
        Rows are the truth, columns the answer; spoof first, genuine second.
    """
    from sklearn.metrics import confusion_matrix

    scores, labels = checked(scores, labels)
    return confusion_matrix(labels, (scores >= threshold).astype(int), labels=[SPOOF, GENUINE])


def report(scores, labels, threshold):
    """scikit-learn's classification report of the answers of a threshold."""
    from sklearn.metrics import classification_report

    scores, labels = checked(scores, labels)
    said = (scores >= threshold).astype(int)
    return classification_report(labels, said, labels=[SPOOF, GENUINE], target_names=list(LABEL_NAMES), zero_division=0)


def from_counts(matrix):
    """Everything a confusion matrix says.

    Parameters
    ----------
    matrix : array_like [shape=(..., 2, 2)]
        Rows truth, columns answer, spoof first; counts or weights, both classes present.

    Returns
    -------
    dict of str to float or numpy.ndarray [shape=(...)]
        Fractions `accuracy`, `balanced_accuracy`, `constant_accuracy` (always answering
        the larger class), `far`, `frr`, and `mcc` (-1 to 1; 0 when one class is never
        answered).

    References
    ----------
    B. W. Matthews, "Comparison of the predicted and observed secondary structure of T4
    phage lysozyme", Biochimica et Biophysica Acta 405, 1975.
    """
    matrix = np.asarray(matrix, dtype=np.float64)
    truth, answer = matrix.sum(-1), matrix.sum(-2)
    total = truth.sum(-1)
    far, frr = matrix[..., 0, 1] / truth[..., 0], matrix[..., 1, 0] / truth[..., 1]
    determinant = matrix[..., 0, 0] * matrix[..., 1, 1] - matrix[..., 0, 1] * matrix[..., 1, 0]
    product = np.sqrt(truth.prod(-1) * answer.prod(-1))
    return {
        "accuracy": (matrix[..., 0, 0] + matrix[..., 1, 1]) / total,
        "balanced_accuracy": 1 - (far + frr) / 2,
        "constant_accuracy": truth.max(-1) / total,
        "mcc": np.divide(determinant, product, out=np.zeros_like(product), where=product > 0),
        "far": far,
        "frr": frr,
    }


def rate_interval(errors, count, level=0.95):
    """Wilson's interval of a rate; unlike resampled counts it does not vanish at 0 or all of them.

    Parameters
    ----------
    errors, count : int
    level : float, 0 to 1

    Returns
    -------
    low, high : float

    References
    ----------
    E. B. Wilson, "Probable inference, the law of succession, and statistical inference",
    Journal of the American Statistical Association 22, 1927.
    """
    from scipy.stats import binomtest

    ends = binomtest(int(errors), int(count)).proportion_ci(level, method="wilson")
    return float(ends.low), float(ends.high)


def resampled(matrix, resamples, seed):
    """Confusion matrices of other trials, drawn within each class, as `lib.metrics.draws` draws them.

    At one threshold a resample of trials is no more than two binomial counts.

    Parameters
    ----------
    matrix : array_like [shape=(2, 2)]
        Counts; rows truth, columns answer, spoof first.
    resamples, seed : int

    Returns
    -------
    numpy.ndarray [shape=(resamples, 2, 2)]
    """
    matrix = np.asarray(matrix)
    totals = matrix.sum(1)
    accepted = np.random.default_rng(seed).binomial(totals, matrix[:, 1] / totals, size=(resamples, 2))
    return np.stack([totals - accepted, accepted], axis=-1)
