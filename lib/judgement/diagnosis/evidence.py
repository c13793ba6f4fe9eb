"""What a diagnosis is made from, and every figure that its rules use."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from lib import metrics
from lib.corpus.protocol import GENUINE, SPOOF
from lib.errors import InputError

SURE = 0.01  # error probability below which a test counts, in every rule
_SHUFFLES = 1000  # enough for the 0.5th percentile of shuffled AUCs


@dataclass(frozen=True)
class Evidence:
    """Plain data about one training.

    Attributes
    ----------
    train, dev : pandas.DataFrame [one row a trial]
        `score` (log-odds, at inference) and `label` (1 = genuine).
    history : pandas.DataFrame [one row an epoch], optional
        `loss` (binary cross-entropy, nat) and, where available, `accuracy`, `val_loss`,
        `val_accuracy` (fractions); see `lib.systems.training.fit`.
    train_batch, dev_batch : numpy.ndarray [shape=(trials,)], log-odds, optional
        The same trials scored with batch statistics, in the order of the tables; None for
        a model without batch normalisation.
    input_range, expected_range : (float, float), optional
        Smallest and largest input of the model; what its backbone was trained on.
    threshold : float, log-odds
        Of the run; for "one class always" only, other accuracies are at probability 0.5.
    """

    train: pd.DataFrame
    dev: pd.DataFrame
    history: pd.DataFrame | None = None
    train_batch: np.ndarray | None = None
    dev_batch: np.ndarray | None = None
    input_range: tuple | None = None
    expected_range: tuple | None = None
    threshold: float = 0.0


def figures(evidence):
    """Every figure that a rule may use, as a dict of float.

    For train and dev: `<split>_auc`, 99 % of shuffled labels `_auc_shuffled_low` and `_high`,
    `_accuracy` and `_balanced_accuracy` at 0 log-odds, `_spread` (standard deviation of the
    scores), `_n_genuine`, `_n_spoof`; with batch statistics `_batch_auc`,
    `_batch_balanced_accuracy`. Then `threshold`, `dev_recall_genuine` and `_spoof` at it,
    `dev_eer`, `dev_eer_threshold`; of the history `loss_first`, `loss_last`, `loss_constant`
    (nat), `training_accuracy`, `training_val_accuracy`; batch statistics less inference on
    train, `lost_auc`, `lost_balanced_accuracy`, each with its `_p`; `input_min`, `input_max`,
    `expected_min`, `expected_max`. InputError for one class only, scores that are not finite,
    or a wrong number of batch scores.
    """
    found, data = {}, {}
    for split in ("train", "dev"):
        table, batch = getattr(evidence, split), getattr(evidence, f"{split}_batch")
        scores, labels = data[split] = table["score"].to_numpy(), table["label"].to_numpy()
        found |= {f"{split}_{name}": value for name, value in _of_scores(scores, labels).items()}
        if batch is None:
            continue
        if len(batch) != len(table):
            raise InputError(f"{len(batch)} scores with batch statistics for {len(table)} trials of {split}")
        measured = metrics.evaluate(batch, labels)
        found |= {f"{split}_batch_{name}": measured[name] for name in ("auc", "balanced_accuracy")}
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


def _of_scores(scores, labels):
    measured = metrics.evaluate(scores, labels)
    low, high = metrics.shuffled_auc(scores, labels, resamples=_SHUFFLES, level=1 - SURE)
    return {
        **{name: measured[name] for name in ("auc", "accuracy", "balanced_accuracy", "n_genuine", "n_spoof")},
        "auc_shuffled_low": low,
        "auc_shuffled_high": high,
        "spread": float(np.std(scores)),
    }


def _of_history(history, share):
    """Figures of the training itself; its end is the mean of the last quarter of the epochs."""
    end = history.iloc[-max(1, len(history) // 4) :]
    found = {
        "loss_first": float(history["loss"].iloc[0]),
        "loss_last": float(end["loss"].mean()),
        "loss_constant": float(-share * np.log(share) - (1 - share) * np.log(1 - share)),
    }
    if "accuracy" in history:
        found["training_accuracy"] = float(end["accuracy"].mean())
    if "val_accuracy" in history:
        # The weights may be the last epoch's or the best one's: what both reached at least.
        best = history["val_loss"].argmin() if "val_loss" in history else -1
        found["training_val_accuracy"] = float(history["val_accuracy"].iloc[[best, -1]].min())
    return found


def _lost(batch, inference, labels):
    """What train loses from batch statistics to inference: DeLong's test, and the exact McNemar test
    in the class that loses more, twice its p for the two classes."""
    from scipy.stats import binomtest

    area = metrics.delong(batch, inference, labels)
    chances, lost = [], []
    for label in (SPOOF, GENUINE):
        right, still = ((scores[labels == label] >= 0) == label for scores in (batch, inference))
        worse, better = int((right & ~still).sum()), int((still & ~right).sum())
        lost.append((worse - better) / len(right))
        if worse:
            chances.append(binomtest(worse, worse + better, alternative="greater").pvalue)
    return {
        "lost_auc": area["difference"],
        "lost_auc_p": area["p"],
        "lost_balanced_accuracy": float(np.mean(lost)),
        "lost_balanced_accuracy_p": min([1.0, *(2 * p for p in chances)]),
    }
