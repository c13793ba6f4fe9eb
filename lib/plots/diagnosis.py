"""The figure beside a diagnosis: the loss, and the distributions of the scores."""

import numpy as np
from matplotlib.ticker import MaxNLocator

from lib.plots import PALETTE, Described, histogram


def evidence(shown, diagnosis):
    """The `Evidence` of a `Diagnosis` on half a page.

    The loss beside the best constant output's, then the scores of train and dev at inference
    and, where there are any, with batch statistics.
    """
    panels = []
    for split in ("train", "dev"):
        panels.append((f"{split}, inference", split, f"{split}_auc", getattr(shown, split)["score"].to_numpy()))
        batch = getattr(shown, f"{split}_batch")
        if batch is not None and shown.train_batch is not None:
            panels.append((f"{split}, batch statistics", split, f"{split}_batch_auc", batch))
    above = 0 if shown.history is None else 1  # some systems are fitted in one go
    rows = above + -(-len(panels) // 2)
    figure = Described(figsize=(8, 2.6 * rows), layout="constrained")
    grid = figure.add_gridspec(rows, 2)
    if above:
        _loss(figure.add_subplot(grid[0, :]), shown.history, diagnosis.figures["loss_constant"])
    for place, (title, split, area, scores) in enumerate(panels):
        axes = figure.add_subplot(grid[above + place // 2, place % 2])
        low, high = min(-1.0, np.quantile(scores, 0.005)), max(1.0, np.quantile(scores, 0.995))
        margin = 0.03 * (high - low)
        labels = getattr(shown, split)["label"].to_numpy()
        histogram(axes, np.asarray(scores, dtype=float), labels, np.linspace(low - margin, high + margin, 41))
        axes.axvline(0, color="0.2", linestyle="--", linewidth=1, label="probability 0.5")
        axes.tick_params(labelsize=8)
        axes.set_title(f"{title}: AUC {100 * diagnosis.figures[area]:.1f} %", fontsize=10)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    figure.suptitle(f"Diagnosis: {diagnosis.cause}", fontsize=12)
    return figure


def _loss(axes, history, baseline):
    axes.plot(history.index, history["loss"], color=PALETTE[2], marker=".", label="train")
    if "val_loss" in history:
        axes.plot(history.index, history["val_loss"], color=PALETTE[4], linestyle="--", marker=".", label="dev")
    ending = " = ln 2" if abs(baseline - np.log(2)) < 0.0005 else ""
    name = f"best constant output, {baseline:.3f}{ending}"
    axes.axhline(baseline, color="0.4", linewidth=1, linestyle=":", label=name)
    low, high = axes.get_ylim()
    if low <= 0 or high > 10 * low:  # a loss may start at a hundred and end at a hundredth
        axes.set_yscale("log")
    axes.set(xlabel="epoch", ylabel="binary cross-entropy, nat")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(frameon=False, fontsize=9, ncols=4, loc="lower center", bbox_to_anchor=(0.5, 1.0))
