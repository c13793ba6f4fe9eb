"""Figures of recordings, trainings and evaluations, in one palette.

Every function returns a matplotlib figure of its own and keeps none. Blue is genuine,
orange is spoof (seaborn's "colorblind"). IPython is told here to display such figures, so
that no notebook needs a magic for it.
"""

import seaborn as sns
from IPython import get_ipython
from IPython.core.pylabtools import select_figure_formats
from matplotlib.figure import Figure

from lib.corpus.protocol import GENUINE, LABEL_NAMES, SPOOF

PALETTE = sns.color_palette("colorblind")
COLOURS = {GENUINE: PALETTE[0], SPOOF: PALETTE[1]}
LABEL_COLOURS = {LABEL_NAMES[label]: colour for label, colour in COLOURS.items()}

if get_ipython() is not None:
    select_figure_formats(get_ipython(), {"png"}, bbox_inches="tight")


def page(width, height, rows=1, columns=1, **how):
    """A figure (inches) and its axes."""
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(rows, columns, **how)
