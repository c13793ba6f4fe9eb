"""Tables of runs and the report's figures beside ours."""

import numpy as np
import pandas as pd
import pytest

from lib import comparison
from lib.comparison import tables
from lib.errors import InputError
from lib.judgement import reference
from lib.scores import match

ROW = {
    "run": "11_paper_cnn/mfcc", "seed": 0, "status": "FINISHED", "run_id": "r", "error": "",
    "eval/eer": 0.25, "eval/eer_ci_low": 0.2, "eval/eer_ci_high": 0.3, "eval/auc": 0.8, "eval/accuracy": 0.7,
    "eval/balanced_accuracy": 0.6, "eval/constant_accuracy": 0.9, "dev/eer": 0.1,
    **{f"{s}/n_{c}": 1000.0 for s in ("train", "dev", "eval") for c in ("genuine", "spoof")},
}  # fmt: skip


def test_with_interval_shows_percent_and_interval():
    assert comparison.with_interval(ROW, "eval/eer") == "25.0 [20.0, 30.0]"
    assert comparison.with_interval(ROW, "eval/auc") == "80.0"
    assert comparison.with_interval(ROW, "eval/none") == "-"


def test_table_has_the_constant_answer_beside_the_accuracy():
    failed = {"run": "14_mobilenet/mfcc", "seed": 1, "status": "FAILED", "run_id": "s", "error": "x"}
    table = comparison.table([ROW, failed])
    assert table["run"].tolist() == ["11_paper_cnn/mfcc", "14_mobilenet/mfcc", "one class always"]
    assert table["majority %"].tolist() == ["90.0", "-", "90.0"]
    assert table["status"].tolist() == ["finished", "failed", "finished"]
    assert table["diagnosis"].tolist() == ["-", "-", "-"]
    assert comparison.table([{**ROW, "diagnosis": "overfitting"}])["diagnosis"].tolist() == ["overfitting", "-"]
    assert table["eval EER %"].tolist() == ["25.0 [20.0, 30.0]", "-", "50.0"]
    assert comparison.table([failed])["run"].tolist() == ["14_mobilenet/mfcc"]


def test_counts_says_what_the_numbers_stand_on():
    assert "eval 1,000 genuine + 1,000 spoof" in comparison.counts([ROW])
    assert comparison.counts([]) == "No run has finished."


def test_beside_report_the_reports_own_matrix_differs_by_nothing():
    # Figure 3.5: recalls 0.40 of 1,298 genuine and 0.72 of 12,008 spoof
    matrix = [[8646, 3362], [779, 519]]
    values = {"accuracy": 0.69, "balanced_accuracy": 0.56}
    table = comparison.beside_report("11_paper_cnn/mfcc", "eval", values, matrix)
    assert table.iloc[4].tolist() == ["eval accuracy (base paper, Table 2)", "69.0", "76.0", "-7.0"]
    table = table.iloc[:4]
    assert table["difference, points"].astype(float).abs().max() == 0
    assert table["report %"].tolist() == ["69.0", "56.0", "40.0", "72.0"]
    assert table["ours %"].iloc[2].startswith("40.0 [37.")
    assert "Figure 3.5" in table["measure"].iloc[0]
    train = comparison.beside_report("11_paper_cnn/mfcc", "train", values, matrix)
    assert not train["measure"].str.contains("base paper").any()  # its accuracy is on unseen data


def test_beside_report_a_run_without_figures_has_no_rows():
    assert comparison.beside_report("11_paper_cnn/stft", "eval", {}, [[1, 0], [0, 1]]).empty


def test_reported_balanced_accuracies_are_those_the_recalls_imply():
    found = [reference.REPORT[f"11_paper_cnn/{name}"]["eval"]["balanced_accuracy"] for name in ("spectrogram", "mfcc")]
    assert found == pytest.approx([0.54, 0.56])


def test_reading_says_when_accuracy_lies_below_the_constant_answer():
    good = {**comparison.metrics_of(ROW, "eval"), "eer_ci_low": 0.2, "eer_ci_high": 0.3}
    measured = {"train": {"eer": 0.1}, "dev": {"eer": 0.2}, "eval": good}
    assert "lies below the 90.0 % of the majority-class baseline" in comparison.reading("x", measured, [])
    words = {0.9: "%, equals the 90.0 %", 0.95: "%, lies above the", 0.91: "%, does not lie significantly above the"}
    for accuracy, said in words.items():
        near = {"accuracy": accuracy, "accuracy_ci_low": accuracy - 0.02, "accuracy_ci_high": accuracy + 0.02}
        measured["eval"] = {**good, **near}
        assert said in comparison.reading("x", measured, [])
    measured["eval"] = {**good, "auc": 0.4}
    assert "point the wrong way" in comparison.reading("x", measured, [])
    measured["eval"] = {**good, "eer_ci_low": 0.4, "eer_ci_high": 0.55}
    said = comparison.reading("x", measured, ["A part."], diagnosis="overfitting")
    assert "contains 50 %, which is chance; so does that of its AUC. A part." in said
    assert "Diagnosis of the training: overfitting." in said
    measured["eval"] |= {"auc": 0.6, "auc_ci_low": 0.51, "auc_ci_high": 0.7}
    assert "contains 50 %, which is chance; that of its AUC lies above 50 %." in comparison.reading("x", measured, [])


def scored(rng, distance):
    labels = np.repeat([1, 0], [60, 240])
    trials = [f"E_{i}" for i in range(300)]
    return pd.DataFrame({"trial": trials, "score": rng.normal(size=300) + distance * labels, "label": labels})


def test_rank_gives_equal_ranks_to_what_cannot_be_told_apart(rng):
    good, bad = scored(rng, 3), scored(rng, 0.5)
    by_seed = {
        "bad": {0: bad},
        "good": {0: good},
        "like good": {s: good.assign(score=good["score"] + s) for s in (0, 1)},
    }
    ranks = comparison.rank(by_seed)
    assert ranks["rank"].tolist() == [1, 1, 3]
    assert ranks["run"].iloc[2] == "bad"
    assert dict(zip(ranks["run"], ranks["s.d. between seeds"], strict=True)) == {
        "good": "-",
        "like good": "0.0",
        "bad": "-",
    }
    assert sorted(ranks["seeds"]) == [1, 1, 2]
    assert ranks["more than the best, points"].iloc[0] == "-"
    assert "[" in ranks["more than the best, points"].iloc[2]


@pytest.mark.parametrize("on_disk", [True, False])
def test_ranks_in_words_stand_on_what_the_corpus_on_disk_knows(rng, monkeypatch, on_disk):
    good, bad = scored(rng, 3), scored(rng, 0.5)
    protocol = good.drop(columns="score").assign(split="eval", speaker=[f"M{k % 6}" for k in range(300)])

    def read_trials(data, layout):
        if not on_disk:
            raise InputError(f"{data}: no such folder")
        return protocol

    monkeypatch.setattr(tables, "read_trials", read_trials)

    def recorded(row, split, trials):
        found = good if row["run"] == "a" else bad
        return found if trials is None else match(found, trials)

    monkeypatch.setattr(tables, "recorded_scores", recorded)
    made_on = {"data": "d", "layout": "l"}
    rows = [{**ROW, "run": name, "run_id": name, "parameters": made_on} for name in "ab"]
    said = f"Ranks by eval EER, over {'speakers' if on_disk else 'trials'} and seeds: "
    assert comparison.ranks_in_words(rows, {}) == [f"{said}1: a; 2: b."]
    assert comparison.ranks_in_words(rows, {"theirs": good}) == [f"{said}1: a, theirs; 3: b."]


def test_reading_study_says_the_first_screen_low_accuracies_and_failures():
    failed = {"run": "14_mobilenet/mfcc", "seed": 1, "status": "FAILED"}
    answers = pd.Series({"best system, chosen on dev": "a", "plain baselines": "b"})
    text = comparison.reading_study("s", [ROW, failed], answers, ["A part."])
    assert text.startswith("- Best system, chosen on dev: a\n- Plain baselines: b\n")
    assert "- Accuracy below the majority-class baseline's (1 of 1): 11_paper_cnn/mfcc, seed 0." in text
    assert text.endswith("- Not finished: 14_mobilenet/mfcc, seed 1.\n- A part.")
    assert comparison.reading_study("s", [failed], answers, []) == "No run of study s has finished. "


LOOKS = [
    {"run": run, "run_id": run_id, "started": 1_700_000_000_000 + 60_000 * minute, "looks": looks}
    for run, run_id, minute, looks in (("11/mfcc", "a", 0, 1), ("13/mfcc", "b", 1, 3), ("11/mfcc", "c", 2, 1))
]


def test_reading_ledger_counts_the_looks_before_the_choice():
    text = comparison.reading_ledger(LOOKS, "c")
    assert "opened 5 times by 3 runs up to now, 4 times before the run that dev chooses, 11/mfcc, was started" in text
    assert "opened once by 1 run up to now." in comparison.reading_ledger(LOOKS[:1])
    assert comparison.reading_ledger([]) == "Eval of this corpus has not been opened."


def test_label_says_when_the_pretrained_part_is_untrained():
    row = {"run": "14_mobilenet/mfcc", "seed": 2, "weights": "untrained", "status": "FINISHED", "run_id": "r"}
    assert comparison.label(row) == "14_mobilenet/mfcc (untrained), seed 2"
    assert comparison.label({**row, "weights": "imagenet, Keras"}) == "14_mobilenet/mfcc, seed 2"
    assert comparison.table([row])["run"].tolist() == ["14_mobilenet/mfcc (untrained)"]


def test_beside_report_what_the_report_does_not_say_has_no_row():
    values = {"accuracy": 0.5, "balanced_accuracy": 0.6}
    table = comparison.beside_report("15_dual_mobilenet/as_reported", "eval", values, [[5, 5], [3, 7]])
    assert table["measure"].tolist() == ["eval accuracy (text, Dual MobileNetV2)"]


def test_label_names_parameters_other_than_the_studys():
    row = {"run": "14_mobilenet/mfcc", "seed": 2, "weights": "untrained", "changed": "epochs=2", "status": "FINISHED"}
    assert comparison.label(row) == "14_mobilenet/mfcc (untrained), epochs=2, seed 2"


def test_table_says_what_is_stale_and_what_has_diverged():
    table = comparison.table(
        [{**ROW, "stale": "notebook changed"}, {**ROW, "diverged": True, "eval/balanced_accuracy": float("nan")}]
    )
    assert table["stale"].tolist() == ["notebook changed", "", ""]
    assert table["status"].tolist() == ["finished", "diverged", "finished"]
    assert table["eval bal. acc. %"].tolist() == ["60.0", "-", "50.0"]
    assert not {"stale", "status"} & set(comparison.table([ROW]).columns)


def test_reading_study_names_the_stale_and_the_diverged():
    rows = [{**ROW, "stale": "notebook changed"}, {**ROW, "run": "11_paper_cnn/mel", "diverged": True}]
    text = comparison.reading_study("s", rows, pd.Series(dtype=str), [])
    assert "Stale: 11_paper_cnn/mfcc, seed 0." in text
    assert "Diverged, a loss is not finite: 11_paper_cnn/mel, seed 0." in text


def test_lessons_name_what_detects_what_gives_one_class_and_what_is_chance():
    detects = ROW | {"run": "21_gmm/a", "eval/eer": 0.1, "eval/eer_ci_low": 0.08, "eval/eer_ci_high": 0.12}
    same = ROW | {"run": "13_modified_cnn/b", "eval/accuracy": 0.9, "eval/balanced_accuracy": 0.5}
    chance = ROW | {"run": "11_paper_cnn/c", "eval/eer": 0.48, "eval/eer_ci_low": 0.4, "eval/eer_ci_high": 0.56}
    chance |= {"eval/accuracy": 0.47, "eval/balanced_accuracy": 0.51}
    first, second, third = comparison.lessons([chance, ROW, same, detects])
    assert first.endswith("below 25 %: 21_gmm/a, seed 0 10.0 [8.0, 12.0] %.")
    assert "trial, whatever their accuracy: 13_modified_cnn/b, seed 0 (accuracy 90.0 %)." in second
    assert third.endswith("on these trials: 11_paper_cnn/c, seed 0.")
    assert comparison.lessons([ROW]) == []
    coin = ROW | {"eval/accuracy": 0.505, "eval/balanced_accuracy": 0.505, "eval/constant_accuracy": 0.5}
    assert comparison.lessons([coin]) == []
    (rarer,) = comparison.lessons([ROW | {"eval/accuracy": 0.1, "eval/balanced_accuracy": 0.5}])  # always genuine
    assert "11_paper_cnn/mfcc, seed 0 (accuracy 10.0 %)" in rarer
