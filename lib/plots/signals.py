"""Figures of recordings, features and training, of what a run answered and where it decided."""

import numpy as np
import seaborn as sns
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from lib.corpus.protocol import LABEL_NAMES
from lib.features import FeatureSettings, compute
from lib.features.images import coloured
from lib.plots import LABEL_COLOURS, PALETTE, Described, page, tiles

_AXES = {"mfcc": ("coefficient →", "time →"), "fft": ("level →", "frequency →")}  # upwards, to the right
_WIDTH = 5  # inches: words stay readable on a phone
_COLUMNS = 1000  # of time that are drawn: an envelope of the samples, and frames of a feature
_DOUBTED = "0.7"  # grey, of a map that does not hold


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
    axes.set(xlabel="row (of frequencies the lowest first)", ylabel="value", xlim=(0, len(rows) - 1))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
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
    kinds = ("loss", 1, "binary cross-entropy, nat"), ("accuracy", 100, "accuracy, %")
    for axes, (name, scale, label) in zip(panels, kinds, strict=True):
        axes.plot(history.index, scale * history[name], ".-", color=PALETTE[0], label="train")
        axes.plot(history.index, scale * history[f"val_{name}"], ".--", color=PALETTE[1], label="dev")
        axes.set(xlabel="epoch", ylabel=label)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        if name == "loss":
            both = history[[name, f"val_{name}"]].to_numpy()
            if np.nanmax(both) > 10 * np.nanmin(both) > 0:  # the first epochs of some networks
                axes.set(yscale="log", ylabel=f"{label} (log scale)")
            axes.axhline(np.log(2), color="grey", linewidth=1, linestyle=":", label="always 50 %: 0.693")
        axes.legend(frameon=False)
    return figure


def views(y, sr, windows=(), borders=(0.0, 0.0)):
    """A recording's samples, spectrogram and cepstral coefficients over seconds, and the scores of its windows."""
    rows = 4 if windows else 3
    figure, (wave, spectrum, cepstrum, *scores) = page(_WIDTH, 0.8 + 1.6 * rows, rows, 1, sharex=True)
    starts = np.unique(np.linspace(0, len(y), min(2 * _COLUMNS, len(y)), endpoint=False, dtype=int))
    low, high = np.minimum.reduceat(y, starts), np.maximum.reduceat(y, starts)
    wave.fill_between(starts / sr, low, high, color="0.3", linewidth=0.5, step="post")
    wave.set(ylabel="amplitude", title="waveform")
    _image(spectrum, y, sr, "spectrogram", "magma", sr / 2000)
    spectrum.set(ylabel="frequency, kHz", title="spectrogram, dB re its maximum")
    _image(cepstrum, y, sr, "mfcc", "coolwarm", FeatureSettings.n_mfcc)
    cepstrum.set(ylabel="coefficient", title="MFCC")
    for axes in scores:
        ends = [window["start"] for window in windows] + [windows[-1]["end"]]
        axes.stairs([window["score"] for window in windows], ends, baseline=None, color="black")
        limits = axes.get_ylim()
        axes.axhspan(*np.clip(borders, *limits), color="0.9", zorder=0)
        axes.set(ylim=limits, ylabel="log-odds", title="score of each window; grey: cannot tell")
    figure.axes[-1].set_xlabel("time, s")
    return figure


def explained(y, sr, explanations, start=0.0):
    """Where a run decided: for each method the spectrogram, support over seconds below and over hertz beside it.

    `explanations` are those of `lib.scoring.explanations.explain` for the samples `y` at `sr` Hz,
    which begin `start` seconds into the recording.
    """
    methods = list(dict.fromkeys(e.method for e in explanations))
    figure = Described(figsize=(_WIDTH, 3.5 * len(methods) + 0.4), layout="constrained")
    for part, method in zip(np.atleast_1d(figure.subfigures(len(methods), 1)), methods, strict=True):
        part.suptitle(method, fontsize=10)
        (image, across), (down, corner) = part.subplots(
            2, 2, width_ratios=[4, 1], height_ratios=[2, 1], sharex="col", sharey="row"
        )
        _image(image, y, sr, "spectrogram", "magma", sr / 2000, start)
        image.set_ylabel("frequency, kHz")
        corner.set_axis_off()
        down.set(xlabel="time, s", ylabel="support, log-odds" if method == "occlusion" else "support")
        across.set_xlabel("support")
        for one in (e for e in explanations if e.method == method):
            in_time = one.axis == "seconds"
            edges = start + one.edges if in_time else one.edges / 1000
            bars, line = (down.bar, down.axhline) if in_time else (across.barh, across.axvline)
            colours = [LABEL_COLOURS[LABEL_NAMES[int(value > 0)]] for value in one.support]
            bars(edges[:-1], one.support, np.diff(edges), align="edge", color=_DOUBTED if one.doubts else colours)
            line(0, color="black", linewidth=0.8)
    names = {f"supports {name}": colour for name, colour in LABEL_COLOURS.items()}
    names |= {"not trustworthy": _DOUBTED} if any(one.doubts for one in explanations) else {}
    handles = [Patch(color=colour, label=name) for name, colour in names.items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False, fontsize=8)
    return figure


def _image(axes, y, sr, feature, colours, top, start=0.0):
    hop = max(FeatureSettings.hop_length, len(y) // _COLUMNS)
    values = compute(y, [feature], FeatureSettings(sr=sr, hop_length=hop, fmax=sr / 2))[feature]
    style = {"aspect": "auto", "origin": "lower", "cmap": colours, "interpolation": "nearest"}
    if feature == "mfcc":  # both signs alike, and the first coefficient, the level, hides no other
        style["vmax"] = np.abs(values[1:]).max()
        style["vmin"] = -style["vmax"]
    axes.imshow(values, extent=(start, start + len(y) / sr, 0, top), **style)
