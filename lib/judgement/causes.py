"""One function a cause: a sentence with its figures when the cause holds, else None. The first that holds is named.

*Chance* is the interval of the AUC with the labels shuffled, *baseline* the loss of the best
constant output. Each function is given the figures (`lib.judgement.diagnosis`) and the causes
found before it. Every rule has an effect size and, where trials are counted, a test at 1 %, so
a dev split of a dozen trials seldom proves anything. A network that memorised shuffled labels
is *overfitting*.
"""

import math
from statistics import NormalDist

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
    margin = 0.01 * width
    outside = f["input_min"] < f["expected_min"] - margin or f["input_max"] > f["expected_max"] + margin
    if not outside and f["input_max"] - f["input_min"] > width / 2 + margin:
        return None
    return (
        f"Inputs run from {f['input_min']:.4g} to {f['input_max']:.4g}; the backbone was trained on "
        f"{f['expected_min']:.4g} to {f['expected_max']:.4g}."
    )


def _never_learned(f, _):
    """Neither the loss, which penalties of weights may raise, nor the order of train's scores is better than a
    constant output's, or neither ever moved."""
    spread = f"The scores on train spread by {f['train_spread']:.2g} log-odds and have AUC {_area(f, 'train')}."
    if "loss_last" not in f:
        still = f["train_spread"] < _SMALL_SPREAD and _at_chance(f, "train")
        return f"{spread} There is no history to tell more." if still else None
    if f["loss_last"] < _AT_BASELINE * f["loss_constant"]:
        return None
    separated = 0.5 + max(abs(f.get(f"train_{name}", 0.5) - 0.5) for name in ("auc", "batch_auc"))
    majority = max(f["train_n_genuine"], f["train_n_spoof"]) / (f["train_n_genuine"] + f["train_n_spoof"])
    if f["loss_last"] < _AT_BASELINE * f["loss_first"]:  # something was learned
        learned = separated >= _LOW_AUC or f.get("training_train_accuracy", 0) >= majority + _LARGE
    else:
        learned = separated >= _BY_LUCK
    if learned:
        return None
    return (
        f"The training loss ended at {f['loss_last']:.3g} nat (first epoch {f['loss_first']:.3g}); the best constant "
        f"output has {f['loss_constant']:.3f}. {spread}"
    )


def _moving_statistics_lag(f, _):
    """With batch statistics the model separates train, at inference it does not."""
    lost = [f.get(f"lost_{name}", 0) >= _LARGE and f[f"lost_{name}_p"] < SURE for name in ("auc", "balanced_accuracy")]
    if not any(lost) or not _batch_separates(f):
        return None
    return (
        f"On train the balanced accuracy is {_percent(f['train_batch_balanced_accuracy'])} % with batch statistics "
        f"and {_percent(f['train_balanced_accuracy'])} % at inference, the AUC {f['train_batch_auc']:.3f} and "
        f"{f['train_auc']:.3f}: the moving statistics of batch normalisation are not those of the data."
    )


def _labels_misaligned(f, _):
    """The table's labels contradict what the training measured; the order of the scores is not inverted."""
    for split in ("train", "dev"):
        if _contradicts(f, split) and f[f"{split}_auc"] >= f[f"{split}_auc_shuffled_low"]:
            return (
                f"The training measured {_percent(f[f'training_{split}_accuracy'])} % accuracy on {split}; against the "
                f"labels of the table the scores reach {_percent(f[f'{split}_best_accuracy'])} % at their best "
                f"threshold; AUC {_area(f, split)}."
            )
    return None


def _polarity(f, found):
    """The scores separate the classes, but inverted."""
    if "never learned" in found or "moving statistics lag" in found:
        return None
    for split in ("train", "dev"):
        wrong = f[f"{split}_auc"] < f[f"{split}_auc_shuffled_low"]
        # Dev alone may be another domain: only when the training measured better.
        if wrong and (not _batch_separates(f) if split == "train" else _contradicts(f, "dev")):
            return (
                f"On {split} the AUC is {_area(f, split)}: a higher score means spoof, or the labels are "
                f"swapped. On dev it is {_area(f, 'dev')}."
            )
    return None


def _overfitting(f, found):
    """Most of what train shows is lost on dev."""
    if {"labels misaligned", "polarity"} & found.keys() or f["train_auc"] < _HIGH_AUC:
        return None
    half = 0.5 + _KEPT * (f["train_auc"] - 0.5)
    error = math.hypot(_auc_error(half, f, "dev"), _KEPT * _auc_error(f["train_auc"], f, "train"))
    if (half - f["dev_auc"]) / error < _SURELY:
        return None
    return (
        f"AUC {f['train_auc']:.3f} on train and {_area(f, 'dev')} on dev: significantly less than half of what train "
        f"has above chance (below {half:.3f}). The scores on dev spread by {f['dev_spread']:.2g} log-odds."
    )


def _one_class_always(f, _):
    """At the run's threshold all decisions are the same; both recalls significantly on their side of a half."""
    for missed, decided in (("spoof", "genuine"), ("genuine", "spoof")):
        right, other = f[f"dev_recall_{missed}"], f[f"dev_recall_{decided}"]
        if right > 1 - _NEARLY_ALL or other < _NEARLY_ALL:
            continue
        most, least = (
            binomtest(round(f[f"dev_recall_{name}"] * n), n).proportion_ci(1 - SURE)
            for name, n in ((name, int(f[f"dev_n_{name}"])) for name in (missed, decided))
        )
        if most.high < 0.5 < least.low:
            return (
                f"At {f['threshold']:.3g} log-odds dev is classified as {decided} for {_percent(1 - right)} % of its "
                f"{missed} and {_percent(other)} % of its {decided} trials. AUC {_area(f, 'dev')}; at "
                f"{f['dev_eer_threshold']:.3g} log-odds both errors are {_percent(f['dev_eer'])} %."
            )
    return None


def _near_chance(f, found):
    """On dev the AUC is significantly lower than a low one, and no cause in the training is seen."""
    if found.keys() - {"one class always", "input out of range"}:
        return None
    if f["dev_auc"] + _SURELY * _auc_error(max(f["dev_auc"], 0.5), f, "dev") >= _LOW_AUC:
        return None
    return (
        f"On dev the EER is {_percent(f['dev_eer'])} % and the AUC {_area(f, 'dev')}, significantly lower than "
        f"{_LOW_AUC}; on train the AUC is {f['train_auc']:.3f}."
    )


# Rule and remedy, in the order in which they are asked.
CAUSES = {
    "input out of range": (
        _input_out_of_range,
        "Scale the inputs to the range that the backbone was trained on and train again; other symptoms may be "
        "consequences.",
    ),
    "never learned": (
        _never_learned,
        "Train again with smaller inputs (0-1), with batch normalisation, or with another learning rate.",
    ),
    "moving statistics lag": (
        _moving_statistics_lag,
        "Refresh the moving statistics by forward passes (lib.systems.batchnorm.refresh); no retraining is needed. "
        "In a new training a momentum of 0.9, or more steps, has the same effect.",
    ),
    "labels misaligned": (
        _labels_misaligned,
        "Join scores and labels by trial name; look for a shuffled pass over the split where scores are made.",
    ),
    "polarity": (
        _polarity,
        "Find where the sign is inverted: a higher score must mean genuine, and 1 = genuine (lib.corpus).",
    ),
    "overfitting": (
        _overfitting,
        "Stop at the lowest dev loss, augment, or use a smaller model; more speakers and recording situations "
        "help most.",
    ),
    "one class always": (
        _one_class_always,
        "Choose the threshold on dev, or weight the classes in training; if the AUC is high, the order of the scores "
        "is not at fault.",
    ),
    "near chance": (
        _near_chance,
        "Little of what train shows holds on dev: train longer or with a larger model, or use other features; more "
        "speakers and recording situations help most.",
    ),
}


def _at_chance(f, split):
    return f[f"{split}_auc_shuffled_low"] <= f[f"{split}_auc"] <= f[f"{split}_auc_shuffled_high"]


def _batch_separates(f):
    """With batch statistics the scores separate train; False without them."""
    return f.get("train_batch_auc", 0) > f["train_auc_shuffled_high"]


def _contradicts(f, split):
    """No threshold gives the scores the accuracy that the training measured, significantly."""
    own, best = f.get(f"training_{split}_accuracy", 0), f[f"{split}_best_accuracy"]
    if own - best < _LARGE:
        return False
    trials = int(f[f"{split}_n_genuine"] + f[f"{split}_n_spoof"])
    expected = min(own, 1 - 1 / trials)  # one trial may fall the other way
    return binomtest(round(best * trials), trials, expected, alternative="less").pvalue < SURE


def _auc_error(area, f, split):
    """Standard error of an AUC of that size (J. A. Hanley and B. J. McNeil, Radiology 143, 1982, eq. 2)."""
    genuine, spoof = f[f"{split}_n_genuine"], f[f"{split}_n_spoof"]
    first, second = area / (2 - area) - area**2, 2 * area**2 / (1 + area) - area**2
    return math.sqrt((area * (1 - area) + (genuine - 1) * first + (spoof - 1) * second) / (genuine * spoof))


def _area(f, split):
    """An AUC beside the range of shuffled labels."""
    low, high = f[f"{split}_auc_shuffled_low"], f[f"{split}_auc_shuffled_high"]
    return f"{f[f'{split}_auc']:.3f} (shuffled labels {low:.3f} to {high:.3f})"


def _percent(fraction):
    return f"{100 * fraction:.1f}"
