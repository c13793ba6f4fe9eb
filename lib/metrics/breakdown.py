"""EER by environment, playback device, recorder, phrase, speaker or duration."""

import numpy as np
import pandas as pd

from lib.corpus.protocol import GENUINE, SPOOF, UNKNOWN
from lib.errors import InputError
from lib.metrics.clusters import spreads
from lib.metrics.measures import checked, eer
from lib.metrics.units import CONFIGURATION, configurations

_SMALL = 30  # below this many trials of a class one error is more than 3 % of it
_BINS = 4  # groups of a numeric column


def breakdown(table, by, *, resamples=1000):
    """Measure each group of trials separately.

    Spoof trials of a group are measured against the genuine trials of the same group or,
    where genuine trials have no such group (they were never replayed), against all. `table`
    has `score`, `label` and the column `by`; ``configuration`` is environment, playback device
    and recorder together; numbers form four groups of equally many trials.

    One row a group, in order: `group`, `n_genuine`, `n_spoof`, `eer`, `eer_low`, `eer_high`
    (fractions, the widest interval; NaN where a class is missing), `small` (fewer than 30 trials of a
    class), `pooled` (genuine trials are those of all groups). InputError for a column that no spoof trial has.
    """
    if by == "configuration" and set(CONFIGURATION) <= set(table):
        table = table.assign(configuration=configurations(table))
    if by not in table:
        raise InputError(f"no column {by!r} to break down by: expected one of {', '.join(table)}")
    scores, labels = checked(table["score"], table["label"])
    if pd.api.types.is_numeric_dtype(table[by]):
        groups, edges = pd.qcut(table[by], _BINS, retbins=True, duplicates="drop")
        names = [f"{low:.2f} to {high:.2f}" for low, high in zip(edges, edges[1:], strict=False)]
        groups = groups.cat.rename_categories(names)
    else:
        groups = table[by].where(table[by] != UNKNOWN).astype("category")
    known = groups.notna().to_numpy()
    if not known[labels == SPOOF].any():
        raise InputError(f"column {by!r} is unknown ('{UNKNOWN}') for every spoof trial: nothing to break down")
    pooled = not known[labels == GENUINE].any()
    rows = []
    for group in groups.cat.categories:
        here = (groups == group).to_numpy() | (pooled & (labels == GENUINE))
        n_genuine, n_spoof = ((labels[here] == label).sum() for label in (GENUINE, SPOOF))
        rate = low = high = np.nan
        if n_genuine and n_spoof:
            rate = eer(scores[here], labels[here])[0]
            low, high = spreads(table[here], {"eer": rate}, metrics=("eer",), resamples=resamples)["eer_ci"]
        rows.append((str(group), n_genuine, n_spoof, rate, low, high, min(n_genuine, n_spoof) < _SMALL, pooled))
    names = ["group", "n_genuine", "n_spoof", "eer", "eer_low", "eer_high", "small", "pooled"]
    return pd.DataFrame(rows, columns=names)
