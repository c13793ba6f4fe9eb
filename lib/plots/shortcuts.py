"""Figures of the shortcut audit: cheap cues, what splits share, manipulations."""

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
    groups = list(measured["group"].unique())
    kinds = measured.drop_duplicates("group")["kind"].tolist()
    figure, axes = page(7.6, 1.3 + 0.42 * len(groups))
    axes.axvspan(0.5 - size, 0.5 + size, color="0.93", zorder=0)
    axes.axvline(0.5, color="0.5", linewidth=1, zorder=1)
    for k, (split, (marker, colour, name)) in enumerate(_SPLIT_STYLES.items()):
        part = measured[measured["split"] == split].set_index("group").loc[groups]
        interval, how = (part["auc_low"], part["auc_high"]), {"colour": colour, "marker": marker, "label": name}
        forest(axes, groups, part["auc"], *interval, shift=0.22 * (k - 1), **how)
    note = {"transform": axes.get_yaxis_transform(), "fontsize": 8.5, "color": "0.3", "va": "center"}
    for place, kind in enumerate(kinds):
        if not place or kinds[place - 1] != kind:
            axes.axhline(place - 0.5, color="0.6", linewidth=0.8, linestyle=":")
            axes.text(1.02, place, kind, **note)
    axes.set_xlim(min(0.3, measured["auc_low"].min() - 0.02), 1.01)
    axes.set_xlabel(f"AUC with 95 % interval over trials; grey: within {size:g} of chance")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=3, fontsize=8.5, frameon=False)
    return figure


def shared(table, concentrated):
    """What splits share, and the largest share of spoofs that one value has, by `lib.judgement.shortcuts`."""
    seen = zip(table["n_shared"], table["n_second"], table["seen"], strict=True)
    common = [f"{count} of {total}\n{100 * share:.0f} %" if total else "none" for count, total, share in seen]
    pairs = table.assign(pair=table["second"] + "\nin " + table["first"], text=common)
    spread = zip(concentrated["largest"], concentrated["spoof_share"], concentrated["values"], strict=True)
    largest = ["none" if np.isnan(x) else f"{value}\n{100 * x:.0f} % (1 of {count})" for value, x, count in spread]
    figure, (left, right) = page(8.4, 1.5 + 0.55 * table["column"].nunique(), 1, 2)
    style = {"cmap": "Blues", "vmin": 0, "vmax": 1, "cbar": False}
    heat(left, pairs, "column", "pair", "seen", **style)
    left.set_title("values of one split that another has too,\nand share of its trials that they make", fontsize=9.5)
    heat(right, concentrated.assign(text=largest), "column", "split", "spoof_share", **style)
    right.set_title("value with most spoof trials, number of values,\nand share of the spoof trials", fontsize=9.5)
    right.set_yticklabels([])
    return figure


def sensitivity(table, title):
    """False accepts and false rejects after each intervention, beside those before (the table's first row)."""
    figure, panels = page(8.4, 1.3 + 0.34 * len(table), 1, 2, sharey=True)
    kinds = (("far", "FAR: changed spoof trials accepted, %"), ("frr", "FRR: changed genuine trials rejected, %"))
    names = [name.replace("_", " ") for name in table["intervention"]]
    for axes, (name, label), colour in zip(panels, kinds, (PALETTE[1], PALETTE[0]), strict=True):
        values, low, high = (100 * table[column] for column in (name, f"{name}_low", f"{name}_high"))
        axes.axvline(values.iloc[0], color="0.5", linestyle="--", linewidth=1)
        forest(axes, names, values, low, high, colour=colour)
        axes.set(xlabel=label, xlim=(-2, 102))
    figure.suptitle(title, fontsize=10.5)
    return figure


def sensitivity_of_runs(table, title):
    """The change of each run's FAR, FRR and EER by each intervention (`lib.judgement.shortcuts.of_runs`).

    The first column of each panel has the rate before.
    """
    size = 2.8 + 0.34 * len(_RATES) * table["intervention"].nunique(), 2.1 + 0.3 * table["run"].nunique()
    figure, panels = page(*size, 1, len(_RATES), sharey=True)
    reach = max(10, *(100 * table[f"{rate}_change"].abs().max() for rate in _RATES))
    bar = {"label": "change, percentage points", "shrink": 0.8}
    style = {"cmap": "PuOr_r", "vmin": -reach, "vmax": reach, "cbar_kws": bar}
    for axes, (rate, text) in zip(panels, _RATES.items(), strict=True):
        shown = table[["intervention", rate, f"{rate}_change", f"{rate}_moved"]]
        cells = table.assign(
            intervention=table["intervention"].replace({"none": "before, %"}).str.replace("_", " "),
            change=100 * table[f"{rate}_change"],
            text=[_moved(*values) for values in shown.itertuples(index=False)],
        )
        heat(axes, cells, "run", "intervention", "change", cbar=axes is panels[-1], **style)
        axes.set_title(text, fontsize=9)
    figure.suptitle(title, fontsize=10.5)
    return figure


def _moved(intervention, rate, change, moved):
    return f"{100 * rate:.0f}" if intervention == "none" else f"{round(100 * change):+d}{'*' if moved else ''}"
