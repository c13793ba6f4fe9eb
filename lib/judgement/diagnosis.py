"""Why a training came out as it did: a named cause, from plain data and without its model. Eval is never used.

Causes are asked for in one order, and the first that holds is named. Each has an effect size and, where trials are
counted, a test at 1 %, so a dozen trials seldom prove anything. A network that memorised shuffled labels overfits.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from lib import metrics
from lib.corpus.protocol import GENUINE, SPOOF
from lib.params import read_table

HEALTHY, UNDECIDED = "healthy", "undecided"
_TEXTS = read_table("causes")
_SHUFFLES = 1000  # enough for the 0.5th percentile of shuffled AUCs
_SURE = 0.01  # error probability below which a test counts, in every rule
_SURELY = NormalDist().inv_cdf(1 - _SURE)  # standard errors
_AT_BASELINE = 0.98  # of the loss of the best constant output: an AUC of about 0.59 gets so far
_SMALL_SPREAD = 0.25  # log-odds
_LARGE = 0.1  # of accuracy or AUC
_LOW_AUC, _HIGH_AUC = 0.7, 0.8
_BY_LUCK = 0.9  # AUC of a network with its first weights, at most
_KEPT = 0.5  # of what train has above chance
_NEARLY_ALL = 0.95
_NEAR_CHANCE = 0.4  # EER on dev from which nothing is called healthy


@dataclass(frozen=True)
class Evidence:
    """Plain data about one training; scores are log-odds."""

    train: pd.DataFrame  # one row a trial: `score` at inference, `label` (1 = genuine)
    dev: pd.DataFrame
    history: pd.DataFrame | None = None  # one row an epoch: `loss` (nat), if any `accuracy`, `val_loss`, `val_accuracy`
    train_batch: np.ndarray | None = None  # the trials' scores with batch statistics [shape=(trials,)], if any
    dev_batch: np.ndarray | None = None
    input_range: tuple | None = None  # smallest and largest input
    expected_range: tuple | None = None  # the same of what the backbone was trained on
    threshold: float = 0.0  # the run's, for "one class always" only; other accuracies are at probability 0.5


@dataclass(frozen=True)
class Diagnosis:
    """The diagnosis of a training."""

    cause: str  # of params/causes.yaml
    others: tuple  # further causes whose rules hold
    findings: tuple  # a sentence with its figures for each
    figures: dict  # all figures, name -> number
    advice: str  # the remedy


def diagnose(evidence):
    """Name the cause of the `Evidence` of a training; a `Diagnosis`.

    InputError for one class only, scores that are not finite, or a wrong number of batch scores.
    """
    f = _figures(evidence)
    found = _causes(f)
    told = [_TEXTS[cause]["sentence"].format(**f, **more).replace("%", " %") for cause, more in found.items()]
    cause, *others = found
    return Diagnosis(cause, tuple(others), tuple(told), f, _TEXTS[cause]["advice"])


def describe(diagnosis):
    """A diagnosis as a paragraph of Markdown."""
    also = f" (also: {', '.join(diagnosis.others)})" if diagnosis.others else ""
    return f"**Diagnosis: {diagnosis.cause}**{also}. {' '.join(diagnosis.findings)} *{diagnosis.advice}*"


def _figures(evidence):
    """Every figure that a rule may use, name -> number; accuracies at 0 log-odds, `spread` the scores' deviation."""
    found = {"threshold": float(evidence.threshold)}
    for split in ("train", "dev"):
        table, batch = getattr(evidence, split), getattr(evidence, f"{split}_batch")
        scores, labels = table["score"].to_numpy(), table["label"].to_numpy()
        found |= _of_scores(split, scores, labels) | {f"{split}_spread": float(np.std(scores))}
        low, high = metrics.shuffled_auc(scores, labels, resamples=_SHUFFLES, level=1 - _SURE)
        found |= {f"{split}_auc_shuffled_low": low, f"{split}_auc_shuffled_high": high}
        found |= {f"{split}_n_genuine": int(labels.sum()), f"{split}_n_spoof": int((1 - labels).sum())}
        if batch is None:
            continue
        found |= _of_scores(f"{split}_batch", batch, labels)
        if split == "train":
            found |= _lost(batch, scores, labels)
    found["dev_recall_spoof"], found["dev_recall_genuine"] = _recalls(scores, labels, evidence.threshold).tolist()
    found["dev_eer"], found["dev_eer_threshold"] = metrics.eer(scores, labels)
    for name, ends in (("input", evidence.input_range), ("expected", evidence.expected_range)):
        if ends is not None:
            found |= {f"{name}_min": float(ends[0]), f"{name}_max": float(ends[1])}
    return found if evidence.history is None else found | _of_history(evidence.history, evidence.train["label"].mean())


def _recalls(scores, labels, threshold=0.0):
    """Of spoof and of genuine trials."""
    matrix = metrics.confusion(scores, labels, threshold)
    return matrix.diagonal() / matrix.sum(axis=1)


def _of_scores(name, scores, labels):
    far, frr, _ = metrics.roc(scores, labels)
    return {
        f"{name}_auc": metrics.auc(scores, labels),
        f"{name}_balanced_accuracy": float(_recalls(scores, labels).mean()),
        f"{name}_best_accuracy": float((1 - far * (1 - labels.mean()) - frr * labels.mean()).max()),
    }


def _of_history(history, share):
    """Figures of the training itself; its end is the mean of the last quarter of the epochs."""
    found = {
        "loss_first": float(history["loss"].iloc[0]),
        "loss_last": float(history["loss"].iloc[-max(1, len(history) // 4) :].mean()),
        "loss_constant": float(-share * np.log(share) - (1 - share) * np.log(1 - share)),
    }
    # The weights may be the last epoch's or the best one's: what both reached at least.
    best = history["val_loss"].argmin() if "val_loss" in history else -1
    for split, name in (("train", "accuracy"), ("dev", "val_accuracy")):
        if name in history:
            found[f"training_{split}_accuracy"] = float(history[name].iloc[[best, -1]].min())
    return found


def _lost(batch, inference, labels):
    """What train loses from batch statistics to inference; p of McNemar's exact test, twice the smaller class's."""
    area = metrics.compare(batch, inference, labels, metric="auc")
    chances, lost = [1.0], []
    for label in (SPOOF, GENUINE):
        right, still = ((scores[labels == label] >= 0) == label for scores in (batch, inference))
        worse, better = int((right & ~still).sum()), int((still & ~right).sum())
        lost.append((worse - better) / len(right))
        if worse:
            chances.append(2 * binomtest(worse, worse + better, alternative="greater").pvalue)
    balanced = {"lost_balanced_accuracy": float(np.mean(lost)), "lost_balanced_accuracy_p": min(chances)}
    return {"lost_auc": area["difference"], "lost_auc_p": area["p"], **balanced}


def _causes(f):
    """The causes that figures show, each with what its sentence tells besides them; the first is named."""
    found = {}
    if "input_min" in f and "expected_min" in f:
        # 1 % of the expected width outside, or no more than half of it used, as by 0-1 where -1-1 is expected.
        width, used = f["expected_max"] - f["expected_min"], f["input_max"] - f["input_min"]
        outside = max(f["expected_min"] - f["input_min"], f["input_max"] - f["expected_max"])
        if outside > 0.01 * width or used <= 0.51 * width:
            found["input out of range"] = {}

    if _never_learned(f):
        history = "with history" if "loss_last" in f else "without history"
        found["never learned"] = {"losses": _TEXTS["never learned"][history].format(**f)}

    # With batch statistics the model separates train, at inference it does not.
    separates = f.get("train_batch_auc", 0) > f["train_auc_shuffled_high"]
    lost = [f.get(f"lost_{name}", 0) >= _LARGE and f[f"lost_{name}_p"] < _SURE for name in ("auc", "balanced_accuracy")]
    if separates and any(lost):
        found["moving statistics lag"] = {}

    # The table's labels contradict what the training measured, and the order of the scores is not inverted.
    inverted = [split for split in ("train", "dev") if f[f"{split}_auc"] < f[f"{split}_auc_shuffled_low"]]
    contradicted = [split for split in ("train", "dev") if _contradicted(f, split)]
    if misaligned := [split for split in contradicted if split not in inverted]:
        found["labels misaligned"] = _of(f, misaligned[0])

    # The scores separate the classes, but inverted; dev alone, which may be another domain, where the training
    # measured better.
    if not {"never learned", "moving statistics lag"} & found.keys():
        if "train" in inverted and not separates:
            found["polarity"] = _of(f, "train")
        elif "dev" in inverted and "dev" in contradicted:
            found["polarity"] = _of(f, "dev")

    # Most of what train shows is lost on dev.
    if f["train_auc"] >= _HIGH_AUC and not {"labels misaligned", "polarity"} & found.keys():
        half = 0.5 + _KEPT * (f["train_auc"] - 0.5)
        error = math.hypot(_auc_error(half, f, "dev"), _KEPT * _auc_error(f["train_auc"], f, "train"))
        if (half - f["dev_auc"]) / error >= _SURELY:
            found["overfitting"] = {"half": half}

    # At the run's threshold all decisions are the same; both recalls significantly on their side of a half.
    for missed, decided in (("spoof", "genuine"), ("genuine", "spoof")):
        (right, n), (other, m) = ((f[f"dev_recall_{name}"], f[f"dev_n_{name}"]) for name in (missed, decided))
        most, least = (binomtest(round(r * k), k).proportion_ci(1 - _SURE) for r, k in ((right, n), (other, m)))
        if right <= 1 - _NEARLY_ALL and other >= _NEARLY_ALL and most.high < 0.5 < least.low:
            found["one class always"] = {"missed": missed, "decided": decided, "wrong": 1 - right, "right": other}

    # On dev the AUC is significantly lower than a low one, and no cause in the training is seen.
    most = f["dev_auc"] + _SURELY * _auc_error(max(f["dev_auc"], 0.5), f, "dev")
    if most < _LOW_AUC and not found.keys() - {"one class always", "input out of range"}:
        found["near chance"] = {"low": _LOW_AUC}
    good = f["dev_auc"] > f["dev_auc_shuffled_high"] and f["dev_eer"] < _NEAR_CHANCE
    return found or {HEALTHY if good else UNDECIDED: {}}


def _never_learned(f):
    """Neither train's loss, which a penalty may raise, nor the order of its scores beats a constant output's."""
    if "loss_last" not in f:
        at_chance = f["train_auc_shuffled_low"] <= f["train_auc"] <= f["train_auc_shuffled_high"]
        return f["train_spread"] < _SMALL_SPREAD and at_chance
    separated = 0.5 + max(abs(f.get(f"train_{name}", 0.5) - 0.5) for name in ("auc", "batch_auc"))
    if f["loss_last"] >= _AT_BASELINE * f["loss_first"]:
        learned = separated >= _BY_LUCK
    else:
        majority = max(f["train_n_genuine"], f["train_n_spoof"]) / (f["train_n_genuine"] + f["train_n_spoof"])
        learned = separated >= _LOW_AUC or f.get("training_train_accuracy", 0) >= majority + _LARGE
    return not learned and f["loss_last"] >= _AT_BASELINE * f["loss_constant"]


def _contradicted(f, split):
    """No threshold gives the scores the accuracy that the training measured, significantly."""
    own, trials = f.get(f"training_{split}_accuracy", 0), f[f"{split}_n_genuine"] + f[f"{split}_n_spoof"]
    best = max(f[f"{split}_best_accuracy"], f.get(f"{split}_batch_best_accuracy", 0))
    expected = min(own, 1 - 1 / trials)  # one trial may fall the other way
    return own - best >= _LARGE and binomtest(round(best * trials), trials, expected, "less").pvalue < _SURE


def _of(f, split):
    """The figures of a split under names without it, and what the training itself measured."""
    figures = {name.removeprefix(f"{split}_"): value for name, value in f.items() if name.startswith(f"{split}_")}
    return {"split": split, "own": f.get(f"training_{split}_accuracy"), **figures}


def _auc_error(area, f, split):
    """Standard error of an AUC of that size (J. A. Hanley and B. J. McNeil, Radiology 143, 1982, eq. 2)."""
    genuine, spoof = f[f"{split}_n_genuine"], f[f"{split}_n_spoof"]
    first, second = area / (2 - area) - area**2, 2 * area**2 / (1 + area) - area**2
    return math.sqrt((area * (1 - area) + (genuine - 1) * first + (spoof - 1) * second) / (genuine * spoof))
