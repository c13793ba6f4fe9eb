"""Bootstrap intervals: what the numbers would be on other trials or other speakers.

**Over trials** it is the Bayesian bootstrap (D. B. Rubin, The Annals of Statistics 9, 1981) with one
trial more in each class than was seen, as good or as bad as can be by the toss of a coin. A rate's interval
is then the mid-P form of the exact one (H. O. Lancaster, Journal of the American Statistical Association
56, 1961), the AUC's the like for a mean between bounds (M. Phan et al., NeurIPS 2021).

**Over clusters** (speakers, phrases, replay configurations) they are drawn whole; those with both classes, only genuine
and only spoof trials are strata. Of K clusters K - 1 are drawn, which makes the variance unbiased (J. N. K. Rao and C.
F. J. Wu, Journal of the American Statistical Association 83, 1988). Intervals are symmetric in the logit (costs:
logarithm; MCC: Fisher's z), with Student's t; the linearised variance of `lib.metrics.paired` is too sure here. Where
no cluster errs they look alike, and an EER has the exact interval of a rate. 32_coverage simulates how often they hold.
"""

import numpy as np
import scipy  # its parts are loaded when they are used, and some take long

from lib.corpus.protocol import GENUINE, SPOOF, UNKNOWN
from lib.metrics import measures
from lib.metrics.measures import ASVSPOOF5

METRICS = ("eer", "auc", "accuracy", "balanced_accuracy", "mcc", "min_dcf", "act_dcf", "cllr", "min_cllr")
MINIMA = ("min_dcf", "min_cllr")
_UNBOUNDED = ("act_dcf", "cllr", "dcf")
LEVEL = 0.95  # coverage of every interval
CONFIGURATION = ("environment", "playback", "recorder")
_UNSEEN = {GENUINE: (0, 1), SPOOF: (2, 3)}  # places of the unseen trials after the others: the worst, the best
_EVERY = 4  # of so many resamples one serves min Cllr, whose maps take long
_BLOCK = 1_000_000  # weights held at a time, 8 MB an array


def configurations(table):
    """Environment, playback device and recorder of each trial as ``E01/P02/R03``; ``-`` if there is none."""
    first, *others = (table[name] for name in CONFIGURATION)
    joined = first.str.cat(others, sep="/")
    return joined.where(joined != "/".join([UNKNOWN] * len(CONFIGURATION)), UNKNOWN)


def units_of(table, columns=("speaker",)):
    """Kind -> the name of each trial's unit: of `columns` and ``configuration`` those that the table knows."""
    kinds = {name: table[name].to_numpy() for name in columns if name in table}
    if set(CONFIGURATION) <= set(table):
        kinds["configuration"] = configurations(table).to_numpy()
    return {kind: names for kind, names in kinds.items() if (names != UNKNOWN).any()}


def numbered(names):
    """A number from 0 for each trial's unit; a trial whose unit is unknown (``-``) is one of its own."""
    names = np.asarray(names).astype(str)
    alone = names == UNKNOWN
    units = np.unique(names, return_inverse=True)[1]
    units[alone] = units.max() + 1 + np.arange(alone.sum())
    return np.unique(units, return_inverse=True)[1]


def shuffled_auc(scores, labels, *, resamples=200, level=LEVEL):
    """Interval (low, high) of the AUC with the labels shuffled; an AUC inside it is indistinguishable from chance."""
    scores, labels = measures.checked(scores, labels)
    ranks, n_genuine, rng = scipy.stats.rankdata(scores), int(labels.sum()), np.random.default_rng(0)
    sums = np.array([rng.permutation(ranks)[:n_genuine].sum() for _ in range(resamples)])
    values = (sums - n_genuine * (n_genuine + 1) / 2) / (n_genuine * (len(labels) - n_genuine))
    return interval(values, level)


def bootstrap(scores, labels, *, metrics=METRICS, resamples=1000, seed=0, threshold=0.0, costs=ASVSPOOF5):
    """95 % interval (low, high) of each of `METRICS` over other trials; accuracies and MCC at `threshold`, log-odds.

    `min_dcf` and `min_cllr` are minima over the very trials: too low, and lower still in resamples (J. Kim and D.
    Pollard, The Annals of Statistics 18, 1990). Their intervals reach one and a half times as far above the value as
    the percentiles are apart, which covers 97 to 100 %: more than it promises.
    """
    settings = {"metrics": metrics, "threshold": threshold, "costs": costs}
    values = resample(scores, labels, resamples=resamples, seed=seed, **settings)
    return intervals(values, measures.evaluate(scores, labels, threshold=threshold, costs=costs))


def intervals(values, point):
    """Intervals from the metrics of resamples over trials, and of the trials themselves (`point`)."""
    result = {name: interval(of_all) for name, of_all in values.items()}
    for name in set(MINIMA) & set(result):
        low, high = result[name]
        result[name] = low, min(max(high, point[name] + 1.5 * (high - low)), 1.0)
    return result


def bounds(name):
    """The least and the largest value of a metric."""
    return -1.0 if name == "mcc" else 0.0, np.inf if name in _UNBOUNDED else 1.0


def interval(values, level=LEVEL):
    """Percentiles (low, high) of resampled values."""
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def intervals_over_clusters(values, point, labels, clusters):
    """Intervals around the metrics (`point`) from those of resamples over clusters, symmetric on each one's scale."""
    scales = {"mcc": (np.arctanh, np.tanh)} | dict.fromkeys(_UNBOUNDED, (np.log, np.exp))
    reach = scipy.special.stdtrit(freedom_of(labels, clusters), (1 + LEVEL) / 2)
    edge = 0.5 / len(labels)  # nothing counts as nearer a bound
    result = {}
    for name, of_all in values.items():
        there, back = scales.get(name, (scipy.special.logit, scipy.special.expit))
        ends = np.add(bounds(name), (edge, -edge))
        spread = reach * there(np.clip(of_all, *ends)).std()
        middle, at = there(np.clip(point[name], *ends)), point[name]
        result[name] = min(float(back(middle - spread)), at), max(float(back(middle + spread)), at)
    if "eer" in result and point["eer"] == 0:  # clusters that look alike by luck
        result["eer"] = rate_over_clusters(values["eer"], 0, min(np.bincount(labels)), freedom_of(labels, clusters))
    return result


def rate_over_clusters(values, errors, count, freedom):
    """Exact interval of a rate, in effective trials (E. Korn, B. Graubard, Survey Methodology 24, 1998)."""
    rate, ends = errors / count, np.array([(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    worth = min(count, rate * (1 - rate) / values.var()) if 0 < rate < 1 and values.var() > 0 else count
    sure, unsure = scipy.special.stdtrit((count - 1, freedom), ends[1])
    worth = min(count, worth * (sure / unsure) ** 2)
    low, high = scipy.special.betaincinv(np.add(rate * worth, [0, 1]), np.add((1 - rate) * worth, [1, 0]), ends)
    return (float(low) if errors else 0.0), (float(high) if errors < count else 1.0)


def resample(scores, labels, *, clusters=None, metrics=METRICS, resamples=1000, seed=0, threshold=0.0, costs=ASVSPOOF5):
    """The metrics of every resample [shape=(resamples,)] by name, over trials or the `clusters` that they are of."""
    scores, labels = measures.checked(scores, labels)
    trials = _sorted(scores, labels, threshold, costs)
    blocks = [_measure(weights, trials, metrics, costs) for weights in draws(labels, clusters, resamples, seed)]
    return {name: np.concatenate([block[name] for block in blocks]) for name in metrics}


def draws(labels, clusters, resamples, seed):
    """Blocks of weights [shape=(rows, n + 4)]: trials in their given order, then the unseen ones of `_sorted`."""
    rng, rows = np.random.default_rng(seed), max(1, _BLOCK // len(labels))
    units = None if clusters is None else numbered(clusters)
    for start in range(0, resamples, rows):
        count = min(rows, resamples - start)
        if units is None:
            yield _over_trials(rng, count, labels)
        else:
            yield np.pad(_of_clusters(rng, count, labels, units)[:, units], ((0, 0), (0, 4)))


def _over_trials(rng, count, labels):
    weights = np.zeros((count, len(labels) + 4))
    for label, (bad, good) in _UNSEEN.items():
        members = np.flatnonzero(labels == label)
        drawn = rng.standard_exponential((count, len(members) + 1))
        drawn *= len(members) / drawn.sum(axis=1, keepdims=True)
        weights[:, members] = drawn[:, :-1]
        weights[np.arange(count), len(labels) + np.where(rng.random(count) < 0.5, bad, good)] = drawn[:, -1]
    return weights


def _of_clusters(rng, count, labels, units):
    weights = np.ones((count, units.max() + 1))
    for members in _strata(labels, units):
        drawn = len(members) - 1
        picks = rng.integers(0, len(members), (count, drawn))
        picks += len(members) * np.arange(count)[:, np.newaxis]
        times = np.bincount(picks.ravel(), minlength=count * len(members)).reshape(count, -1)
        weights[:, members] = times * (len(members) / drawn)
    return weights


def redrawn(matrix, resamples):
    """What resamples over trials make of a confusion matrix [shape=(2, 2)]: shares drawn as `draws` draws them."""
    rng = np.random.default_rng(0)
    totals = matrix.sum(axis=1, keepdims=True)
    unseen = rng.integers(0, 2, (resamples, 2, 1))
    drawn = rng.standard_gamma(matrix + np.concatenate([1 - unseen, unseen], axis=-1))
    return drawn * totals / drawn.sum(axis=-1, keepdims=True)


def redrawn_over(clusters, labels, accepted, resamples):
    """What resamples over clusters make of the confusion matrix of decisions (0 or 1) [shape=(trials,)]."""
    units = numbered(clusters)
    counts = np.zeros((units.max() + 1, 2, 2))
    np.add.at(counts, (units, labels, accepted), 1)
    rng, rows = np.random.default_rng(0), max(1, 20 * _BLOCK // len(counts))
    parts = [min(rows, resamples - start) for start in range(0, resamples, rows)]
    return np.concatenate([np.tensordot(_of_clusters(rng, part, labels, units), counts, 1) for part in parts])


def freedom_of(labels, clusters):
    """Degrees of freedom of the variance over clusters, a sum over strata (Satterthwaite, 1946); 0 without any."""
    units = numbered(clusters)
    strata = _strata(labels, units)
    shares = [sum(np.isin(units[labels == c], members).mean() ** 2 for c in _UNSEEN) for members in strata]
    parts = np.array([share / len(members) for share, members in zip(shares, strata, strict=True)])
    return float(parts.sum() ** 2 / sum(parts**2 / [len(members) - 1 for members in strata])) if strata else 0.0


def _strata(labels, units):
    """Clusters that hold only genuine, only spoof, and both kinds of trials, where there are several."""
    genuine, spoof = (np.bincount(units, labels == label) > 0 for label in (GENUINE, SPOOF))
    strata = [np.flatnonzero(which) for which in (genuine & ~spoof, spoof & ~genuine, genuine & spoof)]
    return [members for members in strata if len(members) > 1]


def _sorted(scores, labels, threshold, costs):
    """What all resamples have in common: the trials by falling score, the unseen ones among them."""
    genuine, spoof = scores[labels == GENUINE], scores[labels == SPOOF]
    unseen = [  # a standard deviation beyond the worst and the best seen, or at the other class's median
        min(genuine.min() - genuine.std(), np.median(spoof)),
        genuine.max() + genuine.std(),
        max(spoof.max() + spoof.std(), np.median(genuine)),
        spoof.min() - spoof.std(),
    ]
    everything, labels = np.r_[scores, unseen], np.r_[labels, GENUINE, GENUINE, SPOOF, SPOOF]
    order = np.argsort(-everything, kind="stable")

    def accepted(cut):  # as 0 and 1; of the unseen ones the worst genuine one is missed, and so on
        return np.r_[scores >= cut, False, True, True, False].astype(float)[order]

    return {
        "order": order,
        "genuine": labels[order] == GENUINE,
        "starts": np.flatnonzero(np.diff(-everything[order], prepend=-np.inf) > 0),
        "surprise": measures.surprise(everything, labels)[order],
        "accepted": accepted(threshold),
        "accepted_bayes": accepted(measures.bayes_threshold(costs)),
    }


def _measure(weights, trials, metrics, costs):
    """Metrics of a block of resamples."""
    weights = weights[:, trials["order"]]
    genuine = weights * trials["genuine"]
    spoof = weights - genuine
    totals = genuine.sum(1), spoof.sum(1)

    def decided(accepted):
        hits, false = genuine @ accepted, spoof @ accepted
        counts = np.array([[totals[1] - false, false], [totals[0] - hits, hits]])
        return measures.from_counts(np.moveaxis(np.maximum(counts, 0), -1, 0))  # against rounding in the sums

    result, at_bayes = decided(trials["accepted"]), decided(trials["accepted_bayes"])
    result["act_dcf"] = measures.dcf(at_bayes["far"], at_bayes["frr"], costs)
    result["cllr"] = (genuine @ trials["surprise"] / totals[0] + spoof @ trials["surprise"] / totals[1]) / 2
    if len(trials["starts"]) < genuine.shape[1]:  # ties are one point of the ROC
        genuine, spoof = (np.add.reduceat(of_class, trials["starts"], axis=1) for of_class in (genuine, spoof))
    shares = [of_class / of_class.sum(axis=1, keepdims=True) for of_class in (genuine, spoof)]
    hits, far = (np.pad(np.cumsum(share, axis=1), ((0, 0), (1, 0))) for share in shares)
    far[:, -1] = hits[:, -1] = 1.0  # against rounding in the sums
    result |= {"eer": measures.crossing(far, 1 - hits), "min_dcf": measures.dcf(far, 1 - hits, costs).min(axis=1)}
    result["auc"] = np.einsum("ij,ij->i", shares[1], (hits[:, 1:] + hits[:, :-1]) / 2)
    if "min_cllr" in metrics:
        ascending = zip(*(share[::_EVERY, ::-1] for share in shares), strict=True)
        result["min_cllr"] = np.array([measures.isotonic_cllr(*row) for row in ascending])
    return {name: result[name] for name in metrics}
