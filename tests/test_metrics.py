"""Metrics by their limits, by hand and against scikit-learn."""

import numpy as np
import pytest
from sklearn import metrics as reference
from sklearn.isotonic import IsotonicRegression

from lib import metrics
from lib.errors import InputError
from lib.metrics import measures

LABELS = np.array([1, 1, 0, 0, 0])
KEYS = (
    "eer eer_hull auc accuracy balanced_accuracy mcc constant_accuracy min_dcf act_dcf cllr min_cllr n_genuine n_spoof"
).split()


@pytest.fixture(params=["continuous", "ties"])
def trials(request, rng):
    labels = np.r_[np.ones(60, int), np.zeros(140, int)]
    rng.shuffle(labels)
    scores = rng.normal(size=200) + 1.2 * labels
    return (scores if request.param == "continuous" else np.round(scores, 0)), labels


def test_evaluate_gives_every_key_in_order(trials):
    result = metrics.evaluate(*trials)
    assert list(result) == KEYS
    assert (result["n_genuine"], result["n_spoof"], result["constant_accuracy"]) == (60, 140, 0.7)


def test_evaluate_perfect_scores_reach_the_best_value():
    result = metrics.evaluate([3e3, 2e3, -1e3, -2e3, -3e3], LABELS)
    best = {"eer": 0, "auc": 1, "accuracy": 1, "balanced_accuracy": 1, "mcc": 1}
    best |= {"min_dcf": 0, "act_dcf": 0, "cllr": 0, "min_cllr": 0}
    assert {key: result[key] for key in best} == best


def test_evaluate_inverted_scores_reach_the_worst_value():
    result = metrics.evaluate([-3e3, -2e3, 1e3, 2e3, 3e3], LABELS)
    worst = {"eer": 1, "auc": 0, "accuracy": 0, "balanced_accuracy": 0, "mcc": -1, "min_dcf": 1, "min_cllr": 1}
    assert {key: result[key] for key in worst} == worst
    assert result["cllr"] > 1000 and result["act_dcf"] == pytest.approx(2.9)


def test_evaluate_constant_scores_say_nothing():
    result = metrics.evaluate(np.zeros(5), LABELS)
    assert (result["eer"], result["auc"], result["balanced_accuracy"], result["mcc"]) == (0.5, 0.5, 0.5, 0)
    assert (result["cllr"], result["min_dcf"]) == (1, 1)
    assert result["min_cllr"] == pytest.approx(1)


def test_evaluate_agrees_with_scikit_learn(trials):
    scores, labels = trials
    said = (scores >= 0.3).astype(int)
    result = metrics.evaluate(scores, labels, threshold=0.3)
    assert result["auc"] == pytest.approx(reference.roc_auc_score(labels, scores))
    assert result["accuracy"] == pytest.approx(reference.accuracy_score(labels, said))
    assert result["balanced_accuracy"] == pytest.approx(reference.balanced_accuracy_score(labels, said))
    assert result["mcc"] == pytest.approx(reference.matthews_corrcoef(labels, said))


def test_evaluate_monotone_change_keeps_what_ranks_decide(trials):
    scores, labels = trials
    before, after = metrics.evaluate(scores, labels), metrics.evaluate(np.sinh(3 * scores) + 40, labels)
    for key in ("eer", "auc", "min_dcf", "min_cllr"):
        assert after[key] == pytest.approx(before[key], abs=1e-12)
    assert after["cllr"] > before["cllr"]


def test_evaluate_order_of_trials_changes_nothing(trials, rng):
    scores, labels = trials
    order = rng.permutation(len(labels))
    after = metrics.evaluate(scores[order], labels[order])
    assert after == pytest.approx(metrics.evaluate(scores, labels), abs=1e-12)


@pytest.mark.parametrize(
    ("scores", "labels", "said"),
    [
        ([0.0, np.nan], [0, 1], "1 of 2 scores are not finite"),
        ([0.0, np.inf], [0, 1], "position 1"),
        ([0.0, 1.0], [0, 0], "one class"),
        ([0.0, 1.0], [-1, 1], "label .*-1"),
        ([0.0, 1.0, 2.0], [0, 1], "shape"),
        ([], [], "one class"),
    ],
)
def test_evaluate_bad_arrays_are_an_input_error(scores, labels, said):
    with pytest.raises(InputError, match=said):
        metrics.evaluate(scores, labels)


def test_eer_between_two_points_is_interpolated():
    # Genuine 3, 1; spoof 2, 1, 0. From (FAR, FRR) = (1/3, 1/2) the tie at 1 leads to
    # (2/3, 0): FAR = FRR at 1/3 + t/3 = 1/2 - t/2, so t = 1/5 and the EER is 2/5.
    rate, threshold = metrics.eer([3, 1, 2, 1, 0], LABELS)
    assert rate == pytest.approx(0.4, abs=1e-15)
    assert threshold == 1.5  # half-way from 2, the nearer of the two points, to 1


def test_eer_ties_in_file_order_count_the_same():
    scores = np.array([1, 1, 1, 1, 0.0])
    for labels in ([1, 1, 0, 0, 0], [0, 0, 1, 1, 0]):
        assert metrics.eer(scores, labels)[0] == pytest.approx(0.4)


def test_eer_separated_classes_put_the_threshold_half_way():
    assert metrics.eer([4, 3, 1, 0, -1], LABELS) == (0, 2)


@pytest.mark.parametrize("low", [1.0, np.nextafter(1.0, 0), -np.nextafter(1.0, 2)])
def test_eer_neighbouring_floats_are_told_apart_by_the_threshold(low):
    # The middle of two neighbours rounds to one of them, now the lower, now the higher.
    scores = np.array([np.nextafter(low, 2), low])
    rate, threshold = metrics.eer(scores, [1, 0])
    assert rate == 0
    assert metrics.confusion(scores, [1, 0], threshold).tolist() == [[1, 0], [0, 1]]


def test_eer_hull_by_hand_and_at_its_limits():
    # ROC (0, 1), (0, 1/2), (1/3, 1/2), (1/3, 0), (1, 0): the hull goes from (0, 1/2) to (1/3, 0).
    assert measures.eer_hull([4, 2, 3, 1, 0], [1, 1, 0, 0, 0]) == pytest.approx(0.2)
    assert metrics.eer([4, 2, 3, 1, 0], [1, 1, 0, 0, 0])[0] == pytest.approx(1 / 3)
    assert measures.eer_hull([2, 1, 0], [1, 0, 0]) == 0
    assert measures.eer_hull([0, 1, 2], [1, 0, 0]) == pytest.approx(0.5)  # inverted: a coin does better
    assert measures.eer_hull(np.zeros(6), np.arange(6) % 2) == pytest.approx(0.5)


def test_eer_hull_is_that_of_isotonic_ratios_and_not_above_the_eer(rng):
    labels = np.arange(400) % 2
    scores = np.round(rng.normal(size=400) + labels, 1)
    fit = IsotonicRegression().fit_transform(scores, labels)  # one step of the ROC for each edge of the hull
    assert measures.eer_hull(scores, labels) == pytest.approx(metrics.eer(fit, labels)[0])
    assert measures.eer_hull(scores, labels) <= metrics.eer(scores, labels)[0]


def test_eer_threshold_balances_the_errors(trials):
    scores, labels = trials
    _, threshold = metrics.eer(scores, labels)
    assert np.isfinite(threshold)
    far, frr, _ = metrics.roc(scores, labels)
    (_, false), (missed, _) = metrics.confusion(scores, labels, threshold)
    assert abs(false / 140 - missed / 60) == pytest.approx(np.abs(far - frr).min(), abs=1e-12)


def test_eer_of_two_normal_distributions_is_the_known_one():
    from scipy.stats import norm

    grid = norm.ppf((np.arange(20_000) + 0.5) / 20_000)
    scores, labels = np.r_[grid + 2, grid], np.r_[np.ones(20_000, int), np.zeros(20_000, int)]
    assert metrics.eer(scores, labels)[0] == pytest.approx(norm.cdf(-1), abs=1e-4)
    assert metrics.eer(scores, labels)[1] == pytest.approx(1, abs=1e-3)


def test_roc_runs_from_nothing_to_everything_accepted(trials):
    far, frr, thresholds = metrics.roc(*trials)
    assert (far[0], frr[0], thresholds[0]) == (0, 1, np.inf)
    assert (far[-1], frr[-1]) == (1, 0)
    assert (np.diff(far) >= 0).all() and (np.diff(frr) <= 0).all() and (np.diff(thresholds) < 0).all()
    for k in (1, len(far) // 2, -1):
        (_, false), (missed, _) = metrics.confusion(*trials, thresholds[k])
        assert (far[k], frr[k]) == pytest.approx((false / 140, missed / 60))


def test_confusion_score_at_the_threshold_says_genuine():
    assert metrics.confusion([0.0, -0.1, 0.0, -1, -2], LABELS, 0.0).tolist() == [[2, 1], [1, 1]]


def test_report_prints_spoof_first_without_warning(recwarn):
    text = metrics.report([1.0, 1, 1, 1, 1], LABELS, 0.0)
    assert text.index("spoof") < text.index("genuine")
    assert "0.40" in text
    assert not recwarn.list


def test_bayes_threshold_of_asvspoof5_is_minus_ln_beta():
    assert measures.bayes_threshold() == pytest.approx(-np.log(1.9))
    assert measures.bayes_threshold(metrics.Costs(0.5, 1, 1)) == 0


@pytest.mark.parametrize("costs", [(0, 1, 1), (1, 1, 1), (0.5, 0, 1), (0.5, 1, -2), (0.5, np.inf, 1), (np.nan, 1, 1)])
def test_bayes_threshold_impossible_costs_are_an_input_error(costs):
    with pytest.raises(InputError, match="must be"):
        measures.bayes_threshold(metrics.Costs(*costs))


def test_min_dcf_by_hand():
    # Weights of ASVspoof 5: a miss 0.95, an acceptance 0.5, over 0.5. Accepting the upper
    # genuine trial and one of three spoofs costs 1.9 / 2 + 1 / 3; both genuine and two
    # spoofs 2 / 3; everything 1; the upper genuine alone 0.95.
    assert metrics.evaluate([3, 1, 2, 1.5, 0], LABELS)["min_dcf"] == pytest.approx(2 / 3)
    assert metrics.evaluate([3, 1, 2, 1.5, 1.2], LABELS)["min_dcf"] == pytest.approx(0.95)


def test_act_dcf_is_the_cost_at_the_bayes_threshold():
    costs = metrics.Costs(p_spoof=0.5, c_miss=1, c_fa=1)
    assert metrics.evaluate([1, -1, 1, -1, -1], LABELS, costs=costs)["act_dcf"] == pytest.approx(1 / 2 + 1 / 3)
    assert metrics.evaluate([1, -1, 1, -1, -1], LABELS)["act_dcf"] == pytest.approx(1.9 / 2 + 1 / 3)


def test_act_dcf_is_never_below_min_dcf(rng):
    for _ in range(50):
        scores = rng.normal(size=40) * 3
        labels = np.arange(40) % 3 == 0
        costs = metrics.Costs(*rng.uniform(0.05, 0.95, 3))
        found = metrics.evaluate(scores, labels, costs=costs)
        assert found["act_dcf"] >= found["min_dcf"] - 1e-12


def test_cllr_by_hand():
    # ln 3 to a genuine trial leaves a quarter of doubt, -ln 3 to a spoof as well: log2(4/3).
    assert metrics.cllr([np.log(3), -np.log(3)], [1, 0]) == pytest.approx(np.log2(4 / 3))


def test_cllr_true_log_likelihood_ratios_need_no_calibration(rng):
    labels = np.arange(40_000) % 2
    x = rng.normal(size=40_000) + labels
    ratio = x - 0.5  # ln N(x; 1, 1) - ln N(x; 0, 1)
    assert metrics.cllr(ratio, labels) == pytest.approx(measures.min_cllr(ratio, labels), abs=0.005)
    assert metrics.cllr(4 * ratio, labels) > metrics.cllr(ratio, labels) + 0.1


def test_cllr_sure_and_wrong_is_finite():
    assert metrics.cllr([-1000.0, 1000.0], [1, 0]) == pytest.approx(1000 / np.log(2))


def test_min_cllr_agrees_with_scikit_learn_isotonic_regression(trials):
    scores, labels = trials
    weights = np.where(labels == 1, 1 / 60, 1 / 140)
    p = IsotonicRegression().fit(scores, labels, sample_weight=weights).predict(scores)
    genuine, spoof = p[labels == 1], p[labels == 0]
    expected = (-np.log2(genuine).mean() - np.log2(1 - spoof).mean()) / 2
    assert measures.min_cllr(scores, labels) == pytest.approx(expected, abs=1e-9)
