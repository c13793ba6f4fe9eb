"""EER by environment, playback device, recorder, phrase, speaker or duration."""

import numpy as np
import pandas as pd

from lib.corpus.protocol import GENUINE, SPOOF, UNKNOWN
from lib.errors import InputError
from lib.metrics.curves import checked, eer
from lib.metrics.resampling import bootstrap

_SMALL = 30  # below this many trials of a class one error is more than 3 % of it
_BINS = 4  # groups of a numeric column
_CONFIGURATION = ("environment", "playback", "recorder")


def breakdown(table, by, *, resamples=1000):
    """Measure each group of trials separately.

    Spoof trials of a group are measured against the genuine trials of the same group or,
    where genuine trials have no such group (they were never replayed), against all. `table`
    has `score`, `label` and the column `by`; ``configuration`` is environment, playback device
    and recorder together; numbers form four groups of equally many trials.

    One row a group, in the groups' order: `group`, `n_genuine`, `n_spoof`, `eer`, `eer_low`,
    `eer_high` (fractions; NaN where a class is missing), `small` (fewer than 30 trials of a
    class), `pooled` (genuine trials are those of all groups). InputError without such a
    column, or if it is unknown for every spoof trial.
    """
    columns = {name: table[name] for name in table}
    if by == "configuration" and set(_CONFIGURATION) <= set(columns):
        columns[by] = configurations(table)
    if by not in columns:
        raise InputError(f"no column {by!r} to break down by: expected one of {', '.join(columns)}")
    scores, labels = checked(table["score"], table["label"])
    groups = _groups(columns[by])
    known = groups.notna().to_numpy()
    if not known[labels == SPOOF].any():
        raise InputError(f"column {by!r} is unknown ('{UNKNOWN}') for every spoof trial: nothing to break down")
    pooled = not known[labels == GENUINE].any()
    rows = []
    for group in groups.cat.categories:
        here = (groups == group).to_numpy()
        if pooled:
            here |= labels == GENUINE
        rows.append({"group": str(group), **_measure(scores[here], labels[here], resamples)})
    return pd.DataFrame(rows).assign(pooled=pooled)


def configurations(table):
    """Environment, playback device and recorder of each trial as ``E01/P02/R03``; ``-`` if there is none."""
    joined = table[list(_CONFIGURATION)].agg("/".join, axis=1)
    return joined.where(joined != "/".join([UNKNOWN] * len(_CONFIGURATION)), UNKNOWN)


def clusters_of(table, *columns):
    """Kind -> the name of each trial's cluster: those columns that the table has, and the replay configuration."""
    kinds = {name: table[name].to_numpy() for name in columns if name in table}
    if set(_CONFIGURATION) <= set(table):
        kinds["configuration"] = configurations(table).to_numpy()
    return kinds


def _groups(values):
    """Groups as an ordered categorical, missing where nothing is known."""
    if not pd.api.types.is_numeric_dtype(values):
        return values.where(values != UNKNOWN).astype("category")
    edges = np.unique(values.quantile(np.linspace(0, 1, _BINS + 1)))
    if len(edges) < 2:
        return values.map("{:.2f}".format).astype("category")
    names = [f"{low:.2f} to {high:.2f}" for low, high in zip(edges, edges[1:], strict=False)]
    return pd.cut(values, edges, labels=names, include_lowest=True)


def _measure(scores, labels, resamples):
    n_genuine, n_spoof = int((labels == GENUINE).sum()), int((labels == SPOOF).sum())
    row = {"n_genuine": n_genuine, "n_spoof": n_spoof, "eer": np.nan, "eer_low": np.nan, "eer_high": np.nan}
    if n_genuine and n_spoof:
        row["eer"] = eer(scores, labels)[0]
        row["eer_low"], row["eer_high"] = bootstrap(scores, labels, metrics=("eer",), resamples=resamples)["eer"]
    return row | {"small": min(n_genuine, n_spoof) < _SMALL}
