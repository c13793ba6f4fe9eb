"""Why a training came out as it did: a named cause, from plain data and without its model. Eval is never used."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from lib import metrics
from lib.corpus.protocol import GENUINE, SPOOF
from lib.errors import InputError
from lib.judgement.causes import CAUSES as _RULES
from lib.judgement.causes import SURE

HEALTHY, UNDECIDED = "healthy", "undecided"
CAUSES = (*_RULES, HEALTHY, UNDECIDED)
_NEAR_CHANCE = 0.4  # EER on dev from which nothing is called healthy
_SHUFFLES = 1000  # enough for the 0.5th percentile of shuffled AUCs


@dataclass(frozen=True)
class Evidence:
    """Plain data about one training; scores are log-odds."""

    train: pd.DataFrame  # one row a trial: `score` at inference, `label` (1 = genuine)
    dev: pd.DataFrame
    history: pd.DataFrame | None = (
        None  # one row an epoch: `loss` (nat) and, if any, `accuracy`, `val_loss`, `val_accuracy`
    )
    train_batch: np.ndarray | None = (
        None  # the trials' scores with batch statistics [shape=(trials,)], if there are any
    )
    dev_batch: np.ndarray | None = None
    input_range: tuple | None = None  # smallest and largest input
    expected_range: tuple | None = None  # the same of what the backbone was trained on
    threshold: float = 0.0  # the run's, for "one class always" only; other accuracies are at probability 0.5


@dataclass(frozen=True)
class Diagnosis:
    """The diagnosis of a training."""

    cause: str  # one of `CAUSES`
    others: tuple  # further causes whose rules hold
    findings: tuple  # a sentence with its figures for each
    figures: dict  # all figures, name -> number
    advice: str  # the remedy


def diagnose(evidence):
    """Name the cause of the `Evidence` of a training; a `Diagnosis`.

    InputError for one class only, scores that are not finite, or a wrong number of batch scores.

    Examples
    --------
    ``print(describe(diagnose(Evidence(scored["train"], scored["dev"], history))))``
    """
    f, found = _figures(evidence), {}
    for name, rule in _RULES.items():
        if (told := rule.holds(f, found)) is not None:
            found[name] = rule.sentence.format(**f, **told).replace("%", " %")
    if found:
        cause, *others = found
        return Diagnosis(cause, tuple(others), tuple(found.values()), f, _RULES[cause].advice)
    text = f"No known cause applies: AUC {f['train_auc']:.3f} on train, {f['dev_auc']:.3f} on dev."
    low, high = f["dev_auc_shuffled_low"], f["dev_auc_shuffled_high"]
    if f["dev_auc"] > high and f["dev_eer"] < _NEAR_CHANCE:
        return Diagnosis(HEALTHY, (), (text,), f, "No remedy is needed.")
    text += f" With {f['dev_n_genuine']} genuine and {f['dev_n_spoof']} spoof trials dev is at chance or nearly "
    text += f"(shuffled labels {low:.3f} to {high:.3f})."
    return Diagnosis(UNDECIDED, (), (text,), f, "Train longer, or measure on more trials.")


def describe(diagnosis):
    """A diagnosis as a paragraph of Markdown."""
    also = f" (also: {', '.join(diagnosis.others)})" if diagnosis.others else ""
    return f"**Diagnosis: {diagnosis.cause}**{also}. {' '.join(diagnosis.findings)} *{diagnosis.advice}*"


def _figures(evidence):
    """Every figure that a rule may use, name -> number; accuracies at 0 log-odds, `spread` the scores' deviation."""
    found, data = {}, {}
    for split in ("train", "dev"):
        table, batch = getattr(evidence, split), getattr(evidence, f"{split}_batch")
        scores, labels = data[split] = table["score"].to_numpy(), table["label"].to_numpy()
        found |= _of_scores(split, scores, labels) | {f"{split}_spread": float(np.std(scores))}
        ends = metrics.shuffled_auc(scores, labels, resamples=_SHUFFLES, level=1 - SURE)
        found |= {f"{split}_auc_shuffled_low": ends[0], f"{split}_auc_shuffled_high": ends[1]}
        found |= {
            f"{split}_n_genuine": int((labels == GENUINE).sum()),
            f"{split}_n_spoof": int((labels == SPOOF).sum()),
        }
        if batch is not None:
            if len(batch) != len(table):
                raise InputError(f"{len(batch)} scores with batch statistics for {len(table)} trials of {split}")
            found |= _of_scores(f"{split}_batch", batch, labels)
    spoof, genuine = metrics.confusion(*data["dev"], evidence.threshold)
    found |= {
        "threshold": float(evidence.threshold),
        "dev_recall_genuine": float(genuine[1] / genuine.sum()),
        "dev_recall_spoof": float(spoof[0] / spoof.sum()),
    }
    found["dev_eer"], found["dev_eer_threshold"] = metrics.eer(*data["dev"])
    if evidence.history is not None:
        found |= _of_history(evidence.history, evidence.train["label"].mean())
    if evidence.train_batch is not None:
        found |= _lost(evidence.train_batch, *data["train"])
    for name, ends in (("input", evidence.input_range), ("expected", evidence.expected_range)):
        if ends is not None:
            found |= {f"{name}_min": float(ends[0]), f"{name}_max": float(ends[1])}
    return found


def _of_scores(name, scores, labels):
    far, frr, _ = metrics.roc(scores, labels)
    spoof, genuine = metrics.confusion(scores, labels, 0.0)
    return {
        f"{name}_auc": metrics.auc(scores, labels),
        f"{name}_balanced_accuracy": float((spoof[0] / spoof.sum() + genuine[1] / genuine.sum()) / 2),
        f"{name}_best_accuracy": float(
            (1 - far * (1 - labels.mean()) - frr * labels.mean()).max()
        ),  # of all thresholds
    }


def _of_history(history, share):
    """Figures of the training itself; its end is the mean of the last quarter of the epochs."""
    end = history.iloc[-max(1, len(history) // 4) :]
    found = {
        "loss_first": float(history["loss"].iloc[0]),
        "loss_last": float(end["loss"].mean()),
        "loss_constant": float(-share * np.log(share) - (1 - share) * np.log(1 - share)),
    }
    # The weights may be the last epoch's or the best one's: what both reached at least.
    best = history["val_loss"].argmin() if "val_loss" in history else -1
    for split, name in (("train", "accuracy"), ("dev", "val_accuracy")):
        if name in history:
            found[f"training_{split}_accuracy"] = float(history[name].iloc[[best, -1]].min())
    return found


def _lost(batch, inference, labels):
    """What train loses from batch statistics to inference: paired bootstrap of the AUC, and the exact McNemar
    test in the class that loses more, twice its p for the two classes."""
    area = metrics.compare(batch, inference, labels, metric="auc")
    chances, lost = [1.0], []
    for label in (SPOOF, GENUINE):
        right, still = ((scores[labels == label] >= 0) == label for scores in (batch, inference))
        worse, better = int((right & ~still).sum()), int((still & ~right).sum())
        lost.append((worse - better) / len(right))
        if worse:
            chances.append(2 * binomtest(worse, worse + better, alternative="greater").pvalue)
    return {
        "lost_auc": area["difference"],
        "lost_auc_p": area["p"],
        "lost_balanced_accuracy": float(np.mean(lost)),
        "lost_balanced_accuracy_p": min(chances),
    }
