"""Intervals over trials and over clusters."""

import time

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import logit
from scipy.stats import binom
from sklearn.metrics import accuracy_score, matthews_corrcoef, roc_auc_score, roc_curve

from lib import metrics
from lib.metrics import measures
from lib.metrics.measures import crossing
from lib.metrics.resampling import draws, freedom_of, intervals_over_clusters, rate_over_clusters, redrawn, resample


def normal(rng, n_genuine, n_spoof, distance=1.6):
    labels = np.r_[np.ones(n_genuine, int), np.zeros(n_spoof, int)]
    return rng.normal(size=len(labels)) + distance * labels - distance / 2, labels


def speakers(rng, count, each=10, spread=1.0):
    """Trials of speakers whose scores are shifted, each class of each on its own."""
    labels = np.tile(np.r_[np.ones(each, int), np.zeros(each, int)], count)
    names = np.repeat(np.arange(count), 2 * each)
    scores = rng.normal(size=len(labels)) + 2 * labels - 1
    return scores + spread * rng.normal(size=(count, 2))[names, labels], labels, np.char.mod("M%04d", names)


def mid_p(errors, count):
    """Mid-P form of the exact 95 % interval of a rate (H. O. Lancaster, 1961)."""

    def below(rate):  # P(fewer errors) + P(as many) / 2
        return binom.cdf(errors, count, rate) - binom.pmf(errors, count, rate) / 2

    low = brentq(lambda rate: below(rate) - 0.975, 0, 1) if errors else 0.0
    return low, brentq(lambda rate: below(rate) - 0.025, 0, 1) if errors < count else 1.0


@pytest.mark.parametrize("digits", [1, 8], ids=["ties", "continuous"])
def test_resample_equals_evaluate_on_the_drawn_trials(rng, digits):
    scores, labels = normal(rng, 30, 50)
    scores = np.round(scores, digits)
    # Clusters of one genuine and one spoof trial each, and spoof trials alone: drawn whole times, and none unseen.
    names = np.r_[np.arange(30), np.arange(50)].astype(str)
    values = resample(scores, labels, clusters=names, resamples=4, seed=3, threshold=0.2)
    (weights,) = draws(labels, names, 4, 3)
    for k, row in enumerate(weights):
        assert (row[-4:] == 0).all()
        weighted = {"sample_weight": row[:-4]}
        far, hits, _ = roc_curve(labels, scores, drop_intermediate=False, **weighted)
        right = accuracy_score(labels, scores >= 0.2, **weighted)
        assert values["accuracy"][k] == pytest.approx(right)
        assert values["mcc"][k] == pytest.approx(matthews_corrcoef(labels, scores >= 0.2, **weighted))
        assert values["auc"][k] == pytest.approx(roc_auc_score(labels, scores, **weighted))
        assert values["eer"][k] == pytest.approx(crossing(far, 1 - hits))
        assert values["min_dcf"][k] == pytest.approx(measures.dcf(far, 1 - hits).min())
        bits = measures.surprise(scores, labels)
        each = [np.average(bits[labels == c], weights=row[:-4][labels == c]) for c in (0, 1)]
        assert values["cllr"][k] == pytest.approx(np.mean(each))


def test_draws_keep_the_counts_of_both_classes_with_one_unseen_trial_in_each(rng):
    _, labels = normal(rng, 7, 13)
    (weights,) = draws(labels, None, 400, 0)
    unseen = weights[:, -4:]
    for label, of_class, count in ((1, unseen[:, :2], 7), (0, unseen[:, 2:], 13)):
        assert weights[:, :-4][:, labels == label].sum(1) + of_class.sum(1) == pytest.approx(count)
        assert ((of_class > 0).sum(1) == 1).all()  # as bad or as good as can be, by the toss of a coin
        assert (of_class[:, 0] > 0).mean() == pytest.approx(0.5, abs=0.1)


def test_draws_of_clusters_take_whole_clusters(rng):
    _, labels, names = speakers(rng, 6)
    weights = next(draws(labels, names, 50, 0))[:, :-4]
    for name in np.unique(names):
        assert (np.ptp(weights[:, names == name], axis=1) == 0).all()
    assert np.unique(weights).tolist() == pytest.approx([k * 6 / 5 for k in range(len(np.unique(weights)))])


def test_draws_of_configurations_leave_both_classes_there():
    # Genuine trials have no replay configuration: each is drawn on its own.
    labels = np.array([1] * 6 + [0] * 6)
    names = np.array(["-"] * 6 + ["a", "a", "b", "b", "c", "c"])
    weights = next(draws(labels, names, 200, 0))[:, :-4]
    assert (weights[:, :6].sum(1) > 0).all() and (weights[:, 6:].sum(1) > 0).all()
    assert (weights[:, 0] != weights[:, 1]).any()
    assert (weights[:, 6] == weights[:, 7]).all()


def test_draws_blocks_do_not_depend_on_their_size(rng, monkeypatch):
    scores, labels = normal(rng, 20, 30)
    whole = resample(scores, labels, metrics=("eer", "cllr"), resamples=20)
    monkeypatch.setattr("lib.metrics.resampling._BLOCK", 50 * 7)
    parts = resample(scores, labels, metrics=("eer", "cllr"), resamples=20)
    assert whole.keys() == parts.keys()
    assert all(len(values) == 20 for values in parts.values())


def test_bootstrap_same_seed_same_interval_other_seed_another(rng):
    scores, labels = normal(rng, 50, 80)
    first, again, other = (metrics.bootstrap(scores, labels, resamples=40, seed=s) for s in (1, 1, 2))
    assert first == again
    assert all(first[name] != other[name] for name in metrics.METRICS)


def test_bootstrap_interval_holds_the_value_and_narrows_with_trials(rng):
    widths = []
    for n in (50, 5000):
        scores, labels = normal(rng, n, n)
        values = metrics.evaluate(scores, labels)
        intervals = metrics.bootstrap(scores, labels, resamples=100)
        assert all(low <= values[name] <= high and low < high for name, (low, high) in intervals.items())
        widths.append({name: high - low for name, (low, high) in intervals.items()})
    # 100 times the trials make intervals a tenth as wide.
    assert all(widths[0][name] / widths[1][name] == pytest.approx(10, rel=0.5) for name in ("eer", "auc", "cllr"))


def test_bootstrap_without_an_error_is_no_certainty():
    labels = np.r_[np.ones(10, int), np.zeros(2000, int)]
    scores = 2.0 * labels - 1 + np.linspace(0, 0.5, len(labels))
    ends = metrics.bootstrap(scores, labels)
    rate = 1 - 0.05**0.1  # ten trials without an error: up to 26 % errors are likely enough
    assert ends["eer"] == (pytest.approx(0, abs=0.002), pytest.approx(rate, abs=0.03))
    assert ends["balanced_accuracy"] == (pytest.approx(1 - rate / 2, abs=0.02), pytest.approx(1, abs=0.002))
    assert (ends["min_dcf"][0], ends["min_cllr"][0]) == pytest.approx((0, 0), abs=1e-9)
    assert all(high - low > 0.1 for name, (low, high) in ends.items() if name not in ("accuracy", "mcc"))


@pytest.mark.parametrize(("n_genuine", "n_spoof", "errors"), [(10, 2000, 140), (20, 20, 1), (100, 400, 0)])
def test_bootstrap_of_balanced_accuracy_is_no_surer_than_its_rates(n_genuine, n_spoof, errors):
    labels = np.r_[np.ones(n_genuine, int), np.zeros(n_spoof, int)]
    scores = 2.0 * labels - 1
    scores[n_genuine : n_genuine + errors] = 1
    low, high = metrics.bootstrap(scores, labels, metrics=("balanced_accuracy",))["balanced_accuracy"]
    rates = mid_p(0, n_genuine), mid_p(errors, n_spoof)
    assert high - low > 0.97 * max(np.ptp(rate) for rate in rates) / 2


@pytest.mark.parametrize(("errors", "count"), [(0, 10), (1, 10), (10, 10), (3, 2000)])
def test_redrawn_rates_have_the_mid_p_interval(errors, count):
    drawn = redrawn(np.array([[count - errors, errors], [0, 5]]), 20_000)
    assert drawn.sum(-1) == pytest.approx(np.array([[count, 5]] * 20_000))
    ends = np.quantile(drawn[:, 0, 1] / count, [0.025, 0.975])
    assert tuple(ends) == pytest.approx(mid_p(errors, count), rel=0.05, abs=0.01 / count)


def test_rate_interval_is_exact_and_holds_the_mid_p_interval():
    assert metrics.rate_interval(0, 10) == pytest.approx((0, 1 - 0.025**0.1))  # by hand
    for errors, count in ((0, 20), (3, 20), (20, 20), (120, 12008)):
        low, high = metrics.rate_interval(errors, count)
        inner = mid_p(errors, count)
        assert low <= inner[0] <= errors / count <= inner[1] <= high


def test_rate_over_clusters_that_are_alike_is_that_over_trials():
    values = np.array([0.15, 0.15]) + np.sqrt(0.15 * 0.85 / 20) * np.array([1, -1])
    assert rate_over_clusters(values, 3, 20, 19) == pytest.approx(metrics.rate_interval(3, 20))
    for errors in (0, 20):  # without a spread, and with fewer speakers than trials
        low, high = rate_over_clusters(np.zeros(9), errors, 20, 4)
        assert high - low > 1.5 * np.ptp(metrics.rate_interval(errors, 20))


def test_rate_without_an_error_is_as_unsure_however_its_resamples_are_rounded():
    rounded = 1e-17 * np.arange(9)
    assert rate_over_clusters(rounded, 0, 160, 3) == rate_over_clusters(np.zeros(9), 0, 160, 3)


def test_eer_of_a_few_clusters_without_an_error_is_no_certainty(rng):
    scores, labels = np.r_[rng.normal(size=160), 9 + rng.normal(size=160)], np.repeat([0, 1], 160)
    names = np.tile(np.arange(4), 80)
    values = resample(scores, labels, clusters=names, metrics=("eer",))
    low, high = intervals_over_clusters(values, {"eer": 0.0}, labels, names)["eer"]
    assert low == 0.0 and high == pytest.approx(rate_over_clusters(np.zeros(9), 0, 160, 3)[1]) and high > 0.05


def test_bootstrap_of_constant_scores_has_no_width():
    assert metrics.bootstrap(np.zeros(30), np.arange(30) % 2, resamples=20)["eer"] == (0.5, 0.5)


def test_bootstrap_of_the_eval_split_takes_seconds(rng):
    scores, labels = normal(rng, 1298, 12008)
    start = time.process_time()
    metrics.bootstrap(scores, labels, resamples=200)
    assert time.process_time() - start < 3


def test_intervals_over_few_clusters_reach_as_far_as_students_t(rng):
    scores, labels, names = speakers(rng, 5, each=100, spread=0.4)
    point = metrics.evaluate(scores, labels)
    values = resample(scores, labels, clusters=names, metrics=("auc",))
    spread = 2.776 * logit(values["auc"]).std()  # four degrees of freedom: 2.78 instead of 1.96 standard deviations
    ends = logit(intervals_over_clusters(values, point, labels, names)["auc"])
    assert tuple(ends) == pytest.approx((logit(point["auc"]) - spread, logit(point["auc"]) + spread), rel=1e-3)


@pytest.mark.parametrize("name", ["min_dcf", "min_cllr"])
def test_bootstrap_of_minima_reaches_far_above_the_value(rng, name):
    scores, labels = normal(rng, 60, 90)
    point = metrics.evaluate(scores, labels)[name]
    values = resample(scores, labels, metrics=(name,), resamples=300)[name]
    low, high = metrics.bootstrap(scores, labels, metrics=(name,), resamples=300)[name]
    first, last = np.quantile(values, [0.025, 0.975])
    assert low < point < last < high < 1
    assert (low, high) == pytest.approx((first, point + 1.5 * (last - first)))


def test_freedom_of_a_few_clusters_of_one_class_is_that_of_all():
    labels, names = np.tile([0, 1], 40), np.repeat(np.arange(10), 8)
    assert freedom_of(labels, names) == pytest.approx(9)
    more = freedom_of(np.r_[labels, np.ones(8, int)], np.r_[names, np.repeat([10, 11], 4)])
    assert 9 < more < 11  # not the one degree of the two
