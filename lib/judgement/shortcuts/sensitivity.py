"""The effect of known interventions on the decisions of countermeasures."""

import math

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from lib import metrics
from lib.audio.interventions import INTERVENTIONS
from lib.corpus import SPOOF
from lib.judgement.shortcuts.cues import SR
from lib.judgement.shortcuts.judgement import ALPHA
from lib.metrics.measures import checked

UNCHANGED = "none"
RATES = ("far", "frr", "eer")
_NAMED = 3  # of the changes that are not significant


def versions(recordings, names=tuple(INTERVENTIONS)):
    """Yield the name ``none`` and the recordings (16 kHz) unchanged, then each intervention's name and result.

    `names` are of `lib.audio.interventions.INTERVENTIONS`; recording k is changed with seed k.
    One version at a time, so that only one must be held.
    """
    yield UNCHANGED, recordings
    for name in names:
        yield name, [INTERVENTIONS[name](y, SR, k) for k, y in enumerate(recordings)]


def sensitivity(scores, labels, thresholds, *, resamples=1000):
    """False accepts, false rejects and EER of runs before and after each intervention, judged together.

    `scores` are run -> version, named as in `versions` -> scores, higher = more genuine [shape=(n,)];
    `labels` are 1 = genuine, 0 = spoof [shape=(n,)]; `thresholds`, run -> threshold, were chosen on dev.

    One row a run and intervention, the first of a run ``none``: `run`, `intervention`; `far` of changed spoof trials;
    `frr` of changed genuine trials; each with its interval `_ci_low`, `_ci_high`, McNemar's exact p of no change `_p`,
    and `_change`; `eer` of changed spoof against unchanged genuine trials with its bootstrap interval, `eer_change`
    with its paired interval, and `eer_p`; `far_moved`, `frr_moved`, `eer_moved`: whether p lies below 5 % after Holm's
    correction over the whole table; `needed`: how many decisions, of `n_genuine` or `n_spoof`, must turn.

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
            row = {"run": run, "intervention": name}
            row |= _rate("far", after[spoof] >= threshold, before[spoof] >= threshold)
            row |= _rate("frr", after[~spoof] < threshold, before[~spoof] < threshold)
            row |= {"eer": paired["first"], "eer_ci_low": low, "eer_ci_high": high, "eer_p": paired["p"]}
            change = {"": "difference", "_ci_low": "low", "_ci_high": "high"}
            rows.append(row | {f"eer_change{ending}": paired[name] for ending, name in change.items()})
    table = pd.DataFrame(rows).assign(**{f"{rate}_moved": False for rate in RATES})
    changed = table["intervention"] != UNCHANGED
    p = table.loc[changed, [f"{rate}_p" for rate in RATES]].to_numpy()
    table.loc[changed, [f"{rate}_moved" for rate in RATES]] = metrics.holm(p.ravel()).reshape(p.shape) < ALPHA
    needed = 1 + math.floor(math.log2(2 * p.size / ALPHA))  # of McNemar's p, twice a half to this power
    return table.assign(needed=needed, n_genuine=int((labels != SPOOF).sum()), n_spoof=int((labels == SPOOF).sum()))


def intervention_sentences(table):
    """Which interventions move which runs, and the largest changes that are not significant, as a list of sentences."""
    before = table[table["intervention"] == UNCHANGED].set_index("run")
    found, still = [], []
    for name, part in table[table["intervention"] != UNCHANGED].groupby("intervention", sort=False):
        moves = []
        for row in part.to_dict("records"):
            first, moved = before.loc[row["run"]], [rate for rate in RATES if row[f"{rate}_moved"]]
            rates = [f"{rate.upper()} {100 * first[rate]:.0f} → {100 * row[rate]:.0f} %" for rate in moved]
            moves += [f"{row['run']} ({', '.join(rates)})"] if rates else []
        if moves:
            count = f"{len(moves)} of {len(part)} runs: " if len(part) > 1 else ""
            found.append(f"**{name.replace('_', ' ')}** moves {count}{', '.join(moves)}.")
        else:
            still.append(name.replace("_", " "))
    still = [f"No significant change with {', '.join(still)}."] if still else []
    return found + still + _largest(table)


def _largest(table):
    """The largest changes that are not significant, and how large one would have to be: a sentence, or none."""
    if "needed" not in table:  # made by an older version
        return []
    changes = [table.assign(rate=rate, change=table[f"{rate}_change"])[~table[f"{rate}_moved"]] for rate in RATES[:2]]
    largest = pd.concat(changes).sort_values("change", key=abs, ascending=False, kind="stable").head(_NAMED)
    named = [
        f"{row.intervention.replace('_', ' ')}, {row.rate.upper()} of {row.run} by {100 * row.change:+.0f} points"
        for row in largest[largest["change"] != 0].itertuples()
    ]
    about = table.iloc[0]
    of = f"{about['needed']} decisions of {about['n_spoof']} spoof or {about['n_genuine']} genuine trials"
    limit = f"A change of FAR or FRR is significant here only if at least {of} turn one way"
    return [f"{limit}; the largest changes that are not: {'; '.join(named)}."] if named else []


def _rate(name, errors, errors_before):
    low, high = metrics.rate_interval(errors.sum(), len(errors))
    more, fewer = int((errors & ~errors_before).sum()), int((errors_before & ~errors).sum())
    p, rate = binomtest(more, more + fewer).pvalue if more + fewer else 1.0, errors.mean()
    values = {"": rate, "_ci_low": low, "_ci_high": high, "_p": p, "_change": rate - errors_before.mean()}
    return {f"{name}{ending}": float(value) for ending, value in values.items()}
