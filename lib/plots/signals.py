"""Figures of recordings, features and training."""

import numpy as np
import seaborn as sns
from matplotlib.ticker import MaxNLocator

from lib.features.images import coloured
from lib.plots import LABEL_COLOURS, PALETTE, page, tiles

_AXES = {"mfcc": ("coefficient →", "time →"), "fft": ("level →", "frequency →")}  # upwards, to the right


def waveform(y, sr):
    """Samples [shape=(samples,)] over time, at `sr` Hz."""
    figure, axes = page(8, 1.8)
    axes.plot(np.arange(len(y)) / sr, y, linewidth=0.5, color=PALETTE[7])
    axes.set(xlabel="time, s", ylabel="amplitude", xlim=(0, len(y) / sr))
    return figure


def gallery(indices, titles, *, title, colours="magma"):
    """Many images [shape=(images, size, size), uint8] in rows of four, in the colours of a matplotlib colormap.

    They are of the feature that their own title names, or else `title`, before a comma.
    """
    figure, grid = tiles(len(indices), 4, 2.1, 2.55, above=0.3)
    for axes, index, name in zip(grid, indices, titles, strict=False):
        axes.imshow(coloured(index, colours), interpolation="nearest")
        axes.set_title(name, fontsize=9)
        upwards, rightwards = _AXES.get(name) or _AXES.get(title.partition(",")[0], ("frequency →", "time →"))
        axes.set(xticks=[], yticks=[])
        axes.set_ylabel(upwards, fontsize=8)
        axes.set_xlabel(rightwards, fontsize=8)
    figure.suptitle(title)
    return figure


def row_means(means, title):
    """Rows of a feature, their mean and spread over recordings; label -> means [shape=(recordings, rows)]."""
    figure, axes = page(8, 3)
    for name, values in means.items():
        middle, spread, rows = values.mean(axis=0), values.std(axis=0), np.arange(values.shape[1])
        axes.plot(rows, middle, color=LABEL_COLOURS[name], label=name, linestyle="-" if name == "genuine" else "--")
        axes.fill_between(rows, middle - spread, middle + spread, color=LABEL_COLOURS[name], alpha=0.2, linewidth=0)
    axes.set(xlabel="row (low frequencies first)", ylabel="value", xlim=(0, len(rows) - 1))
    axes.set_title(f"{title}; band: one standard deviation over recordings", fontsize=10)
    axes.legend(frameon=False)
    return figure


def by_label(table, quantities):
    """Distributions of some quantities (column -> axis label with unit) by the table's `split` and `label`."""
    names = np.where(table["label"] == 1, "genuine", "spoof")
    figure, grid = page(4.6 * len(quantities), 3.2, 1, len(quantities), squeeze=False)
    style = {"hue": names, "hue_order": list(LABEL_COLOURS), "palette": LABEL_COLOURS, "fliersize": 2}
    for axes, (column, label) in zip(grid.flat, quantities.items(), strict=True):
        last, values = axes is grid.flat[-1], table[column].to_numpy()
        sns.boxplot(x=table["split"].to_numpy(), y=values, ax=axes, legend=last, **style)
        axes.set(xlabel="", ylabel=label)
    sns.move_legend(axes, "upper left", bbox_to_anchor=(1, 1), title=None, frameon=False)
    return figure


def training_curves(history):
    """Loss and accuracy after each epoch, training and dev; `history` from `lib.systems.training.fit`."""
    figure, panels = page(9, 3, 1, 2)
    kinds = (("loss", 1, "binary cross-entropy, nat"), ("accuracy", 100, "accuracy, %"))
    for axes, (name, scale, label) in zip(panels, kinds, strict=True):
        axes.plot(history.index, history[name] * scale, color=PALETTE[0], label="train")
        axes.plot(history.index, history[f"val_{name}"] * scale, color=PALETTE[1], linestyle="--", label="dev")
        _whole_numbers(axes, xlabel="epoch", ylabel=label)
    return figure


def weights_and_probes(layers, title):
    """Learned weight and probe's dev EER of each layer of an encoder, side by side.

    `layers` has a row a layer, numbered from 0: `eer`, `eer_ci_low`, `eer_ci_high`, and `weight`, shares of 1.
    """
    figure, (left, right) = page(9, 3, 1, 2)
    left.bar(layers.index, 100 * layers["weight"], color=PALETTE[0])
    middle, low, high = (100 * layers[name] for name in ("eer", "eer_ci_low", "eer_ci_high"))
    right.errorbar(layers.index, middle, [middle - low, high - middle], color=PALETTE[0], marker="o", capsize=3)
    most, below = max(55, 1.05 * high.max()), "layer (0: what the convolutions hand on)"
    for axes, level, name in ((left, 100 / len(layers), "all alike"), (right, 50, "chance")):
        axes.axhline(level, color="grey", linewidth=1, linestyle=":", label=name)
    _whole_numbers(left, xlabel=below, ylabel="learned weight, %", ylim=(0, None))
    _whole_numbers(right, xlabel=below, ylabel="dev EER of a linear probe, %", ylim=(0, most))
    figure.suptitle(title, fontsize=10)
    return figure


def _whole_numbers(axes, **names):
    """Name the axes of a panel over whole numbers, and its curves."""
    axes.set(**names)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(frameon=False)
