"""All metrics of one system on one set of trials."""

from lib.metrics.answers import confusion, from_counts
from lib.metrics.costs import ASVSPOOF5, act_dcf, cllr, min_cllr, min_dcf
from lib.metrics.curves import auc, checked, eer


def evaluate(scores, labels, *, threshold=0.0, costs=ASVSPOOF5):
    """Measure scores against labels.

    Parameters
    ----------
    scores : array_like [shape=(n,)], log-odds
        The higher the more genuine.
    labels : array_like [shape=(n,)]
        1 = genuine, 0 = spoof; both present.
    threshold : float, log-odds
        Scores from here on say genuine; 0 is a probability of 0.5. Matters for the
        accuracies and MCC only.
    costs : Costs
        For the detection costs.

    Returns
    -------
    dict of str to float
        Fractions `eer`, `auc`, `accuracy`, `balanced_accuracy`, `constant_accuracy`
        (always answering the larger class); `mcc`, -1 to 1; normalised costs `min_dcf`,
        `act_dcf`; `cllr`, `min_cllr`, bits; counts `n_genuine`, `n_spoof`.

    Raises
    ------
    InputError
        See `lib.metrics.curves.checked`.
    """
    scores, labels = checked(scores, labels)
    matrix = confusion(scores, labels, threshold)
    answers = {name: float(value) for name, value in from_counts(matrix).items()}
    return {
        "eer": eer(scores, labels)[0],
        "auc": auc(scores, labels),
        "accuracy": answers["accuracy"],
        "balanced_accuracy": answers["balanced_accuracy"],
        "mcc": answers["mcc"],
        "min_dcf": min_dcf(scores, labels, costs),
        "act_dcf": act_dcf(scores, labels, costs),
        "cllr": cllr(scores, labels),
        "min_cllr": min_cllr(scores, labels),
        "constant_accuracy": answers["constant_accuracy"],
        "n_genuine": int(matrix[1].sum()),
        "n_spoof": int(matrix[0].sum()),
    }
