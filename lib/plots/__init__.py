"""Figures of recordings, trainings and evaluations, in one palette: blue is genuine, orange is spoof.

Every function returns a matplotlib figure of its own and keeps none; no notebook needs a magic to show it.
"""

import re
import textwrap
from html import escape

import numpy as np
import seaborn as sns
from IPython.core.pylabtools import print_figure
from matplotlib.figure import Figure
from matplotlib.text import Text

from lib.corpus.protocol import LABEL_NAMES

PALETTE = sns.color_palette("colorblind")
LABEL_COLOURS = {"genuine": PALETTE[0], "spoof": PALETTE[1]}


class Described(Figure):
    """A figure that notebooks show as a PNG with an alternative text, whatever matplotlib is set to."""

    def _repr_mimebundle_(self, include=None, exclude=None):
        return {"image/png": print_figure(self, base64=True)}, {"image/png": {"alt": self.alternative()}}

    def html(self):
        """The figure as an element of a page."""
        data = print_figure(self, base64=True, dpi=150)
        return f'<img src="data:image/png;base64,{data}" alt="{escape(self.alternative())}">'

    def alternative(self):
        """What it shows, for a reader who cannot see it: its titles, then the names of axes, rows and curves."""
        texts = [self.get_suptitle(), *(axes.get_title() for axes in self.axes)]
        texts += [text.get_text() for text in self.findobj(Text)]
        words = dict.fromkeys(" ".join(text.split()) for text in texts if re.search("[a-z]", text))
        return "; ".join(word for word in words if not word.startswith("$"))


def page(width, height, rows=1, columns=1, **how):
    """A figure (inches) and its axes."""
    figure = Described(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(rows, columns, **how)


def tiles(count, columns, width, height, above=0.0):
    """A figure of that many small axes in rows, each so many inches wide and high."""
    columns = min(columns, count)
    rows = -(-count // columns)
    figure, grid = page(columns * width, rows * height + above, rows, columns, squeeze=False)
    for axes in grid.flat[count:]:
        axes.set_axis_off()
    return figure, list(grid.flat[:count])


def forest(axes, names, values, lows, highs, at):
    """Values and their intervals, a row each, the first at the top, and a line `at` what they stand against."""
    rows = range(len(names))
    axes.hlines(rows, lows, highs, color=PALETTE[0], linewidth=1.7)
    axes.plot(values, rows, "o", markersize=5, color=PALETTE[0])
    axes.set_yticks(rows, [textwrap.fill(name, 45) for name in names])
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.grid(axis="x", color="0.92")
    axes.axvline(at, color="grey", linewidth=1, linestyle=":")


def histogram(axes, scores, labels, edges, names=LABEL_NAMES):
    """Scores (log-odds) of both classes, each summing to 100 %; the outer bars collect what lies beyond."""
    for label, name in enumerate(LABEL_NAMES):
        inside = np.clip(scores[labels == label], edges[0], edges[-1])
        style = {"weights": np.full(len(inside), 100 / max(len(inside), 1)), "color": LABEL_COLOURS[name]}
        axes.hist(inside, edges, alpha=0.45, label=names[label], **style)
        axes.hist(inside, edges, histtype="step", linewidth=1.2, **style)
    axes.set(xlabel="score (higher = more genuine)", ylabel="trials of the class, %")
