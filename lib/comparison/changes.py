"""What one change does: to each of several systems against none of it, and between runs that differ in one choice.

A table of changes has one row a system, metric and change, its index, with the columns of `lib.metrics.compare`:
`first` with the change, `second` without; `p` is Holm's over all changes of a system. A change helps or hurts where
it is below 0.05.
"""

import pandas as pd

from lib import metrics
from lib.metrics.resampling import LEVEL, units_of
from lib.metrics.tables import percent
from lib.params import PARAMS

NONE = "none"
_UNITS = {"eer": ("EER, %", 100, 1), "cllr": ("Cllr, bits", 1, 3)}
_UNSURE = "not told apart"


def measure_changes(scores, trials, measures=tuple(_UNITS)):
    """The table of some trials, its intervals over seeds and over what the trials come in (`units_of`).

    `scores` maps (system, change) to the scores of each seed; every system has the change ``none``. `trials` holds
    `label` and what else the protocol knows. Cllr is of scores calibrated on these very trials, so for dev.
    """
    labels, how, made = trials["label"].to_numpy(), {"units": units_of(trials)}, {"eer": scores}
    if "cllr" in measures:
        made["cllr"] = {
            key: [metrics.calibrated(s, metrics.calibrate(s, labels)) for s in rows] for key, rows in scores.items()
        }
    rows = {
        (system, measure, change): metrics.compare(own, made[measure][system, NONE], labels, metric=measure, **how)
        for measure in measures
        for (system, change), own in made[measure].items()
    }
    table = pd.DataFrame(rows).T
    changed = table.index.get_level_values(2) != NONE
    table.loc[changed, "p"] = table.loc[changed, "p"].groupby(level=[0, 1]).transform(metrics.holm)
    return table


def changes(table):
    """The table for a page: a row a change, a column a system and metric; a star where it is no luck.

    The row ``none`` has values, the others differences from it with 95 % intervals.
    """
    columns = {}
    for (system, measure, change), row in table.iterrows():
        title, scale, digits = _UNITS[measure]
        told = f"{scale * row['first']:.{digits}f}" if change == NONE else _difference(row, measure)
        star = "" if _answer(row) == _UNSURE else " *"
        columns.setdefault((system, title), {})[change] = told + star
    return pd.DataFrame(columns).fillna("-")[list(table.index.unique(level=0))]


def _difference(row, measure):
    """``-1.2 [-2.0, -0.4]``, points of EER or bits of Cllr."""
    _, scale, digits = _UNITS[measure]
    rounded = [round(scale * row[name], digits) + 0.0 for name in ("difference", "low", "high")]  # no -0.0
    return "{:+.{d}f} [{:+.{d}f}, {:+.{d}f}]".format(*rounded, d=digits)


def _answer(row):
    if row["p"] >= 1 - LEVEL:
        return _UNSURE
    return "helps" if row["difference"] < 0 else "hurts"


def question(run):
    """What a variant asks: the first line of its parameter file."""
    first = (PARAMS / f"{run}.yaml").read_text(encoding="utf-8").partition("\n")[0]
    return first.removeprefix("# ").partition("? ")[0].removesuffix("?") + "?"


def choices(pairs, recorded):
    """EERs of pairs of runs, (the choice, what it stands against), on each split: a table of changes.

    `recorded` is split -> run -> seed -> recorded scores (`recorded_scores`). The index is the split and the pair in
    words; `seeds` is how many both have, and `p` is Holm's over all pairs.
    """
    rows = {
        (split, " against ".join(pair)): metrics.compare_seeds(*(tables[run] for run in pair))
        for split, tables in recorded.items()
        for pair in pairs
    }
    table = pd.DataFrame(rows).T
    return table.assign(p=table["p"].groupby(level=0).transform(metrics.holm))


def answer(asked, pair, table):
    """What a pair of `choices` answers to what was asked, a sentence: decided on dev, with eval beside it."""
    said = [
        f"{split} EER {percent(row['first'])} against {percent(row['second'])} %, {_difference(row, 'eer')} points"
        for split, row in table.xs(pair, level=1).iterrows()
    ]
    own = table.loc["dev", pair]
    return f"{asked} **{pair}**, seeds: {own['seeds']:.0f}: {'; '.join(said)}. On dev: {_answer(own)}."
