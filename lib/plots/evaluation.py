"""Figures of evaluations: decisions at a threshold, the errors of all thresholds, and what a training shows."""

import textwrap

import numpy as np
import seaborn as sns

from lib import metrics
from lib.corpus.protocol import LABEL_NAMES
from lib.plots import PALETTE, forest, histogram, page, tiles

_DASHES = ("-", "--", "-.", ":", (0, (6, 1, 1, 1, 1, 1)), (0, (10, 2)))  # of the curves that are named


def confusion_grid(matrices):
    """Counts and shares of decisions, three matrices as from `lib.metrics.confusion` in a row, by title."""
    figure, grid = tiles(len(matrices), 3, 3.6, 3.1)
    for axes, (title, matrix) in zip(grid, matrices.items(), strict=True):
        shares = matrix / np.maximum(np.sum(matrix, axis=1, keepdims=True), 1)
        texts = np.vectorize("{:,.0f}\n{:.1f} %".format)(matrix, 100 * shares)
        names = {"xticklabels": LABEL_NAMES, "yticklabels": LABEL_NAMES}
        style = {"cmap": "Blues", "vmin": 0, "vmax": 1, "cbar": False, "linewidths": 1, "square": True}
        sns.heatmap(shares, annot=texts, fmt="", ax=axes, **names, **style)
        for text, share in zip(axes.texts, shares.ravel(), strict=True):
            text.set_color("white" if share > 0.65 else "black")  # seaborn's own choice is pale about the middle
        axes.set(xlabel="decision", ylabel="truth (% of its row)")
        axes.set_title(textwrap.fill(title, 36), fontsize=9)
    return figure


def det(curves, title):
    """Detection error trade-off: FRR over FAR on probit axes; the marked point is the EER.

    `curves` maps names to (scores, labels): log-odds and 1 = genuine, of the same length. Of many, those of
    the lowest EERs are coloured and named, in this order, and the others grey.
    A. Martin et al., "The DET curve in assessment of detection task performance", Eurospeech 1997.
    """
    from scipy.stats import norm  # slow to import
    from sklearn.metrics import DetCurveDisplay

    rates = {name: metrics.eer(*trials)[0] for name, trials in curves.items()}
    order = list(curves) if len(curves) <= len(_DASHES) else sorted(curves, key=rates.get)
    styles = dict(zip(order, zip(PALETTE, _DASHES, strict=False), strict=False))
    figure, axes = page(5.6, 5.6 + 0.22 * min(len(curves), len(_DASHES) + 1))  # the legend has a line for each
    axes.axline((0, 0), slope=1, color="0.75", linewidth=0.8, zorder=0)
    for name in order:
        far, frr, _ = metrics.roc(*curves[name])
        # Points along the interpolated curve, so that few trials give no false straight lines.
        steps = np.arange(len(far))
        fine = np.union1d(np.linspace(0, len(far) - 1, 2000), steps)
        rates_there = {"fpr": np.interp(fine, steps, far), "fnr": np.interp(fine, steps, frr)}
        line = DetCurveDisplay(**rates_there).plot(axes).line_
        if name in styles:
            colour, dashes = styles[name]
            label = f"{name}: EER {100 * rates[name]:.1f} %"
            line.set(color=colour, linestyle=dashes, linewidth=1.8, label=label)
            point = np.clip(norm.ppf(rates[name]), *axes.get_xlim())
            axes.plot(point, point, marker="o", color=colour, markeredgecolor="white", zorder=3)
        else:
            line.set(color="0.8", linewidth=0.9, zorder=1)
    if others := [100 * rates[name] for name in order[len(styles) :]]:
        ends = f"{others[0]:.1f}" if len(others) == 1 else f"{others[0]:.1f} to {others[-1]:.1f}"
        line.set_label(f"{len(others)} other{'s' * (len(others) > 1)}: EER {ends} %")
    axes.set(aspect="equal", xlabel="FAR: spoof trials accepted", ylabel="FRR: genuine trials rejected")
    axes.set_title(title, fontsize=11)
    axes.grid(color="0.92")
    axes.tick_params(labelsize=8)
    if curves:
        figure.legend(loc="outside lower center", fontsize=8.5, frameon=False)
    return figure


def score_histogram(scores, labels, threshold, title, *, score=None, borders=(0.0, 0.0)):
    """Scores (log-odds) of both classes, each summing to 100 %, the threshold and, between `borders`, one `score`."""
    scores, labels = np.asarray(scores, dtype=float), np.asarray(labels)
    figure, axes = page(5, 3.4)
    tails = [np.quantile(scores[labels == label], [0.001, 0.999]) for label in (0, 1)]
    shown = [*np.ravel(tails), threshold, *([] if score is None else [score])]
    margin = 0.04 * np.ptp(shown) or 0.5
    edges = np.linspace(min(shown) - margin, max(shown) + margin, 41)  # the outer bars collect a few outliers
    counts = [f"{name} ({(labels == label).sum():,} trials)" for label, name in enumerate(LABEL_NAMES)]
    histogram(axes, scores, labels, edges, counts)
    axes.axvline(threshold, color="0.2", linestyle="--", linewidth=1.2, label=f"threshold {threshold:.3g}")
    if score is not None:
        axes.axvspan(*np.clip(borders, edges[0], edges[-1]), color="0.9", zorder=0, label="cannot tell")
        axes.axvline(score, color="black", linewidth=2.5, label="this recording")
    axes.set(title=title, xlim=(edges[0], edges[-1]))
    figure.legend(loc="outside lower center", ncols=3, fontsize=8, frameon=False)
    return figure


def intervals(rows, metric, label):
    """One metric (MLflow name, such as ``eval/eer``) of several runs with its intervals, lowest at the top.

    `rows` come from `lib.tracking.query.compare`; `label` names the axis with its unit.
    """
    rows = sorted((row for row in rows if metric in row), key=lambda row: row[metric])
    names = [row["run"] + ("" if row["seed"] is None else f", seed {row['seed']}") for row in rows]
    ends = ("", "_ci_low", "_ci_high")
    values, lows, highs = ([100 * row.get(f"{metric}{end}", row[metric]) for row in rows] for end in ends)
    figure, axes = page(8, 1.2 + 0.4 * max(len(rows), 1))
    forest(axes, names, values, lows, highs, at=50)
    axes.text(50, 1.01, "chance", transform=axes.get_xaxis_transform(), ha="center", va="bottom", fontsize=8)
    axes.set(xlabel=label, xlim=(0, max([55, *(1.02 * high for high in highs)])))
    return figure


def changes(table, label):
    """Differences with their intervals, a panel a value of the index' first level, a row one of its second level."""
    panels = table.index.unique(level=0)
    size = 2 + 3 * len(panels), 1.2 + 0.3 * len(table) / len(panels)
    figure, grid = page(*size, 1, len(panels), sharex=True, sharey=True, squeeze=False)
    for axes, name in zip(grid.flat, panels, strict=True):
        rows = table.loc[name]
        forest(axes, list(rows.index), rows["difference"], rows["low"], rows["high"], at=0)
        axes.set_title(name, fontsize=10)
        axes.set_xlabel(label)
    return figure


def evidence(shown, diagnosis):
    """The `Evidence` of a `Diagnosis`: the scores of train and dev at inference and, if any, with batch statistics."""
    panels = {}
    for split in ("train", "dev"):
        table, batch = getattr(shown, split), getattr(shown, f"{split}_batch")
        labels = table["label"].to_numpy()
        panels[f"{split}, inference"] = f"{split}_auc", table["score"].to_numpy(), labels
        if batch is not None:
            panels[f"{split}, batch statistics"] = f"{split}_batch_auc", batch, labels
    figure, grid = tiles(len(panels), len(panels) // 2, 4, 2.7, above=0.6)
    for axes, (title, (area, scores, labels)) in zip(grid, panels.items(), strict=True):
        low, high = min(-1.0, np.quantile(scores, 0.005)), max(1.0, np.quantile(scores, 0.995))
        histogram(axes, scores, labels, np.linspace(low, high, 41))
        axes.axvline(0, color="0.2", linestyle="--", linewidth=1, label="probability 0.5")
        axes.tick_params(labelsize=8)
        axes.set_title(f"{title}: AUC {100 * diagnosis.figures[area]:.1f} %", fontsize=10)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    figure.suptitle(f"Diagnosis: {diagnosis.cause}", fontsize=12)
    return figure


def pages(table, title):
    """The figures of one evaluation, by file name."""
    scores, labels = table["score"].to_numpy(), table["label"].to_numpy()
    matrix = metrics.confusion(scores, labels, 0.0)
    return {
        "det": det({title: (scores, labels)}, "DET curve"),
        "scores": score_histogram(scores, labels, 0.0, title),
        "confusion_matrix": confusion_grid({f"{title}, threshold 0 log-odds": matrix}),
    }
