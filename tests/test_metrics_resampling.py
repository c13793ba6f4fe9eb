"""Intervals over trials and over clusters."""

import time

import numpy as np
import pytest

from lib import metrics
from lib.errors import InputError
from lib.metrics import costs, resampling
from lib.metrics.evaluation import leave_one_out, over_clusters
from lib.metrics.resampling import draws

ALL = (*metrics.METRICS, "min_cllr")


def normal(rng, n_genuine, n_spoof, distance=1.6):
    labels = np.r_[np.ones(n_genuine, int), np.zeros(n_spoof, int)]
    return rng.normal(size=len(labels)) + distance * labels - distance / 2, labels


def speakers(rng, count, each=10, spread=1.0):
    """Trials of speakers whose scores are shifted, each class of each on its own."""
    labels = np.tile(np.r_[np.ones(each, int), np.zeros(each, int)], count)
    names = np.repeat(np.arange(count), 2 * each)
    scores = rng.normal(size=len(labels)) + 2 * labels - 1
    return scores + spread * rng.normal(size=(count, 2))[names, labels], labels, np.char.mod("M%04d", names)


@pytest.mark.parametrize("digits", [1, 8], ids=["ties", "continuous"])
def test_resample_equals_evaluate_on_the_drawn_trials(rng, digits):
    scores, labels = normal(rng, 30, 50)
    scores = np.round(scores, digits)
    values = metrics.resample(scores, labels, metrics=ALL, resamples=5, seed=3, threshold=0.2)
    (weights,) = draws(labels, None, 5, 3)
    for k, row in enumerate(weights):
        drawn = np.repeat(np.arange(80), row.astype(int))
        expected = metrics.evaluate(scores[drawn], labels[drawn], threshold=0.2)
        assert {name: values[name][k] for name in ALL} == pytest.approx({name: expected[name] for name in ALL})


def test_draws_keep_the_counts_of_both_classes(rng):
    _, labels = normal(rng, 7, 13)
    (weights,) = draws(labels, None, 100, 0)
    assert (weights[:, labels == 1].sum(1) == 7).all() and (weights[:, labels == 0].sum(1) == 13).all()
    assert weights.mean() == pytest.approx(1) and weights.std() > 0.5


def test_draws_of_clusters_take_whole_clusters(rng):
    _, labels, names = speakers(rng, 6)
    (weights,) = draws(labels, names, 50, 0)
    for name in np.unique(names):
        assert (np.ptp(weights[:, names == name], axis=1) == 0).all()
    assert np.unique(weights).tolist() == pytest.approx([k * 6 / 5 for k in range(len(np.unique(weights)))])


def test_draws_of_configurations_leave_both_classes_there():
    # Genuine trials have no replay configuration: each is drawn on its own.
    labels = np.array([1] * 6 + [0] * 6)
    names = np.array(["-"] * 6 + ["a", "a", "b", "b", "c", "c"])
    (weights,) = draws(labels, names, 200, 0)
    assert (weights[:, :6].sum(1) > 0).all() and (weights[:, 6:].sum(1) > 0).all()
    assert (weights[:, 0] != weights[:, 1]).any()
    assert (weights[:, 6] == weights[:, 7]).all()


def test_draws_blocks_do_not_depend_on_their_size(rng, monkeypatch):
    scores, labels = normal(rng, 20, 30)
    whole = metrics.resample(scores, labels, resamples=20)
    monkeypatch.setattr("lib.metrics.resampling._BLOCK", 50 * 7)
    parts = metrics.resample(scores, labels, resamples=20)
    assert whole.keys() == parts.keys()
    assert all(len(values) == 20 for values in parts.values())


def test_bootstrap_same_seed_same_interval_other_seed_another(rng):
    scores, labels = normal(rng, 50, 80)
    first, again, other = (metrics.bootstrap(scores, labels, resamples=200, seed=s) for s in (1, 1, 2))
    assert first == again
    assert all(first[name] != other[name] for name in metrics.METRICS)


def test_bootstrap_interval_holds_the_value_and_narrows_with_trials(rng):
    widths = []
    for n in (50, 5000):
        scores, labels = normal(rng, n, n)
        values = metrics.evaluate(scores, labels)
        intervals = metrics.bootstrap(scores, labels, metrics=ALL, resamples=300)
        assert all(low < values[name] < high for name, (low, high) in intervals.items())
        widths.append({name: high - low for name, (low, high) in intervals.items()})
    # 100 times the trials make intervals a tenth as wide.
    assert all(widths[0][name] / widths[1][name] == pytest.approx(10, rel=0.5) for name in ("eer", "auc", "cllr"))


def test_bootstrap_of_accuracy_has_the_binomial_width(rng):
    scores, labels = normal(rng, 400, 400)
    p = metrics.evaluate(scores, labels)["balanced_accuracy"]
    low, high = metrics.bootstrap(scores, labels, metrics=("balanced_accuracy",))["balanced_accuracy"]
    assert high - low == pytest.approx(2 * 1.96 * np.sqrt(p * (1 - p) / 800), rel=0.15)


def test_bootstrap_without_an_error_is_no_certainty():
    labels = np.r_[np.ones(10, int), np.zeros(50, int)]
    intervals = metrics.bootstrap(labels * 2.0 - 1, labels, resamples=50)
    # 10 trials without an error: up to 1 - 0.025^(1/10) = 31 % errors are likely enough.
    assert intervals["eer"] == (0, pytest.approx(1 - 0.025**0.1))
    assert intervals["auc"] == intervals["accuracy"] == (pytest.approx(0.025**0.1), 1)
    few = metrics.bootstrap(labels * 2.0 - 1, labels, metrics=("min_dcf", "min_cllr"), resamples=50)
    assert few["min_dcf"] == (0, pytest.approx(2.9 * (1 - 0.025**0.1)))  # both errors at that rate
    assert few["min_cllr"] == (0, pytest.approx(0.8914, abs=1e-4))  # entropy of 31 %


def test_bootstrap_of_constant_scores_has_no_width():
    assert metrics.bootstrap(np.zeros(30), np.arange(30) % 2, resamples=20)["eer"] == (0.5, 0.5)


def test_bootstrap_wrong_arguments_are_an_input_error(rng):
    scores, labels = normal(rng, 5, 5)
    with pytest.raises(InputError, match="'wer' cannot be resampled"):
        metrics.bootstrap(scores, labels, metrics=("wer",))
    with pytest.raises(InputError, match="resamples = 0"):
        metrics.bootstrap(scores, labels, resamples=0)
    with pytest.raises(InputError, match="one per trial"):
        metrics.bootstrap(scores, labels, clusters=["a"])
    with pytest.raises(InputError, match="all 10 trials are of one cluster, 'M1'"):
        metrics.bootstrap(scores, labels, clusters=["M1"] * 10)


def test_bootstrap_of_the_eval_split_takes_seconds(rng):
    scores, labels = normal(rng, 1298, 12008)
    start = time.process_time()
    metrics.bootstrap(scores, labels, resamples=1000)
    assert time.process_time() - start < 15


def design_effect(scores, labels, names):
    variance = metrics.resample(scores, labels, metrics=("eer",))["eer"].var()
    return over_clusters(scores, labels, names, variance)["design_effect"]


def test_design_effect_speakers_apart_is_large_and_alike_is_one(rng):
    scores, labels, names = speakers(rng, 40, spread=1.0)
    apart = design_effect(scores, labels, names)
    scores, labels, names = speakers(rng, 40, spread=0.0)
    alike = design_effect(scores, labels, names)
    assert apart > 2
    assert alike == pytest.approx(1, abs=0.4)


def test_bootstrap_over_clusters_is_wider_when_speakers_differ(rng):
    scores, labels, names = speakers(rng, 20)
    over_trials = metrics.bootstrap(scores, labels, metrics=("eer",))["eer"]
    over_speakers = metrics.bootstrap(scores, labels, clusters=names, metrics=("eer",))["eer"]
    assert np.ptp(over_speakers) > 1.5 * np.ptp(over_trials)


def test_bootstrap_over_few_clusters_ends_at_wider_percentiles(rng):
    scores, labels, names = speakers(rng, 5)
    values = metrics.resample(scores, labels, clusters=names, metrics=("auc",))["auc"]
    low, high = metrics.bootstrap(scores, labels, clusters=names, metrics=("auc",))["auc"]
    # Student's t with 4 degrees of freedom: 2.78 instead of 1.96 standard deviations, the 0.27th percentile.
    assert (low, high) == pytest.approx(tuple(np.quantile(values, [0.00274, 0.99726])), abs=1e-4)


@pytest.mark.parametrize("name", ["min_dcf", "min_cllr"])
def test_bootstrap_of_minima_lies_around_the_value_and_its_optimism(rng, name):
    scores, labels = normal(rng, 60, 90)
    point = metrics.evaluate(scores, labels)[name]
    values = metrics.resample(scores, labels, metrics=(name,), resamples=300)
    low, high = metrics.bootstrap(scores, labels, metrics=(name,), resamples=300)[name]
    assert values[name].mean() < point
    assert np.sqrt(low * high) == pytest.approx(point + values[f"{name}_optimism"].mean())
    assert low < point < high < 1


@pytest.mark.parametrize("digits", [0, 8], ids=["ties", "continuous"])
def test_resample_optimism_is_the_chosen_threshold_on_all_trials_less_on_the_drawn_ones(rng, digits):
    scores, labels = normal(rng, 30, 50)
    scores = np.round(scores, digits)
    values = metrics.resample(scores, labels, metrics=("min_dcf",), resamples=20, seed=3)
    (weights,) = draws(labels, None, 20, 3)
    for k, row in enumerate(weights):
        drawn = np.repeat(np.arange(80), row.astype(int))
        far, frr, thresholds = metrics.roc(scores[drawn], labels[drawn])
        chosen = thresholds[costs.dcf(far, frr).argmin()]
        on_all = costs.dcf((scores[labels == 0] >= chosen).mean(), (scores[labels == 1] < chosen).mean())
        assert values["min_dcf_optimism"][k] == pytest.approx(on_all - values["min_dcf"][k])


def test_isotonic_optimism_of_the_same_trials_is_none_and_of_unseen_ones_finite():
    genuine, spoof = np.array([0.0, 0.5, 0.5]), np.array([0.5, 0.5, 0.0])
    assert costs.isotonic_optimism((genuine, spoof), (genuine, spoof), (0.5, 0.5)) == 0
    # The resample has separated classes, the trials have not: without the extra trials the cost would be infinite.
    drawn = np.array([0.0, 0.0, 1.0]), np.array([1.0, 0.0, 0.0])
    assert 0 < costs.isotonic_optimism(drawn, (genuine, spoof), (0.5, 0.5)) < 1


def test_over_clusters_finds_the_speaker_that_makes_the_errors(rng):
    scores, labels, names = speakers(rng, 8, spread=0.0)
    scores = scores + 4 * (labels - 0.5)
    scores[names == "M0003"] *= -1
    found = over_clusters(scores, labels, names, 1.0, resamples=20)
    assert (found["count"], found["most"]["cluster"]) == (8, "M0003")
    assert found["most"]["without"] < metrics.evaluate(scores, labels)["eer"] / 3


def test_leave_one_out_of_a_class_is_not_a_number():
    found = leave_one_out(np.array([1.0, 0.0, 0.5]), np.array([1, 0, 0]), ["a", "b", "c"])
    assert found.isna().to_dict() == {"a": True, "b": False, "c": False}


def test_resample_known_metrics_are_those_of_evaluate(rng):
    result = metrics.evaluate(*normal(rng, 5, 5))
    assert set(resampling.METRICS) <= set(result)
