"""Figures of the shortcut audit: cheap cues, manipulations."""

import numpy as np

from lib.plots import PALETTE, forest, heat, page

_SPLIT_STYLES = {
    "train": ("s", PALETTE[7], "train, cross-validated"),
    "dev": ("D", PALETTE[2], "dev"),
    "eval": ("o", PALETTE[0], "eval"),
}
_RATES = {
    "far": "FAR\nchanged spoof trials accepted",
    "frr": "FRR\nchanged genuine trials rejected",
    "eer": "EER\nchanged spoof, genuine as before",
}


def cues(measured, *, size):
    """AUC of each group of cues on each split (`lib.judgement.shortcuts.measure`), with its interval over trials.

    `size`, the distance from 0.5 that matters, is the width of the grey band.
    """
    groups = measured.drop_duplicates("group").set_index("group")["kind"]
    figure, axes = page(7.6, 1.3 + 0.42 * len(groups))
    axes.axvspan(0.5 - size, 0.5 + size, color="0.93", zorder=0)
    axes.axvline(0.5, color="0.5", linewidth=1, zorder=1)
    for k, (split, (marker, colour, name)) in enumerate(_SPLIT_STYLES.items()):
        part = measured[measured["split"] == split].set_index("group").loc[groups.index]
        how = {"shift": 0.22 * (k - 1), "colour": colour, "marker": marker, "label": name}
        forest(axes, groups.index, part["auc"], part["auc_ci_low"], part["auc_ci_high"], **how)
    note = {"transform": axes.get_yaxis_transform(), "fontsize": 8.5, "color": "0.3", "va": "center"}
    for place in np.flatnonzero(groups != groups.shift()):
        axes.axhline(place - 0.5, color="0.6", linewidth=0.8, linestyle=":")
        axes.text(1.02, place, groups.iloc[place], **note)
    axes.set_xlim(min(0.3, measured["auc_ci_low"].min() - 0.02), 1.01)
    axes.set_xlabel(f"AUC with 95 % interval over trials; grey: within {size:g} of chance")
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
