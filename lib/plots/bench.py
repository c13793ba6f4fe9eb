"""How many times faster, as a picture."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter
from seaborn import color_palette


def ratios(ways, baseline):
    """Ratios of several ways to the one they are compared with.

    Parameters
    ----------
    ways : dict of str to mapping
        Way -> `ratio`, `ratio_low` and `ratio_high`, as `lib.bench.side_by_side` gives
        them.
    baseline : str
        What the ratios are to.
    """
    figure = Figure(figsize=(8, 1.1 + 0.45 * len(ways)), layout="constrained")
    axes = figure.subplots()
    colour = color_palette("colorblind")[0]
    for place, (_, row) in enumerate(reversed(ways.items())):
        axes.barh(place, row["ratio"], color=colour, height=0.6)
        axes.plot([row["ratio_low"], row["ratio_high"]], [place, place], color="black", linewidth=1.5)
        axes.annotate(
            f"{row['ratio']:,.3g} x", (max(row["ratio_high"], row["ratio"]), place), (6, 0),
            textcoords="offset points", va="center",
        )  # fmt: skip
    axes.set_yticks(np.arange(len(ways)), list(reversed(ways)))
    top = max(row["ratio_high"] for row in ways.values())
    axes.set(xscale="log", xlabel=f"times as fast as: {baseline} (median; line: least to greatest)")
    axes.set_xlim(min(0.8, min(row["ratio_low"] for row in ways.values()) * 0.8), top * 2.5)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter("{x:,g}")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.axvline(1, color="grey", linestyle=":", linewidth=1)
    axes.grid(axis="x", alpha=0.3)
    return figure
