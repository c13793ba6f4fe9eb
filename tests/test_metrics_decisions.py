"""Calibration, threshold card and breakdowns."""

import numpy as np
import pandas as pd
import pytest
from conftest import normal, table
from scipy.stats import norm

from lib import metrics
from lib.errors import InputError
from lib.metrics import decisions, measures

# --- calibration


def test_calibrate_finds_the_line_of_normal_scores(rng):
    # With equal variances the log-likelihood ratio is distance x score; the scores are 3 x + 5.
    scores, labels = normal(rng, 20_000, 40_000)
    line = metrics.calibrate(3 * scores + 5, labels)
    assert line.slope == pytest.approx(1.6 / 3, rel=0.03)
    assert line.offset == pytest.approx(-5 * 1.6 / 3, rel=0.03)


def test_calibrate_lowers_cllr_to_near_its_minimum_on_other_trials(rng):
    dev, dev_labels = normal(rng, 500, 500)
    scores, labels = normal(rng, 2000, 9000)
    line = metrics.calibrate(9 * dev - 20, dev_labels)
    before, after = (
        metrics.cllr(9 * scores - 20, labels),
        metrics.cllr(metrics.calibrated(9 * scores - 20, line), labels),
    )
    assert before > 3
    assert after == pytest.approx(measures.min_cllr(scores, labels), abs=0.02)


def test_calibrate_does_not_depend_on_the_share_of_genuine_trials():
    grid = norm.ppf((np.arange(2000) + 0.5) / 2000)
    lines = []
    for times in (1, 9):
        spoof = np.repeat(grid - 0.8, times)
        lines.append(metrics.calibrate(np.r_[grid + 0.8, spoof], np.r_[np.ones(2000, int), np.zeros(len(spoof), int)]))
    assert lines[0].slope == pytest.approx(lines[1].slope, rel=0.01)
    assert lines[0].offset == pytest.approx(lines[1].offset, abs=0.01)


def test_calibrate_separated_inverted_and_constant_scores_stay_finite(recwarn):
    labels = np.array([1, 1, 0, 0])
    # Platt's targets for two trials of a class are 3/4 and 1/4: a gentle slope, whatever the optimiser does.
    assert metrics.calibrate([3, 2, 1, 0.0], labels) == pytest.approx((0.908, -1.5 * 0.908), rel=0.01)
    assert metrics.calibrate([0, 1, 2, 3.0], labels) == pytest.approx((-0.908, 1.5 * 0.908), rel=0.01)
    assert metrics.calibrate([5.0] * 4, labels) == (0, 0)
    assert not recwarn.list


def test_threshold_card_cuts_at_the_bayes_threshold(rng):
    scores, labels = normal(rng, 3000, 3000)
    card = metrics.threshold_card(scores, labels)
    line = metrics.calibrate(scores, labels)
    assert metrics.calibrated(card["threshold"], line) == pytest.approx(measures.bayes_threshold())
    low, high = card["band"]
    assert low < card["threshold"] < high
    assert (card["n_genuine"], card["n_spoof"]) == (3000, 3000)


def test_threshold_card_band_follows_the_cost_of_no_answer(rng):
    scores, labels = normal(rng, 300, 300)
    even = metrics.Costs(p_spoof=0.5, c_miss=1, c_fa=1)
    line = metrics.calibrate(scores, labels)
    # No answer at 0.1: an answer has to be right in 90 % of cases, log-odds of +- ln 9.
    card = metrics.threshold_card(scores, labels, costs=even, c_unsure=0.1)
    assert metrics.calibrated(card["band"], line) == pytest.approx([-np.log(9), np.log(9)])
    dear = metrics.threshold_card(scores, labels, costs=even, c_unsure=0.5)
    assert dear["band"] == pytest.approx([dear["threshold"]] * 2)


def test_threshold_card_not_answering_is_cheaper_than_answering(rng):
    scores, labels = normal(rng, 4000, 4000)
    costs = metrics.Costs(p_spoof=0.5, c_miss=1, c_fa=3)
    card = metrics.threshold_card(scores, labels, costs=costs)

    def expected(low, high):
        found = decisions.kept((low, high), {"dev": table(scores, labels)})
        wrong = costs.c_miss * found["dev/wrong_genuine"] + costs.c_fa * found["dev/wrong_spoof"]
        return wrong + card["costs"]["c_unsure"] * (found["dev/unsure_genuine"] + found["dev/unsure_spoof"])

    assert expected(*card["band"]) < expected(card["threshold"], card["threshold"])


def test_threshold_card_wrong_cost_is_an_input_error(rng):
    with pytest.raises(InputError, match="c_unsure = 0"):
        metrics.threshold_card(*normal(rng, 5, 5), c_unsure=0)
    with pytest.raises(InputError, match="p_spoof"):
        metrics.threshold_card(*normal(rng, 5, 5), costs=metrics.Costs(p_spoof=0))
    with pytest.raises(InputError, match="higher score must mean more genuine"):
        metrics.threshold_card([0, 1, 2, 3.0], [1, 1, 0, 0])
    with pytest.raises(InputError, match="carry no information"):
        metrics.threshold_card([5.0] * 4, [1, 1, 0, 0])


# --- breakdown


def broken_down(*arguments, **how):
    return pd.DataFrame(metrics.breakdown(*arguments, **how))


def test_breakdown_by_device_takes_all_genuine_trials(rng):
    scores, labels = normal(rng, 50, 90)
    device = np.r_[["-"] * 50, ["P01"] * 60, ["P02"] * 30]
    result = broken_down(table(scores, labels, playback=device), "playback", resamples=50)
    assert result["group"].tolist() == ["P01", "P02"]
    assert result["n_genuine"].tolist() == [50, 50] and result["n_spoof"].tolist() == [60, 30]
    assert result["pooled"].all()
    here = (labels == 1) | (device == "P02")
    assert result["eer"][1] == metrics.eer(scores[here], labels[here])[0]
    assert (result["eer_low"] <= result["eer"]).all() and (result["eer"] <= result["eer_high"]).all()


def test_breakdown_where_speakers_differ_has_their_interval(rng):
    speaker = np.tile(np.arange(20), 40)
    labels = np.repeat([1, 0], 400)
    scores = rng.normal(size=800) + 1.6 * (labels - 0.5) + rng.normal(size=(2, 20))[labels, speaker]
    found = {"playback": np.where(labels, "-", "P01"), "speaker": np.char.mod("M%04d", speaker)}
    whole = table(scores, labels, **found)
    with_speakers, without = (broken_down(t, "playback") for t in (whole, whole.drop(columns="speaker")))
    assert with_speakers["eer"][0] == without["eer"][0]
    widths = [(rows["eer_high"] - rows["eer_low"])[0] for rows in (with_speakers, without)]
    assert widths[0] > 1.5 * widths[1]


def test_breakdown_by_speaker_takes_the_speakers_own_trials(rng):
    scores, labels = normal(rng, 60, 60)
    speaker = np.tile(["M1", "M2", "M3"], 40)
    result = broken_down(table(scores, labels, speaker=speaker), "speaker", resamples=20)
    here = speaker == "M2"
    assert result["eer"][1] == metrics.eer(scores[here], labels[here])[0]
    assert result["n_genuine"].sum() == result["n_spoof"].sum() == 60
    assert not result["pooled"].any() and result["small"].all()


def test_breakdown_group_of_one_class_has_no_number(rng):
    scores, labels = normal(rng, 40, 40)
    speaker = np.r_[["M1"] * 40, ["M2"] * 40]
    result = broken_down(table(scores, labels, speaker=speaker), "speaker", resamples=20)
    assert result["eer"].isna().all() and result["small"].all()


def test_breakdown_by_duration_makes_groups_of_equal_size_in_order(rng):
    scores, labels = normal(rng, 200, 200)
    result = broken_down(table(scores, labels, duration=rng.permutation(400) / 100), "duration", resamples=20)
    assert result["group"].tolist() == ["0.00 to 1.00", "1.00 to 2.00", "2.00 to 2.99", "2.99 to 3.99"]
    assert (result["n_genuine"] + result["n_spoof"]).tolist() == [100] * 4


def test_breakdown_by_configuration_joins_its_three_columns(rng):
    scores, labels = normal(rng, 4, 4)
    columns = {
        name: ["-"] * 4 + [f"{name[0].upper()}{k % 2}" for k in range(4)] for name in ("environment", "playback")
    }
    result = broken_down(
        table(scores, labels, **columns, recorder=["-"] * 4 + ["R1"] * 4), "configuration", resamples=9
    )
    assert result["group"].tolist() == ["E0/P0/R1", "E1/P1/R1"]


def test_breakdown_of_an_unknown_or_empty_column_is_an_input_error(rng):
    scores, labels = normal(rng, 4, 4)
    with pytest.raises(InputError, match="no column 'room' to break down by: expected one of "):
        broken_down(table(scores, labels), "room")
    with pytest.raises(InputError, match="is unknown \\('-'\\) for every spoof trial"):
        broken_down(table(scores, labels, recorder="-"), "recorder")


# --- the band of no answer


def drawn(rng, count, distance, shift=0.0):
    labels = np.repeat([1, 0], count)
    return pd.DataFrame({"score": rng.normal(size=2 * count) + distance * labels + shift, "label": labels})


def test_kept_counts_both_classes_inside_and_outside():
    found = decisions.kept(
        (-1, 1), {"dev": pd.DataFrame({"score": [2, 0, -2, -3, 1, -1.0], "label": [1, 1, 1, 1, 0, 0]})}
    )
    shares = {name.removeprefix("dev/"): value for name, value in found.items() if "_ci" not in name}
    assert shares == {
        "band_low": -1, "band_high": 1, "wrong_spoof": 0.5, "unsure_spoof": 0.5, "wrong_genuine": 0.5,
        "unsure_genuine": 0.25,
    }  # fmt: skip


def test_kept_no_error_of_twenty_is_no_promise_of_none():
    found = decisions.kept(
        (0, 0), {"dev": pd.DataFrame({"score": [1.0] * 20 + [-1.0] * 20, "label": [1] * 20 + [0] * 20})}
    )
    assert found["dev/wrong_spoof"] == found["dev/wrong_spoof_ci_low"] == 0
    assert found["dev/wrong_spoof_ci_high"] == metrics.rate_interval(0, 20)[1] > 0.1


def test_caution_says_where_the_promise_breaks(rng):
    dev = drawn(rng, 300, 3.0)
    same, worse = ({"dev": dev, "eval": drawn(rng, 300, 3.0, shift)} for shift in (0.0, 1.5))
    assert "more than" not in decisions.caution(decisions.for_even_costs(same))
    found = decisions.for_even_costs(worse)
    said = decisions.caution(found)
    assert "the wrong one, more than dev led to expect; on dev" in said
    assert f" and {100 * found['eval/wrong_spoof']:.1f} [" in said
    assert f" and {100 * found['eval/unsure_spoof']:.1f} [" in said
    card = metrics.threshold_card(dev["score"], dev["label"], costs=decisions.EVEN)
    assert [found["dev/band_low"], found["dev/band_high"]] == card["band"]


def test_scores_without_order_have_no_band_and_no_caution(rng):
    inverted = drawn(rng, 30, -2.0)
    assert decisions.for_even_costs({"dev": inverted, "eval": inverted}) == {}
    assert decisions.caution({}) == ""
