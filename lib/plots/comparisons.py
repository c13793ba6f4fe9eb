"""Figures that set several runs, changes or ways side by side."""

from matplotlib.ticker import LogLocator, NullFormatter

from lib.plots import forest, page


def intervals(rows, metric, label):
    """One metric (MLflow name, such as ``eval/eer``) of several runs with its intervals, lowest at the top.

    `rows` come from `lib.tracking.query.compare`; `label` names the axis with its unit.
    """
    rows = sorted((row for row in rows if metric in row), key=lambda row: row[metric])
    names = [row["run"] + ("" if row["seed"] is None else f", seed {row['seed']}") for row in rows]
    values, lows, highs = ([100 * row[f"{metric}{end}"] for row in rows] for end in ("", "_ci_low", "_ci_high"))
    figure, axes = page(8, 1.2 + 0.4 * max(len(rows), 1))
    forest(axes, names, values, lows, highs, at=50)
    axes.text(50, 1.01, "chance", transform=axes.get_xaxis_transform(), ha="center", va="bottom", fontsize=8)
    axes.set(xlabel=label, xlim=(0, max([55, *(1.02 * high for high in highs)])))
    return figure


def changes(table, label):
    """Differences with their intervals, a panel a value of the index' first level, a row one of its second level."""
    panels = table.index.unique(level=0)
    size = 2 + 3 * len(panels), 1.2 + 0.3 * len(table) / len(panels)
    figure, grid = page(*size, 1, len(panels), sharey=True, squeeze=False)
    for axes, name in zip(grid.flat, panels, strict=True):
        rows = table.loc[name]
        forest(axes, list(rows.index), rows["difference"], rows["low"], rows["high"], at=0)
        axes.set_title(name, fontsize=10)
        axes.set_xlabel(label)
    return figure


def ratios(ways, baseline):
    """Speed of several ways relative to `baseline`; name -> `ratio`, `ratio_low`, `ratio_high` of `side_by_side`."""
    figure, axes = page(8, 1.1 + 0.45 * len(ways))
    values, lows, highs = ([row[f"ratio{end}"] for row in ways.values()] for end in ("", "_low", "_high"))
    forest(axes, list(ways), values, lows, highs, at=1)
    for place, (value, high) in enumerate(zip(values, highs, strict=True)):
        end = max(value, high), place
        axes.annotate(f"{value:,.3g} x", end, (6, 0), textcoords="offset points", va="center")
    axes.set(xscale="log", xlabel=f"times as fast as: {baseline} (median; line: least to greatest)")
    axes.set_xlim(min(0.8, 0.8 * min(lows)), 2.5 * max(highs))
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter("{x:,g}")
    axes.xaxis.set_minor_formatter(NullFormatter())
    return figure
