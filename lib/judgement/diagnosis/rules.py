"""One function a cause: the sentence with its figures when the cause holds, else None.

Every rule has an effect size and, where trials are counted, a test at 1 %:

- *input out of range*: 1 % of the expected width outside, or less than a tenth of it used.
- *never learned*: the loss at the end is no more than 2 % below the constant answer's,
  and the scores on train spread by less than 0.25 log-odds, or have an AUC below 0.7, or
  the loss has not fallen by 2 % since the first epoch. Without a history: small spread
  and an AUC within what shuffled labels give.
- *moving statistics lag*: AUC with batch statistics above what shuffled labels give; AUC
  or balanced accuracy on train lose 10 points or more at inference.
- *labels misaligned*: accuracy in the table 10 points or more below the training's own,
  AUC within what shuffled labels give, and a spread of 0.25 log-odds or more.
- *polarity*: AUC below what shuffled labels give.
- *overfitting*: AUC of 0.8 or more on train, and dev has less than half of what train
  has above 0.5. The standard error at that half is Hanley and McNeil's.
- *one class always*: on dev 5 % or less of one class are answered rightly, 95 % or more
  of the other, both surely on their side of a half.

References
----------
J. A. Hanley and B. J. McNeil, "The meaning and use of the area under a receiver
operating characteristic (ROC) curve", Radiology 143, 1982, equation 2.
Q. McNemar, "Note on the sampling error of the difference between correlated proportions
or percentages", Psychometrika 12, 1947.
"""

import math
from statistics import NormalDist

from lib.judgement.diagnosis.evidence import SURE

AT_CONSTANT = 0.98  # of the constant answer's loss: an AUC of about 0.59 gets so far
SMALL_SPREAD = 0.25  # log-odds
LARGE = 0.1  # of accuracy or AUC
LOW_AUC, HIGH_AUC = 0.7, 0.8
KEPT = 0.5  # of what train has above chance
NEARLY_ALL = 0.95
_OWN_ACCURACY = {"train": "training_accuracy", "dev": "training_val_accuracy"}
_SURELY = NormalDist().inv_cdf(1 - SURE)  # standard errors


def input_out_of_range(f):
    """What reached the model is not what its backbone was trained on."""
    if "input_min" not in f or "expected_min" not in f:
        return None
    width = f["expected_max"] - f["expected_min"]
    margin = 0.01 * width
    outside = f["input_min"] < f["expected_min"] - margin or f["input_max"] > f["expected_max"] + margin
    if not outside and f["input_max"] - f["input_min"] >= 0.1 * width:
        return None
    return (
        f"Inputs run from {f['input_min']:.4g} to {f['input_max']:.4g}; the backbone was trained on "
        f"{f['expected_min']:.4g} to {f['expected_max']:.4g}."
    )


def never_learned(f):
    """The training itself got no further than a constant answer."""
    still = f["train_spread"] < SMALL_SPREAD
    spread = f"The scores on train spread by {f['train_spread']:.2g} log-odds and have AUC {_area(f, 'train')} there."
    if "loss_last" not in f:
        return f"{spread} There is no history to say more." if still and _at_chance(f, "train") else None
    fell = f["loss_last"] < AT_CONSTANT * f["loss_first"]
    if f["loss_last"] < AT_CONSTANT * f["loss_constant"] or not (still or f["train_auc"] < LOW_AUC or not fell):
        return None
    return (
        f"The training loss ended at {f['loss_last']:.3g} nat (first epoch {f['loss_first']:.3g}); one constant "
        f"answer has {f['loss_constant']:.3f}. {spread}"
    )


def moving_statistics_lag(f):
    """With the statistics of a batch the model knows what it does not know when it scores."""
    lost = [f.get(f"lost_{name}", 0) >= LARGE and f[f"lost_{name}_p"] < SURE for name in ("auc", "balanced_accuracy")]
    if not any(lost) or not _batch_knows(f) or _misjoined(f, "dev"):
        return None
    return (
        f"On train the balanced accuracy is {_percent(f['train_batch_balanced_accuracy'])} % with batch statistics "
        f"and {_percent(f['train_balanced_accuracy'])} % at inference, the AUC {f['train_batch_auc']:.3f} and "
        f"{f['train_auc']:.3f}: the moving statistics of batch normalisation are not those of the data."
    )


def labels_misaligned(f):
    """The training succeeded, the table of scores and labels knows nothing of it."""
    if never_learned(f) or moving_statistics_lag(f):
        return None
    for split, own in _OWN_ACCURACY.items():
        if _misjoined(f, split) and not (split == "train" and _batch_knows(f)):
            return (
                f"The training measured {_percent(f[own])} % accuracy on {split}, the same answers have "
                f"{_percent(f[f'{split}_accuracy'])} % beside the labels of the table; AUC {_area(f, split)}."
            )
    return None


def polarity(f):
    """Scores that know the labels and point the wrong way."""
    if never_learned(f) or moving_statistics_lag(f):
        return None
    for split in ("train", "dev"):
        wrong = f[f"{split}_auc"] < f[f"{split}_auc_shuffled_low"]
        if split == "train":
            wrong = wrong and not _batch_knows(f)
        else:  # dev alone may be another world: only when the training knew better
            wrong = wrong and _contradicts(f, "dev")
        if wrong:
            return (
                f"On {split} the AUC is {_area(f, split)}: a higher score means spoof, or the labels are "
                f"swapped. On dev it is {_area(f, 'dev')}."
            )
    return None


def overfitting(f):
    """Most of what train shows is not there on dev."""
    if labels_misaligned(f) or polarity(f) or f["train_auc"] < HIGH_AUC:
        return None
    half = 0.5 + KEPT * (f["train_auc"] - 0.5)
    error = math.hypot(_auc_error(half, f, "dev"), KEPT * _auc_error(f["train_auc"], f, "train"))
    if (half - f["dev_auc"]) / error < _SURELY:
        return None
    return (
        f"AUC {f['train_auc']:.3f} on train and {_area(f, 'dev')} on dev: surely less than half of what train "
        f"shows above chance (below {half:.3f}). The scores on dev spread by {f['dev_spread']:.2g} log-odds."
    )


def one_class_always(f):
    """At the run's threshold all answers are the same."""
    from scipy.stats import binomtest

    for missed, said in (("spoof", "genuine"), ("genuine", "spoof")):
        right, other = f[f"dev_recall_{missed}"], f[f"dev_recall_{said}"]
        if right > 1 - NEARLY_ALL or other < NEARLY_ALL:
            continue
        most, least = (
            binomtest(round(f[f"dev_recall_{name}"] * n), n).proportion_ci(1 - SURE)
            for name, n in ((missed, int(f[f"dev_n_{missed}"])), (said, int(f[f"dev_n_{said}"])))
        )
        if most.high < 0.5 < least.low:
            return (
                f"At {f['threshold']:.3g} log-odds dev's answer is {said} for {_percent(1 - right)} % of its {missed} "
                f"and {_percent(other)} % of its {said} trials. AUC {_area(f, 'dev')}; at {f['dev_eer_threshold']:.3g} "
                f"log-odds both errors are {_percent(f['dev_eer'])} %."
            )
    return None


def _at_chance(f, split):
    return f[f"{split}_auc_shuffled_low"] <= f[f"{split}_auc"] <= f[f"{split}_auc_shuffled_high"]


def _batch_knows(f):
    """With batch statistics the scores on train know the labels; False without them."""
    return f.get("train_batch_auc", 0) > f["train_auc_shuffled_high"]


def _misjoined(f, split):
    """Scores with a spread that know nothing of labels which the training knew."""
    return f[f"{split}_spread"] >= SMALL_SPREAD and _at_chance(f, split) and _contradicts(f, split)


def _contradicts(f, split):
    """The answers of the table are surely worse than the training measured them to be."""
    from scipy.stats import binomtest

    own = _OWN_ACCURACY[split]
    accuracy = f[f"{split}_accuracy"]
    if own not in f or f[own] - accuracy < LARGE:
        return False
    trials = int(f[f"{split}_n_genuine"] + f[f"{split}_n_spoof"])
    expected = min(f[own], 1 - 1 / trials)  # one trial may fall the other way
    return binomtest(round(accuracy * trials), trials, expected, alternative="less").pvalue < SURE


def _auc_error(area, f, split):
    """Standard error of an AUC of that size on the split's trials."""
    genuine, spoof = f[f"{split}_n_genuine"], f[f"{split}_n_spoof"]
    first, second = area / (2 - area) - area**2, 2 * area**2 / (1 + area) - area**2
    return math.sqrt((area * (1 - area) + (genuine - 1) * first + (spoof - 1) * second) / (genuine * spoof))


def _area(f, split):
    """An AUC beside what shuffled labels give."""
    low, high = f[f"{split}_auc_shuffled_low"], f[f"{split}_auc_shuffled_high"]
    return f"{f[f'{split}_auc']:.3f} (shuffled labels {low:.3f} to {high:.3f})"


def _percent(fraction):
    return f"{100 * fraction:.1f}"
