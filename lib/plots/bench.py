"""How many times faster, as a figure."""

from matplotlib.ticker import LogLocator, NullFormatter

from lib.plots import forest, page


def ratios(ways, baseline):
    """Speed of several ways relative to `baseline`; name -> `ratio`, `ratio_low`, `ratio_high` of `side_by_side`."""
    figure, axes = page(8, 1.1 + 0.45 * len(ways))
    values, lows, highs = ([row[f"ratio{end}"] for row in ways.values()] for end in ("", "_low", "_high"))
    forest(axes, list(ways), values, lows, highs)
    for place, (value, high) in enumerate(zip(values, highs, strict=True)):
        end = max(value, high), place
        axes.annotate(f"{value:,.3g} x", end, (6, 0), textcoords="offset points", va="center")
    axes.set(xscale="log", xlabel=f"times as fast as: {baseline} (median; line: least to greatest)")
    axes.set_xlim(min(0.8, 0.8 * min(lows)), 2.5 * max(highs))
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter("{x:,g}")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.axvline(1, color="grey", linestyle=":", linewidth=1)
    return figure
