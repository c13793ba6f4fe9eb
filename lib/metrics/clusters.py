"""Over what intervals are taken: trials, or the speakers, phrases and replay configurations that they come in.

Trials of one speaker or configuration are alike, so an interval over trials alone is too narrow
where these differ. What is shown is the widest: over trials, over each kind of cluster, and over
speakers and configurations at once, whose variances add, less that over trials, which both hold
(A. C. Cameron, J. B. Gelbach and D. L. Miller, Journal of Business & Economic Statistics 29, 2011),
end by end as by G. Y. Zou and A. Donner, Statistics in Medicine 27, 2008.
"""

import numpy as np

from lib.corpus.protocol import SPOOF, UNKNOWN
from lib.metrics.breakdown import clusters_of
from lib.metrics.costs import ASVSPOOF5
from lib.metrics.curves import eer
from lib.metrics.resampling import METRICS, freedom_of, intervals, resample

FEWEST = 5  # clusters; with fewer the interval of simulated corpora is too wide to say anything, or misses the truth
_BOTH = ("speaker", "configuration")
_WHY = f"{{0}} {{1}}s are too few for an interval over {{1}}s: at least {FEWEST} of each class are required."


def spreads(table, measured, *, metrics=METRICS, threshold=0.0, costs=ASVSPOOF5, resamples=1000):
    """Intervals of `metrics` over all that a table of `score`, `label` and protocol columns knows.

    `measured` are the metrics themselves, from `lib.metrics.evaluate` with the same `threshold` and
    `costs`. Returns `<metric>_ci` [low, high], the widest; `interval_over`, what the EER's is over;
    `trials`, the intervals over trials alone; `clusters`: speaker, phrase and configuration, each with
    its `count`, intervals or, with fewer than five, the sentence `why` there are none, `design_effect`
    (variance of the EER over clusters / over trials; None where that is 0) and `most`, the cluster
    without which the EER changes most; and `speaker_and_configuration`, where both have intervals.
    """
    scores, labels = table["score"].to_numpy(), table["label"].to_numpy()
    how = {"threshold": threshold, "costs": costs, "resamples": resamples}
    over_trials = resample(scores, labels, metrics=metrics, **how)
    trials = _listed(intervals(over_trials, measured, labels))
    several = [name for name in metrics if name in METRICS and name != "min_dcf"]
    parts = {}
    for kind, names in kinds(table).items():
        parts[kind] = {"count": len(set(names) - {UNKNOWN}), "most": _most(scores, labels, names, measured["eer"])}
        if round(freedom_of(labels, names)) < FEWEST - 1:
            parts[kind] |= {"why": _WHY.format(parts[kind]["count"], kind), "eer_ci": None, "design_effect": None}
            continue
        values = resample(scores, labels, clusters=names, metrics=several, **how)
        variance = over_trials["eer"].var()
        parts[kind] |= _listed(intervals(values, measured, labels, clusters=names))
        parts[kind]["design_effect"] = float(values["eer"].var() / variance) if variance > 0 else None
    shown = {"trials": trials} | {f"{kind}s": part for kind, part in parts.items() if part["eer_ci"]}
    result = {"trials": trials, "clusters": parts}
    if all(f"{kind}s" in shown for kind in _BOTH):
        one, other = (parts[kind] for kind in _BOTH)
        both = {
            key: _together(measured[key[:-3]], one[key], other[key], ends) for key, ends in trials.items() if key in one
        }
        shown["speakers and configurations"] = result["speaker_and_configuration"] = both
    widest = {key: [part[key] for part in shown.values() if key in part] for key in trials}
    result |= {key: [min(low for low, _ in ends), max(high for _, high in ends)] for key, ends in widest.items()}
    return result | {"interval_over": max(shown, key=lambda name: np.ptp(shown[name]["eer_ci"]))}


def kinds(table):
    """Cluster names of every trial, for each kind that the protocol has and several spoofs differ in."""
    found = clusters_of(table, "speaker", "phrase")
    spoof = (table["label"] == SPOOF).to_numpy()
    return {kind: names for kind, names in found.items() if len(set(names[spoof]) - {UNKNOWN}) > 1}


def _most(scores, labels, names, value):
    """The cluster without which the EER changes most; without it None if no trial of a class is left."""
    without = {}
    for name in sorted(set(names) - {UNKNOWN}):
        rest = names != name
        both = len(np.unique(labels[rest])) == 2
        without[name] = eer(scores[rest], labels[rest])[0] if both else None
    most = max(without, key=lambda name: -1 if without[name] is None else abs(without[name] - value))
    return {"cluster": str(most), "without": without[most]}


def _together(value, one, other, trials):
    """Interval over two kinds of cluster at once, each end from its distances to the value."""
    first, second, alone = (np.square(np.subtract(ends, value)) for ends in (one, other, trials))
    low, high = np.sqrt(np.maximum.reduce([first + second - alone, first, second, alone]))
    return [float(value - low), float(value + high)]


def _listed(ends):
    return {f"{name}_ci": list(pair) for name, pair in ends.items()}
