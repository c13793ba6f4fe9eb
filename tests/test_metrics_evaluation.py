"""Score file and protocol in, everything out: what ``study evaluate`` shows."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from conftest import put

from lib import cli, metrics
from lib.errors import InputError
from lib.metrics import measures
from lib.metrics.tables import noted, percent
from lib.scores import written

FIXED = "eer eer_ci auc accuracy balanced_accuracy min_dcf cllr n_genuine n_spoof warnings".split()


def write(folder, name, *, n_genuine=150, n_spoof=300, prefix="E", seed=1, change=None, separation=1.8):
    """A protocol in the layout of ASVspoof 2017 V2 and the scores of a system for it."""
    rng = np.random.default_rng(seed)
    lines, trials, scores, labels = [], [], [], []
    for k in range(n_genuine + n_spoof):
        label = int(k < n_genuine)
        trial = f"{prefix}_{1000001 + k}"
        replay = "- - -" if label else f"E{k % 3:02d} P{k % 2:02d} R01"
        lines.append(f"{trial}.wav {('spoof', 'genuine')[label]} M{k % 6:04d} S{k % 4:02d} {replay}")
        trials.append(trial)
        labels.append(label)
        scores.append(rng.normal() + separation * (label - 0.5))
    scores, labels = np.array(scores), np.array(labels)
    if change is not None:
        scores = change(scores, labels)
    (folder / f"{name}.txt").write_text("\n".join(lines) + "\n")
    (folder / f"{name}.tsv").write_text(written(trials, scores))
    return folder / f"{name}.tsv", folder / f"{name}.txt"


def evaluate(*paths, by=(), **reading):
    table, dev = metrics.read_tables(*paths, **reading)
    return metrics.evaluate_table(table, dev, by=by, resamples=100)


@pytest.fixture
def files(tmp_path):
    return write(tmp_path, "eval")


@pytest.fixture
def dev(tmp_path):
    return write(tmp_path, "dev", prefix="D", seed=2)


def test_evaluate_gives_the_fixed_keys_as_json(files):
    result = evaluate(*files)
    assert set(FIXED) <= set(result)
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    assert (result["n_genuine"], result["n_spoof"]) == (150, 300)
    for name in metrics.METRICS:
        low, high = result[f"{name}_ci"]
        assert low <= result[name] <= high
    assert result["constant_accuracy"] == pytest.approx(2 / 3)
    assert result["warnings"] == []
    assert result["eer_hull"] <= result["eer"] and result["interval_over"] == "speakers and configurations"


def test_evaluate_agrees_with_measures(files):
    from lib.corpus import read_protocol
    from lib.scores import match, read_scores

    table = match(read_scores(files[0]), read_protocol(files[1]))
    result = evaluate(*files)
    assert {k: result[k] for k in metrics.evaluate([1, 0], [1, 0])} == metrics.evaluate(table["score"], table["label"])
    assert result["thresholds"]["0.5"]["balanced_accuracy"] == pytest.approx(result["balanced_accuracy"])
    assert result["thresholds"]["bayes"]["threshold"] == measures.bayes_threshold()
    assert result["thresholds"]["bayes"]["dcf"] == pytest.approx(result["act_dcf"])


def test_evaluate_clusters_are_counted_with_their_intervals(files):
    clusters = evaluate(*files)["clusters"]
    assert {name: part["count"] for name, part in clusters.items()} == {"speaker": 6, "phrase": 4, "configuration": 6}
    for kind, part in clusters.items():
        assert part["most"]["cluster"] and "why" not in part, kind
        assert kind == "phrase" or (part["eer_ci"][0] < part["eer_ci"][1] and part["design_effect"] > 0)


def test_evaluate_every_number_at_a_threshold_has_its_interval(files, dev):
    for at in evaluate(*files, *dev)["thresholds"].values():
        for name in ("far", "frr", "accuracy", "balanced_accuracy", "mcc", "dcf"):
            low, high = at[f"{name}_ci"]
            assert low <= at[name] <= high and low < high


def test_evaluate_thresholds_are_chosen_on_dev(files, dev):
    result = evaluate(*files, *dev)
    assert set(result["thresholds"]) == {"0.5", "dev-eer", "bayes"}
    dev_result = evaluate(*dev)
    assert result["thresholds"]["dev-eer"]["threshold"] == dev_result["eer_threshold"]
    assert {key: result["dev"][key] for key in ("eer", "eer_ci")} == {key: dev_result[key] for key in ("eer", "eer_ci")}
    line = metrics.Calibration(**result["dev"]["calibration"])
    cut = result["thresholds"]["bayes"]["threshold"]
    assert metrics.calibrated(cut, line) == pytest.approx(measures.bayes_threshold())
    assert result["dev"]["card"]["band"][0] <= cut <= result["dev"]["card"]["band"][1]
    json.dumps(result, allow_nan=False)


def test_evaluate_shows_the_band_of_dev_on_eval_and_says_when_it_breaks(tmp_path, files, dev):
    result = evaluate(*files, *dev)
    kept = result["band"]
    assert [kept["dev/band_low"], kept["dev/band_high"]] == result["dev"]["card"]["band"]
    assert not any(w.startswith("Wrong outside the band") for w in result["warnings"])
    assert kept["eval/wrong_spoof_ci_low"] <= kept["eval/wrong_spoof"] <= kept["eval/wrong_spoof_ci_high"]
    (tmp_path / "worse").mkdir()
    worse = write(tmp_path / "worse", "eval", change=lambda s, y: s + 3 * (1 - y))
    assert any("the wrong one, more than dev led to expect; on dev" in w for w in evaluate(*worse, *dev)["warnings"])


def test_evaluate_a_scaled_system_gets_the_same_answers_from_dev(tmp_path, files, dev):
    def scaled(scores, labels):
        return 7 * scores - 30

    (tmp_path / "scaled").mkdir()
    other = write(tmp_path / "scaled", "eval", change=scaled)
    other_dev = write(tmp_path / "scaled", "dev", prefix="D", seed=2, change=scaled)
    first, second = evaluate(*files, *dev)["thresholds"], evaluate(*other, *other_dev)["thresholds"]
    for name in ("dev-eer", "bayes"):
        assert second[name]["dcf"] == pytest.approx(first[name]["dcf"])
    assert second["0.5"]["frr"] == 1 > first["0.5"]["frr"]


def test_evaluate_half_of_dev_is_an_input_error(files, dev):
    with pytest.raises(InputError, match="go together"):
        evaluate(*files, dev_protocol=dev[1])
    with pytest.raises(InputError, match="has no labels"):
        evaluate(*files, dev_scores=dev[0])


def test_evaluate_missing_trials_are_an_error_or_shown(tmp_path, files):
    lines = files[0].read_text().splitlines()
    files[0].write_text("\n".join(lines[:-20] + ["E_9\t0.5"]) + "\n")
    with pytest.raises(InputError, match="20 trials of the protocol have no score"):
        evaluate(*files)
    result = evaluate(*files, allow_missing=True)
    assert (result["n_missing"], result["n_extra"], result["n_spoof"]) == (20, 1, 280)
    assert "20 of the protocol's 450 trials have no score" in result["warnings"][0]
    assert "1 scores have no trial" in result["warnings"][1]
    assert result["warnings"][0] in metrics.describe(result).replace("\n    ", " ")


def test_evaluate_missing_trials_of_dev_are_said_of_dev(files, dev):
    dev[0].write_text("\n".join(dev[0].read_text().splitlines()[:-20]) + "\n")
    said = [warning for warning in evaluate(*files, *dev, allow_missing=True)["warnings"] if "have no score" in warning]
    assert said == ["dev: 20 of the protocol's 450 trials have no score and are left out."]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda s, y: -s, "the scores are inverted"),
        (lambda s, y: np.random.default_rng(0).permutation(s), "within the range of shuffled labels"),
        (lambda s, y: s * 0 + 2, "All scores are 2"),
        (lambda s, y: (s > 0) * 1.0, "Only 2 different scores"),
        (lambda s, y: 1 / (1 + np.exp(-s)), "look like probabilities"),
        (lambda s, y: s + 50, "every trial is classified as genuine"),
        (lambda s, y: s - 50, "every trial is classified as spoof"),
        (lambda s, y: s - 50, r"does not beat the majority-class baseline \(always spoof: 66.7 %\)"),
        (lambda s, y: 20 * s, "Cllr .* lies above 1"),
        (lambda s, y: s + (np.arange(len(s)) % 6 - 2.5) * (1 - y), "Trials of one speaker are correlated"),
        (lambda s, y: np.where(np.arange(len(s)) % 6 == 2, -3 * s, s + 2 * y - 1), "without M0002 it is"),
        (lambda s, y: np.where(np.arange(len(s)) % 6 == 0, 9 * y - 4, s - 1.8 * y), "without M0000 it is"),
        (lambda s, y: 8 * s, r"Cllr 1\.\d\d lies above 1"),
    ],
)
def test_evaluate_what_is_wrong_with_scores_is_said(tmp_path, change, said):
    warnings = evaluate(*write(tmp_path, "eval", change=change))["warnings"]
    assert any(re.search(said, warning) for warning in warnings), warnings


def test_evaluate_constant_scores_are_not_called_probabilities(tmp_path):
    warnings = evaluate(*write(tmp_path, "eval", change=lambda s, y: s * 0 + 0.5))["warnings"]
    assert not any("probabilities" in warning for warning in warnings)


def test_evaluate_scores_that_fall_just_below_chance_are_not_called_inverted(tmp_path):
    warnings = evaluate(*write(tmp_path, "eval", change=lambda s, y: np.random.default_rng(3).normal(size=len(s))))[
        "warnings"
    ]
    assert any("within the range of shuffled labels" in w for w in warnings)
    assert not any("inverted" in w for w in warnings)


def test_percent_has_no_minus_zero():
    assert percent(-4e-5, (-4e-4, 1e-5)) == "0.0 [0.0, 0.0]" and percent(-6e-4) == "-0.1"


def test_evaluate_few_trials_are_said(tmp_path):
    result = evaluate(*write(tmp_path, "few", n_genuine=20, n_spoof=100))
    said = "Only 20 genuine trials: one error more or less moves an error rate by 5.0 points"
    assert any(warning.startswith(said) for warning in result["warnings"])
    assert not any("spoof trials: one" in w for w in result["warnings"])


def test_evaluate_thresholds_on_the_judged_trials_are_said(files):
    assert any("450 of the evaluated trials are in dev too" in w for w in evaluate(*files, *files)["warnings"])


def test_evaluate_inverted_dev_has_no_bayes_threshold(tmp_path, files):
    (tmp_path / "inverted").mkdir()
    dev = write(tmp_path / "inverted", "dev", prefix="D", seed=2, change=lambda s, y: -s)
    result = evaluate(*files, *dev)
    assert "bayes" not in result["thresholds"]
    assert any("no Bayes threshold" in w for w in result["warnings"])
    assert "card" not in result["dev"]
    metrics.describe(result)


def test_shuffled_auc_is_as_wide_as_the_null_distribution(rng):
    labels = np.r_[np.ones(100, int), np.zeros(300, int)]
    low, high = metrics.shuffled_auc(rng.normal(size=400), labels, resamples=2000)
    expected = 1.96 * np.sqrt(401 / (12 * 100 * 300))
    assert (0.5 - low, high - 0.5) == pytest.approx((expected, expected), rel=0.1)
    assert metrics.shuffled_auc(np.zeros(400), labels) == (0.5, 0.5)


def test_evaluate_breaks_down_by_what_is_asked(files):
    result = evaluate(*files, by=("environment", "speaker"))
    rows = result["breakdown"]["environment"]
    assert [row["group"] for row in rows] == ["E00", "E01", "E02"]
    assert sum(row["n_spoof"] for row in rows) == 300 and rows[0]["n_genuine"] == 150
    assert json.loads(json.dumps(result, allow_nan=False)) == result


def test_describe_breakdown_says_where_a_group_has_too_few_speakers_for_an_interval(files):
    table, _ = metrics.read_tables(*files)
    table["half"] = np.where(table["speaker"].isin(["M0000", "M0001"]), "two", "others")
    lines = metrics.describe(metrics.evaluate_table(table, by=["half"], resamples=50)).splitlines()
    (two,) = (line for line in lines if line.startswith("two "))
    (others,) = (line for line in lines if line.startswith("others "))
    assert two.endswith("no interval") and "no interval" not in others
    assert "No interval: two speakers, phrases or configurations are too few for one." in lines


def test_noted_rows_end_in_their_notes_from_one_column_on():
    table, notes = pd.DataFrame({"run": ["a", "bbb"]}), pd.Series(["a note\nof any length", ""], name="stale")
    assert noted(table, notes) == "run  stale\n  a  a note\\nof any length\nbbb"
    assert noted(table) == "run\n  a\nbbb"


def test_describe_fits_a_page_and_shows_the_numbers(files, dev):
    result = evaluate(*files, *dev, by=("environment", "speaker"))
    text = metrics.describe(result)
    measured = [line for line in text.splitlines() if not line.startswith(("Scores", "Protocol"))]
    assert max(map(len, measured)) <= 100
    for part in (
        "150 genuine + 300 spoof",
        f"{100 * result['eer']:.2f}",
        f"[{100 * result['eer_ci'][0]:.2f}, {100 * result['eer_ci'][1]:.2f}]",
        "6 speakers",
        "dev-eer",
        "bayes",
        "by environment",
        "few trials",
        "cannot tell",
        f"score >= {result['dev']['card']['band'][1]:.4g}",
        "spoof answered wrongly",
        "Each group's spoofs against all genuine trials",
    ):
        assert part in text
    over = [line.split("  ")[0] for line in text.splitlines()]
    assert {"trials", "6 speakers", "speakers and configurations"} <= set(over) and "Warnings" not in over
    assert result["warnings"] == []


@pytest.fixture
def scored_corpus(corpus_folder, tmp_path):
    """A score file of the tiny corpus' eval split, its protocol and its recordings."""
    protocol = corpus_folder / "protocol_V2" / "ASVspoof2017_V2_eval.trl.txt"
    rng = np.random.default_rng(3)
    lines = []
    for line in protocol.read_text().splitlines():
        name, label = line.split()[:2]
        lines.append(f"{name} {rng.normal() + 2 * (label == 'genuine'):.6f}")
    file = tmp_path / "scores.tsv"
    file.write_text("\n".join(lines) + "\n")
    return file, protocol, corpus_folder / "ASVspoof2017_V2_eval"


def test_evaluate_by_duration_reads_the_recordings(scored_corpus):
    file, protocol, recordings = scored_corpus
    found = evaluate(file, protocol, recordings=recordings, by=["duration"])
    rows = found["breakdown"]["duration"]
    assert sum(row["n_genuine"] + row["n_spoof"] for row in rows) == 20
    assert all(" to " in row["group"] for row in rows)
    with pytest.raises(InputError, match="no recording E_1000001.wav or E_1000001.flac"):
        evaluate(file, protocol, recordings=file.parent, by=["duration"])


def test_evaluate_at_urls_gives_what_local_files_give(scored_corpus, corpus_folder, memory):
    file, protocol, recordings = scored_corpus
    put(corpus_folder, memory)
    put(file.parent, memory)
    urls = [f"{memory}/{file.name}", *(f"{memory}/{p.relative_to(corpus_folder)}" for p in (protocol, recordings))]
    here, there = (
        evaluate(scores, listed, recordings=folder, by=["duration"])
        for scores, listed, folder in ((file, protocol, recordings), urls)
    )
    assert there == here


def test_evaluate_command_writes_its_pictures(scored_corpus, tmp_path):
    file, protocol, recordings = scored_corpus
    words = ["--recordings", str(recordings), "--by", "duration", "--pictures", str(tmp_path / "out")]
    result = CliRunner().invoke(cli.main, ["evaluate", str(file), "--protocol", str(protocol), *words])
    assert result.exit_code == 0, result.output
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"det.png", "scores.png", "confusion_matrix.png"}
