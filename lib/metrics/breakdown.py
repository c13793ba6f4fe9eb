"""EER by environment, playback device, recorder, phrase, speaker or duration."""

import numpy as np
import pandas as pd

from lib.corpus.protocol import GENUINE, SPOOF, UNKNOWN
from lib.errors import InputError
from lib.metrics.curves import checked, eer
from lib.metrics.resampling import bootstrap

# Below this many trials of a class one error is more than 3 % of it.
SMALL = 30
_CONFIGURATION = ("environment", "playback", "recorder")


def breakdown(table, by, *, resamples=1000, seed=0, level=0.95, bins=4):
    """Measure each group of trials on its own.

    Spoof trials of a group stand against the genuine trials of the same group or, where
    genuine trials have no such group (a recording that was never replayed has no
    playback device), against all genuine trials, as in the field's tables.

    Parameters
    ----------
    table : pandas.DataFrame
        `score`, `label` and the column `by`; as from `lib.scores.match`.
    by : str
        Column of groups, or ``configuration`` for environment, playback device and
        recorder together. Numbers, as durations in seconds, are put into `bins` groups
        of as many trials each.
    resamples, seed, level
        For the intervals over trials, as for `lib.metrics.bootstrap`.
    bins : int, > 1

    Returns
    -------
    pandas.DataFrame [one row a group, in the groups' order]
        `group`, `n_genuine`, `n_spoof`, `eer`, `eer_low`, `eer_high` (fractions; NaN
        where a class is missing), `small` (a class has fewer than 30 trials) and
        `pooled` (genuine trials are those of all groups).

    Raises
    ------
    InputError
        No such column, or it says nothing of any spoof trial.
    """
    columns = {name: table[name] for name in table}
    if by == "configuration" and set(_CONFIGURATION) <= set(columns):
        columns[by] = configurations(table)
    if by not in columns:
        raise InputError(f"no column {by!r} to break down by; there are {', '.join(columns)}")
    scores, labels = checked(table["score"], table["label"])
    groups = _groups(columns[by], bins)
    known = groups.notna().to_numpy()
    if not known[labels == SPOOF].any():
        raise InputError(f"column {by!r} says nothing of any spoof trial ('{UNKNOWN}'); there is nothing to break down")
    pooled = not known[labels == GENUINE].any()
    rows = []
    for group in groups.cat.categories:
        here = (groups == group).to_numpy()
        if pooled:
            here |= labels == GENUINE
        rows.append({"group": str(group), **_measure(scores[here], labels[here], resamples, seed, level)})
    result = pd.DataFrame(rows).assign(pooled=pooled)
    result.attrs.update(by=by, level=level)
    return result


def configurations(table):
    """Environment, playback device and recorder of each trial as ``E01/P02/R03``; ``-`` if there is none.

    Returns
    -------
    pandas.Series of str
    """
    joined = table[list(_CONFIGURATION)].agg("/".join, axis=1)
    return joined.where(joined != "/".join([UNKNOWN] * len(_CONFIGURATION)), UNKNOWN)


def groupings(table):
    """Columns that a table can be broken down by: more than one group among its spoof trials.

    Returns
    -------
    list of str
    """
    names = (*_CONFIGURATION, "phrase", "speaker", "duration")
    spoof = table[table["label"] == SPOOF]
    return [name for name in names if name in table and (set(spoof[name]) - {UNKNOWN}) and spoof[name].nunique() > 1]


def _groups(values, bins):
    """Groups as an ordered categorical, missing where nothing is known."""
    if not pd.api.types.is_numeric_dtype(values):
        return values.where(values != UNKNOWN).astype("category")
    edges = np.unique(values.quantile(np.linspace(0, 1, bins + 1)))
    if len(edges) < 2:
        return values.map("{:.2f}".format).astype("category")
    names = [f"{low:.2f} to {high:.2f}" for low, high in zip(edges, edges[1:], strict=False)]
    return pd.cut(values, edges, labels=names, include_lowest=True)


def _measure(scores, labels, resamples, seed, level):
    n_genuine, n_spoof = int((labels == GENUINE).sum()), int((labels == SPOOF).sum())
    row = {"n_genuine": n_genuine, "n_spoof": n_spoof, "eer": np.nan, "eer_low": np.nan, "eer_high": np.nan}
    if n_genuine and n_spoof:
        row["eer"] = eer(scores, labels)[0]
        settings = {"metrics": ("eer",), "resamples": resamples, "seed": seed, "level": level}
        row["eer_low"], row["eer_high"] = bootstrap(scores, labels, **settings)["eer"]
    return row | {"small": min(n_genuine, n_spoof) < SMALL}
