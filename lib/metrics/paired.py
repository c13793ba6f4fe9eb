"""Is one system better than another on the same trials?

Two systems err on many of the same trials, so differences are resampled in pairs. The
spread over seeds is a question apart from the spread over trials.
"""

import numpy as np
import pandas as pd

from lib.errors import InputError
from lib.metrics.curves import eer
from lib.metrics.measures import evaluate
from lib.metrics.resampling import LEVEL, interval, intervals, resample


def compare(first, second, labels, *, metric="eer", resamples=1000, seed=0):
    """Paired bootstrap of the difference between two systems' scores of the same trials in the same order.

    Scores [shape=(trials,)] or, of several seeds, [shape=(seeds, trials)], whose mean over seeds
    is compared; every seed is resampled alike. Returns `first`, `second`, `difference`
    (first - second), its interval `low`, `high` over trials, and the two-sided `p` of no
    difference (S. Bengio and J. Mariéthoz, "A statistical significance test for person
    authentication", Odyssey 2004).
    """
    systems = [np.atleast_2d(scores) for scores in (first, second)]
    how = {"metrics": (metric,), "resamples": resamples, "seed": seed}
    values = [float(np.mean([evaluate(row, labels)[metric] for row in system])) for system in systems]
    spread = [np.mean([resample(row, labels, **how)[metric] for row in system], axis=0) for system in systems]
    return _difference(values, spread)


def ranking(tables, *, resamples=1000):
    """Rank systems by EER: by significance, not by digits.

    `tables` are system -> table of `trial`, `score`, `label`, all with the same trials, or an
    InputError. One row a system, best first: `system`, `rank` (1 + how many systems are
    significantly better, Holm over all pairs), `eer`, `low`, `high`, and against the best
    `difference`, `difference_low`, `difference_high` and `p`.
    """
    value, spread, labels = _resampled(tables, resamples)
    names = sorted(tables, key=value.get)
    pairs = {
        (worse, better): _difference((value[worse], value[better]), (spread[worse], spread[better]))
        for k, worse in enumerate(names)
        for better in names[:k]
    }
    corrected = holm([pair["p"] for pair in pairs.values()])
    beaten = [worse for (worse, _), p in zip(pairs, corrected, strict=True) if p <= 1 - LEVEL]
    itself = dict.fromkeys(("difference", "low", "high"), 0.0) | {"p": 1.0}
    rows = []
    for name in names:
        low, high = intervals({"eer": spread[name]}, {}, labels)["eer"]
        best = pairs.get((name, names[0]), itself)
        rows.append({
            "system": name, "rank": 1 + beaten.count(name), "eer": value[name], "low": low, "high": high,
            "difference": best["difference"], "difference_low": best["low"], "difference_high": best["high"],
            "p": best["p"],
        })  # fmt: skip
    return pd.DataFrame(rows).sort_values("rank", kind="stable", ignore_index=True)


def seed_spread(tables, *, resamples=1000):
    """Spread of the EER over seeds, beside its spread over trials; `tables` as for `ranking`, by seed.

    Returns `mean` EER, `seed_sd` (standard deviation between seeds; NaN for one seed),
    `sampling_sd` (mean standard deviation of one seed over resampled trials), `lowest`,
    `highest`, and `seeds`, their number.
    """
    value, spread, _ = _resampled(tables, resamples)
    values = pd.Series(value)
    return {
        "mean": float(values.mean()),
        "seed_sd": float(values.std()),
        "sampling_sd": float(np.mean([each.std() for each in spread.values()])),
        "lowest": float(values.min()),
        "highest": float(values.max()),
        "seeds": len(values),
    }


def compare_seeds(first, second, *, resamples=1000):
    """Paired bootstrap of the difference between two systems' EERs, each trained with several seeds.

    `first` and `second` map seeds to tables as for `ranking`; the seeds that both have count.
    Returns what `compare` does, of the means over seeds, and `seeds`, their number. Each
    resample is other trials and S - 1 of the S seeds, drawn anew, which makes the variance
    over seeds unbiased; one seed stays as it is, and the interval is over trials alone.
    """
    shared = sorted(set(first) & set(second))
    named = {"first": first, "second": second}
    tables = {f"{name}, seed {s}": table[s] for name, table in named.items() for s in shared}
    value, resampled, _ = _resampled(tables, resamples)
    # Of another stream than the trials.
    drawn = np.random.default_rng([0, 1]).integers(0, len(shared), (max(len(shared) - 1, 1), resamples))
    values, spread = [], []
    for name in named:
        several = [f"{name}, seed {s}" for s in shared]
        values.append(float(np.mean([value[each] for each in several])))
        spread.append(np.stack([resampled[each] for each in several])[drawn, np.arange(resamples)].mean(axis=0))
    return _difference(values, spread) | {"seeds": len(shared)}


def holm(p):
    """p values corrected for their number, in the given order (S. Holm, Scandinavian Journal of Statistics 6, 1979)."""
    p = np.asarray(p, dtype=np.float64)
    order = np.argsort(p)
    corrected = np.empty_like(p)
    corrected[order] = np.minimum(np.maximum.accumulate((len(p) - np.arange(len(p))) * p[order]), 1)
    return corrected


def _difference(values, spread):
    from scipy.special import stdtr

    difference, change = values[0] - values[1], spread[0] - spread[1]
    se = change.std()
    low, high = interval(change)
    # A million degrees of freedom are the normal distribution.
    p = 2 * stdtr(1e6, -abs(difference) / se) if se > 1e-12 else float(difference == 0)
    return {
        "first": values[0], "second": values[1], "difference": difference, "low": low, "high": high, "p": float(p)
    }  # fmt: skip


def _resampled(tables, resamples):
    """EER of each table, its resamples, and the labels; an error unless all have the same trials and labels."""
    if not tables:
        raise InputError("no system to compare: at least one is required")
    value, spread, sample = {}, {}, None
    for name, table in tables.items():
        table = table.set_index("trial")
        if sample is None:
            first, sample = name, table
        if set(table.index) != set(sample.index):
            raise InputError(
                f"{name} has {len(table):,} trials, {len(set(sample.index) - set(table.index)):,} of the "
                f"{len(sample):,} of {first} are not among them: only systems on the same trials are compared"
            )
        table = table.loc[sample.index]
        if (table["label"] != sample["label"]).any():
            raise InputError(f"{name} and {first} differ in the labels of trials: expected the same protocol")
        scores, labels = table["score"].to_numpy(), table["label"].to_numpy()
        value[name] = eer(scores, labels)[0]
        spread[name] = resample(scores, labels, metrics=("eer",), resamples=resamples)["eer"]
    return value, spread, labels
