"""What one change at a time does to several systems: table, choice and sentences."""

import numpy as np
import pandas as pd
import pytest

from lib import comparison, metrics
from lib.plots import evaluation

LABELS = np.r_[np.ones(80, int), np.zeros(120, int)]
TRIALS = pd.DataFrame({"label": LABELS})


@pytest.fixture(scope="module")
def scores():
    """Two seeds of two systems: "better" helps both and "worse" hurts both, "same" changes nothing."""
    rng = np.random.default_rng(5)
    found = {}
    for system in ("one", "two"):
        plain = [rng.normal(size=200) + 1.5 * LABELS for _ in range(2)]
        for change, gain in {"none": 0.0, "better": 0.8, "same": 0.0, "worse": -0.8}.items():
            found[system, change] = [2 * (s + gain * LABELS) + 1 for s in plain]
    return found


@pytest.fixture(scope="module")
def table(scores):
    return comparison.measure_changes(scores, TRIALS)


def test_measure_changes_compares_calibrated_seeds_with_none(table, scores):
    def ratios(change):
        return [metrics.calibrated(s, metrics.calibrate(s, LABELS)) for s in scores["two", change]]

    expected = metrics.compare(ratios("worse"), ratios("none"), LABELS, metric="cllr")
    found = table.loc["two", "cllr", "worse"].to_dict()
    assert found.pop("p") >= expected.pop("p")
    assert found == pytest.approx(expected)
    assert found["first"] == pytest.approx(np.mean([metrics.cllr(r, LABELS) for r in ratios("worse")]))
    eer = np.mean([metrics.eer(s, LABELS)[0] for s in scores["one", "none"]])
    assert table.loc["one", "eer", "none"].tolist() == [eer, eer, 0, 0, 0, 1]


def test_measure_changes_corrects_p_over_the_changes_of_a_system_and_metric(scores, rng):
    plain, gains = scores["one", "none"], {"more": 0.3, "less": -0.3, "hardly": 0.1}
    moved = {name: gain * (LABELS + rng.normal(size=200)) for name, gain in gains.items()}
    slight = {("one", name): [s + more for s in plain] for name, more in moved.items()}
    every = {("one", "none"): plain, ("two", "none"): plain} | slight
    found = comparison.measure_changes(every, TRIALS)["p"]
    alone = [metrics.compare(own, plain, LABELS)["p"] for own in slight.values()]
    assert 0.001 < min(alone) and max(alone) < 0.9  # so that every factor shows
    assert [found["one", "eer", name] for name in gains] == pytest.approx(metrics.holm(alone).tolist())
    of_cllr = comparison.measure_changes(every, TRIALS, ["cllr"])["p"]
    assert found.loc[of_cllr.index].tolist() == pytest.approx(of_cllr.tolist(), abs=0)


def test_changes_marks_what_is_no_luck_and_shows_none_as_it_is(table):
    shown = comparison.changes(table)
    assert list(shown.columns) == [("one", "EER, %"), ("one", "Cllr, bits"), ("two", "EER, %"), ("two", "Cllr, bits")]
    assert shown["one", "EER, %"]["none"] == f"{100 * table.loc['one', 'eer', 'none']['first']:.1f}"
    assert shown["one", "EER, %"]["better"].startswith("-") and shown["one", "EER, %"]["better"].endswith("] *")
    assert shown["two", "Cllr, bits"]["worse"].startswith("+") and shown["two", "Cllr, bits"]["worse"].endswith("] *")
    assert shown["one", "EER, %"]["same"] == "+0.0 [+0.0, +0.0]"
    assert ["*" in comparison.changes(table.assign(p=p)).to_string() for p in (0.049, 0.051)] == [True, False]


def test_seeds_that_disagree_leave_a_change_untold(scores):
    mixed = {key: [value[0], value[0]] for key, value in scores.items() if key[0] == "one"}
    mixed["one", "better"] = [2 * (mixed["one", "none"][0] + 3 * LABELS), scores["one", "worse"][0]]
    table = comparison.measure_changes(mixed, TRIALS, ["eer"])
    assert table.loc["one", "eer", "better"]["p"] > 0.05


def test_speakers_who_differ_leave_a_change_untold(scores):
    speaker = np.arange(200) % 4
    mixed = {("one", change): [scores["one", "none"][0]] for change in ("none", "better")}
    mixed["one", "better"] = [mixed["one", "none"][0] + np.array([9, 9, 0, 0])[speaker] * LABELS]
    known = comparison.measure_changes(mixed, TRIALS.assign(speaker=speaker.astype(str)), ["eer"])
    assert comparison.measure_changes(mixed, TRIALS, ["eer"]).loc["one", "eer", "better"]["p"] < 0.01
    assert known.loc["one", "eer", "better"]["p"] > 0.05


def test_changes_of_none_alone_is_one_row(scores):
    alone = {key: value for key, value in scores.items() if key[1] == "none"}
    assert list(comparison.changes(comparison.measure_changes(alone, TRIALS, ["eer"])).index) == ["none"]


def test_figure_has_a_panel_a_system_and_a_row_a_change(table):
    figure = evaluation.changes(table.xs("cllr", level=1), "bits")
    first, second = figure.axes
    assert [axes.get_title() for axes in (first, second)] == ["one", "two"]
    assert [text.get_text() for text in first.get_yticklabels()] == ["none", "better", "same", "worse"]
