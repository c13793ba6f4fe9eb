"""Figures of recordings, features and training."""

import numpy as np
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


def training_curves(history):
    """Loss and accuracy after each epoch, training and dev; `history` from `lib.systems.training.fit`."""
    figure, panels = page(9, 3, 1, 2)
    kinds = ("loss", 1, "binary cross-entropy, nat"), ("accuracy", 100, "accuracy, %")
    for axes, (name, scale, label) in zip(panels, kinds, strict=True):
        axes.plot(history.index, scale * history[name], ".-", color=PALETTE[0], label="train")
        axes.plot(history.index, scale * history[f"val_{name}"], ".--", color=PALETTE[1], label="dev")
        axes.set(xlabel="epoch", ylabel=label)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.legend(frameon=False)
    return figure
