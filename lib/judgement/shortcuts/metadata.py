"""What the splits share, and which of a protocol's columns stand for a label."""

from itertools import combinations

import numpy as np
import pandas as pd
from scipy.stats import mannwhitneyu

from lib.corpus import GENUINE, SPLITS, SPOOF, UNKNOWN
from lib.metrics import auc, configurations

_COLUMNS = ("speaker", "phrase", "environment", "playback", "recorder", "configuration")
_MORE_THAN_CHANCE = 0.1  # share of trials
_ORDER = 0.2  # distance of an AUC from 0.5


def shared(trials):
    """Values that splits have in common, for each column and pair of splits, of `lib.corpus.Corpus.trials`.

    Columns `column`, `first`, `second` (splits), `n_first`, `n_second`, `n_shared` (values) and
    `seen`, the share of the second split's trials whose value the first split has (NaN where
    the second has none). Trials of an unknown value (``-``) are left out.
    """
    rows = []
    for column, known in _known(trials):
        of_split = {split: known.loc[known["split"] == split, "value"] for split in SPLITS}
        for first, second in combinations(SPLITS, 2):
            values, met = set(of_split[first]), of_split[second]
            row = {"column": column, "first": first, "second": second, "n_first": len(values)}
            row |= {"n_second": met.nunique(), "n_shared": len(values & set(met)), "seen": met.isin(values).mean()}
            rows.append(row)
    return pd.DataFrame(rows)


def concentration(trials):
    """How a split's trials are distributed over the values of each column, and labels within them.

    One row a column and split: `values` (number); `largest`, the value of most spoof trials,
    and `spoof_share`, its share of them; `one_label`, the share of trials whose value has one
    label only, and `one_label_chance`, the same with labels at random (these two NaN for columns
    that only spoof trials have).
    """
    rows = []
    for column, known in _known(trials):
        for split in SPLITS:
            here = known[known["split"] == split]
            counts = here.loc[here["label"] == SPOOF, "value"].value_counts(normalize=True)
            row = {"column": column, "split": split, "values": here["value"].nunique()}
            row |= {"largest": next(iter(counts.index), UNKNOWN), "spoof_share": counts.max()}
            row |= {"one_label": np.nan, "one_label_chance": np.nan}
            genuine = here["label"] == GENUINE
            if genuine.any():
                groups, share = genuine.groupby(here["value"]), genuine.mean()
                size = groups.size()
                row["one_label"] = size[groups.mean().isin((0, 1))].sum() / len(here)
                row["one_label_chance"] = (size * (share**size + (1 - share) ** size)).sum() / len(here)
            rows.append(row)
    return pd.DataFrame(rows)


def findings(trials):
    """Sentences on whatever in the metadata makes results easier or harder to believe."""
    found = []
    for row in shared(trials).itertuples():
        if row.column == "speaker" and row.n_shared:
            found.append(
                f"{row.first} and {row.second} share {row.n_shared} speakers: {100 * row.seen:.0f} % of "
                f"{row.second}'s trials are of a speaker of {row.first}."
            )
    for row in concentration(trials).itertuples():
        if row.spoof_share == 1 and row.column not in ("speaker", "phrase"):
            found.append(f"Every {row.split} spoof has the same {row.column}, {row.largest}.")
        if row.one_label > row.one_label_chance + _MORE_THAN_CHANCE:
            found.append(
                f"{100 * row.one_label:.0f} % of {row.split}'s trials are of a {row.column} with trials of one label "
                f"only (by chance {100 * row.one_label_chance:.0f} %): the {row.column} gives their label away."
            )
    here = trials[trials["split"] == "eval"]
    place, genuine = here["file"].str.rpartition("/")[2].rank(), here["label"] == GENUINE
    distance = abs(auc(place, here["label"]) - 0.5)
    if distance > _ORDER and mannwhitneyu(place[genuine], place[~genuine]).pvalue < 0.001:
        found.append(
            f"The order of the files' names gives the label of eval's trials away (AUC {0.5 + distance:.2f}); "
            "published lists sort train and dev, never eval."
        )
    return found


def _known(trials):
    """Each column with the split, label and `value` of the trials for which it is known."""
    for name in _COLUMNS:
        values = configurations(trials) if name == "configuration" else trials[name]
        yield name, trials.assign(value=values).loc[values != UNKNOWN, ["split", "label", "value"]]
