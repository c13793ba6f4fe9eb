"""Bootstrap intervals: what the numbers would be on other trials or other speakers.

A resample is a row of weights, one for each trial, drawn within each class.

**Over trials** it is the Bayesian bootstrap (D. B. Rubin, The Annals of Statistics 9, 1981) with one
trial more in each class than was seen, which may be as good or as bad as can be, by the toss of a
coin; so rare errors count although none was seen. A rate's interval is then the mid-P form of the
exact one (C. J. Clopper and E. S. Pearson, Biometrika 26, 1934; H. O. Lancaster, Journal of the American
Statistical Association 56, 1961), the AUC's the like for a mean between bounds (N. Gaffke, 2005; M. Phan
et al., NeurIPS 2021), and two rates are combined as by M. P. Fay et al., Biometrics 71, 2015.

**Over clusters** (speakers, phrases, replay configurations) they are drawn whole; those with both
classes, only genuine and only spoof trials are strata. Of K clusters K - 1 are drawn, which makes the
variance unbiased (J. N. K. Rao and C. F. J. Wu, Journal of the American Statistical Association 83,
1988); a stratum of one cluster stays as it is; trials of an unknown cluster (``-``) are clusters of
their own. Intervals are symmetric in the logit (costs: logarithm; MCC: Fisher's z), with Student's t.

tests/test_metrics_coverage.py and the notebook 32_coverage check their coverage by simulation.
"""

import numpy as np

from lib.corpus.protocol import GENUINE, SPOOF, UNKNOWN
from lib.errors import InputError
from lib.metrics.costs import ASVSPOOF5, bayes_threshold, dcf, isotonic_cllr, isotonic_optimism, surprise
from lib.metrics.curves import checked, crossing
from lib.metrics.measures import evaluate, from_counts

METRICS = ("eer", "auc", "accuracy", "balanced_accuracy", "mcc", "min_dcf", "act_dcf", "cllr")
LEVEL = 0.95  # coverage of every interval
_KNOWN = (*METRICS, "min_cllr")
_MINIMA = ("min_dcf", "min_cllr")
_UNSEEN = {GENUINE: (0, 1), SPOOF: (2, 3)}  # places of the unseen trials after the others: the worst, the best
_OPTIMISM = "_optimism"
_EVERY = 4  # of so many resamples one serves min Cllr, whose maps take long
_BLOCK = 1_000_000  # weights held at a time, 8 MB an array


def bootstrap(
    scores, labels, *, clusters=None, metrics=METRICS, resamples=1000, seed=0, threshold=0.0, costs=ASVSPOOF5
):
    """95 % interval (low, high) of each metric over other trials, or over other `clusters` (the name of each trial's).

    `metrics` are of `METRICS` and ``min_cllr``; accuracies and MCC are at `threshold`, log-odds.
    InputError for an unknown metric, no resample, or a single cluster.

    `min_dcf` and `min_cllr` are minima over the very trials: too low, and lower still in resamples, by a
    bias that falls with n^(-2/3), too slowly for percentiles (J. Kim and D. Pollard, The Annals of
    Statistics 18, 1990). Over trials their interval lies around the value plus its mean optimism, the cost
    of a resample's best threshold or map on all trials less on the resample (B. Efron, Journal of the
    American Statistical Association 78, 1983), and reaches at least as far as the percentiles: it covers
    97 to 100 %, more than it promises.
    """
    scores, labels = checked(scores, labels)
    settings = {"metrics": metrics, "threshold": threshold, "costs": costs}
    values = resample(scores, labels, clusters=clusters, resamples=resamples, seed=seed, **settings)
    point = evaluate(scores, labels, threshold=threshold, costs=costs)
    return intervals(values, point, labels, clusters=clusters)


def intervals(values, point, labels, *, clusters=None):
    """Intervals from the metrics of resamples and of the trials themselves (`point`); see `bootstrap`."""
    result = {}
    for name in (name for name in values if not name.endswith(_OPTIMISM)):
        if clusters is not None:
            result[name] = _around(name, values[name], point[name], labels, clusters)
        elif name in _MINIMA:
            result[name] = _of_minimum(name, values, point[name])
        else:
            result[name] = interval(values[name])
    return result


def resample(scores, labels, *, clusters=None, metrics=METRICS, resamples=1000, seed=0, threshold=0.0, costs=ASVSPOOF5):
    """The metrics of every resample [shape=(resamples,)] by name; arguments and errors as for `bootstrap`.

    The draws depend on labels, clusters and seed alone: differences between systems on the same
    trials are paired. With `min_dcf` and `min_cllr`, of which one in four is resampled, comes `<metric>_optimism`.
    """
    scores, labels = checked(scores, labels)
    unknown = [name for name in metrics if name not in _KNOWN]
    if unknown:
        raise InputError(f"metric {unknown[0]!r} cannot be resampled: expected one of {', '.join(_KNOWN)}")
    if resamples < 1:
        raise InputError(f"resamples = {resamples}: must be at least 1")
    prepared = _sorted(scores, labels, threshold, costs)
    blocks = [_measure(weights, prepared, metrics, costs) for weights in draws(labels, clusters, resamples, seed)]
    return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}


def draws(labels, clusters, resamples, seed):
    """Blocks of weights [shape=(rows, n + 4)]: trials in their given order, then the unseen ones of `_with_unseen`."""
    labels = np.asarray(labels)
    rng, rows = np.random.default_rng(seed), max(1, _BLOCK // len(labels))
    draw, units = (_over_trials, None) if clusters is None else (_over_clusters, _units_of(labels, clusters))
    if clusters is not None and freedom_of(labels, clusters) == 0:
        raise InputError(f"all {len(labels)} trials are of one cluster, {str(clusters[0])!r}: at least 2 are required")
    for start in range(0, resamples, rows):
        yield draw(rng, min(rows, resamples - start), labels, units)


def _over_trials(rng, count, labels, _):
    weights = _padded(np.zeros((count, len(labels))))
    for label, (bad, good) in _UNSEEN.items():
        members = np.flatnonzero(labels == label)
        drawn = rng.standard_exponential((count, len(members) + 1))
        drawn *= len(members) / drawn.sum(axis=1, keepdims=True)
        weights[:, members] = drawn[:, :-1]
        weights[np.arange(count), len(labels) + np.where(rng.random(count) < 0.5, bad, good)] = drawn[:, -1]
    return weights


def _over_clusters(rng, count, labels, units):
    weights = np.ones((count, units.max() + 1))
    for members in _strata(labels, units):
        drawn = len(members) - 1
        if drawn < 1:
            continue  # one cluster stays as it is
        picks = rng.integers(0, len(members), (count, drawn))
        picks += len(members) * np.arange(count)[:, np.newaxis]
        times = np.bincount(picks.ravel(), minlength=count * len(members)).reshape(count, -1)
        weights[:, members] = times * (len(members) / drawn)
    return _padded(weights[:, units])


def redrawn(matrix, resamples, *, seed=0):
    """What resamples over trials make of a confusion matrix [shape=(2, 2)]: shares drawn as `draws` draws them."""
    rng = np.random.default_rng(seed)
    totals = matrix.sum(axis=1, keepdims=True)
    unseen = rng.integers(0, 2, (resamples, 2, 1))
    drawn = rng.standard_gamma(matrix + np.concatenate([1 - unseen, unseen], axis=-1))
    return drawn * totals / drawn.sum(axis=-1, keepdims=True)


def freedom_of(labels, clusters):
    """Degrees of freedom of the variance over clusters; 0 where there is nothing to draw from.

    Those of a sum of variances (F. E. Satterthwaite, Biometrics Bulletin 2, 1946), one for each
    stratum, in proportion to its share of the trials of each class.
    """
    units = _units_of(labels, clusters)
    strata = [members for members in _strata(labels, units) if len(members) > 1]
    if not strata:
        return 0.0
    shares = [sum(np.isin(units[labels == c], members).mean() ** 2 for c in _UNSEEN) for members in strata]
    parts = np.array([share / len(members) for share, members in zip(shares, strata, strict=True)])
    return float(parts.sum() ** 2 / sum(parts**2 / [len(members) - 1 for members in strata]))


def interval(values):
    """Percentiles (low, high) of resampled values."""
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def _units_of(labels, clusters):
    """A number from 0 for each trial's cluster; trials of an unknown cluster have one each."""
    names = np.asarray(clusters).astype(str)
    if names.shape != labels.shape:
        raise InputError(f"clusters of shape {names.shape} for {len(labels)} trials: expected one per trial")
    _, units = np.unique(names, return_inverse=True)
    alone = names == UNKNOWN
    units[alone] = units.max() + 1 + np.arange(alone.sum())
    _, units = np.unique(units, return_inverse=True)
    return units


def _strata(labels, index):
    """Clusters that hold only genuine, only spoof, and both kinds of trials."""
    genuine = np.bincount(index, labels == GENUINE) > 0
    spoof = np.bincount(index, labels == SPOOF) > 0
    return [np.flatnonzero(which) for which in (genuine & ~spoof, spoof & ~genuine, genuine & spoof)]


def _around(name, values, at, labels, clusters):
    """Interval over clusters around a value, symmetric on its metric's scale."""
    from scipy.special import expit, logit, stdtrit

    scales = {"mcc": (np.arctanh, np.tanh)} | dict.fromkeys((*_MINIMA, "act_dcf", "cllr"), (np.log, np.exp))
    there, back = scales.get(name, (logit, expit))
    edge = 0.5 / len(labels)  # nothing counts as nearer a bound
    ends = (edge - 1 if name == "mcc" else edge), (np.inf if there is np.log else 1 - edge)
    spread = stdtrit(freedom_of(labels, clusters), (1 + LEVEL) / 2) * there(np.clip(values, *ends)).std()
    middle = there(np.clip(at, *ends))
    return min(float(back(middle - spread)), at), max(float(back(middle + spread)), at)


def _of_minimum(name, values, at):
    """Interval of a minimum, symmetric in its logarithm around the value plus the mean optimism, or the percentiles."""
    value, optimism = values[name], values[name + _OPTIMISM]
    low, high = interval(value)
    if at < 1e-9:  # no error, but for rounding
        return 0.0, high
    relative = np.hypot(optimism.std() / at, value.std() / value.mean())
    middle, factor = at + max(optimism.mean(), 0), np.exp(min(1.96 * relative, 50))
    return float(min(middle / factor, low, at)), float(np.clip(max(middle * factor, high), at, 1))


def _padded(weights):
    """Weights with four more columns, for the unseen trials, which weigh nothing."""
    return np.pad(weights, ((0, 0), (0, 4)))


def _with_unseen(scores, labels):
    """Scores and labels with those of the unseen trials after them, in the order of `_UNSEEN`.

    The best lies one standard deviation of its class beyond the best that was seen; the worst as
    far beyond the worst that was seen, or at the median of the other class if that is worse.
    """
    genuine, spoof = scores[labels == GENUINE], scores[labels == SPOOF]
    unseen = [
        min(genuine.min() - genuine.std(), np.median(spoof)),
        genuine.max() + genuine.std(),
        max(spoof.max() + spoof.std(), np.median(genuine)),
        spoof.min() - spoof.std(),
    ]
    return np.r_[scores, unseen], np.r_[labels, GENUINE, GENUINE, SPOOF, SPOOF]


def _sorted(scores, labels, threshold, costs):
    """What all resamples have in common: the trials by falling score."""
    n, (scores, labels) = len(labels), _with_unseen(scores, labels)
    order = np.argsort(-scores, kind="stable")
    genuine, seen = labels[order] == GENUINE, order < n
    starts = np.flatnonzero(np.diff(-scores[order], prepend=-np.inf) > 0)
    classes = [which & seen for which in (genuine, ~genuine)]
    return {
        "order": order,
        "genuine": genuine,
        "seen": seen,
        "starts": starts,
        "shares": [np.add.reduceat(those / those.sum(), starts) for those in classes],
        "trial": [1 / those.sum() for those in classes],
        "surprise": surprise(scores, labels)[order],
        "accepted": _accepted(scores, threshold)[order],
        "accepted_bayes": _accepted(scores, bayes_threshold(costs))[order],
    }


def _accepted(scores, threshold):
    """Which trials a threshold accepts, as 0 and 1; of the unseen ones the worst genuine one is missed, and so on."""
    return np.r_[scores[:-4] >= threshold, False, True, True, False].astype(float)


def _measure(weights, prepared, metrics, costs):
    """Metrics of a block of resamples."""
    weights = weights[:, prepared["order"]]
    genuine = weights * prepared["genuine"]
    spoof = weights - genuine
    totals = genuine.sum(1), spoof.sum(1)
    result = {}
    if {"accuracy", "balanced_accuracy", "mcc"} & set(metrics):
        result |= from_counts(_counts(genuine, spoof, totals, prepared["accepted"]))
    if "act_dcf" in metrics:
        rates = from_counts(_counts(genuine, spoof, totals, prepared["accepted_bayes"]))
        result["act_dcf"] = dcf(rates["far"], rates["frr"], costs)
    if "cllr" in metrics:
        bits = genuine @ prepared["surprise"] / totals[0] + spoof @ prepared["surprise"] / totals[1]
        result["cllr"] = bits / 2
    if {"eer", "auc", *_MINIMA} & set(metrics):
        shares = _shares(genuine, spoof, prepared["starts"])
        far, hits = _rates(*shares)
        result |= {"eer": crossing(far, 1 - hits), "min_dcf": dcf(far, 1 - hits, costs).min(axis=1)}
        result["auc"] = np.einsum("ij,ij->i", shares[1], (hits[:, 1:] + hits[:, :-1]) / 2)
    if set(_MINIMA) & set(metrics):
        seen = _shares(genuine * prepared["seen"], spoof * prepared["seen"], prepared["starts"])
        result["min_dcf" + _OPTIMISM] = _optimism_of_threshold(seen, prepared["shares"], costs)
    if "min_cllr" in metrics:
        result["min_cllr"] = np.array([isotonic_cllr(*row) for row in _ascending(shares)])
        how = [share[::-1] for share in prepared["shares"]], prepared["trial"]
        result["min_cllr" + _OPTIMISM] = np.array([isotonic_optimism(row, *how) for row in _ascending(seen)])
    optimisms = [name + _OPTIMISM for name in _MINIMA if name in metrics]
    return {name: result[name] for name in (*metrics, *optimisms)}


def _optimism_of_threshold(seen, whole, costs):
    """Normalised cost of each resample's best threshold on all trials less on the resample, unseen trials aside."""
    (far, hits), (far_of_all, hits_of_all) = _rates(*seen), _rates(*(share[np.newaxis] for share in whole))
    cost = dcf(far, 1 - hits, costs)
    best = cost.argmin(axis=1)
    return dcf(far_of_all, 1 - hits_of_all, costs)[0, best] - cost[np.arange(len(cost)), best]


def _ascending(shares):
    """Of some resamples the shares of both classes by rising score."""
    return zip(*(share[::_EVERY, ::-1] for share in shares), strict=True)


def _shares(genuine, spoof, starts):
    """The share of each class at every score [shape=(rows, points)]; ties are one point of the ROC."""
    if len(starts) < genuine.shape[1]:
        genuine, spoof = (np.add.reduceat(w, starts, axis=1) for w in (genuine, spoof))
    return genuine / genuine.sum(axis=1, keepdims=True), spoof / spoof.sum(axis=1, keepdims=True)


def _rates(genuine, spoof):
    """Shares accepted of spoof and genuine trials as the threshold falls [shape=(rows, points + 1)]."""
    far, hits = np.zeros((2, len(genuine), genuine.shape[1] + 1))
    np.cumsum(spoof, axis=1, out=far[:, 1:])
    np.cumsum(genuine, axis=1, out=hits[:, 1:])
    far[:, -1] = hits[:, -1] = 1.0  # against rounding in the sums
    return far, hits


def _counts(genuine, spoof, totals, accepted):
    """Confusion matrices [shape=(rows, 2, 2)] when the trials marked 1 are accepted."""
    hits, false = genuine @ accepted, spoof @ accepted
    counts = np.array([[totals[1] - false, false], [totals[0] - hits, hits]])
    return np.moveaxis(np.maximum(counts, 0), -1, 0)  # against rounding in the sums
