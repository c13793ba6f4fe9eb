"""What is suspicious about scores before anybody believes their metrics.

Every alarm is one plain sentence that names its figure.
"""

import numpy as np

from lib.corpus.protocol import GENUINE, LABEL_NAMES
from lib.metrics.curves import checked

# Below so many trials of a class an error rate of 5 % stands on fewer than five errors.
FEW = 100
# From here on trials of a cluster repeat each other so much that it matters.
LARGE_DESIGN_EFFECT = 3


def shuffled_auc(scores, labels, *, resamples=200, seed=0, level=0.95):
    """The AUC that these scores reach by luck, with the labels shuffled.

    An aligned AUC inside this interval says that the scores know nothing of the labels:
    the system learned nothing, or its scores stand beside the wrong trials.

    Returns
    -------
    low, high : float
    """
    from scipy.stats import rankdata

    scores, labels = checked(scores, labels)
    ranks = rankdata(scores)
    n_genuine = int((labels == GENUINE).sum())
    n_spoof = len(labels) - n_genuine
    rng = np.random.default_rng(seed)
    sums = np.array([rng.permutation(ranks)[:n_genuine].sum() for _ in range(resamples)])
    values = (sums - n_genuine * (n_genuine + 1) / 2) / (n_genuine * n_spoof)
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def of_scores(scores):
    """Alarms that need no label."""
    scores = np.asarray(scores, dtype=np.float64)
    different = len(np.unique(scores))
    found = []
    if different == 1:
        found.append(f"All scores are {scores[0]:g}: the system says the same of every trial.")
    elif different < min(10, len(scores)):
        found.append(f"Only {different} different scores: they look like answers; EER and DET are interpolated.")
    if different > 1 and scores.min() >= 0 and scores.max() <= 1:
        found.append(
            "All scores lie between 0 and 1 and look like probabilities: thresholds, DCF and Cllr want log-odds, "
            "ln(p / (1 - p)), from before any rounding."
        )
    return found


def of_result(result):
    """Alarms about a result of `lib.metrics.evaluation.evaluate_table`.

    Parameters
    ----------
    result : dict

    Returns
    -------
    list of str
    """
    found = []
    if result["auc"] < 0.5:
        found.append(
            f"AUC {result['auc']:.3f} lies below 0.5: the scores point the wrong way (a higher score has to mean "
            "genuine) or the labels are swapped."
        )
    low, high = result["shuffled_auc"]
    if low <= result["auc"] <= high:
        found.append(
            f"AUC {result['auc']:.3f} lies within what shuffled labels give ({low:.3f} to {high:.3f}): the scores "
            "say nothing about these trials, or stand beside the wrong ones."
        )
    plain = result["thresholds"]["0.5"]
    if plain["far"] == plain["frr"] - 1 or plain["far"] == plain["frr"] + 1:
        said = LABEL_NAMES[int(plain["far"] == 1)]
        found.append(f"At threshold 0.5 every trial is called {said}.")
    if result["accuracy"] <= result["constant_accuracy"]:
        larger = LABEL_NAMES[int(result["n_genuine"] > result["n_spoof"])]
        found.append(
            f"Accuracy {100 * result['accuracy']:.1f} % at threshold 0.5 does not beat the "
            f"{100 * result['constant_accuracy']:.1f} % of always answering {larger}."
        )
    if result["cllr"] > 1:
        found.append(
            f"Cllr {result['cllr']:.2f} lies above 1: read as log-odds the scores mislead; calibrate them on dev."
        )
    for label in LABEL_NAMES:
        if result[f"n_{label}"] < FEW:
            found.append(
                f"Only {result[f'n_{label}']} {label} trials: one of them is "
                f"{100 / result[f'n_{label}']:.1f} % of its error rate."
            )
    for name, part in result["clusters"].items():
        found += _of_clusters(name, part, result)
    return found


def _of_clusters(name, part, result):
    found = []
    if part["design_effect"] is not None and part["design_effect"] > LARGE_DESIGN_EFFECT:
        low, high = part["eer_ci"]
        found.append(
            f"Trials of one {name} repeat each other (design effect {part['design_effect']:.1f}): over "
            f"{part['count']} {name}s the EER's interval is {100 * low:.1f} to {100 * high:.1f} %."
        )
    low, high = result["eer_ci"]
    most = part["most"]
    if most["without"] is not None and not low <= most["without"] <= high:
        found.append(
            f"One {name} makes the number: without {most['cluster']} the EER is {100 * most['without']:.1f} %, "
            f"with it {100 * result['eer']:.1f} %."
        )
    return found
