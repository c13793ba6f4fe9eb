"""The effect of known interventions on the decisions of countermeasures."""

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from lib import features, metrics
from lib.audio.interventions import INTERVENTIONS, intervene
from lib.corpus import SPOOF
from lib.judgement.shortcuts.cues import SR, columns_of, statistics
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
        yield name, [intervene(name, y, SR, k) for k, y in enumerate(recordings)]


def sensitivity(scores, labels, thresholds, *, resamples=1000):
    """False accepts, false rejects and EER of runs before and after each intervention, judged together.

    Parameters
    ----------
    scores : dict of dict of numpy.ndarray [shape=(n,)]
        Run -> version, as `versions` names them, -> scores, higher = more genuine.
    labels : numpy.ndarray [shape=(n,)]
        1 = genuine, 0 = spoof.
    thresholds : dict of float
        Run -> threshold, chosen on dev.

    Returns
    -------
    pandas.DataFrame [one row a run and intervention, the first of a run ``none``]
        `run`, `intervention`; `far` of changed spoof trials; `frr` of changed genuine trials; each with
        its interval `_low`, `_high`, McNemar's exact p of no change `_p`, and `_change`; `eer` of changed
        spoof against unchanged genuine trials with its bootstrap interval, `eer_change` with its paired
        interval, and `eer_p`; `far_moved`, `frr_moved`, `eer_moved`: whether p lies below 5 % after
        Holm's correction over all rates, interventions and runs.

    Raises
    ------
    InputError
        Numbers of scores and labels differ, or they are wrong.

    Examples
    --------
    ``sensitivity({run: {name: score(version) for name, version in versions(recordings)}}, labels, {run: 0.0})``
    """
    rows = []
    for run, by_version in scores.items():
        before, labels = checked(by_version[UNCHANGED], labels)
        spoof, threshold = labels == SPOOF, thresholds[run]
        for name, found in by_version.items():
            after, _ = checked(found, labels)
            mixed = np.where(spoof, after, before)
            low, high = metrics.bootstrap(mixed, labels, metrics=("eer",), resamples=resamples)["eer"]
            paired = metrics.compare(mixed, before, labels)
            rows.append({
                "run": run,
                "intervention": name,
                **_rate("far", after[spoof] >= threshold, before[spoof] >= threshold),
                **_rate("frr", after[~spoof] < threshold, before[~spoof] < threshold),
                **{"eer": paired["first"], "eer_low": low, "eer_high": high, "eer_p": paired["p"]},
                "eer_change": paired["difference"],
                **{f"eer_change_{end}": paired[end] for end in ("low", "high")},
            })  # fmt: skip
    table = pd.DataFrame(rows).assign(**{f"{rate}_moved": False for rate in RATES})
    changed = table["intervention"] != UNCHANGED
    p = table.loc[changed, [f"{rate}_p" for rate in RATES]].to_numpy()
    table.loc[changed, [f"{rate}_moved" for rate in RATES]] = metrics.holm(p.ravel()).reshape(p.shape) < ALPHA
    return table


def intervention_table(table):
    """Error rates after each intervention, percent with intervals, and p of no change, as text."""
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
    """Which interventions move which runs, as a list of sentences."""
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


def runs_metrics(table):
    """MLflow names ``sensitivity/<run>/<intervention>/far``, ``frr``, ``eer``, each with ``_moved``.

    ``sensitivity/moved`` is how many runs moved; ``_moved`` is 1 for a change beyond chance.
    """
    result = {"sensitivity/moved": table.loc[table[[f"{rate}_moved" for rate in RATES]].any(axis=1), "run"].nunique()}
    for row in table.to_dict("records"):
        prefix = f"sensitivity/{row['run']}/{row['intervention']}"
        result |= {f"{prefix}/{rate}": row[rate] for rate in RATES}
        if row["intervention"] != UNCHANGED:
            result |= {f"{prefix}/{rate}_moved": float(row[f"{rate}_moved"]) for rate in RATES}
    return result


def fit_reference(table):
    """The plainest countermeasure: logistic regression on MFCC statistics of train.

    `table` has `split`, `label` and the cues of `describe`. Returns a scikit-learn pipeline
    whose `decision_function` gives log-odds of genuine.
    """
    train = table[table["split"] == "train"]
    return linear().fit(train[columns_of(table, "mfcc")].to_numpy(), train["label"].to_numpy())


def score_recordings(model, recordings):
    """Scores (log-odds) [shape=(recordings,)] of a model of `fit_reference` for recordings at 16 kHz."""
    settings = features.FeatureSettings()
    computed = (features.compute(np.asarray(y, np.float32), ("mfcc",), settings)["mfcc"] for y in recordings)
    return model.decision_function(np.array([statistics(mfcc) for mfcc in computed]))


def _rate(name, errors, errors_before):
    low, high = metrics.rate_interval(errors.sum(), len(errors))
    more, fewer = int((errors & ~errors_before).sum()), int((errors_before & ~errors).sum())
    p = float(binomtest(more, more + fewer).pvalue) if more + fewer else 1.0
    change = float(errors.mean() - errors_before.mean())
    return {
        name: float(errors.mean()), f"{name}_low": low, f"{name}_high": high, f"{name}_p": p, f"{name}_change": change
    }  # fmt: skip


def _moves(row, before):
    rates = [rate for rate in RATES if row[f"{rate}_moved"]]
    return ", ".join(f"{rate.upper()} {100 * before[rate]:.0f} → {100 * row[rate]:.0f} %" for rate in rates)
