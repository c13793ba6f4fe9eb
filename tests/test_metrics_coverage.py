"""Whether 95 % intervals hold the truth in 95 % of simulated corpora."""

import numpy as np
import pytest
from scipy.stats import norm

from lib import metrics

CORPORA = 500


def covered(rng, truth, corpus, *, over_clusters=False):
    hits = 0
    for k in range(CORPORA):
        scores, labels, clusters = corpus(rng)
        clusters = clusters if over_clusters else None
        low, high = metrics.bootstrap(scores, labels, clusters=clusters, metrics=("eer",), resamples=500, seed=k)["eer"]
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
