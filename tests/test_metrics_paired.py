"""Differences between systems on the same trials: over trials, speakers, replay configurations and seeds."""

import numpy as np
import pandas as pd
import pytest
from conftest import normal, table
from scipy.optimize import brentq
from scipy.stats import norm, t

from lib import metrics
from lib.errors import InputError
from lib.metrics.paired import differences, estimate
from lib.metrics.resampling import CONFIGURATION, resample


def corpus(rng, speakers, configurations=0, *, only_genuine=0, distance=2.4, second=0.0):
    """Two systems of the same EER but for `second`, whose speakers and configurations err differently; 60 trials a
    speaker, a third genuine."""
    labels = np.r_[np.repeat([1, 0], [20 * speakers, 40 * speakers]), np.ones(20 * only_genuine, int)]
    speaker = np.r_[np.repeat(np.arange(speakers), 20), np.repeat(np.arange(speakers), 40)]
    speaker = np.r_[speaker, speakers + np.repeat(np.arange(only_genuine), 20)]
    replay = np.where(labels == 0, rng.integers(0, max(configurations, 1), len(labels)), -1)
    common, found = 0.6 * rng.normal(size=len(labels)), []
    for more in (0.0, second):
        scores = (distance + more) * labels + common + 0.8 * rng.normal(size=len(labels))
        scores += 0.5 * rng.normal(size=(speakers + only_genuine, 2))[speaker, labels]
        found.append(scores + 0.5 * bool(configurations) * rng.normal(size=configurations + 1)[replay] * (labels == 0))
    units = {"speaker": speaker.astype(str)}
    if configurations:
        units["configuration"] = np.where(labels == 0, replay.astype(str), "-")
    return *found, labels, units


def share(times, *arguments, known=("speaker", "configuration"), **given):
    """How many of so many simulated comparisons are significant; in each, p and the interval must agree."""
    rng, told = np.random.default_rng(7), 0
    for _ in range(times):
        first, second, labels, units = corpus(rng, *arguments, **given)
        kept = {kind: names for kind, names in units.items() if kind in known}
        found = metrics.compare(first, second, labels, units=kept)
        assert (found["p"] < 0.05) == (found["low"] > 0 or found["high"] < 0)
        told += found["p"] < 0.05
    return told / times


# --- one rule


def test_holm_corrects_step_by_step():
    np.testing.assert_allclose(metrics.holm([0.01, 0.04, 0.03]), [0.03, 0.06, 0.06])
    np.testing.assert_allclose(metrics.holm([0.9, 0.8]), [1, 1])


@pytest.mark.parametrize("metric", ["eer", "auc", "cllr"])
def test_estimate_varies_as_resampled_trials_do(rng, metric):
    scores, labels = normal(rng, 300, 700)
    found = estimate({0: scores}, labels, metric)
    assert found.value == metrics.evaluate(scores, labels)[metric]
    assert found.moved[labels == 1].sum() == pytest.approx(0) and found.moved[labels == 0].sum() == pytest.approx(0)
    resampled = resample(scores, labels, metrics=(metric,))[metric]
    assert np.sqrt((found.moved**2).sum()) == pytest.approx(resampled.std(), rel=0.12)


def test_estimate_is_that_of_any_monotone_map(rng):
    scores, labels = normal(rng, 40, 60)
    for metric in ("eer", "auc"):
        assert estimate({0: scores}, labels, metric).moved == pytest.approx(
            estimate({0: np.exp(scores)}, labels, metric).moved
        )


def test_compare_a_system_with_itself_is_no_difference(rng):
    scores, labels = normal(rng, 40, 60)
    result = metrics.compare(scores, 2 * scores + 1, labels)
    assert (result["difference"], result["low"], result["high"], result["p"]) == (0, 0, 0, 1)


@pytest.mark.parametrize(("n", "least"), [(1, 1.0), (2, 0.15), (4, 0.0)])
def test_compare_a_spread_of_zero_is_no_sureness(n, least):
    # Swapping the systems in each trial, exactly: the least p of 2 n trials is 2 / 2^(2 n).
    labels = np.repeat([1, 0], n)
    result = metrics.compare(labels * 1.0, -1.0 * labels, labels)
    assert result["difference"] == -1 and max(2 / 2 ** (2 * n), least) <= result["p"]
    assert (result["p"] < 0.05) == (result["high"] < 0) == (n > 2)


def test_compare_two_perfect_systems_are_not_surely_alike(rng):
    labels = np.repeat([1, 0], 20)
    result = metrics.compare(9 * labels + rng.normal(size=40), 9 * labels + rng.normal(size=40), labels)
    assert result["difference"] == 0 and result["p"] == 1
    assert 0.05 < result["high"] == -result["low"] < 0.2


def test_compare_is_surer_in_pairs_than_two_intervals(rng):
    scores, labels = normal(rng, 300, 600)
    better = scores + 0.3 * labels
    result = metrics.compare(scores, better, labels)
    ends = [metrics.bootstrap(s, labels, metrics=("eer",))["eer"] for s in (scores, better)]
    assert ends[0][0] < ends[1][1]  # the intervals overlap
    assert result["low"] > 0 and result["p"] < 0.01
    assert result["low"] < result["difference"] == result["first"] - result["second"] < result["high"]


def test_compare_a_class_of_one_speaker_leaves_everything_open(rng):
    scores, labels = normal(rng, 100, 100)
    speaker = np.where(labels == 1, "M0", np.arange(200) % 5)
    result = metrics.compare(scores, scores + 2 * labels, labels, units={"speaker": speaker})
    assert (result["low"], result["high"], result["p"]) == (-1, 1, 1)


def test_systems_on_spoofs_of_one_speaker_and_one_configuration_are_not_told_apart(rng):
    columns = {"label": np.repeat([1, 0], [20, 40]), "trial": range(60), "speaker": np.repeat(["M0", "M1"], [20, 40])}
    columns |= {name: np.repeat(["-", "X1"], [20, 40]) for name in CONFIGURATION}
    tables = {
        apart: {0: pd.DataFrame({**columns, "score": rng.normal(size=60) + apart * columns["label"]})}
        for apart in (0, 4)
    }
    found = metrics.ranking(tables)
    assert found["rank"].tolist() == [1, 1]
    assert found.loc[1, ["p", "difference_low", "difference_high"]].tolist() == [1, -1, 1]


def test_compare_freedom_is_that_of_the_units_that_count(rng):
    def freedom(genuine, spoof):
        """Recovered from p and interval of a difference."""
        speakers = np.repeat(np.arange(len(genuine)), np.add(genuine, spoof))
        labels = np.concatenate([np.repeat([1, 0], pair) for pair in zip(genuine, spoof, strict=True)])
        rows = [estimate({0: rng.normal(size=len(labels)) + labels}, labels, "auc") for _ in range(2)]
        result = differences(rows, labels, {"speaker": speakers.astype(str)}, "auc")
        reach = (result["high"] - result["difference"])[0, 1] / result["error"][0, 1]
        return brentq(lambda f: t.ppf(0.975, f) - reach, 0.3, 500)

    assert freedom([20] * 10, [20] * 10) == pytest.approx(9)
    assert 7 < freedom([20] * 10 + [20] * 2, [20] * 10 + [0] * 2) < 12  # two that are only genuine take nothing away
    assert freedom([200] + [5] * 9, [200] + [5] * 9) < 2.5  # one holds most trials


def test_against_agrees_with_its_interval(rng):
    for shift in np.linspace(0, 0.5, 30):
        scores, labels = normal(rng, 60, 60, shift)
        found = metrics.against(scores, labels, 0.5, units={"speaker": (np.arange(120) % 12).astype(str)})
        assert (found["p"] < 0.05) == (not found["low"] <= 0.5 <= found["high"])
        assert found["auc"] == metrics.auc(scores, labels)


def test_against_and_ranking_of_nearly_perfect_systems_stay_between_0_and_1(rng):
    scores, labels = normal(rng, 20, 20, 4.5)
    assert metrics.against(scores, labels, 0.5)["high"] == 1
    assert metrics.ranking({"only": {0: table(scores, labels)}}).loc[0, "low"] == 0


def test_differences_over_both_kinds_are_no_surer_than_over_either(rng):
    for _ in range(10):
        *scores, labels, units = corpus(rng, 6, 6)
        rows = [estimate({0: one}, labels, "auc") for one in scores]
        kinds = (units, *({kind: names} for kind, names in units.items()))
        both, *either = (differences(rows, labels, known, "auc")["error"][0, 1] for known in kinds)
        assert both >= max(either) * (1 - 1e-9)


def test_comparison_over_both_kinds_is_right_where_one_is_too_sure():
    assert share(80, 8, 10) < 0.1
    assert share(80, 8, 10, known=()) > 0.2


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "given"),
    [((3,), {}), ((5,), {}), ((24,), {}), ((24,), {"only_genuine": 2}), ((5, 10), {}), ((24, 10), {}), ((24, 57), {})],
)
def test_comparison_finds_no_difference_where_there_is_none(arguments, given):
    assert 0.01 <= share(600, *arguments, **given) <= 0.075


@pytest.mark.slow
def test_comparison_finds_a_difference_with_two_more_speakers_of_one_class_as_without():
    without, beside = (share(200, 24, only_genuine=more, second=0.8) for more in (0, 2))
    assert without > 0.7 and beside > without - 0.1


@pytest.mark.slow
@pytest.mark.parametrize(("genuine", "spoof"), [(10, 10), (20, 20), (10, 2000), (100, 400)])
@pytest.mark.parametrize("rate", [0.002, 0.02, 0.16])
def test_comparison_over_few_trials_and_few_errors_is_not_too_sure(genuine, spoof, rate):
    rng, labels, told = np.random.default_rng(1), np.repeat([1, 0], [genuine, spoof]), 0
    for _ in range(400):
        common = 0.7 * rng.normal(size=len(labels)) - 2 * norm.ppf(rate) * labels
        first, second = (common + 0.714 * rng.normal(size=len(labels)) for _ in range(2))
        told += metrics.compare(first, second, labels)["p"] < 0.05
    assert told / 400 <= 0.08


# --- seeds


def trained(separation, first, count=3):
    labels = np.repeat([1, 0], [60, 140])
    return {seed: table(*scored(separation, first + seed, labels)) for seed in range(count)}


def scored(separation, noise, labels):
    """Scores that separate the labels by so much; another noise is another training."""
    return separation * labels + np.random.default_rng(noise).normal(size=len(labels)), labels


def test_compare_seeds_takes_means_and_only_the_seeds_of_both():
    first, second = trained(1.0, 0, count=4), trained(2.0, 50)
    found = metrics.compare_seeds(first, second)
    means = [np.mean([metrics.eer(t[s]["score"], t[s]["label"])[0] for s in range(3)]) for t in (first, second)]
    assert [found["first"], found["second"]] == pytest.approx(means)
    assert found["seeds"] == 3 and 0 < found["low"] < found["difference"] < found["high"] and found["p"] < 0.05


def test_compare_seeds_of_one_seed_is_the_paired_comparison():
    first, second = trained(1.0, 1)[0], trained(2.0, 2)[0]
    found = metrics.compare_seeds({5: first}, {5: second, 6: second})
    assert found == {**metrics.compare(first["score"], second["score"], first["label"]), "seeds": 1}


def test_compare_seeds_of_a_seed_repeated_is_that_seed():
    first, second = trained(1.0, 1)[0], trained(2.0, 2)[0]
    repeated = metrics.compare_seeds(dict.fromkeys(range(3), first), dict.fromkeys(range(3), second))
    assert repeated == pytest.approx(metrics.compare_seeds({0: first}, {0: second}) | {"seeds": 3})


def test_compare_seeds_is_wider_where_trainings_differ():
    labels = np.repeat([1, 0], [60, 140])
    alike = {seed: table(*scored(2.0, 1, labels)) for seed in range(3)}
    unlike = {seed: table(*scored(separation, 1, labels)) for seed, separation in enumerate((1.0, 2.0, 3.0))}
    other = {seed: table(*scored(2.0, 9, labels)) for seed in range(3)}
    narrow, wide = (metrics.compare_seeds(first, other) for first in (alike, unlike))
    assert wide["high"] - wide["low"] > 1.3 * (narrow["high"] - narrow["low"])


def test_compare_seeds_interval_holds_the_true_difference():
    """Two systems of the same quality, trainings of scattered quality."""
    labels, held = np.repeat([1, 0], [60, 140]), 0
    for k in range(40):
        rng = np.random.default_rng(k)
        systems = [
            {s: table(*scored(2 + 0.4 * rng.normal(), rng.integers(1 << 30), labels)) for s in range(4)}
            for _ in range(2)
        ]
        found = metrics.compare_seeds(*systems)
        held += found["low"] <= 0 <= found["high"]
    assert held >= 36


def test_compare_seeds_on_other_trials_is_refused():
    with pytest.raises(InputError, match="second, seed 0 has 199 trials"):
        metrics.compare_seeds(trained(1.0, 0, 1), {0: trained(1.0, 1)[0].iloc[1:]})


# --- ranks


def test_ranking_puts_significance_before_digits(rng):
    scores, labels = normal(rng, 300, 500)
    tables = {
        "bad": {0: table(scores - 1.2 * labels, labels)},
        "good": {0: table(scores, labels)},
        "as good": {0: table(scores + 0.02 * rng.normal(size=800), labels).sample(frac=1, random_state=1)},
    }
    result = metrics.ranking(tables).set_index("system")
    assert result["rank"].to_dict() == {"good": 1, "as good": 1, "bad": 3}
    assert result.index[-1] == "bad"
    assert result.loc["bad", "difference"] > result.loc["bad", "difference_low"] > 0
    assert result.loc["bad", "p"] < 0.001
    assert metrics.beside("good", tables) == pytest.approx(
        {"bad": result.loc["bad", "difference"], "as good": 0}, abs=0.02
    )


def test_ranks_never_fall_while_the_eer_rises():
    """A system that errs with some speakers only is not told apart from the best, one with a lower EER is."""
    rng, labels, speaker = np.random.default_rng(1), np.tile([0, 1], 300), np.arange(600) // 75
    best = rng.normal(2.6 * labels)
    scores = {"best": best, "steady": best + rng.normal(size=600)}
    scores["with some"] = rng.normal(2.6 * labels) + 1.7 * rng.normal(size=20)[speaker]
    tables = {name: {0: table(found, labels).assign(speaker=speaker)} for name, found in scores.items()}
    apart = metrics.beside("best", tables)
    assert apart["steady"] > 0 and apart["with some"] == 0
    found = metrics.ranking(tables)
    assert found["system"].tolist() == ["best", "steady", "with some"]
    assert found["rank"].tolist() == [1, 1, 1]
    alone = metrics.ranking({name: tables[name] for name in ("best", "steady")})
    assert alone["rank"].tolist() == [1, 2]


def test_ranking_has_about_the_interval_of_bootstrap(rng):
    scores, labels = normal(rng, 300, 450)
    row = metrics.ranking({"only": {0: table(scores, labels)}}).iloc[0]
    ends = metrics.bootstrap(scores, labels, metrics=("eer",))["eer"]
    assert (row["low"], row["high"]) == pytest.approx(ends, abs=0.008)


def test_ranking_tests_many_pairs_more_strictly_than_one(rng):
    scores, labels = normal(rng, 300, 500)
    names = [f"s{k}" for k in range(8)]
    spread = [scores - 0.11 * labels + 0.02 * rng.normal(size=800) for _ in names]
    best = {"best": {0: table(scores, labels)}}
    alone = best | {"s0": {0: table(spread[0], labels)}}
    many = best | {n: {0: table(s, labels)} for n, s in zip(names, spread, strict=True)}
    p = metrics.ranking(alone).set_index("system").loc["s0", "p"]
    assert 0.05 / 36 < p < 0.05
    assert metrics.ranking(alone)["rank"].tolist() == [1, 2]
    assert metrics.ranking(many)["rank"].max() == 1


def test_ranking_stands_on_speakers_configurations_and_seeds(rng):
    first, second, labels, units = corpus(np.random.default_rng(3), 8, 10)
    columns = {
        "speaker": units["speaker"],
        **dict.fromkeys(("environment", "playback", "recorder"), units["configuration"]),
    }
    known = table(first, labels, **columns)
    assert (
        metrics.over(known) == "speakers and replay configurations" and metrics.over(table(first, labels)) == "trials"
    )
    assert metrics.over(table(first, labels, speaker="-")) == "trials"
    found = metrics.ranking({"a": {0: known}, "b": {0: known.assign(score=second)}}).iloc[1]
    expected = metrics.compare(second, first, labels, units=units)
    assert abs(found["difference"]) == pytest.approx(abs(expected["difference"]))
    assert found["p"] == pytest.approx(expected["p"])
    shaken = {seed: known.assign(score=first + d * labels) for seed, d in enumerate((-1.0, 0.0, 1.0))}
    with_seeds = metrics.ranking({"a": {0: known}, "b": shaken}).set_index("system").loc["b"]
    values = [metrics.eer(t["score"], labels)[0] for t in shaken.values()]
    assert with_seeds["seeds"] == 3 and with_seeds["eer"] == pytest.approx(np.mean(values))
    assert with_seeds["seed_sd"] == pytest.approx(np.std(values, ddof=1))
    assert with_seeds["high"] - with_seeds["low"] > 1.3 * (found["high"] - found["low"])


def test_ranking_refuses_other_trials_and_other_labels(rng):
    scores, labels = normal(rng, 20, 20)
    one = table(scores, labels)
    with pytest.raises(InputError, match="only systems on the same trials"):
        metrics.ranking({"a": {0: one}, "b": {0: one.iloc[:-1]}})
    with pytest.raises(InputError, match="differ in the labels"):
        metrics.ranking({"a": {0: one}, "b": {0: one.assign(label=1 - labels)}})
    with pytest.raises(InputError, match="no system"):
        metrics.ranking({})
