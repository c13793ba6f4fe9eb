"""Every notebook executed for real, by the command and by raw papermill, on the tiny corpus."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from click.testing import CliRunner
from conftest import write_corpus
from mlflow import MlflowClient
from papermill.cli import papermill
from test_tracking import METRICS, artifacts

from lib import params, scoring
from lib.audio.interventions import INTERVENTIONS
from lib.cli import main
from lib.scores import read_scores
from lib.tracking.client import artifact

# Few and small: what is tested is the way, not the numbers.
RUNS = (
    "01_corpus/default",
    "02_extract/all",
    "11_paper_cnn/spectrogram",
    "12_wav2vec_cnn/untrained",
    "13_modified_cnn/cured",
    "14_mobilenet/spectrogram",
    "15_dual_mobilenet/concatenation",
    "21_gmm/lfcc",
    "22_lcnn/spectrogram",
    "25_long_term/eight_views",
    "91_compare/default",
    "92_sensitivity/default",
)
MODELS = [name for name in RUNS if 10 <= int(name[:2]) < 80]
SMALL = [
    "epochs=2",
    "steps_per_epoch=2",
    "image_size=32",
    "jobs=1",
    "head_epochs=1",
    "top_epochs=1",
    "copies=1",
    "trials=4",
    "mixtures=2",
    "frames=32",
]
# What no notebook of the study has, or what it sets by itself, for each notebook alone.
ALONE = [
    "backbone_weights=random", "wav2vec_weights=random", "recordings=4", "repeats=1", "crop_seconds=0.5",
    "probe_trials=8", "seeds=2", "augmentations=[noise]",
]  # fmt: skip
PARAMETERS = {
    "11_paper_cnn/spectrogram": 1617,
    "12_wav2vec_cnn/untrained": 465,
    "14_mobilenet/spectrogram": 2_340_033,
    "15_dual_mobilenet/concatenation": 5_978_369,
}
ONLY = tuple(word for name in RUNS for word in ("--only", name))
MODEL_ARTIFACTS = {
    "params.yaml", "inputs.json", "domain.json", "notebook.ipynb", "notebook.html", "model/MLmodel",
    "training_curves.png",
} | {
    f"{kind}/{split}.{ending}"
    for split in ("train", "dev", "eval")
    for kind, ending in (
        ("confusion_matrix", "png"), ("confusion_matrix", "json"), ("classification_report", "txt"),
        ("scores", "tsv"), ("det", "png"),
    )
}  # fmt: skip


def by_hand(place, notebook, variant="*", **more):
    """Execute a notebook by raw papermill, its first variant of such a name; the finished run that it leaves.

    `more` are parameters that a file has to hold, as lists.
    """
    variant = sorted((params.PARAMS / notebook).glob(f"{variant}.yaml"))[0]
    values = dict(change.split("=") for change in SMALL + ALONE) | {
        "data": place.data,
        "store_url": place.folder / "store",
    }
    known = params.declared(notebook)
    own = {key: value for key, value in values.items() if key in known and key not in more}
    own = [word for key, value in own.items() for word in ("-y", f"{key}: {value}")]
    source, target = params.NOTEBOOKS / f"{notebook}.ipynb", place.folder / "out.ipynb"
    (place.folder / "more.yaml").write_text(json.dumps(more))
    files = [variant, params.PARAMS / "corpora" / "demo.yaml", place.folder / "more.yaml"]
    files = [word for file in files for word in ("-f", str(file))]
    with pytest.MonkeyPatch.context() as patch:
        for name, value in place.environment.items():
            patch.setenv(name, value)
        patch.delenv("STUDY_RUN_ID", raising=False)
        arguments = [str(source), str(target), *files, *own, "--cwd", str(params.ROOT), "--no-progress-bar"]
        papermill(arguments, standalone_mode=False)
    experiment = place.client.get_experiment_by_name("demo").experiment_id
    newest = place.client.search_runs([experiment], "tags.study = 'by hand'", max_results=1)[0]
    assert newest.info.run_name.startswith(notebook)
    assert newest.info.status == "FINISHED"
    return newest


@pytest.fixture(scope="module")
def place(tmp_path_factory, warm):
    """A corpus, a store and a tracking folder, and the command on them."""
    folder = tmp_path_factory.mktemp("study")
    uri = f"sqlite:///{folder / 'mlruns' / 'mlflow.db'}"
    data = write_corpus(folder / "corpus")
    environment = {**os.environ, **warm, "MLFLOW_TRACKING_URI": uri}
    environment.pop("STUDY_RUN_ID", None)

    def study(*arguments):
        command = [sys.executable, "-m", "lib", *arguments]
        return subprocess.run(command, cwd=params.ROOT, env=environment, capture_output=True, text=True)

    def small(command, *arguments, small=SMALL):
        sets = [word for change in small for word in ("--set", change)]
        return study(command, "demo", "--data", str(data), "--store", str(folder / "store"), *sets, *arguments)

    return SimpleNamespace(
        folder=folder, data=data, uri=uri, environment=environment, study=study, small=small, client=MlflowClient(uri)
    )


@pytest.fixture(scope="module")
def executed(place):
    result = place.small("run", *ONLY, "--html", str(place.folder / "pages" / "run.html"))
    assert result.returncode == 0, result.stdout + result.stderr
    experiment = place.client.get_experiment_by_name("demo").experiment_id
    found = {run.info.run_name: run for run in place.client.search_runs([experiment])}
    return SimpleNamespace(output=result.stdout, runs=found)


def numbers(place, run):
    """What a run's metrics.json holds."""
    return json.loads(Path(place.client.download_artifacts(run.info.run_id, "metrics.json")).read_text())


def test_run_every_notebook_leaves_a_finished_run(place, executed):
    assert set(executed.runs) == set(RUNS)
    for name, run in executed.runs.items():
        assert run.info.status == "FINISHED", name
        assert {"notebook.ipynb", "notebook.html", "params.yaml"} <= set(artifacts(place.client, run.info.run_id))
        assert run.data.tags["study"] == "demo"
        assert len(run.data.tags["fingerprint"]) == 16
        total, *parts = (run.data.metrics[f"time/{name}"] for name in ("total", "own", "imports", "around"))
        assert min(parts) > 0 and sum(parts) == pytest.approx(total)
        assert run.data.tags["longest"].endswith(" s")


@pytest.mark.parametrize(("name", "parameters"), PARAMETERS.items())
def test_run_model_logs_metrics_curves_and_artifacts(place, executed, name, parameters):
    run = executed.runs[name]
    expected = {f"{split}/{name}" for split in ("train", "dev", "eval") for name in METRICS}
    assert expected | {"epoch/loss", "epoch/val_loss", "model/parameters"} <= run.data.metrics.keys()
    assert run.data.metrics["model/parameters"] == parameters
    assert set(artifacts(place.client, run.info.run_id)) >= MODEL_ARTIFACTS
    assert run.data.params["variant"] == name.partition("/")[2]
    assert run.data.tags["seed"] == "0"
    assert run.data.tags["weights"] == ("none" if name.startswith("11") else "untrained")
    assert run.data.tags["diagnosis"]
    assert run.data.metrics["eval/looks"] >= 1


def test_run_ladder_logs_each_rung_of_the_cured_runs(place, executed):
    run = executed.runs["13_modified_cnn/cured"]
    known = numbers(place, run)
    assert {f"ladder/{n}/eval_eer" for n in range(3)} <= known.keys()
    assert known["ladder/2/eval_eer"] == known["eval/eer"] == run.data.metrics["eval/eer"]
    assert known.keys() > {name for name in run.data.metrics if not name.startswith(("epoch/", "time/"))}
    assert len(run.data.metrics) <= 50 and run.data.metrics["eval/looks"] == 3
    assert next(name for name in run.data.metrics if not name.startswith("epoch/")) == "eval/eer"
    assert "ladder.csv" in artifacts(place.client, run.info.run_id)


@pytest.mark.parametrize("name", MODELS)
def test_score_split_gives_the_scores_that_the_run_recorded(place, executed, monkeypatch, name):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", place.uri)
    run_id = executed.runs[name].info.run_id
    files, _ = scoring.recordings([place.data / "ASVspoof2017_V2_dev"])
    rows = list(scoring.score_files(scoring.judge(scoring.open_run(run_id)), files))
    recorded = read_scores(place.client.download_artifacts(run_id, "scores/dev.tsv"))
    assert [row["score"] for row in rows] == recorded["score"].tolist()
    assert {row["threshold_source"] for row in rows} == {executed.runs[name].data.params.get("threshold", "0.5")}
    with artifact(run_id, "confusion_matrix/dev.json") as path:
        matrix = json.loads(path.read_text())["matrix"]
    assert sum(row["score"] >= row["threshold"] for row in rows) == matrix[0][1] + matrix[1][1]
    labelled = [row for row in rows if row["label"] != scoring.CANNOT_TELL]
    assert all((row["label"] == "genuine") == (row["score"] >= row["threshold"]) for row in labelled)


def test_run_sensitivity_asks_every_run_and_leaves_eval_closed(place, executed):
    run = executed.runs["92_sensitivity/default"]
    table = pd.read_csv(place.client.download_artifacts(run.info.run_id, "sensitivity.csv"))
    asked = {(model, name) for model in MODELS for name in ("none", *INTERVENTIONS)}
    assert set(zip(table["run"], table["intervention"], strict=True)) == asked
    assert table[["far", "frr", "eer"]].stack().between(0, 1).all()
    moved = table.loc[table[["far_moved", "frr_moved", "eer_moved"]].any(axis=1), "run"].nunique()
    assert numbers(place, run)["sensitivity/moved"] == moved
    assert "eval/looks" not in run.data.metrics
    assert "sensitivity.csv" in artifacts(place.client, run.info.run_id)
    summary = run.data.tags["mlflow.note.content"]
    assert f"{len(MODELS)} of {len(MODELS)} runs could score" in summary
    assert "untrained: 12_wav2vec_cnn/untrained, 14_mobilenet/spectrogram, 15_dual_mobilenet/concatenation" in summary
    assert "not the trained system" not in summary


def test_run_prints_the_table_and_says_untrained(executed):
    assert "11_paper_cnn/spectrogram " in executed.output and "14_mobilenet/spectrogram (untrained)" in executed.output
    assert "eval 5 genuine + 15 spoof" in executed.output


def test_run_again_does_nothing_and_says_so(place, executed):
    again = place.small("run", *ONLY)
    assert again.returncode == 0
    assert f"0 to run, {len(RUNS)} done" in again.stdout
    assert "finished after" not in again.stdout


def test_run_changed_parameter_is_to_run_with_the_comparison(place, executed):
    plan = place.small("plan", "--set", "learning_rate=0.01", "--only", "11_*/spectrogram", "--only", "91*")
    assert "2 to run, 0 done" in plan.stdout


def test_plan_pages_over_all_runs_do_not_depend_on_each_other(place, executed):
    plan = place.small("plan", *ONLY, small=[change.replace("trials=4", "trials=5") for change in SMALL])
    to_run = [line.split()[2] for line in plan.stdout.splitlines() if line.startswith("to run")]
    assert to_run == ["92_sensitivity/default"]


def test_executed_notebook_pages_have_described_figures_and_nothing_bare(place, executed):
    for name, run in executed.runs.items():
        page = Path(place.client.download_artifacts(run.info.run_id, "notebook.html")).read_text(encoding="utf-8")
        assert page.count("data:image/png;base64") >= 5 * (name in MODELS), name
        assert "No description has been provided" not in page
        bare = re.findall(r"<pre>\s*['\"].*|Figure size.*|Traceback \(most.*|<script.*", page)
        assert not bare, f"{name}: {bare}"


def test_compare_json_and_page(place, executed):
    page = place.folder / "pages" / "demo.html"
    result = place.study("compare", "demo", "--json", "--html", str(page))
    rows = json.loads(result.stdout)
    assert sorted(row["run"] for row in rows) == sorted(MODELS)
    for row in rows:
        assert {"run", "seed", "run_id", "status", "parameters", "eval/eer", "dev/auc"} <= row.keys()
        assert 0 <= row["eval/eer"] <= 1
    note = place.client.get_experiment_by_name("demo").tags["mlflow.note.content"]
    assert note.startswith("Study demo, best system by dev: ") and "May the number be trusted? " in note
    text = page.read_text(encoding="utf-8")
    assert text == (place.folder / "pages" / "run.html").read_text(encoding="utf-8")
    assert "Beside the report" in text
    assert "query.compare" not in text  # the page shows no code


def test_run_failing_notebook_is_marked_and_exit_code_1(place, executed):
    result = place.small("run", "--set", "cut=no_layer", "--only", "14_*/as_reported", "--seeds", "7")
    assert result.returncode == 1
    assert "FAILED" in result.stdout
    assert "1 of 1 runs failed" in result.stderr
    experiment = place.client.get_experiment_by_name("demo").experiment_id
    (failed,) = place.client.search_runs([experiment], "tags.seed = '7'")
    assert failed.info.status == "FAILED"
    assert "cut = 'no_layer': not a layer of mobilenetv2" in failed.data.tags["error"]
    assert {"error.txt", "notebook.ipynb"} <= set(artifacts(place.client, failed.info.run_id))


def test_raw_papermill_runs_the_comparison(place, executed):
    by_hand(place, "91_compare")


def test_explanations_page_checks_every_map(place, executed):
    asked = ["11_paper_cnn/spectrogram", "21_gmm/lfcc"]
    run = by_hand(place, "95_explanations", only=asked, trials=1)
    assert run.data.metrics["explanations/maps"] == 4 + 2  # a network has two methods
    assert "explanations.csv" in artifacts(place.client, run.info.run_id)
    summary = run.data.tags["mlflow.note.content"]
    assert "Measured on 1 genuine and 1 spoof trials of dev; 2 of 2 runs could score." in summary
    assert "Grad-CAM, spectrogram over hertz holds for" in summary


def test_choices_page_answers_for_each_pair_and_counts_its_look_at_eval(place, executed):
    runs = ["21_gmm/lfcc", "11_paper_cnn/spectrogram"]
    pairs = [f"{runs[0]} against {runs[1]}", f"score fusion against {runs[0]}", f"{runs[0]} against 11_paper_cnn/none"]
    run = by_hand(place, "93_choices", pairs=pairs, fused=runs)
    summary = run.data.tags["mlflow.note.content"]
    assert f"**{pairs[0]}**, seeds: 1: dev EER" in summary and f"**{pairs[1]}**, seeds: 1: dev EER" in summary
    assert f"Not compared, since the study has no finished runs of both: {pairs[2]}." in summary
    assert run.data.metrics["eval/looks"] == 1
    assert 0 <= run.data.metrics["dev/eer"] <= 1
    assert {"choices.csv", "choices.png"} <= set(artifacts(place.client, run.info.run_id))


def test_choices_page_of_a_study_without_the_runs_says_so(place, executed):
    run = by_hand(place, "93_choices")
    summary = run.data.tags["mlflow.note.content"]
    assert "since the study has no finished runs of both: 15_dual_mobilenet/attention against" in summary
    assert "eval/looks" not in run.data.metrics


def test_elsewhere_tries_every_run_on_other_corpora_and_genuine_recordings(place, executed):
    other = write_corpus(place.folder / "other", seed=8)
    voices = other / "ASVspoof2017_V2_train"  # what they are does not matter here
    (voices / "broken.wav").write_bytes(b"no audio")
    folders = {"corpora": [str(place.data), str(other)], "genuine": [str(voices)]}
    run = by_hand(place, "94_elsewhere", **folders, trials=40)
    rates = {place.data.name: ("eer", "balanced_accuracy", "rejected"), "other": ("eer", "rejected")}
    names = {f"elsewhere/{m}/{where}/{rate}" for m in MODELS for where, known in rates.items() for rate in known}
    names |= {f"elsewhere/{m}/{voices.name}/rejected" for m in MODELS}
    known = numbers(place, run)
    assert names <= known.keys()
    for model in MODELS:  # all of the own eval was drawn: what the run recorded of it is met
        recorded = executed.runs[model].data.metrics
        for rate in ("eer", "balanced_accuracy"):
            assert known[f"elsewhere/{model}/{place.data.name}/{rate}"] == recorded[f"eval/{rate}"]
    assert "elsewhere.csv" in artifacts(place.client, run.info.run_id)
    summary = run.data.tags["mlflow.note.content"]
    assert f"**{place.data.name}** is the runs' own corpus, not another one." in summary
    assert "Left out, not readable: 1 recordings, first:" in summary and "broken.wav" in summary


def test_elsewhere_without_other_recordings_says_so_and_finishes(place, executed):
    summary = by_hand(place, "94_elsewhere").data.tags["mlflow.note.content"]
    assert "neither `corpora` nor `genuine` names a folder" in summary


def copied(place, run, experiment, eer):
    """A finished run like another, of another corpus and with another eval EER."""
    new = place.client.create_run(experiment, tags=run.data.tags | {"corpus_digest": "0" * 16})
    for name, value in (run.data.metrics | {"eval/eer": eer}).items():
        place.client.log_metric(new.info.run_id, name, value)
    scores = place.client.download_artifacts(run.info.run_id, "scores/dev.tsv")
    place.client.log_artifact(new.info.run_id, scores, "scores")
    place.client.set_terminated(new.info.run_id)


def test_corpora_page_gives_means_ratios_and_dev_s_choice(place, executed):
    gmm, views = "21_gmm/lfcc", "25_long_term/eight_views"
    other = place.client.create_experiment("asvspoof2017", (place.folder / "other_runs").as_uri())
    for name, eer in ((gmm, 0.4), (views, 0.1)):
        copied(place, executed.runs[name], other, eer)
    run = by_hand(place, "96_corpora", beside=["asvspoof2017"])
    known, own = numbers(place, run), {name: executed.runs[name].data.metrics["eval/eer"] for name in MODELS}
    assert known[f"corpora/{gmm}/eer"] == pytest.approx((own[gmm] + 0.4) / 2)
    assert own[gmm] == 0, "a ratio to no error is left out"
    assert known[f"corpora/{views}/ratio"] == 0.25
    assert f"corpora/{gmm}/eer_ci_low" not in known  # two corpora are too few for an interval
    summary = run.data.tags["mlflow.note.content"]
    assert "2 corpora: demo, asvspoof2017." in summary and "nothing is told apart" in summary
    assert "Not on every corpus: " in summary and "11_paper_cnn/spectrogram" in summary
    assert {"corpora.csv", "corpora.png"} <= set(artifacts(place.client, run.info.run_id))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("run", "nothing"), "study 'nothing' is unknown; there are "),
        (("run", "demo", "--set", "epoch=3"), "epoch is a parameter of none of"),
        (("run", "demo", "--data", "/no/such/folder"), "/no/such/folder: no such folder"),
        (("plan", "demo", "--only", "77*"), "no run of the study has such a name"),
        (("run", "demo", "--jobs", "0"), "--jobs"),
        (("corpus", "nothing"), "no such file; there are "),
        (("corpus", "demo", "--data", "/no/such/folder"), "/no/such/folder: no such folder"),
        (("compare", "nothing"), "study 'nothing' is unknown"),
    ],
)
def test_wrong_arguments_end_with_exit_code_2_and_no_traceback(arguments, words):
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2 and isinstance(result.exception, SystemExit)
    assert words in result.stderr


def test_corpus_json_has_the_fixed_keys(place):
    result = CliRunner().invoke(main, ["corpus", "demo", "--data", str(place.data), "--json"])
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    assert found["splits"]["eval"] == {"genuine": 5, "spoof": 15}
    assert {"missing", "unreadable", "unlisted", "shared_speakers"} <= found.keys()


def test_corpus_incomplete_is_reported_and_exit_code_2(tmp_path):
    data = write_corpus(tmp_path / "broken")
    (data / "ASVspoof2017_V2_eval" / "E_1000002.wav").unlink()
    result = CliRunner().invoke(main, ["corpus", "demo", "--data", str(data), "--json"])
    assert result.exit_code == 2
    assert json.loads(result.stdout)["missing"] == ["eval/E_1000002.wav"]
    assert "1 recordings missing" in result.stderr
