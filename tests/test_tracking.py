"""Runs in MLflow: names, metrics, artifacts, and that they survive a move."""

import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import yaml
from mlflow import MlflowClient

from lib import metrics
from lib.errors import InputError
from lib.judgement.diagnosis import Evidence, diagnose
from lib.params import studies
from lib.tracking import client, query, runs, views
from lib.tracking.runs import measure

SETTINGS = {"corpus": "tiny", "variant": "x", "seed": 3, "epochs": 2}
METRICS = ("eer", "auc", "accuracy", "balanced_accuracy", "min_dcf", "cllr")


@pytest.fixture
def table(rng):
    labels = np.repeat([1, 0], [10, 30])
    return pd.DataFrame(
        {"trial": [f"E_{i}" for i in range(40)], "score": rng.normal(size=40) + 2 * labels, "label": labels}
    )


def record(table, notebook="11_paper_cnn", settings=SETTINGS):
    run = runs.start(notebook, settings, corpus_digest="d1")
    runs.log_epoch(run, 1, {"loss": 0.7, "val_loss": 0.8})
    runs.log_epoch(run, 2, {"loss": 0.6, "val_loss": 0.9})
    for split in ("dev", "eval"):
        runs.log_split(run, split, table)
    runs.finish(run, "what it says")
    return run


def artifacts(client, run_id, path=None):
    for item in client.list_artifacts(run_id, path):
        yield from artifacts(client, run_id, item.path) if item.is_dir else [item.path]


def test_run_has_name_tags_metrics_and_artifacts(tracking, table):
    run = record(table)
    found = run.client.get_run(run.run_id)
    assert found.info.run_name == "11_paper_cnn/x"
    assert found.info.status == "FINISHED"
    assert run.client.get_experiment(found.info.experiment_id).name == "tiny"
    assert {"seed", "study", "fingerprint", "corpus_digest", "weights"} <= found.data.tags.keys()
    assert found.data.params["epochs"] == "2"
    assert {f"{split}/{name}" for split in ("dev", "eval") for name in METRICS} <= found.data.metrics.keys()
    assert (
        found.data.metrics["eval/eer_ci_low"]
        <= found.data.metrics["eval/eer"]
        <= found.data.metrics["eval/eer_ci_high"]
    )
    assert [(m.step, m.value) for m in run.client.get_metric_history(run.run_id, "epoch/val_loss")] == [
        (1, 0.8),
        (2, 0.9),
    ]
    assert {
        "params.yaml", "confusion_matrix/eval.png", "confusion_matrix/eval.json",
        "classification_report/eval.txt", "scores/eval.tsv", "det/eval.png",
    } <= set(artifacts(run.client, run.run_id))  # fmt: skip


def test_artifacts_hold_what_was_measured(tracking, table):
    run = record(table)
    fetch = lambda name: run.client.download_artifacts(run.run_id, name)  # noqa: E731
    with open(fetch("params.yaml")) as file:
        assert yaml.safe_load(file) == SETTINGS
    with open(fetch("confusion_matrix/eval.json")) as file:
        matrix = json.load(file)["matrix"]
    said = table["score"] >= 0
    assert matrix == [
        [int((~said & (table["label"] == 0)).sum()), int((said & (table["label"] == 0)).sum())],
        [int((~said & (table["label"] == 1)).sum()), int((said & (table["label"] == 1)).sum())],
    ]
    recorded = pd.read_csv(fetch("scores/eval.tsv"), sep="\t", float_precision="round_trip")
    assert recorded["trial"].tolist() == table["trial"].tolist()
    np.testing.assert_array_equal(recorded["score"], table["score"])  # full precision


def numbers(run):
    with open(run.client.download_artifacts(run.run_id, "metrics.json")) as file:
        return json.load(file)


def test_metrics_json_holds_every_number_and_mlflow_what_is_compared(tracking, table):
    run = record(table)
    known, compared = numbers(run), run.client.get_run(run.run_id).data.metrics
    assert {"eval/auc_shuffled_low", "dev/accuracy_ci_high"} <= known.keys() - compared.keys()
    of_splits = {name: value for name, value in compared.items() if name.startswith(("dev/", "eval/"))}
    assert of_splits == {name: known[name] for name in of_splits} and len(of_splits) == 27
    assert "eval/eer_hull" in of_splits  # which page 91 sets beside published figures
    runs.keep_metrics(run, {"a": np.nan, "b": 1})
    assert numbers(run) == known | {"a": None, "b": 1.0}
    again = query.newest_metrics("tiny", "11_paper_cnn", "d1")
    assert np.isnan(again.pop("a")) and again == compared | known | {"b": 1.0}
    assert query.newest_metrics("tiny", "11_paper_cnn", "another") is None


def test_run_has_the_columns_of_the_saved_view_as_text(tracking, table):
    run = record(table)
    found, known = run.client.get_run(run.run_id).data, numbers(run)
    low, high = (f"{100 * known[f'eval/eer_ci_{end}']:.1f}" for end in ("low", "high"))
    assert found.tags["eval EER"] == f"{100 * known['eval/eer']:.1f} [{low}, {high}] %"
    experiment = run.client.get_experiment_by_name("tiny")
    assert views.saved() == {"tiny": f"#/experiments/{experiment.experiment_id}/runs?{views.QUERY}"}
    views.describe("tiny", "what it says")
    tags = run.client.get_experiment_by_name("tiny").tags
    assert tags["mlflow.note.content"] == "what it says"
    state = json.loads(json.loads(tags["mlflow.sharedViewState.study"])["state"])
    measured = {f"tags.`{tag}`" for tag, value in found.tags.items() if value.endswith("] %")}
    assert measured == {"tags.`eval EER`", "tags.`eval bal. acc.`", "tags.`dev EER`"}
    assert measured <= set(state["selectedColumns"]) and state["orderByKey"] == "metrics.`eval/eer`"
    drawn = [chart["metricKey"] for chart in state["compareRunCharts"]]
    assert drawn[0] == "eval/eer" and set(drawn) <= found.metrics.keys()
    assert {chart["metricSectionId"] for chart in state["compareRunCharts"]} <= {
        section["uuid"] for section in state["compareRunSections"]
    }


def test_moved_folder_keeps_its_artifacts(tracking, table, tmp_path, monkeypatch):
    run = record(table)
    moved = tracking.rename(tmp_path / "moved")
    uri = f"sqlite:///{moved / 'mlflow.db'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    with open(MlflowClient(uri).download_artifacts(run.run_id, "confusion_matrix/eval.json")) as file:
        assert np.sum(json.load(file)["matrix"]) == 40


def test_database_holds_no_absolute_path(tracking, table, tmp_path):
    run = record(table)
    assert run.client.get_run(run.run_id).info.artifact_uri == f"study:/tiny/{run.run_id}/artifacts"
    assert str(tmp_path).encode() not in (tracking / "mlflow.db").read_bytes()


def in_study(client, table, *, name="11_paper_cnn/x", digest="d1", status="FINISHED", seed=0):
    run_id = runs.create(
        client, experiment="tiny", name=name,
        tags={"study": "s", query.in_study("s"): "yes", "fingerprint": name, "corpus_digest": digest, "seed": seed},
    )  # fmt: skip
    if status == "FINISHED":
        runs.log_split(runs.Run(client, run_id), "eval", table)
    client.set_terminated(run_id, status)
    return run_id


def with_speakers(table, count):
    return table.assign(speaker=[f"M{k % count}" for k in range(len(table))])


def test_measure_gives_intervals_over_speakers_when_there_are_enough(table):
    values, _ = measure(with_speakers(table, 3))
    assert 0 <= values["eer_speaker_ci_low"] <= values["eer_speaker_ci_high"] <= 1
    assert values["design_effect"] > 0
    for few in (table, with_speakers(table, 2), table.assign(speaker="-")):
        assert "design_effect" not in measure(few)[0]
    assert "eer_ci_low" not in measure(with_speakers(table, 2))[0]


def test_measure_sees_speakers_that_repeat_themselves(rng):
    labels, speakers = np.tile([1, 0], 200), np.repeat(np.arange(10), 40)
    habit = 2 * rng.normal(size=10)[speakers]  # who speaks matters as much as the label
    table = pd.DataFrame({"score": 2 * labels + habit, "label": labels, "speaker": speakers.astype(str)})
    values, warnings = measure(table.assign(score=table["score"] + rng.normal(size=400)))
    assert values["design_effect"] > 3
    low, high = metrics.bootstrap(table["score"], table["label"], metrics=("eer",))["eer"]
    assert values["eer_speaker_ci_high"] - values["eer_speaker_ci_low"] > high - low
    assert (values["eer_ci_low"], values["eer_ci_high"]) == (
        values["eer_speaker_ci_low"],
        values["eer_speaker_ci_high"],
    )
    assert any("Trials of one speaker are correlated" in warning for warning in warnings)


def test_measure_intervals_over_trials_are_those_of_the_bootstrap(table):
    values, _ = measure(table)
    expected = metrics.bootstrap(table["score"], table["label"], metrics=("eer",))["eer"]
    assert (values["eer_ci_low"], values["eer_ci_high"]) == expected


def test_log_split_keeps_alarms_of_wrong_polarity_and_of_shuffled_labels(tracking, table, rng):
    run = runs.start("11_paper_cnn", SETTINGS, corpus_digest="d1")
    turned = runs.log_split(run, "dev", table.assign(score=-table["score"]))
    mixed = runs.log_split(run, "eval", table.assign(score=rng.permutation(table["score"])))
    found = run.client.get_run(run.run_id).data
    assert (
        "lies below that of shuffled" in "".join(turned["alarms"]) and "lies below that of" in found.tags["alarms.dev"]
    )
    assert "within the range of shuffled labels" in found.tags["alarms.eval"]
    assert mixed["auc_shuffled_low"] <= mixed["auc"] <= mixed["auc_shuffled_high"]
    assert run.numbers["eval/auc_shuffled_high"] == mixed["auc_shuffled_high"]


def test_diagnosis_heads_the_description_and_stands_in_the_comparison(tracking, table, monkeypatch):
    client = runs.connect()
    run = runs.Run(client, in_study(client, table))
    found = diagnose(Evidence(table, table, input_range=(0, 255), expected_range=(-1, 1)))
    runs.log_diagnosis(run, found)
    runs.finish(run, "what it says")
    data = client.get_run(run.run_id).data
    assert data.tags["diagnosis"] == "input out of range"
    assert numbers(run)["diagnosis/input_max"] == 255
    note = data.tags["mlflow.note.content"]
    assert note.startswith("**Diagnosis: input out of range**") and note.endswith("\n\nwhat it says")
    monkeypatch.setattr(query.studies, "load", lambda name, corpus: studies.Study(name, corpus, []))
    assert query.compare("s", "tiny")[0][0]["diagnosis"] == "input out of range"


def test_looks_counts_every_opening_of_eval(tracking, table):
    client = runs.connect()
    once = in_study(client, table)
    twice = in_study(client, table)
    runs.log_split(runs.Run(client, twice), "eval", table)
    runs.log_split(runs.Run(client, once), "dev", table)
    in_study(client, table, digest="another corpus")
    in_study(client, table, name="14_mobilenet/mfcc", status="FAILED")
    client.delete_run(once)  # its numbers were seen
    assert [(row["run_id"], row["looks"]) for row in query.looks("tiny", "d1")] == [(once, 1), (twice, 2)]
    assert client.get_run(twice).data.metrics["eval/looks"] == 2


def test_note_fit_names_each_kept_fit_once(tracking, table):
    run = runs.start("13_modified_cnn", SETTINGS, corpus_digest="d1")
    for key, seconds, found in (("k1", 12.5, False), ("k2", 3.0, True), ("k1", 12.5, True)):
        runs.note_fit(run, SimpleNamespace(key=key, about={"seconds": seconds}, found=found))
    data = run.client.get_run(run.run_id).data
    assert data.tags["fits"] == "k1 k2"
    assert numbers(run) == {
        "fit/0/seconds": 12.5, "fit/0/found": 0, "fit/1/seconds": 3, "fit/1/found": 1, "fit/2/seconds": 12.5,
        "fit/2/found": 1,
    }  # fmt: skip
    assert query.fits_in_use() == {"k1": {"13_modified_cnn/x"}, "k2": {"13_modified_cnn/x"}}
    run.client.delete_run(run.run_id)
    assert query.fits_in_use() == {}


@pytest.mark.parametrize("damage", ["{", "[1]", "\udcff"])
def test_numbers_of_a_damaged_file_are_refused_and_without_one_those_in_mlflow(tracking, table, damage):
    run = record(table)
    (found,) = query.records()
    assert set(query.numbers(found)) > set(found.metrics)
    with client.artifact(run.run_id, query.METRICS) as path:
        path.write_text(damage, errors="surrogateescape")
        with pytest.raises(InputError, match=f"run {run.run_id}: its metrics.json cannot be read"):
            query.numbers(found)
        path.unlink()
    assert query.numbers(found) == found.metrics
