"""Pictures of the shortcut audit: what cheap cues reach, what splits share, what manipulations do.

Every function returns a matplotlib figure of its own; nothing is shown or kept.
"""

import numpy as np
import seaborn as sns
from matplotlib.figure import Figure

_PALETTE = sns.color_palette("colorblind")
_SPLIT_STYLES = {
    "train": ("s", _PALETTE[7], "train, cross-validated"),
    "dev": ("D", _PALETTE[2], "dev"),
    "eval": ("o", _PALETTE[0], "eval"),
}

_RATES = {
    "far": "FAR\nchanged spoof trials accepted",
    "frr": "FRR\nchanged genuine trials rejected",
    "eer": "EER\nchanged spoof, genuine as before",
}


def cues(measured, *, size):
    """AUC of each group of cues on each split, with its interval over trials.

    Parameters
    ----------
    measured : pandas.DataFrame
        From `lib.judgement.shortcuts.measure`.
    size : float
        Distance from 0.5 that matters; the band is that wide.

    Returns
    -------
    matplotlib.figure.Figure
    """
    groups = list(measured["group"].unique())
    kinds = measured.drop_duplicates("group")["kind"].tolist()
    figure = Figure(figsize=(7.6, 1.3 + 0.42 * len(groups)), layout="constrained")
    axes = figure.subplots()
    axes.axvspan(0.5 - size, 0.5 + size, color="0.93", zorder=0)
    axes.axvline(0.5, color="0.5", linewidth=1, zorder=1)
    for k, (split, (marker, colour, name)) in enumerate(_SPLIT_STYLES.items()):
        part = measured[measured["split"] == split].set_index("group").loc[groups]
        places = np.arange(len(groups)) + 0.22 * (k - 1)
        axes.hlines(places, part["auc_low"], part["auc_high"], color=colour, linewidth=1.6)
        axes.plot(part["auc"], places, marker, markersize=4.5, color=colour, label=name)
    for place in np.flatnonzero(np.array(kinds[1:]) != np.array(kinds[:-1])):
        axes.axhline(place + 0.5, color="0.6", linewidth=0.8, linestyle=":")
    axes.set_yticks(range(len(groups)), groups)
    axes.set_ylim(len(groups) - 0.5, -0.5)
    axes.set_xlim(min(0.3, measured["auc_low"].min() - 0.02), 1.01)
    axes.set_xlabel(f"AUC with 95 % interval over trials; grey: within {size:g} of chance")
    for place, kind in enumerate(kinds):
        if place == 0 or kinds[place - 1] != kind:
            note = {"transform": axes.get_yaxis_transform(), "fontsize": 8.5, "color": "0.3", "va": "center"}
            axes.text(1.02, place, kind, **note)
    axes.grid(axis="x", color="0.92")
    _legend_above(figure, axes)
    return figure


def shared(table, concentrated):
    """What splits share, and how much of a split's spoofs one value makes.

    Parameters
    ----------
    table : pandas.DataFrame
        From `lib.judgement.shortcuts.shared`.
    concentrated : pandas.DataFrame
        From `lib.judgement.shortcuts.concentration`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    pairs = table.assign(pair=table["second"] + "\nin " + table["first"])
    texts = pairs.assign(text=[_of(row.n_shared, row.n_second, row.seen) for row in table.itertuples()])
    spoofs = concentrated.assign(
        text=[_named(row.largest, row.values, row.spoof_share) for row in concentrated.itertuples()]
    )
    rows = list(table["column"].unique())
    figure = Figure(figsize=(8.4, 1.5 + 0.55 * len(rows)), layout="constrained")
    left, right = figure.subplots(1, 2)
    _heat(left, _wide(pairs, "pair", "seen", rows), _wide(texts, "pair", "text", rows))
    left.set_title("values of one split that another has too,\nand share of its trials that they make", fontsize=9.5)
    _heat(right, _wide(spoofs, "split", "spoof_share", rows), _wide(spoofs, "split", "text", rows))
    right.set_title("value with most spoof trials, number of values,\nand share of the spoof trials", fontsize=9.5)
    right.set_yticklabels([])
    return figure


def sensitivity(table, title):
    """False accepts and false rejects after each intervention, beside those before.

    Parameters
    ----------
    table : pandas.DataFrame
        From `lib.judgement.shortcuts.sensitivity`, the first row without an intervention.
    title : str

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure = Figure(figsize=(8.4, 1.3 + 0.34 * len(table)), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    kinds = (("far", "FAR: changed spoof trials accepted, %"), ("frr", "FRR: changed genuine trials rejected, %"))
    places = np.arange(len(table))
    for axes, (name, label), colour in zip(panels, kinds, (_PALETTE[1], _PALETTE[0]), strict=True):
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
    """How far each intervention moves the error rates of each run.

    Parameters
    ----------
    table : pandas.DataFrame
        From `lib.judgement.shortcuts.of_runs`.
    title : str

    Returns
    -------
    matplotlib.figure.Figure
        Three panels: FAR, FRR, EER. The first column of each has the rate before.
    """
    runs = list(table["run"].unique())
    figure = Figure(figsize=(10.5, 2.1 + 0.3 * len(runs)), layout="constrained")
    panels = figure.subplots(1, len(_RATES), sharey=True)
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
        changes = _wide(cells, "intervention", "change", runs, down="run")
        sns.heatmap(changes, annot=texts, fmt="", ax=axes, **style)
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
    if np.isnan(share):
        return "none"
    return f"{value}\n{100 * share:.0f} % (1 of {count})"


def _wide(table, across, values, rows, *, down="column"):
    return table.pivot(index=down, columns=across, values=values).loc[rows, list(table[across].unique())]


def _heat(axes, values, texts):
    style = {"cmap": "Blues", "vmin": 0, "vmax": 1, "cbar": False, "linewidths": 1}
    sns.heatmap(values.astype(float).fillna(0), annot=texts, fmt="", ax=axes, annot_kws={"fontsize": 8}, **style)
    axes.set(xlabel="", ylabel="")
    axes.tick_params(length=0, labelsize=8.5)
    axes.tick_params(axis="y", rotation=0)


def _legend_above(figure, axes):
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=3, fontsize=8.5, frameon=False)
