"""How much each trial moves a metric, and how sure the difference between two systems is because of it.

Linearised (for the AUC: E. R. DeLong et al., Biometrics 44, 1988), a metric is a sum over
trials, and so is a difference between systems. It varies with the units in which trials come:
trials, speakers, replay configurations, or the latter two at once, whose variances are added
less that of their crossings (A. C. Cameron et al., Journal of Business & Economic Statistics
29, 2011). A unit that is unknown (``-``) is the trial.

One rule gives p and interval: Student's t. Its degrees of freedom are the effective number of
units less one, each counted by its share of the variance (A. V. Carter et al., Review of
Economics and Statistics 99, 2017): a few units of one class alone take nothing from the
others, and one that holds most trials stands for one. Variances of several kinds pool as in F.
E. Satterthwaite, Biometrics Bulletin 2, 1946. A spread of zero is no sureness: to a difference
of rates one more trial of each class is added that the systems decide differently, after A.
Agresti and Y. Min, Statistics in Medicine 24, 2005. Where all trials of a class are of one
unit, nothing is known of the difference. tests/test_metrics_paired.py simulates its size.
"""

from typing import NamedTuple

import numpy as np

from lib.corpus.protocol import GENUINE, SPOOF, UNKNOWN
from lib.metrics.breakdown import clusters_of
from lib.metrics.costs import cllr, surprise
from lib.metrics.curves import auc, checked, eer
from lib.metrics.resampling import LEVEL

_RATES = ("eer", "auc")  # from 0 to 1


class Estimate(NamedTuple):
    """A metric of one system."""

    by_seed: dict  # seed -> value
    moved: np.ndarray  # how much each trial moves their mean [shape=(trials,)]; sums to 0 over each class
    ranks: bytes = b""  # the order of the trials

    @property
    def value(self):
        return float(np.mean(list(self.by_seed.values())))


def units_of(table):
    """Kind -> the name of each trial's unit: `speaker` and `configuration`, where the table knows them."""
    return {kind: names for kind, names in clusters_of(table, "speaker").items() if (names != UNKNOWN).any()}


def estimate(runs, labels, metric):
    """``eer``, ``auc`` or ``cllr`` of one system's scores: seed -> array [shape=(trials,)]."""
    from scipy.stats import rankdata

    runs = {seed: checked(scores, labels)[0] for seed, scores in runs.items()}
    found = [_influence(scores, np.asarray(labels), metric) for scores in runs.values()]
    values, moved = zip(*found, strict=True)
    ranks = b"".join(rankdata(scores).tobytes() for scores in runs.values())
    return Estimate(dict(zip(runs, values, strict=True)), np.mean(moved, axis=0), ranks)


def differences(estimates, labels, units, metric):
    """Between all estimates, row - column [shape=(n, n)]: `difference`, its `error` (s.e.), `low`, `high`, `p`."""
    from scipy.special import stdtr, stdtrit

    variance, freedom = _over_units(np.stack([e.moved for e in estimates]), np.asarray(labels), units)
    if metric in _RATES:
        alike = np.array([[one.ranks == other.ranks for other in estimates] for one in estimates])
        variance = variance + ~alike * sum(1 / (2 * (labels == label).sum()) ** 2 for label in (SPOOF, GENUINE))
    seeds = np.array([[_over_seeds(one.by_seed, other.by_seed) for other in estimates] for one in estimates])
    total = variance + seeds[..., 0]
    freedom, error = _pooled(total, [(variance, freedom), (seeds[..., 0], seeds[..., 1])]), np.sqrt(total)
    difference = np.subtract.outer(*[[e.value for e in estimates]] * 2)
    reach = stdtrit(freedom, (1 + LEVEL) / 2) * error
    bound = 1.0 if metric in _RATES else np.inf
    with np.errstate(divide="ignore", invalid="ignore"):
        p = np.where(error > 0, 2 * stdtr(freedom, -np.abs(difference) / error), difference == 0)
    low, high = np.clip((difference - reach, difference + reach), -bound, bound)
    return {"difference": difference, "low": low, "high": high, "p": p, "error": error}


def _over_seeds(one, other):
    """Variance and degrees of freedom of the difference of two means over seeds; in pairs where both have the same."""
    apart = (
        [[one[seed] - other[seed] for seed in one]] if one.keys() == other.keys() else [one.values(), other.values()]
    )
    several = [list(values) for values in apart if len(values) > 1]
    return sum(np.var(v, ddof=1) / len(v) for v in several), max(sum(len(v) - 1 for v in several), 1)


def _influence(scores, labels, metric):
    """A metric, and how much each trial moves it."""
    from scipy.stats import rankdata

    genuine = labels == GENUINE
    weights = {GENUINE: 0.5, SPOOF: 0.5}
    if metric == "cllr":
        value, part = cllr(scores, labels), surprise(scores, labels)
    elif metric == "auc":
        value, part = auc(scores, labels), rankdata(scores)
        for those in (genuine, ~genuine):  # trials of the other class below
            part[those] -= rankdata(scores[those])
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


def _over_units(moved, labels, units):
    """Variance and degrees of freedom of the differences between all rows [shape=(rows, rows)]."""
    numbers = [_numbered(names) for names in units.values()] or [np.arange(len(labels))]
    parts = [_variance(moved, labels, index) for index in numbers]
    if len(parts) == 1:
        return parts[0]
    crossed, _ = _variance(moved, labels, np.unique(np.stack(numbers), axis=1, return_inverse=True)[1].ravel())
    each = [variance for variance, _ in parts]
    total = np.maximum(np.sum(each, axis=0) - crossed, np.max(each, axis=0))
    return total, _pooled(total, parts)


def _numbered(names):
    """A number for each trial's unit; each unknown one is a unit of its own."""
    names = np.asarray(names).astype(str)
    names = np.where(names == UNKNOWN, [f"\0{k}" for k in range(len(names))], names)
    return np.unique(names, return_inverse=True)[1]


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
