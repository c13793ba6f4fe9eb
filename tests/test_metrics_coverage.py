"""Whether 95 % intervals hold the truth in 93 to 99 % of simulated corpora; 32_coverage shows more of them."""

import numpy as np
import pytest
from scipy.stats import norm

from lib import metrics
from lib.bench import coverage
from lib.metrics.clusters import decided

CORPORA = 200
# So many corpora tell a share no better than this, two standard deviations of chance.
CHANCE = 2 * np.sqrt(0.93 * 0.07 / CORPORA)


def test_truth_is_that_of_very_many_trials():
    labels = np.repeat([1, 0], [20_000, 80_000])
    for ratio in (1.0, 0.5):
        scores = coverage._scores(np.random.default_rng(0).normal(size=len(labels)), labels, 0.07, ratio)
        measured, truth = metrics.evaluate(scores, labels), coverage._truth(0.07, ratio, 0.2)
        assert {name: measured[name] for name in truth} == pytest.approx(truth, rel=0.05)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n_genuine", "n_spoof", "eer", "ratio"),
    [(10, 10, 0.02, 1.0), (20, 20, 0.16, 2.0), (10, 2000, 0.07, 1.0), (100, 400, 0.02, 0.5), (760, 950, 0.001, 1.0)],
)
def test_intervals_over_trials_cover_every_metric(n_genuine, n_spoof, eer, ratio):
    shares = coverage.over_trials(n_genuine, n_spoof, eer, ratio=ratio, simulations=CORPORA)
    assert {name: share for name, share in shares.items() if share < 0.93 - CHANCE} == {}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("speakers", "configurations"), [(3, 0), (4, 0), (5, 0), (10, 0), (24, 0), (8, 3), (10, 10), (24, 57)]
)
def test_the_interval_shown_covers_where_speakers_and_configurations_vary(speakers, configurations):
    shares = coverage.over_clusters(speakers, configurations, 0.1, simulations=CORPORA)
    assert shares["shown"] > 0.93 - CHANCE
    assert shares["trials"] < 0.9  # trials alone promise too much


@pytest.mark.slow
@pytest.mark.parametrize(("speakers", "configurations"), [(4, 0), (4, 4), (10, 0)])
def test_the_interval_shown_covers_where_few_clusters_err(speakers, configurations):
    shares = coverage.over_clusters(speakers, configurations, 0.02, simulations=CORPORA)
    assert shares["shown"] > 0.93 - CHANCE


@pytest.mark.slow
@pytest.mark.parametrize(
    ("speakers", "configurations", "far"), [(3, 0, 0.1), (4, 4, 0.2), (8, 10, 0.1), (10, 0, 0.02), (24, 57, 0.4)]
)
def test_intervals_of_rates_at_a_threshold_cover(speakers, configurations, far):
    rng, spread = np.random.default_rng(0), 0.7
    width = np.sqrt(1 + spread**2 * (2 if configurations else 1))
    hits = []
    for _ in range(CORPORA):
        table = coverage._table(rng, speakers, configurations, 40, 0.1, spread)
        found = decided(table, table["score"] >= norm.isf(far) * width, resamples=200)
        hits.append(found["far_ci"][0] <= far <= found["far_ci"][1])
    assert np.mean(hits) > 0.93 - CHANCE
