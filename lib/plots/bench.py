"""How many times faster, as a figure."""

import numpy as np
from matplotlib.ticker import LogLocator, NullFormatter

from lib.plots import PALETTE, page


def ratios(ways, baseline):
    """Speed of several ways relative to the way `baseline`.

    `ways` maps names to `ratio`, `ratio_low` and `ratio_high`, from `lib.bench.side_by_side`.
    """
    figure, axes = page(8, 1.1 + 0.45 * len(ways))
    for place, (_, row) in enumerate(reversed(ways.items())):
        axes.barh(place, row["ratio"], color=PALETTE[0], height=0.6)
        axes.plot([row["ratio_low"], row["ratio_high"]], [place, place], color="black", linewidth=1.5)
        end = max(row["ratio_high"], row["ratio"]), place
        axes.annotate(f"{row['ratio']:,.3g} x", end, (6, 0), textcoords="offset points", va="center")
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
