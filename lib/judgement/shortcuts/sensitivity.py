"""The effect of known interventions on a countermeasure's decisions, and on those of many runs."""

import numpy as np
import pandas as pd

from lib import metrics
from lib.audio.interventions import INTERVENTIONS
from lib.corpus import SPOOF
from lib.judgement.shortcuts.cues import COUNTERMEASURE, SR, columns_of, mfcc_statistics
from lib.judgement.shortcuts.judgement import ALPHA, linear, percent
from lib.metrics.curves import checked

UNCHANGED = "none"
RATES = ("far", "frr", "eer")


def versions(recordings, names=tuple(INTERVENTIONS)):
    """Yield the name ``none`` and the recordings (16 kHz) unchanged, then each intervention's name and result.

    `names` are of `lib.audio.interventions.INTERVENTIONS`; recording k is changed with seed k.
    One version at a time, so that only one must be held.
    """
    yield UNCHANGED, recordings
    for name in names:
        yield name, [INTERVENTIONS[name](y, SR, k) for k, y in enumerate(recordings)]


def sensitivity(scores, labels, threshold, *, resamples=1000):
    """False accepts, false rejects and EER before and after each intervention.

    `scores`, higher = more genuine, are those of each version, named as in `versions`
    [shape=(n,)]; `labels` are 1 = genuine, 0 = spoof [shape=(n,)]; `threshold` was chosen on dev.

    One row an intervention, the first ``none``: `intervention`; `far` of changed spoof trials;
    `frr` of changed genuine trials; each with its interval `_low`, `_high` and McNemar's
    exact p of no change, `far_p`, `frr_p`; `eer` of changed spoof against unchanged genuine
    trials with its bootstrap interval, and `eer_change` with its paired interval and `eer_p`.

    Examples
    --------
    ``sensitivity({name: score(version) for name, version in versions(recordings)}, labels, 0.0)``
    """
    before, labels = checked(scores[UNCHANGED], labels)
    spoof, rows = labels == SPOOF, []
    for name, found in scores.items():
        after, _ = checked(found, labels)
        accepted, once = after >= threshold, before >= threshold
        row = {"intervention": name}
        row |= _rate("far", accepted[spoof], once[spoof])
        row |= _rate("frr", ~accepted[~spoof], ~once[~spoof])
        mixed = np.where(spoof, after, before)
        low, high = metrics.bootstrap(mixed, labels, metrics=("eer",), resamples=resamples)["eer"]
        difference = metrics.compare(mixed, before, labels)
        row |= {"eer": difference["first"], "eer_low": low, "eer_high": high}
        row |= {"eer_change": difference["difference"], "eer_p": difference["p"]}
        rows.append(row | {f"eer_change_{end}": difference[end] for end in ("low", "high")})
    return pd.DataFrame(rows)


def of_runs(tables):
    """The sensitivity of many runs (run -> `sensitivity`) in one table, judged together.

    Columns `run`, those of the tables, `far_change` and `frr_change` against the run
    unchanged, and `far_moved`, `frr_moved`, `eer_moved`: whether p of no change lies below 5 %
    after Holm's correction over all rates, interventions and runs.
    """
    parts = []
    for run, table in tables.items():
        before = table[table["intervention"] == UNCHANGED].iloc[0]
        changes = {f"{rate}_change": table[rate] - before[rate] for rate in ("far", "frr")}
        parts.append(table.assign(run=run, **changes))
    found = pd.concat(parts, ignore_index=True)
    changed = found["intervention"] != UNCHANGED
    p = found.loc[changed, [f"{rate}_p" for rate in RATES]].to_numpy()
    moved = metrics.holm(p.ravel()).reshape(p.shape) < ALPHA
    for rate, column in zip(RATES, moved.T, strict=True):
        found[f"{rate}_moved"] = False
        found.loc[changed, f"{rate}_moved"] = column
    return found[["run", *found.columns.drop("run")]]


def intervention_table(table):
    """Error rates after each intervention (`sensitivity`), percent with intervals, and p of no change, as text."""
    rows = list(table.itertuples())
    return pd.DataFrame(
        {
            "FAR, changed spoof": [percent(r.far, r.far_low, r.far_high) for r in rows],
            "p (FAR)": [f"{r.far_p:.2g}" for r in rows],
            "FRR, changed genuine": [percent(r.frr, r.frr_low, r.frr_high) for r in rows],
            "p (FRR)": [f"{r.frr_p:.2g}" for r in rows],
            "EER, changed spoof": [percent(r.eer, r.eer_low, r.eer_high) for r in rows],
            "change of EER": [percent(r.eer_change, r.eer_change_low, r.eer_change_high) for r in rows],
        },
        index=pd.Index(table["intervention"].str.replace("_", " "), name="intervention"),
    )


def intervention_sentences(table):
    """Which interventions move which runs of `of_runs`, as a list of sentences."""
    before = table[table["intervention"] == UNCHANGED].set_index("run")
    found, still = [], []
    for name, part in table[table["intervention"] != UNCHANGED].groupby("intervention", sort=False):
        moves = {row["run"]: _moves(row, before.loc[row["run"]]) for row in part.to_dict("records")}
        moved = [f"{run} ({text})" for run, text in moves.items() if text]
        if moved:
            count = f"{len(moved)} of {len(part)} runs: " if len(part) > 1 else ""
            found.append(f"**{name.replace('_', ' ')}** moves {count}{', '.join(moved)}.")
        else:
            still.append(name.replace("_", " "))
    return found + ([f"Moves no run beyond chance: {', '.join(still)}."] if still else [])


def intervention_metrics(table, prefix="intervention"):
    """MLflow names ``<prefix>/<intervention>/far``, ``frr``, ``eer`` of `sensitivity`."""
    return {f"{prefix}/{row['intervention']}/{rate}": row[rate] for row in table.to_dict("records") for rate in RATES}


def runs_metrics(table):
    """MLflow names of `of_runs`: ``sensitivity/<run>/<intervention>/far``, ``frr``, ``eer``, each with ``_moved``.

    ``sensitivity/moved`` is how many runs moved; ``_moved`` is 1 for a change beyond chance.
    """
    result = {"sensitivity/moved": table.loc[table[[f"{rate}_moved" for rate in RATES]].any(axis=1), "run"].nunique()}
    for run, part in table.groupby("run", sort=False):
        result |= intervention_metrics(part, f"sensitivity/{run}")
        for row in part[part["intervention"] != UNCHANGED].to_dict("records"):
            prefix = f"sensitivity/{run}/{row['intervention']}"
            result |= {f"{prefix}/{rate}_moved": float(row[f"{rate}_moved"]) for rate in RATES}
    return result


def fit_reference(table):
    """The plainest countermeasure: logistic regression on MFCC statistics of train.

    `table` has `split`, `label` and the cues of `describe`. Returns a scikit-learn pipeline
    whose `decision_function` gives log-odds of genuine.
    """
    train = table[table["split"] == "train"]
    return linear().fit(train[columns_of(table, COUNTERMEASURE)].to_numpy(), train["label"].to_numpy())


def score_recordings(model, recordings):
    """Scores (log-odds) [shape=(recordings,)] of a model of `fit_reference` for recordings at 16 kHz."""
    return model.decision_function(np.array([mfcc_statistics(y) for y in recordings]))


def _rate(name, errors, errors_before):
    from scipy.stats import binomtest

    low, high = metrics.rate_interval(errors.sum(), len(errors))
    more, fewer = int((errors & ~errors_before).sum()), int((errors_before & ~errors).sum())
    p = binomtest(more, more + fewer).pvalue if more + fewer else 1.0
    return {name: float(errors.mean()), f"{name}_low": low, f"{name}_high": high, f"{name}_p": float(p)}


def _moves(row, before):
    rates = [rate for rate in RATES if row[f"{rate}_moved"]]
    return ", ".join(f"{rate.upper()} {100 * before[rate]:.0f} → {100 * row[rate]:.0f} %" for rate in rates)
