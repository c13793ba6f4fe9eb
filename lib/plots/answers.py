"""Figures of one recording: what it looks like, where its score lies, and where a run decided."""

import numpy as np
from matplotlib.patches import Patch

from lib.corpus.protocol import LABEL_NAMES
from lib.features import FeatureSettings, compute
from lib.plots import LABEL_COLOURS, Described, histogram, page

_WIDTH = 5  # inches: words stay readable on a phone
_COLUMNS = 1000  # of time that are drawn: an envelope of the samples, and frames of a feature
_DOUBTED = "0.7"  # grey, of a map that does not hold


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


def on_scale(dev, score, threshold, borders):
    """A score (log-odds) among the run's own scores of dev, with its threshold and the band that gets no label."""
    scores, labels = dev["score"].to_numpy(), dev["label"].to_numpy()
    figure, axes = page(_WIDTH, 2.9)
    shown = [*np.quantile(scores, [0.005, 0.995]), score, threshold]
    margin = 0.04 * np.ptp(shown) or 1.0
    edges = np.linspace(min(shown) - margin, max(shown) + margin, 31)
    axes.axvspan(*np.clip(borders, edges[0], edges[-1]), color="0.9", label="cannot tell")
    histogram(axes, scores, labels, edges, [f"{name}, dev" for name in LABEL_NAMES])
    axes.axvline(threshold, color="grey", linestyle=":", label="threshold")
    axes.axvline(score, color="black", linewidth=2.5, label="this recording")
    axes.set_xlim(edges[0], edges[-1])
    figure.legend(loc="outside upper center", ncols=3, frameon=False, fontsize=8)
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
        own = {e.axis: e for e in explanations if e.method == method}
        for axis, axes, bars, line in (
            ("seconds", down, down.bar, down.axhline), ("hertz", across, across.barh, across.axvline),
        ):  # fmt: skip
            if axis not in own:
                axes.text(0.5, 0.5, "no such\naxis", transform=axes.transAxes, ha="center", va="center", size=8)
                continue
            support, edges = own[axis].support, own[axis].edges
            edges = start + edges if axis == "seconds" else edges / 1000
            colours = [LABEL_COLOURS[LABEL_NAMES[int(value > 0)]] for value in support]
            bars(edges[:-1], support, np.diff(edges), align="edge", color=_DOUBTED if own[axis].doubts else colours)
            line(0, color="black", linewidth=0.8)
    names = {f"speaks for {name}": colour for name, colour in LABEL_COLOURS.items()} | {"not trustworthy": _DOUBTED}
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
