"""Figures of trained runs on recordings of other origin."""

from lib.plots import heat, page

_PANELS = {
    "eer": ("EER, %", 0.5),
    "rejected": ("genuine recordings rejected\nat the run's own threshold, %", 1.0),
}


def elsewhere(table, title):
    """A heat map of each run's EER and rejections in each place (`lib.comparison.elsewhere.table`).

    A star marks a rate that is higher than on eval of the run's own corpus beyond chance.
    """
    parts = [table.dropna(subset=rate) for rate in _PANELS]
    widths = [max(2, part["place"].nunique()) for part in parts]
    size = 3.6 + 0.85 * sum(widths), 1.9 + 0.34 * table["run"].nunique()
    figure, panels = page(*size, 1, len(parts), sharey=True, width_ratios=widths)
    for axes, part, (rate, (text, most)) in zip(panels, parts, _PANELS.items(), strict=True):
        marks = part[f"{rate}_higher"].map({True: "*", False: ""})
        cells = part.assign(text=(100 * part[rate]).map("{:.1f}".format) + marks)
        heat(axes, cells, "run", "place", rate, cmap="Blues", vmin=0, vmax=most, cbar=False)
        for label in axes.get_xticklabels():
            label.set(rotation=30, ha="right")
        axes.set_title(text, fontsize=9)
    figure.suptitle(title, fontsize=10.5)
    return figure
