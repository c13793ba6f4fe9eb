"""Whether 95 % intervals hold the truth in 95 % of simulated corpora."""

import numpy as np
import pytest
from scipy.stats import norm

from lib import metrics

CORPORA = 500


def covered(rng, truth, corpus, *, over_clusters=False, metric="eer"):
    hits = 0
    for k in range(CORPORA):
        scores, labels, clusters = corpus(rng)
        clusters = clusters if over_clusters else None
        low, high = metrics.bootstrap(scores, labels, clusters=clusters, metrics=(metric,), resamples=500, seed=k)[
            metric
        ]
        hits += low <= truth <= high
    return hits / CORPORA


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n_genuine", "n_spoof", "distance"),
    [(100, 400, 1.6), (300, 1000, 1.0), (300, 1000, 2.0), (300, 1000, 3.0), (760, 950, 1.6)],
)
def test_bootstrap_over_trials_covers_the_true_eer(n_genuine, n_spoof, distance):
    labels = np.r_[np.ones(n_genuine, int), np.zeros(n_spoof, int)]

    def corpus(rng):
        return rng.normal(size=len(labels)) + distance * labels, labels, None

    share = covered(np.random.default_rng(5), norm.cdf(-distance / 2), corpus)
    assert 0.93 <= share <= 0.97


@pytest.mark.slow
@pytest.mark.parametrize(("speakers", "each"), [(8, 30), (24, 20), (50, 10)])
def test_bootstrap_over_speakers_covers_the_true_eer_where_trials_do_not(speakers, each):
    labels = np.tile(np.r_[np.ones(each, int), np.zeros(each, int)], speakers)
    names = np.repeat(np.arange(speakers), 2 * each)

    def corpus(rng):
        shift = 0.7 * rng.normal(size=(speakers, 2))[names, labels]
        return rng.normal(size=len(labels)) + 2 * labels + shift, labels, names

    truth = norm.cdf(-1 / np.hypot(1, 0.7))
    # Eight speakers are few for any interval: 2 % of tolerance for simulation and theory.
    assert 0.91 <= covered(np.random.default_rng(5), truth, corpus, over_clusters=True) <= 0.98
    assert covered(np.random.default_rng(5), truth, corpus) < 0.85


@pytest.mark.slow
@pytest.mark.parametrize(("metric", "least"), [("auc", 0.93), ("cllr", 0.92), ("min_cllr", 0.85), ("min_dcf", 0.85)])
def test_bootstrap_over_trials_covers_the_other_metrics(metric, least):
    distance = 1.6
    labels = np.r_[np.ones(300, int), np.zeros(1000, int)]
    # The scores are the true log-likelihood ratios, N(+-d^2 / 2, d), so Cllr and its minimum are one integral.
    x, threshold = np.linspace(-12, 12, 40_001), np.linspace(-6, 6, 20_001)
    bits = norm.pdf(x) * np.logaddexp(0, -distance * (x + distance / 2)) / np.log(2)
    cost = 1.9 * norm.cdf(threshold - distance / 2) + norm.sf(threshold + distance / 2)
    truth = {"auc": norm.cdf(distance / np.sqrt(2)), "cllr": np.trapezoid(bits, x), "min_dcf": cost.min()}
    truth["min_cllr"] = truth["cllr"]

    def corpus(rng):
        return distance * (rng.normal(size=len(labels)) + distance * (labels - 0.5)), labels, None

    assert least <= covered(np.random.default_rng(5), truth[metric], corpus, metric=metric) <= 0.97
