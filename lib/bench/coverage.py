"""How often the intervals of `lib.metrics` hold the truth, in simulated corpora whose truth is known.

Scores are normal in each class (the binormal model of J. A. Swets, 1986), raised and scaled so that 0 is
the threshold of equal errors and, with equal spreads, every score is the true log-likelihood ratio.
"""

import numpy as np
import pandas as pd

from lib.metrics.clusters import spreads
from lib.metrics.measures import bayes_threshold, dcf, evaluate, from_counts, isotonic_cllr
from lib.metrics.resampling import METRICS, bootstrap


def over_trials(n_genuine, n_spoof, eer, *, ratio=1.0, metrics=METRICS, simulations=100, resamples=200, seed=0):
    """Share of simulated corpora whose interval over trials holds the true value, by metric.

    `eer` is the true one, a fraction below 0.5, `ratio` the standard deviation of genuine scores in
    those of spoof scores.
    """
    rng = np.random.default_rng(seed)
    labels = np.repeat([1, 0], [n_genuine, n_spoof])
    truth = _truth(eer, ratio, labels.mean())
    hits = dict.fromkeys(metrics, 0)
    for k in range(simulations):
        scores = _scores(rng.normal(size=len(labels)), labels, eer, ratio)
        for name, (low, high) in bootstrap(scores, labels, metrics=metrics, resamples=resamples, seed=k).items():
            hits[name] += low <= truth[name] <= high
    return {name: count / simulations for name, count in hits.items()}


def over_clusters(
    speakers, configurations, eer, *, spread=0.7, each=40, metric="eer", simulations=100, resamples=200, seed=0
):
    """Share of simulated corpora whose intervals of the EER hold it: ``shown``, and each part of `spreads`.

    Each speaker moves the scores of its `each` genuine and of its `each` spoof trials, and each of the
    `configurations` (0: none) those of the spoofs recorded with it, normally with `spread` in standard
    deviations of one speaker's scores.
    """
    rng, hits = np.random.default_rng(seed), {}
    for _ in range(simulations):
        table = _table(rng, speakers, configurations, each, eer, spread)
        found = spreads(table, evaluate(table["score"], table["label"]), metrics=("eer",), resamples=resamples)
        both = {"both": found["speaker_and_configuration"]} if "speaker_and_configuration" in found else {}
        parts = {"shown": found, "trials": found["trials"], **found["clusters"], **both}
        for name, part in parts.items():
            low, high = part["eer_ci"] or (np.nan, np.nan)
            hits.setdefault(name, []).append(np.nan if np.isnan(low) else low <= eer <= high)
    return {name: float(np.mean(held)) for name, held in hits.items()}


def _scores(normal, labels, eer, ratio):
    """Scores from standard normal numbers; the threshold of equal errors lies at 0."""
    from scipy.stats import norm

    distance = norm.isf(eer) * (1 + ratio)  # of the means, in standard deviations of spoof scores
    return distance * np.where(labels == 1, ratio * normal + distance - norm.isf(eer), normal - norm.isf(eer))


def _truth(eer, ratio, share):
    """Every metric of infinitely many trials, of which `share` are genuine."""
    from scipy.stats import norm

    middle = norm.isf(eer)
    distance = middle * (1 + ratio)
    grid = np.linspace(-9 * max(ratio, 1) - distance, distance + 9 * max(ratio, 1), 40_001)
    far, frr = norm.sf(middle + grid), norm.cdf((middle + grid - distance) / ratio)
    genuine, spoof = np.diff(frr), -np.diff(far)
    centres = distance * (grid[1:] + grid[:-1]) / 2
    bits = genuine @ np.logaddexp(0, -centres) + spoof @ np.logaddexp(0, centres)
    bayes = bayes_threshold() / distance
    matrix = [[(1 - share) * (1 - eer), (1 - share) * eer], [share * eer, share * (1 - eer)]]
    there = genuine + spoof > 0
    return {
        "eer": eer,
        "auc": norm.cdf(distance / np.hypot(1, ratio)),
        "accuracy": 1 - eer,
        "balanced_accuracy": 1 - eer,
        "mcc": float(from_counts(matrix)["mcc"]),
        "min_dcf": float(dcf(far, frr).min()),
        "act_dcf": float(dcf(norm.sf(middle + bayes), norm.cdf((middle + bayes - distance) / ratio))),
        "cllr": float(bits / 2 / np.log(2)),
        "min_cllr": isotonic_cllr(genuine[there], spoof[there]),
    }


def _table(rng, speakers, configurations, each, eer, spread):
    """A table of `score`, `label`, `speaker` and, with configurations, the columns of one."""
    from scipy.stats import norm

    names = np.tile(np.arange(speakers), each)
    which = rng.permutation(len(names)) % max(configurations, 1)
    genuine, spoof = (rng.normal(size=len(names)) + spread * rng.normal(size=speakers)[names] for _ in range(2))
    if configurations:
        spoof += spread * rng.normal(size=configurations)[which]
    distance = norm.isf(eer) * (np.hypot(1, spread) + np.sqrt(1 + spread**2 * (2 if configurations else 1)))
    table = pd.DataFrame({
        "score": np.r_[genuine + distance, spoof],
        "label": np.repeat([1, 0], len(names)),
        "speaker": np.char.mod("M%04d", np.r_[names, names]),
    })  # fmt: skip
    device = np.r_[np.repeat("-", len(names)), np.char.mod("E%04d", which)]
    return table.assign(environment=device, playback=device, recorder=device) if configurations else table
