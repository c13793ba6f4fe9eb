"""Over what intervals are taken, and how wide they are."""

import numpy as np
import pandas as pd
import pytest

from lib import metrics
from lib.errors import InputError
from lib.metrics import resampling
from lib.metrics.clusters import breakdown, decided, spreads


def corpus(rng, speakers, *, spread=1.0, each=10, configurations=0, effect=0.0):
    """Scores of trials whose speakers, and whose spoofs' configurations, are shifted, each class on its own."""
    labels, names = np.tile(np.repeat([1, 0], each), speakers), np.repeat(np.arange(speakers), 2 * each)
    scores = rng.normal(size=len(labels)) + 2 * labels - 1 + spread * rng.normal(size=(speakers, 2))[names, labels]
    table = pd.DataFrame({"score": scores, "label": labels, "speaker": np.char.mod("M%04d", names)})
    if configurations:
        which = rng.integers(0, configurations, len(labels))
        table["score"] += (1 - labels) * effect * rng.normal(size=configurations)[which]
        for column in ("environment", "playback", "recorder"):
            table[column] = np.where(labels == 1, "-", np.char.mod("E%02d", which))
    return table


def found(table, **how):
    how = {"metrics": ("eer", "auc"), "resamples": 300} | how
    return spreads(table, metrics.evaluate(table["score"], table["label"]), **how)


def test_design_effect_speakers_apart_is_large_and_alike_is_one(rng):
    assert found(corpus(rng, 40, spread=1.0))["clusters"]["speaker"]["design_effect"] > 2
    assert found(corpus(rng, 40, spread=0.0))["clusters"]["speaker"]["design_effect"] == pytest.approx(1, abs=0.4)


def test_spreads_show_the_widest_interval_and_say_over_what(rng):
    result = found(corpus(rng, 20))
    assert result["interval_over"] == "speakers"
    assert np.ptp(result["eer_ci"]) > 1.5 * np.ptp(result["trials"]["eer_ci"])
    for name in ("eer_ci", "auc_ci"):
        parts = [result["trials"][name], result["clusters"]["speaker"][name]]
        assert result[name] == [min(low for low, _ in parts), max(high for _, high in parts)]


def test_spreads_of_speakers_and_configurations_that_both_vary_are_wider_than_either(rng):
    result = found(corpus(rng, 12, configurations=12, effect=1.0, each=40))
    both = np.ptp(result["speaker_and_configuration"]["eer_ci"])
    assert result["interval_over"] == "speakers and configurations"
    assert both > 1.05 * max(np.ptp(part["eer_ci"]) for part in result["clusters"].values())
    assert result["eer_ci"] == result["speaker_and_configuration"]["eer_ci"]


def test_spreads_over_few_speakers_say_why_there_is_no_interval(rng):
    assert found(corpus(rng, 3))["interval_over"] == "speakers"
    result = found(corpus(rng, 2))
    part = result["clusters"]["speaker"]
    assert part["eer_ci"] is None and part["design_effect"] is None and part["most"]["cluster"]
    assert part["why"].startswith("No interval is shown: 2 speakers are too few for one (at least 3 of each class)")
    assert [result[name] for name in ("interval_over", "eer_ci", "auc_ci")] == [None] * 3
    assert np.ptp(result["trials"]["eer_ci"]) > 0


def test_spreads_of_a_class_of_two_speakers_beside_many_of_the_other_have_no_interval(rng):
    table = corpus(rng, 12)
    for speakers, enough in ((2, False), (3, True)):
        of_genuine = np.char.mod("G%d", np.arange(len(table)) % speakers)
        result = found(table.assign(speaker=table["speaker"].where(table["label"] == 0, of_genuine)))
        assert (result["eer_ci"] is not None) == enough and ("why" in result["clusters"]["speaker"]) != enough


def test_spreads_over_speakers_hold_the_value_of_a_perfect_system(rng):
    table = corpus(rng, 6)
    result = found(table.assign(score=table["score"] + 99 * table["label"]), metrics=("eer", "auc", "mcc"))
    for name, value in (("eer", 0.0), ("auc", 1.0), ("mcc", 1.0)):
        low, high = result["clusters"]["speaker"][f"{name}_ci"]
        assert low <= value <= high, name
    low, high = result["clusters"]["speaker"]["auc_ci"]
    assert (1 - low) * len(table) == pytest.approx(0.5)  # half a trial from the bound, where all resamples are alike


def test_breakdown_of_two_speakers_has_no_interval(rng):
    rows = breakdown(corpus(rng, 4).assign(pair=lambda t: t["speaker"].replace({"M0001": "M0000"})), "pair")
    assert [row["eer_low"] is None for row in rows] == [True, False, False]


def test_spreads_find_the_speaker_that_makes_the_errors(rng):
    table = corpus(rng, 8, spread=0.0)
    table["score"] += 4 * (table["label"] - 0.5)
    table.loc[table["speaker"] == "M0003", "score"] *= -1
    part = found(table)["clusters"]["speaker"]
    assert (part["count"], part["most"]["cluster"]) == (8, "M0003")
    assert part["most"]["without"] < metrics.eer(table["score"], table["label"])[0] / 3


def test_decided_over_trials_alone_has_exact_rates(rng):
    table = corpus(rng, 20).drop(columns="speaker")
    accepted = table["score"] > 0.5
    result = decided(table, accepted)
    for name, label in (("far", 0), ("frr", 1)):
        wrong = (accepted != label)[table["label"] == label] if label else accepted[table["label"] == 0]
        assert result[name] == wrong.mean()
        assert result[f"{name}_ci"] == list(metrics.rate_interval(wrong.sum(), len(wrong)))
    assert result["balanced_accuracy"] == pytest.approx(1 - (result["far"] + result["frr"]) / 2)


def test_decided_where_speakers_differ_is_less_sure_than_trials(rng):
    table = corpus(rng, 20, spread=1.5, each=40)
    apart, alike = (decided(t, t["score"] > 0) for t in (table, table.drop(columns="speaker")))
    for name in ("far", "frr", "accuracy", "balanced_accuracy", "mcc", "dcf"):
        assert apart[name] == alike[name]
        assert np.ptp(apart[f"{name}_ci"]) > 1.5 * np.ptp(alike[f"{name}_ci"])


def test_decided_where_one_speaker_makes_the_errors_stays_sensible(rng):
    table = corpus(rng, 24, spread=0.0, each=50)
    accepted = np.where(table["speaker"] == "M0003", 1 - table["label"], table["label"])
    low, high = decided(table, accepted)["frr_ci"]  # one of 24 speakers: about that of one error in 24
    assert (low, high) == pytest.approx(metrics.rate_interval(1, 24), abs=0.04)
    few = table[table["speaker"] < "M0002"]
    result = decided(few, few["label"])
    assert (result["frr"], result["frr_ci"], result["dcf_ci"]) == (0, None, None)  # two speakers say nothing


def test_spreads_without_a_class_left_have_no_eer_without_the_cluster():
    table = pd.DataFrame({"score": [1.0, 0.0, 0.5], "label": [1, 0, 0], "speaker": ["a", "b", "a"]})
    assert found(table)["clusters"]["speaker"]["most"] == {"cluster": "b", "without": pytest.approx(0)}
    assert found(table.assign(speaker=["a", "b", "b"]))["clusters"] == {}


def test_spreads_name_the_class_that_is_of_one_speaker(rng):
    table = corpus(rng, 4)
    assert found(table)["single"] == []
    table.loc[table["label"] == 0, "speaker"] = "M0001"
    result = found(table)
    assert result["single"] == [["spoof", "speaker"]] and result["interval_over"] == "trials"


def test_spreads_over_speakers_of_one_trial_each_are_those_over_trials(rng):
    table = corpus(rng, 20)
    assert found(table.assign(speaker=[f"M{k}" for k in range(len(table))]))["clusters"] == {}


def test_decided_draws_many_units_in_parts(rng, monkeypatch):
    table = corpus(rng, 200, spread=0.5)
    monkeypatch.setattr(resampling, "_BLOCK", 100)
    few = decided(table, table["score"] > 0, resamples=400)
    monkeypatch.undo()
    assert few["far_ci"] == pytest.approx(decided(table, table["score"] > 0, resamples=400)["far_ci"], abs=0.01)


@pytest.mark.parametrize(
    ("durations", "groups"),
    [((1.0, 2.0, 3.0, 4.0, 5.0), ["1.00 to 2.00", "2.00 to 3.00", "3.00 to 4.00", "4.00 to 5.00"]),
     ((3.0, 3.001, 3.002), ["3.000 to 3.001", "3.001 to 3.002"])],
)  # fmt: skip
def test_breakdown_of_numbers_names_each_group_by_as_many_digits_as_it_takes(rng, durations, groups):
    table = corpus(rng, 4).drop(columns="speaker")
    rows = breakdown(table.assign(duration=np.resize(durations, len(table))), "duration", resamples=20)
    assert [row["group"] for row in rows] == groups
    with pytest.raises(InputError, match="column 'duration' is 4 for every trial: nothing to break down"):
        breakdown(table.assign(duration=4.0), "duration")


def test_spreads_of_few_errors_end_at_the_bounds_of_a_metric(rng):
    for _ in range(6):
        table = corpus(rng, 12, configurations=12, effect=1.0, each=40)
        table["score"] += 3.5 * (table["label"] - 0.5)
        result = found(table, metrics=("eer", "auc", "mcc"))
        for name in ("eer", "auc", "mcc"):
            low, high = result["speaker_and_configuration"][f"{name}_ci"]
            assert 0 <= low <= high <= 1, name
