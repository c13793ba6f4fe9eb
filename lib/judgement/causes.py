"""One rule a cause, asked in the order of `CAUSES`; the first that holds is named.

*Chance* is the interval of the AUC with the labels shuffled, *baseline* the loss of the best
constant output. A rule is given the figures (`lib.judgement.diagnosis`) and the causes found
before it; it answers with what its sentence tells besides the figures, or None. Every rule has
an effect size and, where trials are counted, a test at 1 %, so a dev split of a dozen trials
seldom proves anything. A network that memorised shuffled labels is *overfitting*.
"""

import math
from statistics import NormalDist
from typing import NamedTuple

from scipy.stats import binomtest

SURE = 0.01  # error probability below which a test counts, in every rule
_AT_BASELINE = 0.98  # of the baseline's loss: an AUC of about 0.59 gets so far
_SMALL_SPREAD = 0.25  # log-odds
_LARGE = 0.1  # of accuracy or AUC
_LOW_AUC, _HIGH_AUC = 0.7, 0.8
_BY_LUCK = 0.9  # AUC of a network with its first weights, at most
_KEPT = 0.5  # of what train has above chance
_NEARLY_ALL = 0.95
_SURELY = NormalDist().inv_cdf(1 - SURE)  # standard errors


def _input_out_of_range(f, _):
    """1 % of the expected width outside, or no more than half of it used, as by 0-1 where -1-1 is expected."""
    if "input_min" not in f or "expected_min" not in f:
        return None
    width = f["expected_max"] - f["expected_min"]
    outside = max(f["expected_min"] - f["input_min"], f["input_max"] - f["expected_max"]) > 0.01 * width
    return {} if outside or f["input_max"] - f["input_min"] <= 0.51 * width else None


def _never_learned(f, _):
    """Train's loss, which a penalty of weights may raise, and the order of its scores are no better than a
    constant output's, or neither ever moved."""
    if "loss_last" not in f:
        at_chance = f["train_auc_shuffled_low"] <= f["train_auc"] <= f["train_auc_shuffled_high"]
        still = f["train_spread"] < _SMALL_SPREAD and at_chance
        return {"losses": "There is no history to tell more."} if still else None
    separated = 0.5 + max(abs(f.get(f"train_{name}", 0.5) - 0.5) for name in ("auc", "batch_auc"))
    if f["loss_last"] >= _AT_BASELINE * f["loss_first"]:
        learned = separated >= _BY_LUCK
    else:
        majority = max(f["train_n_genuine"], f["train_n_spoof"]) / _trials(f, "train")
        learned = separated >= _LOW_AUC or f.get("training_train_accuracy", 0) >= majority + _LARGE
    losses = (
        "The training loss ended at {loss_last:.3g} nat (first epoch {loss_first:.3g}); the best constant output has "
        "{loss_constant:.3f}."
    )
    return None if learned or f["loss_last"] < _AT_BASELINE * f["loss_constant"] else {"losses": losses.format(**f)}


def _moving_statistics_lag(f, _):
    """With batch statistics the model separates train, at inference it does not."""
    lost = [f.get(f"lost_{name}", 0) >= _LARGE and f[f"lost_{name}_p"] < SURE for name in ("auc", "balanced_accuracy")]
    return {} if any(lost) and _batch_separates(f) else None


def _labels_misaligned(f, _):
    """The table's labels contradict what the training measured, and the order of the scores is not inverted."""
    return next((_of(f, s) for s in ("train", "dev") if _contradicts(f, s) and not _inverted(f, s)), None)


def _polarity(f, found):
    """The scores separate the classes, but inverted; dev alone, which may be another domain, where the training
    measured better."""
    if "never learned" in found or "moving statistics lag" in found:
        return None
    if _inverted(f, "train") and not _batch_separates(f):
        return _of(f, "train")
    return _of(f, "dev") if _inverted(f, "dev") and _contradicts(f, "dev") else None


def _overfitting(f, found):
    """Most of what train shows is lost on dev."""
    if {"labels misaligned", "polarity"} & found.keys() or f["train_auc"] < _HIGH_AUC:
        return None
    half = 0.5 + _KEPT * (f["train_auc"] - 0.5)
    error = math.hypot(_auc_error(half, f, "dev"), _KEPT * _auc_error(f["train_auc"], f, "train"))
    return {"half": half} if (half - f["dev_auc"]) / error >= _SURELY else None


def _one_class_always(f, _):
    """At the run's threshold all decisions are the same; both recalls significantly on their side of a half."""
    for missed, decided in (("spoof", "genuine"), ("genuine", "spoof")):
        (right, n), (other, m) = ((f[f"dev_recall_{name}"], f[f"dev_n_{name}"]) for name in (missed, decided))
        most, least = (binomtest(round(r * k), k).proportion_ci(1 - SURE) for r, k in ((right, n), (other, m)))
        if right <= 1 - _NEARLY_ALL and other >= _NEARLY_ALL and most.high < 0.5 < least.low:
            return {"missed": missed, "decided": decided, "wrong": 1 - right, "right": other}
    return None


def _near_chance(f, found):
    """On dev the AUC is significantly lower than a low one, and no cause in the training is seen."""
    if found.keys() - {"one class always", "input out of range"}:
        return None
    most = f["dev_auc"] + _SURELY * _auc_error(max(f["dev_auc"], 0.5), f, "dev")
    return {"low": _LOW_AUC} if most < _LOW_AUC else None


class Rule(NamedTuple):
    """A rule, its sentence, and the remedy."""

    holds: object
    sentence: str
    advice: str


_TRAIN, _DEV = (
    f"{{{split}_auc:.3f}} (shuffled labels {{{split}_auc_shuffled_low:.3f}} to {{{split}_auc_shuffled_high:.3f}})"
    for split in ("train", "dev")
)
CAUSES = {
    "input out of range": Rule(
        _input_out_of_range,
        "Inputs run from {input_min:.4g} to {input_max:.4g}; the backbone was trained on {expected_min:.4g} to "
        "{expected_max:.4g}.",
        "Scale the inputs to the range that the backbone was trained on and train again; other symptoms may be "
        "consequences.",
    ),
    "never learned": Rule(
        _never_learned,
        f"{{losses}} The scores on train spread by {{train_spread:.2g}} log-odds and have AUC {_TRAIN}.",
        "Train again with smaller inputs (0-1), with batch normalisation, or with another learning rate.",
    ),
    "moving statistics lag": Rule(
        _moving_statistics_lag,
        "On train the balanced accuracy is {train_batch_balanced_accuracy:.1%} with batch statistics and "
        "{train_balanced_accuracy:.1%} at inference, the AUC {train_batch_auc:.3f} and {train_auc:.3f}: the moving "
        "statistics of batch normalisation are not those of the data.",
        "Refresh the moving statistics by forward passes (lib.systems.batchnorm.refresh); no retraining is needed. "
        "In a new training a momentum of 0.9, or more steps, has the same effect.",
    ),
    "labels misaligned": Rule(
        _labels_misaligned,
        "The training measured {own:.1%} accuracy on {split}; against the labels of the table the scores reach "
        "{best:.1%} at their best threshold; AUC {auc:.3f} (shuffled labels {low:.3f} to {high:.3f}).",
        "Join scores and labels by trial name; look for a shuffled pass over the split where scores are made.",
    ),
    "polarity": Rule(
        _polarity,
        "On {split} the AUC is {auc:.3f} (shuffled labels {low:.3f} to {high:.3f}): a higher score means spoof, or the "
        f"labels are swapped. On dev it is {_DEV}.",
        "Find where the sign is inverted: a higher score must mean genuine, and 1 = genuine (lib.corpus).",
    ),
    "overfitting": Rule(
        _overfitting,
        f"AUC {{train_auc:.3f}} on train and {_DEV} on dev: significantly less than half of what train has above "
        "chance (below {half:.3f}). The scores on dev spread by {dev_spread:.2g} log-odds.",
        "Stop at the lowest dev loss, augment, or use a smaller model; more speakers and recording situations "
        "help most.",
    ),
    "one class always": Rule(
        _one_class_always,
        "At {threshold:.3g} log-odds dev is classified as {decided} for {wrong:.1%} of its {missed} and {right:.1%} "
        f"of its {{decided}} trials. AUC {_DEV}; at {{dev_eer_threshold:.3g}} both errors are {{dev_eer:.1%}}.",
        "Choose the threshold on dev, or weight the classes in training; if the AUC is high, the order of the scores "
        "is not at fault.",
    ),
    "near chance": Rule(
        _near_chance,
        f"On dev the EER is {{dev_eer:.1%}} and the AUC {_DEV}, significantly lower than {{low}}; on train it is "
        "{train_auc:.3f}.",
        "Train longer or with a larger model, or use other features; more speakers and recording situations help most.",
    ),
}


def _trials(f, split):
    return f[f"{split}_n_genuine"] + f[f"{split}_n_spoof"]


def _of(f, split):
    """The figures of a split under names without it."""
    names = {"auc": "auc", "low": "auc_shuffled_low", "high": "auc_shuffled_high", "best": "best_accuracy"}
    own = f.get(f"training_{split}_accuracy")
    return {"split": split, "own": own, **{name: f[f"{split}_{figure}"] for name, figure in names.items()}}


def _inverted(f, split):
    return f[f"{split}_auc"] < f[f"{split}_auc_shuffled_low"]


def _batch_separates(f):
    """With batch statistics the scores separate train; False without them."""
    return f.get("train_batch_auc", 0) > f["train_auc_shuffled_high"]


def _contradicts(f, split):
    """No threshold gives the scores the accuracy that the training measured, significantly."""
    own, trials = f.get(f"training_{split}_accuracy", 0), _trials(f, split)
    best = max(f[f"{split}_best_accuracy"], f.get(f"{split}_batch_best_accuracy", 0))
    expected = min(own, 1 - 1 / trials)  # one trial may fall the other way
    return own - best >= _LARGE and binomtest(round(best * trials), trials, expected, "less").pvalue < SURE


def _auc_error(area, f, split):
    """Standard error of an AUC of that size (J. A. Hanley and B. J. McNeil, Radiology 143, 1982, eq. 2)."""
    genuine, spoof = f[f"{split}_n_genuine"], f[f"{split}_n_spoof"]
    first, second = area / (2 - area) - area**2, 2 * area**2 / (1 + area) - area**2
    return math.sqrt((area * (1 - area) + (genuine - 1) * first + (spoof - 1) * second) / (genuine * spoof))
