"""Is one system better than another on the same trials?

Differences are measured in pairs, over what the trials come in: speakers, replay configurations, or both at
once, whose variances are added less that of their crossings (A. C. Cameron et al., Journal of Business &
Economic Statistics 29, 2011), else trials; and over seeds. For this a metric is linearised: a sum over
trials of how much each moves it (for the AUC: E. R. DeLong et al., Biometrics 44, 1988).

p and interval are Student's t. Its degrees of freedom are the effective number of units less one, each
counted by its share of the variance (A. V. Carter et al., Review of Economics and Statistics 99, 2017);
variances of several kinds pool as in F. E. Satterthwaite, Biometrics Bulletin 2, 1946. A spread of zero is
no sureness: to a difference of rates one more trial of each class is added that the systems decide
differently, after A. Agresti and Y. Min, Statistics in Medicine 24, 2005.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
import scipy  # its parts are loaded when they are used, and some take long

from lib.corpus.protocol import GENUINE, SPOOF
from lib.errors import InputError
from lib.metrics.measures import auc, checked, cllr, eer, surprise
from lib.metrics.resampling import LEVEL, numbered, units_of

_RATES = ("eer", "auc")  # from 0 to 1


class Estimate(NamedTuple):
    """A metric of one system."""

    by_seed: dict  # seed -> value
    moved: np.ndarray  # how much each trial moves their mean [shape=(trials,)]; sums to 0 over each class
    ranks: bytes = b""  # the order of the trials

    @property
    def value(self):
        return float(np.mean(list(self.by_seed.values())))


def compare(first, second, labels, *, metric="eer", units=None):
    """The difference between two systems' scores of the same trials in the same order.

    Scores [shape=(trials,)] or, of several seeds, [shape=(seeds, trials)], whose mean over seeds
    is compared; `metric` is ``eer``, ``auc`` or ``cllr``; `units` are as from `units_of`, trials by
    default. Returns `first`, `second`, `difference` (first - second), its 95 % interval `low`,
    `high`, and the two-sided `p` of no difference, below 0.05 where the interval excludes 0.
    """
    both = [estimate(dict(enumerate(np.atleast_2d(scores))), labels, metric) for scores in (first, second)]
    return _pair(*both, labels, units or {}, metric)


def against(scores, labels, value, *, units=None):
    """The `auc` with its 95 % interval `low`, `high`, and the `p` of its being `value`; arguments as for `compare`."""
    found = _pair(estimate({0: scores}, labels, "auc"), _constant(value, labels), labels, units or {}, "auc")
    low, high = np.clip([value + found["low"], value + found["high"]], 0, 1)
    return {"auc": found["first"], "low": float(low), "high": float(high), "p": found["p"]}


def compare_seeds(first, second):
    """`compare` of two systems' EERs by seed -> table as for `ranking`, and `seeds`, how many both have."""
    shared = sorted(set(first) & set(second))
    tables = {name: {seed: of[seed] for seed in shared} for name, of in (("first", first), ("second", second))}
    found, labels, units = _estimates(tables)
    return _pair(*found.values(), labels, units, "eer") | {"seeds": len(shared)}


def ranking(tables):
    """Rank systems by EER: by significance, not by digits.

    `tables` are system -> seed -> table of `trial`, `score`, `label` and, where they are known,
    `speaker` and the columns of a configuration; all have the same trials, or an InputError. One
    row a system, lowest EER first: `system`, `rank`, the mean `eer` over `seeds` with `low`, `high`, `seed_sd` between
    seeds, and against the best `difference`, `difference_low`, `difference_high` and `p`. The rank is 1 + how many
    systems are significantly better (Holm over all pairs), and no more than that of any with a higher EER: as in
    multiple range tests, what lies between two that are not told apart is not ranked apart either.
    """
    found, labels, units = _estimates(tables)
    found = dict(sorted(found.items(), key=lambda item: item[1].value))
    table = differences([*found.values(), _constant(0.0, labels)], labels, units, "eer")
    worse, better = np.tril_indices(len(found), -1)
    beaten = holm(table["p"][worse, better]) < 1 - LEVEL
    columns = {
        "system": list(found),
        "seeds": [len(one.by_seed) for one in found.values()],
        "seed_sd": [pd.Series(one.by_seed).std() for one in found.values()],
        "rank": 1 + np.minimum.accumulate(np.bincount(worse[beaten], minlength=len(found))[::-1])[::-1],
        "eer": [one.value for one in found.values()],
        **{end: np.clip(table[end][:-1, -1], 0, 1) for end in ("low", "high")},
        "difference": table["difference"][:-1, 0],
        **{f"difference_{end}": table[end][:-1, 0] for end in ("low", "high")},
        "p": table["p"][:-1, 0],
    }
    return pd.DataFrame(columns)


def beside(best, tables):
    """Other system -> its EER less the best's, 0 where they are not told apart (Holm); `tables` as for `ranking`."""
    found, labels, units = _estimates({best: tables[best], **tables})
    table = differences(list(found.values()), labels, units, "eer")
    apart = np.where(holm(table["p"][1:, 0]) < 1 - LEVEL, table["difference"][1:, 0], 0.0)
    return dict(zip([name for name in found if name != best], apart.tolist(), strict=True))


def over(table):
    """What the units of a table are, in words: ``speakers and replay configurations``, or ``trials``."""
    words = {"speaker": "speakers", "configuration": "replay configurations"}
    return " and ".join(words[kind] for kind in units_of(table)) or "trials"


def holm(p):
    """p values corrected for their number, in the given order (S. Holm, Scandinavian Journal of Statistics 6, 1979)."""
    p = np.asarray(p, dtype=np.float64)
    order = np.argsort(p)
    corrected = np.empty_like(p)
    corrected[order] = np.minimum(np.maximum.accumulate((len(p) - np.arange(len(p))) * p[order]), 1)
    return corrected


def estimate(runs, labels, metric):
    """``eer``, ``auc`` or ``cllr`` of one system's scores: seed -> array [shape=(trials,)]."""
    runs = {seed: checked(scores, labels)[0] for seed, scores in runs.items()}
    values, moved = zip(*(_influence(scores, np.asarray(labels), metric) for scores in runs.values()), strict=True)
    ranks = b"".join(scipy.stats.rankdata(scores).tobytes() for scores in runs.values())
    return Estimate(dict(zip(runs, values, strict=True)), np.mean(moved, axis=0), ranks)


def differences(estimates, labels, units, metric):
    """Between all estimates, row - column [shape=(n, n)]: `difference`, its `error` (s.e.), `low`, `high`, `p`."""
    variance, freedom = _over_units(np.stack([e.moved for e in estimates]), np.asarray(labels), units)
    if metric in _RATES:
        alike = np.array([[one.ranks == other.ranks for other in estimates] for one in estimates])
        variance = variance + ~alike * sum(1 / (2 * (labels == label).sum()) ** 2 for label in (SPOOF, GENUINE))
    seeds = np.array([[_over_seeds(one.by_seed, other.by_seed) for other in estimates] for one in estimates])
    total = variance + seeds[..., 0]
    freedom, error = _pooled(total, [(variance, freedom), (seeds[..., 0], seeds[..., 1])]), np.sqrt(total)
    difference = np.subtract.outer(*[[e.value for e in estimates]] * 2)
    reach = scipy.special.stdtrit(freedom, (1 + LEVEL) / 2) * error
    bound = 1.0 if metric in _RATES else np.inf
    with np.errstate(divide="ignore", invalid="ignore"):
        p = np.where(error > 0, 2 * scipy.special.stdtr(freedom, -np.abs(difference) / error), difference == 0)
    low, high = np.clip((difference - reach, difference + reach), -bound, bound)
    return {"difference": difference, "low": low, "high": high, "p": p, "error": error}


def _constant(value, labels):
    return Estimate({0: float(value)}, np.zeros(len(labels)))


def _pair(first, second, labels, units, metric):
    table = differences([first, second], labels, units, metric)
    found = {key: float(table[key][0, 1]) for key in ("difference", "low", "high", "p")}
    return {"first": first.value, "second": second.value, **found}


def _estimates(tables):
    """EER of each system, the labels and the units; an error unless all tables have the same trials and labels."""
    if not tables:
        raise InputError("no system to compare: at least one is required")
    found, first = {}, None
    for system, by_seed in tables.items():
        runs = {}
        for seed, table in by_seed.items():
            name = system if seed is None else f"{system}, seed {seed}"
            table = table.set_index("trial")
            if first is None:
                first, sample = name, table
            if set(table.index) != set(sample.index):
                raise InputError(
                    f"{name} has {len(table):,} trials, {len(set(sample.index) - set(table.index)):,} of the "
                    f"{len(sample):,} of {first} are not among them: only systems on the same trials are compared"
                )
            table = table.loc[sample.index]
            if (table["label"] != sample["label"]).any():
                raise InputError(f"{name} and {first} differ in the labels of trials: expected the same protocol")
            runs[seed] = table["score"].to_numpy()
        found[system] = estimate(runs, sample["label"].to_numpy(), "eer")
    return found, sample["label"].to_numpy(), units_of(sample)


def _influence(scores, labels, metric):
    """A metric, and how much each trial moves it."""
    genuine = labels == GENUINE
    weights = {GENUINE: 0.5, SPOOF: 0.5}
    if metric == "cllr":
        value, part = cllr(scores, labels), surprise(scores, labels)
    elif metric == "auc":
        value, part = auc(scores, labels), scipy.stats.rankdata(scores)
        for those in (genuine, ~genuine):  # trials of the other class below
            part[those] -= scipy.stats.rankdata(scores[those])
        weights = {GENUINE: 1 / (~genuine).sum(), SPOOF: -1 / genuine.sum()}
    else:
        value, threshold = eer(scores, labels)
        part = np.where(genuine, scores < threshold, scores >= threshold).astype(np.float64)
        weights[GENUINE] = _slope(scores[genuine], scores[~genuine], value)
        weights[SPOOF] = 1 - weights[GENUINE]
    moved = np.zeros(len(labels))
    for label, weight in weights.items():
        those = labels == label
        moved[those] = weight * (part[those] - part[those].mean()) / those.sum()
    return value, moved


def _slope(genuine, spoof, rate):
    """How much of a change of FRR reaches the EER; the rest is FAR's share: the densities of scores around it."""
    reach = max(rate / 2, 1 / min(len(genuine), len(spoof)))
    around = [np.quantile(s, np.clip([m - reach, m + reach], 0, 1)) for s, m in ((genuine, rate), (spoof, 1 - rate))]
    low, high = np.min(around), np.max(around)
    dense, other = (np.mean((s >= low) & (s <= high)) for s in (spoof, genuine))
    return dense / (dense + other)


def _over_seeds(one, other):
    """Variance and degrees of freedom of the difference of two means over seeds; in pairs where both have the same."""
    paired = [[one[seed] - other[seed] for seed in one]] if one.keys() == other.keys() else []
    several = [v for v in paired or [list(one.values()), list(other.values())] if len(v) > 1]
    return sum(np.var(v, ddof=1) / len(v) for v in several), max(sum(len(v) - 1 for v in several), 1)


def _over_units(moved, labels, units):
    """Variance and degrees of freedom of the differences between all rows [shape=(rows, rows)]."""
    numbers = [numbered(names) for names in units.values()] or [np.arange(len(labels))]
    parts = [_variance(moved, labels, index) for index in numbers]
    if len(parts) == 1:
        return parts[0]
    crossed, _ = _variance(moved, labels, np.unique(np.stack(numbers), axis=1, return_inverse=True)[1].ravel())
    each = [variance for variance, _ in parts]
    with np.errstate(invalid="ignore"):  # infinite where all trials of a class are of one unit
        total = np.fmax(np.sum(each, axis=0) - crossed, np.max(each, axis=0))
    return total, _pooled(total, parts)


def _variance(moved, labels, index):
    own, rows, shares, fewest = [], 0, [], np.inf
    for label in (SPOOF, GENUINE):
        those = labels == label
        counts = np.bincount(index[those], minlength=index.max() + 1)
        units = (counts > 0).sum()
        if units < 2:
            return np.full([len(moved)] * 2, np.inf), np.ones([len(moved)] * 2)
        fewest = min(fewest, units)
        sums = np.stack([np.bincount(index[those], row[those], len(counts)) for row in moved])
        sums *= np.sqrt(units / (units - 1))
        own.append(_gaps(sums))
        rows, shares = rows + sums, [*shares, counts**2 / (counts**2).sum()]
    (first, second), (one, other) = own, shares
    largest = first**2 * (one @ one) + second**2 * (other @ other) + 2 * first * second * (one @ other)
    effective = np.divide((first + second) ** 2, largest, out=np.full_like(first, fewest), where=largest > 0)
    return _gaps(rows), np.maximum(effective - 1, 0.1)


def _gaps(rows):
    """Squared distances between all rows."""
    products = rows @ rows.T
    own = np.diag(products)
    return np.maximum(own[:, np.newaxis] + own - 2 * products, 0)


def _pooled(total, parts):
    with np.errstate(invalid="ignore"):
        shares = sum((variance / total) ** 2 / freedom for variance, freedom in parts)
    return 1 / np.where(np.isfinite(total) & (total > 0), shares, 1.0)
