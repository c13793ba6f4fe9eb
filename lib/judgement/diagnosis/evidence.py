"""What the doctor looks at, and every figure that it takes from it."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from lib import metrics
from lib.corpus.protocol import GENUINE, SPOOF
from lib.errors import InputError

SURE = 0.01  # probability of an error below which a test counts, in every rule
_SHUFFLES = 1000  # enough for the 0.5th percentile of shuffled AUCs


@dataclass(frozen=True)
class Evidence:
    """Plain data about one training.

    Attributes
    ----------
    train, dev : pandas.DataFrame [one row a trial]
        `score` (log-odds, as the system scores) and `label` (1 = genuine).
    history : pandas.DataFrame [one row an epoch], optional
        `loss` (binary cross-entropy, nat) and of `accuracy`, `val_loss`, `val_accuracy`
        (fractions) what there is; see `lib.systems.training.fit`.
    train_batch, dev_batch : numpy.ndarray [shape=(trials,)], log-odds, optional
        The same trials scored with batch statistics (`lib.systems.batchnorm.batch_log_odds`), in
        the order of the tables; None for a model without batch normalisation.
    input_range : (float, float), optional
        Smallest and largest value that reached the model.
    expected_range : (float, float), optional
        What its backbone was trained on; None when it has none.
    threshold : float, log-odds
        Where the run says genuine; matters for "one class always" only, all other
        accuracies are at a probability of 0.5, as the training measured them.
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
    """Every figure that a rule may use.

    Returns
    -------
    dict of str to float
        For each split `<split>_auc`, what shuffled labels give, `_auc_shuffled_low` and
        `_high` (99 %), `_accuracy` and `_balanced_accuracy` at 0 log-odds, `_spread`
        (standard deviation of the scores, log-odds), `_n_genuine`, `_n_spoof`, and with
        batch statistics `_batch_auc`, `_batch_balanced_accuracy`. Then `threshold`,
        `dev_recall_genuine`, `dev_recall_spoof` at it, `dev_eer`, `dev_eer_threshold`;
        of the history `loss_first`, `loss_last`, `loss_constant` (nat),
        `training_accuracy`, `training_val_accuracy`; `lost_auc`, `lost_auc_p`,
        `lost_balanced_accuracy`, `lost_balanced_accuracy_p` (batch statistics less
        inference, on train); `input_min`, `input_max`, `expected_min`, `expected_max`.

    Raises
    ------
    InputError
        A table holds one class only or scores that are not finite, or the scores with
        batch statistics are not as many as the trials.
    """
    found = {}
    for split in ("train", "dev"):
        table = getattr(evidence, split)
        scores, labels = table["score"].to_numpy(), table["label"].to_numpy()
        found |= {f"{split}_{name}": value for name, value in _of_scores(scores, labels).items()}
        batch = getattr(evidence, f"{split}_batch")
        if batch is None:
            continue
        if len(batch) != len(table):
            raise InputError(f"{len(batch)} scores with batch statistics for {len(table)} trials of {split}")
        measured = metrics.evaluate(batch, labels)
        found |= {f"{split}_batch_{name}": measured[name] for name in ("auc", "balanced_accuracy")}
    found |= {"threshold": float(evidence.threshold), **_recalls(evidence.dev, evidence.threshold)}
    found["dev_eer"], found["dev_eer_threshold"] = metrics.eer(evidence.dev["score"], evidence.dev["label"])
    if evidence.history is not None:
        found |= _of_history(evidence.history, evidence.train["label"].mean())
    if evidence.train_batch is not None:
        found |= _lost(evidence.train_batch, evidence.train["score"].to_numpy(), evidence.train["label"].to_numpy())
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


def _recalls(dev, threshold):
    spoof, genuine = metrics.confusion(dev["score"], dev["label"], threshold)
    return {
        "dev_recall_genuine": float(genuine[1] / genuine.sum()),
        "dev_recall_spoof": float(spoof[0] / spoof.sum()),
    }


def _of_history(history, share):
    """The training's own figures; its end is the mean of the last quarter of the epochs."""
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
    """What the trials of train lose from batch statistics to inference, and how surely.

    For the AUC DeLong's test; for the balanced accuracy the exact McNemar test in the
    class that loses more, twice its p for the two classes.
    """
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
