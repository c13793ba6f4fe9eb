"""Figures of one recording: what it looks like, where its score lies, and where a run decided."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from lib.corpus.protocol import GENUINE, LABEL_NAMES, SPOOF
from lib.features import FeatureSettings, compute
from lib.plots import COLOURS, histogram, page

_WIDTH = 5  # inches: words stay readable on a phone
_COLUMNS = 1000  # of time that are drawn: an envelope of the samples, and frames of a feature
_BINS = 30
_DOUBTED = "0.7"  # grey, of a map that does not hold


def views(y, sr, windows=(), borders=(0.0, 0.0)):
    """A recording's samples, spectrogram and cepstral coefficients over seconds, and the scores of its windows."""
    figure, (wave, spectrum, cepstrum, *scores) = page(
        _WIDTH, 7.2 if windows else 5.6, 4 if windows else 3, 1, sharex=True
    )
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
        low, high = axes.get_ylim()
        axes.axhspan(*np.clip(borders, low, high), color="0.9")
        axes.set(ylim=(low, high), ylabel="log-odds", title="score of each window; grey: cannot tell")
    figure.axes[-1].set_xlabel("time, s")
    return figure


def on_scale(dev, score, threshold, borders):
    """A score (log-odds) among the run's own scores of dev, with its threshold and the band that gets no label."""
    scores, labels = dev["score"].to_numpy(), dev["label"].to_numpy()
    figure, axes = page(_WIDTH, 2.9)
    ends = np.quantile(scores, [0.005, 0.995])
    low, high = min(ends[0], score, threshold), max(ends[1], score, threshold)
    margin = 0.04 * (high - low) or 1.0
    edges = np.linspace(low - margin, high + margin, _BINS + 1)
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
    figure = Figure(figsize=(_WIDTH, 3.5 * len(methods) + 0.4), layout="constrained")
    for part, method in zip(np.atleast_1d(figure.subfigures(len(methods), 1)), methods, strict=True):
        part.suptitle(method, fontsize=10)
        grid = part.subplots(2, 2, width_ratios=[4, 1], height_ratios=[2, 1], sharex="col", sharey="row")
        _image(grid[0, 0], y, sr, "spectrogram", "magma", sr / 2000, start)
        grid[0, 0].set_ylabel("frequency, kHz")
        grid[1, 1].set_axis_off()
        own = {e.axis: e for e in explanations if e.method == method}
        unit = ", log-odds" if method == "occlusion" else ""
        grid[1, 0].set(xlabel="time, s", ylabel=f"support{unit}")
        grid[0, 1].set_xlabel("support")
        _bars(grid[1, 0], "bar", own.get("seconds"), start, 1)
        _bars(grid[0, 1], "barh", own.get("hertz"), 0, 1000)
    names = {f"speaks for {LABEL_NAMES[label]}": COLOURS[label] for label in (GENUINE, SPOOF)}
    handles = [Patch(color=colour, label=name) for name, colour in (names | {"not trustworthy": _DOUBTED}).items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False, fontsize=8)
    return figure


def _bars(axes, kind, explanation, start, unit):
    if explanation is None:
        axes.text(0.5, 0.5, "no such\naxis", transform=axes.transAxes, ha="center", va="center", size=8)
        return
    colours = [COLOURS[GENUINE if value > 0 else SPOOF] for value in explanation.support]
    edges = start + explanation.edges / unit
    where = edges[:-1], explanation.support, np.diff(edges)
    getattr(axes, kind)(*where, align="edge", color=_DOUBTED if explanation.doubts else colours)
    (axes.axhline if kind == "bar" else axes.axvline)(0, color="black", linewidth=0.8)


def _image(axes, y, sr, feature, colours, top, start=0.0):
    hop = max(FeatureSettings.hop_length, len(y) // _COLUMNS)
    values = compute(y, [feature], FeatureSettings(sr=sr, hop_length=hop, fmax=sr / 2))[feature]
    axes.imshow(
        values, aspect="auto", origin="lower", cmap=colours, extent=(start, start + len(y) / sr, 0, top),
        interpolation="nearest",
    )  # fmt: skip
