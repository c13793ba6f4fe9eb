"""Figures that set several runs, changes, cues or ways side by side."""

from matplotlib.ticker import LogLocator, NullFormatter

from lib.plots import PALETTE, forest, heat, page

_ELSEWHERE = {
    "eer": ("EER, %", 0.5),
    "rejected": ("genuine recordings rejected\nat the run's own threshold, %", 1.0),
}
_RATES = {
    "far": "FAR\nchanged spoof trials accepted",
    "frr": "FRR\nchanged genuine trials rejected",
    "eer": "EER\nchanged spoof, genuine as before",
}


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


def elsewhere(table, title):
    """A heat map of each run's EER and rejections in each place (`lib.comparison.elsewhere.table`).

    A star marks a rate that is higher than on eval of the run's own corpus beyond chance.
    """
    parts = [table.dropna(subset=rate) for rate in _ELSEWHERE]
    widths = [max(2, part["place"].nunique()) for part in parts]
    size = 3.6 + 0.85 * sum(widths), 1.9 + 0.34 * table["run"].nunique()
    figure, panels = page(*size, 1, len(parts), sharey=True, width_ratios=widths)
    for axes, part, (rate, (text, most)) in zip(panels, parts, _ELSEWHERE.items(), strict=True):
        marks = part[f"{rate}_higher"].map({True: "*", False: ""})
        cells = part.assign(text=(100 * part[rate]).map("{:.1f}".format) + marks)
        heat(axes, cells, "run", "place", rate, cmap="Blues", vmin=0, vmax=most, cbar=False)
        for label in axes.get_xticklabels():
            label.set(rotation=30, ha="right")
        axes.set_title(text, fontsize=9)
    figure.suptitle(title, fontsize=10.5)
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


def cues(measured, *, size):
    """AUC of each group of cues on each split (`lib.judgement.shortcuts.measure`), with its interval over trials.

    `size`, the distance from 0.5 that matters, is the width of the grey band.
    """
    splits = dict(tuple(measured.groupby("split", sort=False)))
    figure, axes = page(7.6, 1.3 + 0.42 * measured["group"].nunique())
    axes.axvspan(0.5 - size, 0.5 + size, color="0.93", zorder=0)
    for (split, part), shift, marker, colour in zip(splits.items(), (-0.22, 0, 0.22), "sDo", PALETTE, strict=False):
        how = {"shift": shift, "colour": colour, "marker": marker, "label": split, "at": 0.5}
        forest(axes, part["group"] + ", " + part["kind"], part["auc"], part["auc_ci_low"], part["auc_ci_high"], **how)
    axes.set_xlim(min(0.3, measured["auc_ci_low"].min() - 0.02), 1.01)
    axes.set_xlabel(f"AUC with 95 % interval over trials (train: cross-validated); grey: within {size:g} of chance")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=3, fontsize=8.5, frameon=False)
    return figure


def sensitivity(table, title):
    """The change of each run's FAR, FRR and EER by each intervention (`lib.judgement.shortcuts.sensitivity`).

    The first column of each panel has the rate before; a star is a change beyond chance.
    """
    size = 2.8 + 0.34 * len(_RATES) * table["intervention"].nunique(), 2.1 + 0.3 * table["run"].nunique()
    figure, panels = page(*size, 1, len(_RATES), sharey=True)
    reach = max(10, *(100 * table[f"{rate}_change"].abs().max() for rate in _RATES))
    style = {"cmap": "PuOr_r", "vmin": -reach, "vmax": reach}
    style["cbar_kws"] = {"label": "change, percentage points", "shrink": 0.8}
    before = table["intervention"] == "none"
    names = table["intervention"].mask(before, "before, %").str.replace("_", " ")
    for axes, (rate, text) in zip(panels, _RATES.items(), strict=True):
        change, stars = 100 * table[f"{rate}_change"], table[f"{rate}_moved"].map({True: "*", False: ""})
        cells = change.round().astype(int).map("{:+d}".format) + stars
        cells = cells.mask(before, (100 * table[rate]).map("{:.0f}".format))
        shown = table.assign(intervention=names, change=change, text=cells)
        heat(axes, shown, "run", "intervention", "change", cbar=axes is panels[-1], **style)
        axes.set_title(text, fontsize=9)
    figure.suptitle(title, fontsize=10.5)
    return figure
