"""What is suspicious about scores before anybody believes their metrics; each alarm is one sentence."""

import numpy as np

from lib.corpus.protocol import GENUINE, LABEL_NAMES
from lib.metrics.measures import checked

_FEW = 100  # below so many trials of a class an error rate of 5 % rests on fewer than five errors
_LARGE_DESIGN_EFFECT = 3


def shuffled_auc(scores, labels, *, resamples=200, level=0.95):
    """Interval (low, high) of the AUC with the labels shuffled; an AUC inside it is indistinguishable from chance."""
    from scipy.stats import rankdata

    scores, labels = checked(scores, labels)
    ranks = rankdata(scores)
    n_genuine = int((labels == GENUINE).sum())
    rng = np.random.default_rng(0)
    sums = np.array([rng.permutation(ranks)[:n_genuine].sum() for _ in range(resamples)])
    values = (sums - n_genuine * (n_genuine + 1) / 2) / (n_genuine * (len(labels) - n_genuine))
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def of_scores(scores):
    """Alarms that need no label; a list of str."""
    scores = np.asarray(scores, dtype=np.float64)
    different = len(np.unique(scores))
    if different == 1:
        return [f"All scores are {scores[0]:g}: they do not depend on the trial."]
    found = []
    if different < min(10, len(scores)):
        found.append(f"Only {different} different scores: they look like decisions; EER and DET are interpolated.")
    if scores.min() >= 0 and scores.max() <= 1:
        found.append(
            "All scores lie between 0 and 1 and look like probabilities: thresholds, DCF and Cllr require unrounded "
            "log-odds, ln(p / (1 - p))."
        )
    return found


def of_result(result):
    """Alarms about a result of `lib.metrics.evaluate_table`; a list of str."""
    found = []
    area, (low, high) = result["auc"], result["shuffled_auc"]
    if area < 0.5:
        found.append(
            f"AUC {area:.3f} lies below 0.5: the scores are inverted (a higher score must mean genuine) or the "
            "labels are swapped."
        )
    if low <= area <= high:
        found.append(
            f"AUC {area:.3f} lies within the range of shuffled labels ({low:.3f} to {high:.3f}): the scores carry "
            "no information about these trials, or are matched to the wrong ones."
        )
    plain = result["thresholds"]["0.5"]
    if abs(plain["far"] - plain["frr"]) == 1:
        found.append(f"At threshold 0.5 every trial is classified as {LABEL_NAMES[int(plain['far'] == 1)]}.")
    if result["accuracy"] <= result["constant_accuracy"]:
        larger = LABEL_NAMES[int(result["n_genuine"] > result["n_spoof"])]
        found.append(
            f"Accuracy {100 * result['accuracy']:.1f} % at threshold 0.5 does not beat the majority-class baseline "
            f"(always {larger}: {100 * result['constant_accuracy']:.1f} %)."
        )
    if result["cllr"] > 1:
        found.append(f"Cllr {result['cllr']:.2f} lies above 1: as log-odds the scores mislead; calibrate them on dev.")
    for label in LABEL_NAMES:
        count = result[f"n_{label}"]
        if count < _FEW:
            found.append(f"Only {count} {label} trials: one of them is {100 / count:.1f} % of its error rate.")
    low, high = result["trials"]["eer_ci"]
    for name, part in result["clusters"].items():
        effect, most = part["design_effect"], part["most"]
        if effect is not None and effect > _LARGE_DESIGN_EFFECT:
            ends = " to ".join(f"{100 * end:.1f}" for end in part["eer_ci"])
            found.append(
                f"Trials of one {name} are correlated (design effect {effect:.1f}): over {part['count']} {name}s the "
                f"interval of the EER is {ends} %."
            )
        if most["without"] is not None and not low <= most["without"] <= high:
            found.append(
                f"One {name} dominates the EER: without {most['cluster']} it is {100 * most['without']:.1f} %, "
                f"with it {100 * result['eer']:.1f} %."
            )
    return found
