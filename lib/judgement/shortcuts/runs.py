"""Which trained runs answer otherwise after an intervention, side by side."""

import pandas as pd

from lib.judgement.shortcuts.judgement import ALPHA, holm
from lib.judgement.shortcuts.sensitivity import UNCHANGED

RATES = ("far", "frr", "eer")


def of_runs(tables):
    """The sensitivity of many runs in one table, judged together.

    Parameters
    ----------
    tables : dict of str to pandas.DataFrame
        Run -> from `lib.judgement.shortcuts.sensitivity_of_scores`; one run at least.

    Returns
    -------
    pandas.DataFrame [one row a run and an intervention]
        `run`, the columns of the tables, `far_change` and `frr_change` against the run
        unchanged, and `far_moved`, `frr_moved`, `eer_moved`: whether p of no change lies
        below 5 % after Holm's correction over all rates, interventions and runs.
    """
    parts = []
    for run, table in tables.items():
        before = table[table["intervention"] == UNCHANGED].iloc[0]
        changes = {f"{rate}_change": table[rate] - before[rate] for rate in ("far", "frr")}
        parts.append(table.assign(run=run, **changes))
    found = pd.concat(parts, ignore_index=True)
    changed = found["intervention"] != UNCHANGED
    p = found.loc[changed, [f"{rate}_p" for rate in RATES]].to_numpy()
    moved = holm(p.ravel()).reshape(p.shape) < ALPHA
    for rate, column in zip(RATES, moved.T, strict=True):
        found[f"{rate}_moved"] = False
        found.loc[changed, f"{rate}_moved"] = column
    return found[["run", *found.columns.drop("run")]]


def runs_sentences(table):
    """Which interventions move which runs, in plain sentences.

    Parameters
    ----------
    table : pandas.DataFrame
        From `of_runs`.

    Returns
    -------
    list of str
    """
    before = table[table["intervention"] == UNCHANGED].set_index("run")
    found, still = [], []
    for name, part in table[table["intervention"] != UNCHANGED].groupby("intervention", sort=False):
        said = [f"{row['run']} ({_moves(row, before.loc[row['run']])})" for row in part.to_dict("records") if _any(row)]
        if said:
            found.append(f"**{name.replace('_', ' ')}** moves {len(said)} of {len(part)} runs: {', '.join(said)}.")
        else:
            still.append(name.replace("_", " "))
    if still:
        found.append(f"Moves no run beyond chance: {', '.join(still)}.")
    return found


def runs_metrics(table):
    """The table under MLflow names, ``sensitivity/<run>/<intervention>/far``, ``frr`` and ``eer``.

    Returns
    -------
    dict of str to float
        Fractions; and ``sensitivity/moved``, the number of runs that an intervention moves.
    """
    moved = table.loc[table[[f"{rate}_moved" for rate in RATES]].any(axis=1), "run"].nunique()
    rates = {f"sensitivity/{r['run']}/{r['intervention']}/{x}": r[x] for r in table.to_dict("records") for x in RATES}
    return {"sensitivity/moved": moved} | rates


def _any(row):
    return any(row[f"{rate}_moved"] for rate in RATES)


def _moves(row, before):
    rates = [rate for rate in RATES if row[f"{rate}_moved"]]
    return ", ".join(f"{rate.upper()} {100 * before[rate]:.0f} → {100 * row[rate]:.0f} %" for rate in rates)
