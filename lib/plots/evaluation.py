"""Figures of an evaluation: decisions at a threshold, the errors of all thresholds, and what a training shows."""

import textwrap

import numpy as np
import seaborn as sns
from matplotlib.ticker import MaxNLocator

from lib import metrics
from lib.corpus.protocol import LABEL_NAMES
from lib.plots import PALETTE, Described, histogram, page, tiles

_DASHES = ("-", "--", "-.", ":", (0, (6, 1, 1, 1, 1, 1)), (0, (10, 2)))
_NAMED = len(_DASHES)  # curves of one figure that are told apart
_PERCENT_TICKS = (0.1, 0.5, 2, 5, 10, 20, 40, 60, 80, 90, 95, 98, 99.5, 99.9)


def confusion_matrix(matrix, title):
    """Counts and shares of decisions, a matrix as from `lib.metrics.confusion`."""
    figure, axes = page(4.4, 3.6)
    _draw_matrix(axes, matrix, title, 11)
    return figure


def confusion_grid(matrices):
    """Many confusion matrices on one page, three in a row; a dict of title to matrix."""
    figure, grid = tiles(len(matrices), 3, 3.6, 3.1)
    for axes, (title, matrix) in zip(grid, matrices.items(), strict=True):
        _draw_matrix(axes, matrix, textwrap.fill(title, 36), 9)
    return figure


def det(curves, title):
    """Detection error trade-off: FRR over FAR on probit axes; the marked point is the EER.

    `curves` maps names to (scores, labels): log-odds and 1 = genuine, of the same length. Of many, those of
    the lowest EERs are coloured and named, in this order, and the others grey.
    A. Martin et al., "The DET curve in assessment of detection task performance", Eurospeech 1997.
    """
    from scipy.stats import norm  # slow to import

    ticks = norm.ppf(np.array(_PERCENT_TICKS) / 100)
    ends = ticks[0], ticks[-1]
    rates = {name: metrics.eer(*trials)[0] for name, trials in curves.items()}
    order = list(curves) if len(curves) <= _NAMED else sorted(curves, key=rates.get)
    named, others = order[:_NAMED], order[_NAMED:]
    figure, axes = page(5.6, 5.6 + 0.22 * (len(named) + bool(others)))  # the legend has a line for each
    axes.plot(ends, ends, color="0.75", linewidth=0.8, zorder=0)

    def drawn(name, **style):
        far, frr, _ = metrics.roc(*curves[name])
        # Points along the interpolated curve, so that few trials give no false straight lines.
        steps = np.arange(len(far))
        fine = np.union1d(np.linspace(0, len(far) - 1, max(len(far), 2000)), steps)
        axes.plot(*np.clip(norm.ppf([np.interp(fine, steps, values) for values in (far, frr)]), *ends), **style)

    for name, colour, dashes in zip(named, PALETTE, _DASHES, strict=False):
        words, point = f"{name}: EER {100 * rates[name]:.1f} %", np.clip(norm.ppf(rates[name]), *ends)
        drawn(name, label=words, color=colour, linestyle=dashes, linewidth=1.8)
        axes.plot(point, point, marker="o", markersize=6, color=colour, markeredgecolor="white", zorder=3)
    for name in others:
        drawn(name, color="0.8", linewidth=0.9, zorder=1)
    if others:
        span = f"EER {100 * rates[others[0]]:.1f} to {100 * rates[others[-1]]:.1f} %"
        axes.plot([], [], color="0.8", label=f"{len(others)} others: {span}")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_ticks(ticks, [f"{tick:g}" for tick in _PERCENT_TICKS])
    axes.set(xlim=ends, ylim=ends, aspect="equal")
    axes.set(xlabel="FAR: spoof trials accepted, %", ylabel="FRR: genuine trials rejected, %")
    axes.set_title(title, fontsize=11)
    axes.grid(color="0.92")
    axes.tick_params(labelsize=8)
    if curves:
        figure.legend(loc="outside lower center", fontsize=8.5, frameon=False)
    return figure


def score_histogram(scores, labels, threshold, title):
    """Distribution of the scores (log-odds) of both classes, each summing to 100 %, and the threshold."""
    scores, labels = np.asarray(scores, dtype=float), np.asarray(labels)
    figure, axes = page(6.4, 3.4)
    # A few outliers would squeeze the rest into one bar: the outer bars collect them.
    tails = [np.quantile(scores[labels == label], [0.001, 0.999]) for label in (0, 1)]
    low, high = min(threshold, *np.ravel(tails)), max(threshold, *np.ravel(tails))
    margin = 0.02 * (high - low) or 0.5
    edges = np.linspace(low - margin, high + margin, 61)
    counts = [f"{name} ({(labels == label).sum():,} trials)" for label, name in enumerate(LABEL_NAMES)]
    histogram(axes, scores, labels, edges, counts)
    axes.axvline(threshold, color="0.2", linestyle="--", linewidth=1.2, label=f"threshold {threshold:.3g}")
    beyond = int(((scores < edges[0]) | (scores > edges[-1])).sum())
    axes.set_title(title)
    if beyond:
        axes.set_xlabel(f"{axes.get_xlabel()}\nbeyond the axis, in the outer bars: {beyond:,} of {len(scores):,}")
    axes.set_xlim(edges[0], edges[-1])
    axes.legend(fontsize=9, loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
    return figure


def evidence(shown, diagnosis):
    """The `Evidence` of a `Diagnosis`: the loss, then the scores at inference and, if any, with batch statistics."""
    panels = []
    for split in ("train", "dev"):
        table, batch = getattr(shown, split), getattr(shown, f"{split}_batch")
        panels.append((f"{split}, inference", f"{split}_auc", table["score"].to_numpy(), table["label"].to_numpy()))
        if batch is not None and shown.train_batch is not None:
            panels.append((f"{split}, batch statistics", f"{split}_batch_auc", batch, table["label"].to_numpy()))
    above = 0 if shown.history is None else 1  # some systems are fitted in one go
    rows = above + -(-len(panels) // 2)
    figure = Described(figsize=(8, 2.6 * rows), layout="constrained")
    grid = figure.add_gridspec(rows, 2)
    if above:
        _loss(figure.add_subplot(grid[0, :]), shown.history, diagnosis.figures["loss_constant"])
    for place, (title, area, scores, labels) in enumerate(panels):
        axes = figure.add_subplot(grid[above + place // 2, place % 2])
        low, high = min(-1.0, np.quantile(scores, 0.005)), max(1.0, np.quantile(scores, 0.995))
        margin = 0.03 * (high - low)
        histogram(axes, scores, labels, np.linspace(low - margin, high + margin, 41))
        axes.axvline(0, color="0.2", linestyle="--", linewidth=1, label="probability 0.5")
        axes.tick_params(labelsize=8)
        axes.set_title(f"{title}: AUC {100 * diagnosis.figures[area]:.1f} %", fontsize=10)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    figure.suptitle(f"Diagnosis: {diagnosis.cause}", fontsize=12)
    return figure


def pages(table, title):
    """The figures of one evaluation, by file name."""
    scores, labels = table["score"].to_numpy(), table["label"].to_numpy()
    return {
        "det": det({title: (scores, labels)}, "DET curve"),
        "scores": score_histogram(scores, labels, 0.0, title),
        "confusion_matrix": confusion_matrix(metrics.confusion(scores, labels, 0.0), f"{title}, threshold 0 log-odds"),
    }


def _draw_matrix(axes, matrix, title, size):
    matrix = np.asarray(matrix)
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    cells = zip(matrix.flat, shares.flat, strict=True)
    texts = np.array([f"{count:,.0f}\n{100 * share:.1f} %" for count, share in cells]).reshape(2, 2)
    style = {"cmap": "Blues", "vmin": 0, "vmax": 1, "cbar": False, "linewidths": 1, "square": True}
    sns.heatmap(shares, annot=texts, fmt="", ax=axes, xticklabels=LABEL_NAMES, **style)
    axes.set_yticklabels(LABEL_NAMES, rotation=90, va="center")
    axes.set(xlabel="decision", ylabel="truth (% of its row)")
    axes.set_title(title, fontsize=size)


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
