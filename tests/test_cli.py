"""The command on score files: what it prints, and how it refuses."""

import json
import subprocess
import sys

import numpy as np
import pytest
from click.testing import CliRunner

from lib.cli import main
from lib.params import ROOT
from lib.scores import written

KEYS = {
    "eer", "eer_ci", "auc", "accuracy", "balanced_accuracy", "min_dcf", "cllr", "n_genuine", "n_spoof", "warnings",
}  # fmt: skip


@pytest.fixture
def files(tmp_path, rng):
    """Scores and protocol of dev and eval, three speakers each."""
    paths = {}
    for split, letter in (("dev", "D"), ("eval", "E")):
        labels = np.repeat([1, 0], [40, 60])
        trials = [f"{letter}_{i}" for i in range(100)]
        words = [("genuine", "- - -") if label else ("spoof", "E01 P01 R01") for label in labels]
        lines = [f"{t}.wav {w} M{i % 3} S1 {r}" for i, (t, (w, r)) in enumerate(zip(trials, words, strict=True))]
        paths[split] = tmp_path / f"{split}.tsv", tmp_path / f"{split}.txt"
        paths[split][0].write_text(written(trials, rng.normal(size=100) + 2 * labels))
        paths[split][1].write_text("\n".join(lines) + "\n")
    return paths


def study(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments], catch_exceptions=False)


def test_evaluate_json_has_the_fixed_keys_as_fractions(files):
    scores, protocol = files["eval"]
    result = study("evaluate", scores, "--protocol", protocol, "--json")
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert found.keys() >= KEYS
    low, high = found["eer_ci"]
    assert 0 < low <= found["eer"] <= high < 0.5
    assert (found["n_genuine"], found["n_spoof"]) == (40, 60)


def test_evaluate_prints_a_table_with_dev_thresholds(files):
    (scores, protocol), (dev_scores, dev_protocol) = files["eval"], files["dev"]
    result = study(
        "evaluate", scores, "--protocol", protocol, "--dev-scores", dev_scores, "--dev-protocol", dev_protocol
    )
    assert result.exit_code == 0
    assert "dev-eer" in result.stdout and "bayes" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 160


def test_evaluate_prior_and_costs_move_thresholds_and_card(files):
    (scores, protocol), (dev_scores, dev_protocol) = files["eval"], files["dev"]
    asked = ("evaluate", scores, "--protocol", protocol, "--dev-scores", dev_scores, "--dev-protocol", dev_protocol)
    usual = json.loads(study(*asked, "--json").stdout)
    changed = json.loads(study(*asked, "--p-spoof", "0.5", "--c-fa", "1", "--c-unsure", "0.1", "--json").stdout)
    assert changed["costs"] == {"p_spoof": 0.5, "c_miss": 1.0, "c_fa": 1.0}
    assert changed["dev"]["card"]["costs"]["c_unsure"] == 0.1
    assert changed["thresholds"]["bayes"]["threshold"] > usual["thresholds"]["bayes"]["threshold"]
    assert changed["min_dcf"] != usual["min_dcf"] and changed["eer"] == usual["eer"]
    refused = study(*asked, "--p-spoof", "1.5")
    assert refused.exit_code == 2 and "p_spoof = 1.5" in refused.stderr


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda lines: [*lines, lines[1]], "E_0"),
        (lambda lines: lines[:-3], "have no score"),
        (lambda lines: [line.replace(".", ",") for line in lines], "decimal point"),
        (lambda lines: [*lines[:5], "E_4\tnan", *lines[6:]], "line 6"),
        (lambda lines: [*lines[:5], "E_4\tinf", *lines[6:]], "line 6"),
    ],
)
def test_evaluate_wrong_score_file_is_refused_by_name(files, change, words):
    scores, protocol = files["eval"]
    scores.write_text("\n".join(change(scores.read_text().splitlines())) + "\n")
    result = study("evaluate", scores, "--protocol", protocol)
    assert result.exit_code == 2
    assert words in result.stderr
    assert str(scores.name) in result.stderr


def test_evaluate_part_of_the_trials_only_on_request_and_said(files):
    scores, protocol = files["eval"]
    scores.write_text("\n".join(scores.read_text().splitlines()[:-3]) + "\n")
    result = study("evaluate", scores, "--protocol", protocol, "--allow-missing", "--json")
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert found["n_spoof"] == 57
    assert any("3" in warning for warning in found["warnings"])


def test_evaluate_other_splits_protocol_is_refused(files):
    result = study("evaluate", files["eval"][0], "--protocol", files["dev"][1])
    assert result.exit_code == 2


def test_evaluate_labels_in_the_file_need_no_protocol(files, tmp_path):
    scores, protocol = files["eval"]
    with_labels = tmp_path / "baseline.txt"
    lines = [line.split() for line in scores.read_text().splitlines()[1:]]
    words = ["- bonafide" if k < 40 else "A07 spoof" for k in range(100)]
    with_labels.write_text("".join(f"{t} {w} {s}\n" for (t, s), w in zip(lines, words, strict=True)))
    alone = json.loads(study("evaluate", with_labels, "--by", "attack", "--json").stdout)
    beside = json.loads(study("evaluate", scores, "--protocol", protocol, "--json").stdout)
    assert (alone["eer"], alone["cllr"]) == (beside["eer"], beside["cllr"])
    assert [row["group"] for row in alone["breakdown"]["attack"]][-1] == "A07"
    refused = study("evaluate", scores)
    assert refused.exit_code == 2 and "has no labels" in refused.stderr


def test_evaluate_several_systems_are_ranked_by_paired_tests(files, tmp_path):
    scores, protocol = files["eval"]
    lines = [line.split() for line in scores.read_text().splitlines()[1:]]
    words = ["genuine" if k < 40 else "spoof" for k in range(100)]
    rows = [(trial, word, float(score)) for (trial, score), word in zip(lines, words, strict=True)]
    ours, worse = tmp_path / "ours.txt", tmp_path / "worse.csv"
    ours.write_text("".join(f"{trial} {word} {score}\n" for trial, word, score in rows))
    worse.write_text("file,key,llr\n" + "".join(f"{trial}.wav,{word},{-score}\n" for trial, word, score in rows))
    found = json.loads(study("evaluate", worse, ours, "--json").stdout)
    assert [(row["system"], row["rank"]) for row in found["ranking"]] == [(str(ours), 1), (str(worse), 2)]
    assert found["ranking"][1]["p"] < 0.01
    assert [system["eer"] for system in found["systems"]] == [row["eer"] for row in found["ranking"]][::-1]
    assert "equal ranks are not told apart" in study("evaluate", ours, worse, "--protocol", protocol).stdout
    for wrong in ([scores, scores], [scores, worse, "--pictures", tmp_path]):
        assert study("evaluate", *wrong, "--protocol", protocol).exit_code == 2


def test_evaluate_pictures_where_none_can_be_written_is_said_in_a_line(files, tmp_path):
    (tmp_path / "taken").write_text("")
    result = study("evaluate", files["eval"][0], "--protocol", files["eval"][1], "--pictures", tmp_path / "taken")
    assert (result.exit_code, result.stderr) == (2, f"error: {tmp_path / 'taken'}: File exists\n")


def test_evaluate_cost_of_no_answer_without_dev_is_refused(files):
    scores, protocol = files["eval"]
    result = study("evaluate", scores, "--protocol", protocol, "--c-unsure", "1")
    assert result.exit_code == 2 and "--c-unsure goes with --dev-scores" in result.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["plan", "demo", "--data", "~nobody_of_that_name/x"], "~nobody_of_that_name/x: there is no such user"),
        (["plan", "demo", "--corpus", ""], "no such file"),
        (["score", "x.wav", "--run", "a/b", "--run", "a/c"], "--run a/b --run a/c: one run at a time"),
        (["corpus", "new", "check", "--data", "."], "NAME must not be check"),
        (["compare", "demo", "--data", "nowhere"], "nowhere: no such folder"),
    ],
)
def test_wrong_arguments_are_refused_in_a_line(tracking, arguments, words):
    result = study(*arguments)
    assert result.exit_code == 2 and words in result.output


def test_full_disk_is_said_in_a_line(files):
    scores, protocol = files["eval"]
    command = [sys.executable, "-m", "lib", "evaluate", scores, "--protocol", protocol]
    with open("/dev/full", "w") as full:
        ended = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    assert ended.returncode == 2 and ended.stderr.startswith("error: output: No space left on device")


def test_score_that_fails_leaves_the_file_of_before(tracking, tmp_path):
    table = tmp_path / "old.csv"
    table.write_text("before")
    assert study("score", tmp_path, "--run", "none", "--csv", table).exit_code == 2
    assert table.read_text() == "before"


def test_verdict_json_has_the_fixed_keys(tmp_path):
    file = tmp_path / "report.txt"
    rows = ("genuine 0.25 0.50 0.33 10", "spoof 0.94 0.83 0.88 90", "accuracy 0.80 100")
    file.write_text("precision recall f1-score support\n" + "\n".join(rows) + "\n")
    result = study("verdict", file, "--json")
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    keys = {"accuracy", "balanced_accuracy", "mcc", "constant_accuracy", "eer_bracket", "findings"}
    assert keys <= found.keys()
    assert found["constant_accuracy"] == 0.9
    assert found["balanced_accuracy"] == pytest.approx((0.5 + 75 / 90) / 2)
    assert found["eer_bracket"] == pytest.approx([15 / 90, 0.5])
    assert "below" in study("verdict", file).stdout


@pytest.mark.parametrize("content", [b"", b"hello world\n", b"\xff\xfe\x00"])
def test_verdict_of_something_else_is_refused_by_name(tmp_path, content):
    file = tmp_path / "x.txt"
    file.write_bytes(content)
    result = study("verdict", file)
    assert result.exit_code == 2
    assert "x.txt" in result.stderr


def test_verdict_missing_file_is_named(tmp_path):
    result = study("verdict", tmp_path / "absent.txt")
    assert result.exit_code == 2
    assert "absent.txt: a printed report cannot be read there" in result.stderr
