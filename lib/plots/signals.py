"""Pictures of recordings, features, training and a study's runs.

Every function returns a matplotlib figure of its own; nothing is shown or kept.
Colours are seaborn's "colorblind": blue for genuine, orange for spoof.
"""

import numpy as np
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lib.features.images import coloured

_PALETTE = sns.color_palette("colorblind")
_AXES = {"mfcc": ("coefficient →", "time →"), "fft": ("level →", "frequency →")}  # upwards, to the right
LABEL_COLOURS = {"genuine": _PALETTE[0], "spoof": _PALETTE[1]}


def waveform(y, sr):
    """Samples over time.

    Parameters
    ----------
    y : numpy.ndarray [shape=(samples,)]
    sr : int, Hz
    """
    figure = Figure(figsize=(8, 1.8), layout="constrained")
    axes = figure.subplots()
    axes.plot(np.arange(len(y)) / sr, y, linewidth=0.5, color=_PALETTE[7])
    axes.set(xlabel="time, s", ylabel="amplitude", xlim=(0, len(y) / sr))
    return figure


def pictures(indices, *, title, colours="magma"):
    """One recording's pictures beside each other.

    Parameters
    ----------
    indices : dict of str to numpy.ndarray [shape=(size, size), uint8]
        Feature -> picture.
    title : str
    colours : str
        A matplotlib colormap.
    """
    figure = _grid(list(indices.values()), list(indices), list(indices), columns=3, width=2.8, colours=colours)
    figure.suptitle(title)
    return figure


def gallery(indices, titles, *, title, colours="magma"):
    """Many pictures in rows of four.

    Parameters
    ----------
    indices : numpy.ndarray [shape=(pictures, size, size), uint8]
    titles : sequence of str
    title : str
        The feature's name, and after a comma what else there is to say.
    colours : str
    """
    features = [title.partition(",")[0]] * len(titles)
    figure = _grid(list(indices), titles, features, columns=4, width=2.1, colours=colours)
    figure.suptitle(title)
    return figure


def _grid(indices, titles, features, *, columns, width, colours):
    columns = min(columns, len(indices))
    rows = -(-len(indices) // columns)
    figure = Figure(figsize=(columns * width, rows * (width + 0.45) + 0.3), layout="constrained")
    for place, (index, title, feature) in enumerate(zip(indices, titles, features, strict=True), 1):
        axes = figure.add_subplot(rows, columns, place)
        axes.imshow(coloured(index, colours), interpolation="nearest")
        axes.set_title(title, fontsize=9)
        upwards, rightwards = _AXES.get(feature, ("frequency →", "time →"))
        axes.set(xticks=[], yticks=[])
        axes.set_ylabel(upwards, fontsize=8)
        axes.set_xlabel(rightwards, fontsize=8)
    return figure


def row_means(means, title):
    """Rows of a feature, averaged over time: mean and spread over recordings, by label.

    Parameters
    ----------
    means : dict of str to numpy.ndarray [shape=(recordings, rows)]
        Label -> means.
    title : str
    """
    figure = Figure(figsize=(8, 3), layout="constrained")
    axes = figure.subplots()
    for name, values in means.items():
        middle, spread, rows = values.mean(axis=0), values.std(axis=0), np.arange(values.shape[1])
        axes.plot(rows, middle, color=LABEL_COLOURS[name], label=name, linestyle="-" if name == "genuine" else "--")
        axes.fill_between(rows, middle - spread, middle + spread, color=LABEL_COLOURS[name], alpha=0.2, linewidth=0)
    axes.set(xlabel="row (low frequencies first)", ylabel="mean over time", xlim=(0, len(rows) - 1))
    axes.set_title(f"{title}; band: one standard deviation over recordings", fontsize=10)
    axes.legend(frameon=False)
    return figure


def by_label(table, quantities):
    """Distributions of some quantities by split and label.

    Parameters
    ----------
    table : pandas.DataFrame
        `split`, `label` (1 = genuine) and the quantities' columns.
    quantities : dict of str to str
        Column -> axis label with unit.
    """
    names = np.where(table["label"] == 1, "genuine", "spoof")
    figure = Figure(figsize=(4.6 * len(quantities), 3.2), layout="constrained")
    for place, (column, label) in enumerate(quantities.items(), 1):
        axes = figure.add_subplot(1, len(quantities), place)
        sns.boxplot(
            x=table["split"].to_numpy(),
            y=table[column].to_numpy(),
            hue=names,
            hue_order=list(LABEL_COLOURS),
            palette=LABEL_COLOURS,
            fliersize=2,
            ax=axes,
            legend=place == len(quantities),
        )
        axes.set(xlabel="", ylabel=label)
        if place == len(quantities):
            sns.move_legend(axes, "upper left", bbox_to_anchor=(1, 1), title=None, frameon=False)
    return figure


def training_curves(history):
    """Loss and accuracy after each epoch, training and dev.

    Parameters
    ----------
    history : pandas.DataFrame [one row an epoch]
        From `lib.systems.training.fit`.
    """
    figure = Figure(figsize=(9, 3), layout="constrained")
    left, right = figure.subplots(1, 2)
    for axes, name, label in (
        (left, "loss", "binary cross-entropy, nat"),
        (right, "accuracy", "accuracy, %"),
    ):
        scale = 100 if name == "accuracy" else 1
        axes.plot(history.index, history[name] * scale, color=_PALETTE[0], label="train")
        axes.plot(history.index, history[f"val_{name}"] * scale, color=_PALETTE[1], linestyle="--", label="dev")
        axes.set(xlabel="epoch", ylabel=label)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.legend(frameon=False)
    return figure


def intervals(rows, metric, label):
    """One metric of several runs with its intervals, best at the top.

    Parameters
    ----------
    rows : list of dict
        From `lib.tracking.query.compare`.
    metric : str
        MLflow name, as ``eval/eer``.
    label : str
        Axis label with unit.
    """
    rows = sorted((row for row in rows if metric in row), key=lambda row: row[metric], reverse=True)
    figure = Figure(figsize=(8, 1.2 + 0.4 * max(len(rows), 1)), layout="constrained")
    axes = figure.subplots()
    for place, row in enumerate(rows):
        low, high = row[f"{metric}_ci_low"], row[f"{metric}_ci_high"]
        axes.plot([100 * low, 100 * high], [place, place], color=_PALETTE[0], linewidth=2)
        axes.plot(100 * row[metric], place, "o", color=_PALETTE[0])
    axes.axvline(50, color="grey", linewidth=1, linestyle=":")
    axes.text(50, 1.01, "chance", transform=axes.get_xaxis_transform(), ha="center", va="bottom", fontsize=8)
    names = [row["run"] + ("" if row["seed"] is None else f", seed {row['seed']}") for row in rows]
    axes.set_yticks(range(len(rows)), names)
    axes.set(xlabel=label, xlim=(0, max([55, *(102 * row[f"{metric}_ci_high"] for row in rows)])))
    axes.set_ylim(-0.6, max(len(rows), 1) - 0.4)
    axes.grid(axis="x", alpha=0.3)
    return figure
