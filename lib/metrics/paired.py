"""Is one system better than another on the same trials?

Two systems err on many of the same trials, so differences are resampled in pairs. The
spread over seeds is a question apart from the spread over trials.
"""

import numpy as np
import pandas as pd

from lib.corpus.protocol import GENUINE, SPOOF
from lib.errors import InputError
from lib.metrics.curves import auc, checked, eer
from lib.metrics.measures import evaluate
from lib.metrics.resampling import LEVEL, interval, intervals, resample


def compare(first, second, labels, *, metric="eer", resamples=1000, seed=0):
    """Paired bootstrap of the difference between two systems' scores of the same trials in the same order.

    `metric` is one of `lib.metrics.METRICS` or ``min_cllr``. Returns `first`, `second`,
    `difference` (first - second), its interval `low`, `high`, and the two-sided `p` of no
    difference (S. Bengio and J. Mariéthoz, "A statistical significance test for person
    authentication", Odyssey 2004).
    """
    first, labels = checked(first, labels)
    second, _ = checked(second, labels)
    settings = {"metrics": (metric,), "resamples": resamples, "seed": seed}
    values = [evaluate(scores, labels)[metric] for scores in (first, second)]
    spread = [resample(scores, labels, **settings)[metric] for scores in (first, second)]
    return _difference(values, spread)


def delong(first, second, labels):
    """Difference between two AUCs on the same trials, without resampling.

    Returns `first`, `second`, `difference`, its standard error `se`, and the two-sided `p`; 1
    when both rank every pair of trials alike. E. R. DeLong et al., Biometrics 44, 1988; X. Sun
    and W. Xu, IEEE Signal Processing Letters 21, 2014 (mid-ranks).
    """
    from scipy.special import ndtr

    first, labels = checked(first, labels)
    second, _ = checked(second, labels)
    genuine, spoof = zip(*(_placements(scores, labels) for scores in (first, second)), strict=True)
    covariance = np.cov(genuine) / len(genuine[0]) + np.cov(spoof) / len(spoof[0])
    areas = {"first": auc(first, labels), "second": auc(second, labels)}
    difference = areas["first"] - areas["second"]
    variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    se = float(np.sqrt(max(variance, 0)))
    p = 2 * ndtr(-abs(difference) / se) if se > 1e-12 else float(difference == 0)
    return {**areas, "difference": difference, "se": se, "p": float(p)}


def ranking(tables, *, resamples=1000):
    """Rank systems by EER: by significance, not by digits.

    Parameters
    ----------
    tables : dict of str to pandas.DataFrame
        System -> `trial`, `score`, `label`; InputError unless all have the same trials.
    resamples : int > 0

    Returns
    -------
    pandas.DataFrame [one row a system, best first]
        `system`, `rank` (1 + how many systems are significantly better, Holm over all
        pairs), `eer`, `low`, `high`, and against the best `difference`,
        `difference_low`, `difference_high` and `p`.
    """
    tables = _aligned(tables)
    labels = next(iter(tables.values()))["label"].to_numpy()
    value, spread = {}, {}
    for name, table in tables.items():
        scores = table["score"].to_numpy()
        value[name] = eer(scores, labels)[0]
        spread[name] = resample(scores, labels, metrics=("eer",), resamples=resamples)["eer"]
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
    values, spreads = [], []
    for table in _aligned(tables).values():
        scores, labels = table["score"].to_numpy(), table["label"].to_numpy()
        values.append(eer(scores, labels)[0])
        spreads.append(resample(scores, labels, metrics=("eer",), resamples=resamples)["eer"].std())
    return {
        "mean": float(np.mean(values)),
        "seed_sd": float(np.std(values, ddof=1)) if len(values) > 1 else float("nan"),
        "sampling_sd": float(np.mean(spreads)),
        "lowest": min(values),
        "highest": max(values),
        "seeds": len(values),
    }


def holm(p):
    """p values corrected for their number, in the given order (S. Holm, Scandinavian Journal of Statistics 6, 1979).

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.06, 0.06]
    """
    p = np.asarray(p, dtype=np.float64)
    order = np.argsort(p)
    corrected = np.empty_like(p)
    corrected[order] = np.minimum(np.maximum.accumulate((len(p) - np.arange(len(p))) * p[order]), 1)
    return corrected


def _difference(values, spread):
    from scipy.special import stdtr

    difference, change = values[0] - values[1], spread[0] - spread[1]
    se = change.std()
    low, high = interval(change, np.inf)
    # A million degrees of freedom are the normal distribution.
    p = 2 * stdtr(1e6, -abs(difference) / se) if se > 1e-12 else float(difference == 0)
    return {
        "first": values[0], "second": values[1], "difference": difference, "low": low, "high": high, "p": float(p)
    }  # fmt: skip


def _placements(scores, labels):
    """Share of the other class that each genuine trial outscores, and each spoof is outscored by."""
    from scipy.stats import rankdata

    genuine, spoof = scores[labels == GENUINE], scores[labels == SPOOF]
    ranks = rankdata(np.concatenate([genuine, spoof]))
    above = (ranks[: len(genuine)] - rankdata(genuine)) / len(spoof)
    below = 1 - (ranks[len(genuine) :] - rankdata(spoof)) / len(genuine)
    return above, below


def _aligned(tables):
    """Tables in the trial order of the first; an error unless all have the same trials and labels."""
    if not tables:
        raise InputError("no system to compare: at least one is required")
    (first, sample), *others = ((name, table.set_index("trial")) for name, table in tables.items())
    aligned = {first: sample}
    for name, table in others:
        if set(table.index) != set(sample.index):
            raise InputError(
                f"{name} has {len(table):,} trials, {len(set(sample.index) - set(table.index)):,} of the "
                f"{len(sample):,} of {first} are not among them: only systems on the same trials are compared"
            )
        table = table.loc[sample.index]
        if (table["label"] != sample["label"]).any():
            raise InputError(f"{name} and {first} differ in the labels of trials: expected the same protocol")
        aligned[name] = table
    return aligned
