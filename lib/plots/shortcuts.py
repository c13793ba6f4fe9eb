"""Figures of the shortcut audit: cheap cues, what splits share, manipulations."""

import numpy as np
import seaborn as sns

from lib.plots import PALETTE, page

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
        places = np.arange(len(groups)) + 0.22 * (k - 1)
        axes.hlines(places, part["auc_low"], part["auc_high"], color=colour, linewidth=1.6)
        axes.plot(part["auc"], places, marker, markersize=4.5, color=colour, label=name)
    note = {"transform": axes.get_yaxis_transform(), "fontsize": 8.5, "color": "0.3", "va": "center"}
    for place, kind in enumerate(kinds):
        if place and kinds[place - 1] != kind:
            axes.axhline(place - 0.5, color="0.6", linewidth=0.8, linestyle=":")
        if not place or kinds[place - 1] != kind:
            axes.text(1.02, place, kind, **note)
    axes.set_yticks(range(len(groups)), groups)
    axes.set_ylim(len(groups) - 0.5, -0.5)
    axes.set_xlim(min(0.3, measured["auc_low"].min() - 0.02), 1.01)
    axes.set_xlabel(f"AUC with 95 % interval over trials; grey: within {size:g} of chance")
    axes.grid(axis="x", color="0.92")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=3, fontsize=8.5, frameon=False)
    return figure


def shared(table, concentrated):
    """What splits share, and the largest share of a split's spoofs that one value has.

    `table` and `concentrated` come from `shared` and `concentration` of `lib.judgement.shortcuts`.
    """
    common = [_of(row.n_shared, row.n_second, row.seen) for row in table.itertuples()]
    pairs = table.assign(pair=table["second"] + "\nin " + table["first"], text=common)
    largest = [_named(row.largest, row.values, row.spoof_share) for row in concentrated.itertuples()]
    spoofs = concentrated.assign(text=largest)
    rows = list(table["column"].unique())
    figure, (left, right) = page(8.4, 1.5 + 0.55 * len(rows), 1, 2)
    _heat(left, _wide(pairs, "pair", "seen", rows), _wide(pairs, "pair", "text", rows))
    left.set_title("values of one split that another has too,\nand share of its trials that they make", fontsize=9.5)
    _heat(right, _wide(spoofs, "split", "spoof_share", rows), _wide(spoofs, "split", "text", rows))
    right.set_title("value with most spoof trials, number of values,\nand share of the spoof trials", fontsize=9.5)
    right.set_yticklabels([])
    return figure


def sensitivity(table, title):
    """False accepts and false rejects after each intervention, beside those before (the table's first row)."""
    figure, panels = page(8.4, 1.3 + 0.34 * len(table), 1, 2, sharey=True)
    kinds = (("far", "FAR: changed spoof trials accepted, %"), ("frr", "FRR: changed genuine trials rejected, %"))
    places = np.arange(len(table))
    for axes, (name, label), colour in zip(panels, kinds, (PALETTE[1], PALETTE[0]), strict=True):
        values, low, high = (100 * table[column] for column in (name, f"{name}_low", f"{name}_high"))
        axes.axvline(values.iloc[0], color="0.5", linestyle="--", linewidth=1)
        axes.hlines(places, low, high, color=colour, linewidth=1.8)
        axes.plot(values, places, "o", color=colour, markersize=5)
        axes.set(xlabel=label, xlim=(-2, 102))
        axes.grid(axis="x", color="0.92")
    panels[0].set_yticks(places, [name.replace("_", " ") for name in table["intervention"]])
    panels[0].set_ylim(len(table) - 0.5, -0.5)
    figure.suptitle(title, fontsize=10.5)
    return figure


def sensitivity_of_runs(table, title):
    """The change of each run's FAR, FRR and EER by each intervention (`lib.judgement.shortcuts.of_runs`).

    The first column of each panel has the rate before.
    """
    runs = list(table["run"].unique())
    figure, panels = page(10.5, 2.1 + 0.3 * len(runs), 1, len(_RATES), sharey=True)
    reach = 100 * max(table[f"{rate}_change"].abs().max() for rate in _RATES)
    scale = {"cmap": "PuOr_r", "vmin": -max(reach, 10), "vmax": max(reach, 10), "linewidths": 1}
    bar = {"label": "change, percentage points", "shrink": 0.8}
    for axes, (rate, text) in zip(panels, _RATES.items(), strict=True):
        shown = table[["intervention", rate, f"{rate}_change", f"{rate}_moved"]]
        cells = table.assign(
            intervention=table["intervention"].replace({"none": "before, %"}).str.replace("_", " "),
            change=100 * table[f"{rate}_change"],
            text=[_moved(*values) for values in shown.itertuples(index=False)],
        )
        texts = _wide(cells, "intervention", "text", runs, down="run")
        style = {**scale, "annot_kws": {"fontsize": 7}, "cbar": axes is panels[-1], "cbar_kws": bar}
        sns.heatmap(_wide(cells, "intervention", "change", runs, down="run"), annot=texts, fmt="", ax=axes, **style)
        axes.set(xlabel="", ylabel="")
        axes.set_title(text, fontsize=9)
        axes.tick_params(length=0, labelsize=8)
    figure.suptitle(title, fontsize=10.5)
    return figure


def _moved(intervention, rate, change, moved):
    return f"{100 * rate:.0f}" if intervention == "none" else f"{round(100 * change):+d}{'*' if moved else ''}"


def _of(count, total, share):
    return f"{count} of {total}\n{100 * share:.0f} %" if total else "none"


def _named(value, count, share):
    return "none" if np.isnan(share) else f"{value}\n{100 * share:.0f} % (1 of {count})"


def _wide(table, across, values, rows, *, down="column"):
    return table.pivot(index=down, columns=across, values=values).loc[rows, list(table[across].unique())]


def _heat(axes, values, texts):
    style = {"cmap": "Blues", "vmin": 0, "vmax": 1, "cbar": False, "linewidths": 1}
    sns.heatmap(values.astype(float).fillna(0), annot=texts, fmt="", ax=axes, annot_kws={"fontsize": 8}, **style)
    axes.set(xlabel="", ylabel="")
    axes.tick_params(length=0, labelsize=8.5)
    axes.tick_params(axis="y", rotation=0)
