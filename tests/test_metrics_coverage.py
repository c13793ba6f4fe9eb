"""Whether 95 % intervals hold the truth in 95 % of simulated corpora."""

import numpy as np
import pytest
from scipy.stats import norm

from lib import metrics
from lib.metrics.costs import dcf

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


def truths(distance, share_genuine):
    """Every metric of N(+-d^2 / 2, d): scores that are the true log-likelihood ratios, so that no map or threshold
    does better than they do as they are."""
    x = np.linspace(-12, 12, 40_001)
    bits = norm.pdf(x) * np.logaddexp(0, -distance * (x + distance / 2)) / np.log(2)
    cllr = np.trapezoid(bits, x)
    threshold = metrics.bayes_threshold() / distance
    cost = dcf(norm.sf(threshold + distance / 2), norm.cdf(threshold - distance / 2))
    right = norm.cdf(distance / 2)
    said = share_genuine * right + (1 - share_genuine) * (1 - right)
    mcc = np.sqrt(share_genuine * (1 - share_genuine) / (said * (1 - said))) * (2 * right - 1)
    values = {"eer": 1 - right, "auc": norm.cdf(distance / np.sqrt(2)), "accuracy": right, "balanced_accuracy": right}
    return values | {"mcc": mcc, "min_dcf": cost, "act_dcf": cost, "cllr": cllr, "min_cllr": cllr}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("corpora", "n_genuine", "n_spoof", "distance"),
    [
        (500, 100, 400, 1.0),
        (500, 100, 400, 2.0),
        (500, 300, 1000, 1.0),
        (500, 300, 1000, 2.0),
        (500, 300, 1000, 3.0),
        (500, 1298, 12008, 2.0),
    ],
)
def test_bootstrap_over_trials_covers_every_metric(corpora, n_genuine, n_spoof, distance):
    shares = coverage(corpora, n_genuine, n_spoof, distance)
    # So many corpora tell a coverage no better than this: one standard deviation beside 93 to 97 % is chance.
    chance = np.sqrt(0.95 * 0.05 / corpora)
    assert not {name: share for name, share in shares.items() if not 0.93 - chance <= share <= 0.97 + chance}


def coverage(corpora, n_genuine, n_spoof, distance):
    """Share of corpora whose interval holds the truth, for every metric."""
    labels = np.r_[np.ones(n_genuine, int), np.zeros(n_spoof, int)]
    truth = truths(distance, labels.mean())
    rng, hits = np.random.default_rng(5), dict.fromkeys(truth, 0)
    for k in range(corpora):
        scores = distance * (rng.normal(size=len(labels)) + distance * (labels - 0.5))
        ends = metrics.bootstrap(scores, labels, metrics=tuple(truth), resamples=200, seed=k)
        for name, (low, high) in ends.items():
            hits[name] += low <= truth[name] <= high
    return {name: count / corpora for name, count in hits.items()}
