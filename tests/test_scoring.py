"""Runs opened again score as they did, and what cannot score is named."""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import soundfile
from click.testing import CliRunner
from conftest import SR, tone
from matplotlib.figure import Figure
from networks import paper_cnn
from scored import ANYTHING
from sklearn.linear_model import LogisticRegression

from lib import audio, scoring
from lib.cli import main
from lib.corpus import SPLITS, open_corpus
from lib.errors import InputError
from lib.features import FeatureSettings, store
from lib.inputs import Embedding, Image, as_json, opened
from lib.judgement import domain
from lib.systems import kept, training
from lib.systems.backend import keras
from lib.systems.estimators import Estimator
from lib.systems.networks import Network
from lib.tracking import models, runs
from lib.tracking.models import DIGEST, find

KEYS = ["path", "score", "label", "threshold", "threshold_source", "warnings", "calibrated", "reason", "windows"]
COLOURS = {"mfcc": "coolwarm", "spectrogram": "magma"}
SETTINGS = {
    "seed": 0, "pixel_range": "-1-1", "image_size": 24, "threshold": "dev-eer", **vars(FeatureSettings())
}  # fmt: skip
CUT = 0.01  # log-odds, the threshold of every run here


@pytest.fixture(scope="module")
def place(tmp_path_factory, corpus_folder):
    """Tracking with some runs on the tiny corpus; the scores are those of untrained networks."""
    folder = tmp_path_factory.mktemp("scoring")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder / 'mlruns' / 'mlflow.db'}")
        patch.delenv("STUDY_RUN_ID", raising=False)
        patch.setattr("lib.corpus.folder.DIGESTS", folder / "digests")
        for name in ("confusion_grid", "det"):  # figures take half the time of a run
            patch.setattr(f"lib.tracking.runs.evaluation.{name}", lambda *given: Figure())
        corpus = open_corpus("demo", corpus_folder, "asvspoof2017_v2")
        fed = {
            name: opened([Image(name, colours, "-1-1", 24)], corpus, store_url=str(folder / "store"), jobs=1)
            for name, colours in COLOURS.items()
        }

        known = domain.of_corpus(corpus, SR, store=str(folder / "store"))

        def record(notebook="11_paper_cnn", *, seed=0, feature="mfcc", finish=True, corpus_name="demo", **changes):
            settings = SETTINGS | {"feature": feature, "colours": COLOURS[feature], "variant": feature}
            settings |= {"corpus": corpus_name} | changes
            training.prepare(seed)
            system = Network(paper_cnn(24, seed))
            run = runs.start(notebook, settings, corpus_digest=corpus.digest)
            scores = {split: system.scores(fed[feature], split) for split in SPLITS}
            for split in ("dev", "eval"):
                runs.log_split(run, split, corpus.split(split).assign(score=scores[split]), threshold=CUT)
            models.log_system(run, SimpleNamespace(system=system, key="none"), fed[feature])
            runs.log_text(
                run, json.dumps(domain.of_run(known, [*scores["train"], *scores["dev"]], ["A note."])), domain.FILE
            )
            if finish:
                runs.finish(run)
            else:
                run.client.set_terminated(run.run_id, "FAILED")
            kept = folder / "mlruns" / "artifacts" / corpus_name / run.run_id / "artifacts" / models.SYSTEM
            return SimpleNamespace(run=run, id=run.run_id, scores=scores, kept=kept)

        yield SimpleNamespace(corpus=corpus, folder=corpus_folder, record=record, mfcc=record(), known=known)


@pytest.fixture(scope="module")
def spoilt(place):
    """A run of its own name whose files tests may change, since it keeps no digest of them."""
    run = place.record(variant="spoilt")
    run.run.client.delete_tag(run.id, DIGEST)
    return run


@contextmanager
def changed_file(file, content):
    before = file.read_bytes()
    file.write_bytes(content)
    yield
    file.write_bytes(before)


def clips_of(place, split):
    return [audio.read(path)[0] for path in place.corpus.split(split)["path"]]


def study(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments], catch_exceptions=False)


# -- opening -------------------------------------------------------------------------------


def test_find_name_takes_the_newest_finished_run_of_any_corpus(place):
    older = find("11_paper_cnn/mfcc")
    place.record(finish=False)
    assert find("11_paper_cnn/mfcc") == older == find(place.mfcc.id)
    elsewhere = place.record(corpus_name="tiny")
    assert find("11_paper_cnn/mfcc").run_id == elsewhere.id
    assert find("11_paper_cnn/mfcc", corpus="demo") == older
    assert (older.corpus, older.threshold, older.threshold_source) == ("demo", CUT, "dev-eer")
    elsewhere.run.client.delete_run(elsewhere.id)


@pytest.mark.parametrize(
    ("run", "words"),
    [
        ("14_mobilenet/none", "no run has that name or id; there are 11_paper_cnn/"),
        ("11_paper_cn/mfcc", "; did you mean 11_paper_cnn/mfcc?"),
        ("0" * 32, f"run '{'0' * 32}': no run has that name or id"),
    ],
)
def test_find_unknown_run_is_named(place, run, words):
    with pytest.raises(InputError, match=words):
        find(run)


def test_find_run_that_cannot_score_says_why(place):
    failed = place.record(feature="spectrogram", finish=False)
    for run in (failed.id, "11_paper_cnn/spectrogram"):
        with pytest.raises(InputError, match="its status is FAILED; it must be finished"):
            find(run)
    with pytest.raises(InputError, match="no run of corpus tiny has that name or id"):
        find(place.mfcc.id, corpus="tiny")
    looked = runs.start("01_corpus", {"corpus": "demo", "variant": "default"}, corpus_digest="d")
    runs.finish(looked)
    with pytest.raises(InputError, match="01_corpus/default trains no model"):
        find("01_corpus/default")
    empty = runs.start("21_gmm", {"corpus": "demo", "variant": "x"}, corpus_digest="d")
    runs.finish(empty)
    with pytest.raises(InputError, match="keeps no confusion_matrix/eval.json"):
        find("21_gmm/x")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"settings": {"n_fft": 10**9}}, "inputs.json: 1000000000 must be at most 1048576"),
        ({"size": 20_000}, "Image: image_size must be at most 2048, got 20000"),
        ({"feature": None}, "missing 1 required .* 'feature'"),
        ({"colour": "magma"}, "unexpected keyword argument 'colour'"),
    ],
)
def test_open_run_unknown_inputs_are_named(place, spoilt, changes, words):
    (described,) = as_json([Image("mfcc", "coolwarm", "-1-1", 24)])
    described = {key: value for key, value in (described | changes).items() if value is not None}
    (spoilt.kept / "inputs.json").write_text(json.dumps([described]))
    with pytest.raises(InputError, match=f"run 11_paper_cnn/spoilt: its model cannot be used: .*{words}"):
        scoring.open_run(spoilt.id)


def test_score_imports_no_library_that_the_runs_own_system_does_without(place):
    run = place.record(variant="classic")
    run.run.client.delete_tag(run.id, DIGEST)
    values = np.random.default_rng(0).random((4, 24 * 24 * 3))
    kept.save(Estimator(LogisticRegression().fit(values, [0, 1, 0, 1])), run.kept)
    recording = place.corpus.split("eval")["path"].iloc[0]
    code = (
        f"import sys; from lib.cli import main; main(['score', {recording!r}, '--run', '{run.id}'], "
        "standalone_mode=False); print(sorted({'keras', 'mlflow', 'tensorflow', 'torch'} & sys.modules.keys()))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1] == "[]" and "1 recording: " in result.stdout


def test_open_run_without_inputs_is_named(spoilt):
    (spoilt.kept / "inputs.json").write_text("[]")
    with pytest.raises(InputError, match="its model cannot be used: inputs.json names no input"):
        scoring.open_run(spoilt.id)


def test_open_run_whose_encoder_has_other_weights_now_is_named(place, spoilt):
    (spoilt.kept / "inputs.json").write_text(json.dumps(as_json([Embedding("random", "float32", digest="1")])))
    with pytest.raises(InputError, match="wav2vec_weights = random: their digest is now .*, expected 1"):
        scoring.open_run(spoilt.id)


def test_open_run_whose_files_are_not_those_that_it_kept_is_refused(place):
    with changed_file(place.mfcc.kept / "model.keras", b"of another run"):
        with pytest.raises(InputError, match="its model cannot be used: the digest of its files is .*, and was"):
            scoring.open_run(place.mfcc.id)
    assert scoring.open_run(place.mfcc.id).run.run_id == place.mfcc.id


def test_open_run_archive_that_expands_without_bound_is_refused(place, spoilt, monkeypatch):
    (spoilt.kept / "inputs.json").write_text(json.dumps(as_json([Image("mfcc", "coolwarm", "-1-1", 24)])))
    monkeypatch.setattr("lib.scoring.systems._LARGE", 2**20)
    with zipfile.ZipFile(spoilt.kept / "more.npz", "w", zipfile.ZIP_DEFLATED) as parts:
        parts.writestr("zeros.npy", bytes(2**22))
    with pytest.raises(InputError, match="more.npz expands to 4,194,304 bytes, over 100 times its size"):
        scoring.open_run(spoilt.id)
    (spoilt.kept / "more.npz").unlink()
    assert scoring.open_run(spoilt.id).sr == SR


@pytest.mark.parametrize(
    ("outputs", "bias", "words"),
    [(1, np.nan, "gives the score nan: scores must be finite"), (1, np.inf, "gives the score inf: scores must be"),
     (2, 0.0, "does not take its inputs:\ncannot select an axis")],
)  # fmt: skip
def test_log_odds_of_a_model_without_one_finite_number_a_recording_are_refused(place, outputs, bias, words):
    layers = [keras.layers.Flatten(), keras.layers.Dense(outputs, bias_initializer=keras.initializers.Constant(bias))]
    model = keras.Sequential([keras.Input((24, 24, 3)), *layers])
    system = replace(scoring.open_run(place.mfcc.id), system=Network(model))
    with pytest.raises(InputError, match=f"run 11_paper_cnn/mfcc: its model {words}"):
        scoring.log_odds([system], clips_of(place, "dev"))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("confusion_matrix/eval.json", '{"threshold": NaN}', "is nan: must be finite"),
        ("confusion_matrix/eval.json", "[" * 100_000, "its confusion_matrix/eval.json cannot be read"),
        ("scores/dev.tsv", "D_1 nan genuine", "its scores/dev.tsv cannot be read"),
        ("domain.json", '{"center": []}', "its domain.json cannot be read"),
    ],
)
def test_judge_of_a_run_with_a_damaged_artifact_names_it(place, name, content, words):
    with changed_file(place.mfcc.kept.parents[2] / name, content if isinstance(content, bytes) else content.encode()):
        with pytest.raises(InputError, match=words):
            scoring.judge(scoring.open_run(place.mfcc.id))


def test_open_run_without_a_readable_model_is_named(place):
    broken = place.record()
    broken.run.client.delete_tag(broken.id, DIGEST)
    path = broken.kept / "model.keras"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(InputError, match="run 11_paper_cnn/mfcc: its model cannot be used: the model cannot be read"):
        scoring.open_run(broken.id)
    path.unlink()
    with pytest.raises(InputError, match="run 11_paper_cnn/mfcc: its model cannot be used"):
        scoring.open_run(broken.id)
    shutil.rmtree(broken.kept)
    systems, refused = scoring.open_runs({"whole": place.mfcc.id, "broken": broken.id})
    assert list(systems) == ["whole"]
    assert f"keeps no {models.SYSTEM}" in refused["broken"]
    broken.run.client.delete_run(broken.id)


def test_open_runs_none_that_can_score_says_why(place, monkeypatch):
    with pytest.raises(InputError, match="none of 0 runs can score: no finished run of a model"):
        scoring.open_runs({})
    with pytest.raises(InputError, match="none of 1 runs can score: run '0{32}': no run has that name or id"):
        scoring.open_runs({"absent": "0" * 32})
    monkeypatch.setattr("lib.scoring.systems.SR", 8000)
    with pytest.raises(InputError, match="takes recordings at 16000 Hz, not at 8000 Hz"):
        scoring.open_runs({"whole": place.mfcc.id})


# -- samples to log-odds -------------------------------------------------------------------


def test_log_odds_of_a_split_are_the_recorded_ones_bit_for_bit(place):
    system = scoring.open_run(place.mfcc.id)
    for split in ("train", "dev"):
        np.testing.assert_array_equal(scoring.log_odds([system], clips_of(place, split))[0], place.mfcc.scores[split])


def test_log_odds_of_several_systems_draw_each_image_once(place, monkeypatch):
    other, spectrogram = place.record(seed=1), place.record(feature="spectrogram")
    systems = [scoring.open_run(run.id) for run in (place.mfcc, other, spectrogram)]
    drawn = []
    kept = store.scaled
    monkeypatch.setattr(store, "scaled", lambda spectra, name, *rest: drawn.append(name) or kept(spectra, name, *rest))
    found = scoring.log_odds(systems, clips_of(place, "dev"))
    assert sorted(drawn) == ["mfcc"] * 14 + ["spectrogram"] * 14
    for scores, run in zip(found, (place.mfcc, other, spectrogram), strict=True):
        np.testing.assert_array_equal(scores, run.scores["dev"])
    assert (found[0] != found[1]).all()
    other.run.client.delete_run(other.id)


# -- scores to answers ---------------------------------------------------------------------


class Given:
    """Scores of recordings by their first sample, as `log_odds` would give them."""

    def __init__(self, patch):
        patch.setattr("lib.scoring.answers.log_odds", lambda systems, clips: [np.array([y[0] for y in clips])])

    @staticmethod
    def judge(*, known=ANYTHING, band=(-1.0, 1.0), threshold=0.0):
        card = band and {"band": band, "calibration": {"slope": 2.0, "offset": 0.5}, "n_genuine": 20, "n_spoof": 50}
        run = SimpleNamespace(threshold=threshold, threshold_source="dev-eer")
        system = SimpleNamespace(run=run, sr=SR)
        return scoring.Judge(system, None, card, known, [])


@pytest.fixture
def given(monkeypatch):
    return Given(monkeypatch)


@pytest.mark.parametrize(
    ("score", "threshold", "label"),
    [
        (-1.01, 0.0, "spoof"), (-1.0, 0.0, "cannot tell"), (0.99, 0.0, "cannot tell"), (1.0, 0.0, "genuine"),
        (1.5, 2.0, "cannot tell"), (2.0, 2.0, "genuine"), (-1.5, -2.0, "cannot tell"), (-2.1, -2.0, "spoof"),
    ],
)  # fmt: skip
def test_answer_has_no_label_inside_the_band_nor_against_the_threshold(given, score, threshold, label):
    answer = given.judge(threshold=threshold).answer(np.full(SR, score), SR)
    assert (answer.label, answer.score) == (label, pytest.approx(score))
    assert (answer.reason == "too close to call") == (label == "cannot tell") == bool(answer.warnings)


def test_answer_is_calibrated_no_further_than_dev_supports(given):
    judge = given.judge()
    assert [judge.answer(np.full(SR, score), SR).calibrated for score in (0.25, 40.0, -40.0)] == pytest.approx(
        [1.0, np.log(21), -np.log(21)]
    )
    without = given.judge(band=None).answer(np.full(SR, 40.0), SR)
    assert (without.label, without.calibrated) == ("cannot tell", None)


def test_answer_outside_of_what_the_run_was_made_on_is_no_label(given, place):
    known = domain.checked(domain.of_run(place.known, [-3.0, 3.0], []))
    judge, (genuine, *_) = given.judge(known=known), clips_of(place, "dev")
    inside = genuine.copy()
    inside[0] = 2.0
    assert judge.answers([inside])[0].label == "genuine"
    far = inside.copy()
    far[0] = 40.0  # white noise got as much
    for y, words in (
        (far, "Score: 40"),
        (inside[: SR // 50], "Duration"),
        (0.001 * genuine, "Level"),
        (tone(), "Spectrum"),
    ):
        answer = judge.answers([np.float32(y)])[0]
        assert (answer.label, answer.reason) == ("cannot tell", "outside of what the run was made on")
        assert any(text.startswith(words) for text in answer.warnings), words


def test_answer_to_a_long_recording_is_the_mean_of_its_usable_windows(given, place, monkeypatch):
    known = domain.checked(domain.of_run(place.known, [-3.0, 3.0], []))
    monkeypatch.setattr("lib.scoring.answers.domain.outside", lambda known, y, *, window: ["Silent."] * int(y[1] == 0))
    judge, length = given.judge(known=known), round(known["seconds"] * SR)
    parts = [(2.0, 1), (2.5, 1), (-2.0, 1), (-50.0, 0)]  # score, and whether it is usable
    y = np.concatenate([np.full(length, usable, np.float32) for _, usable in parts])
    y[::length][: len(parts)] = [score for score, _ in parts]
    answer = judge.answer(y, SR)
    assert [window["label"] for window in answer.windows] == ["genuine", "genuine", "spoof", "cannot tell"]
    assert answer.windows[1]["start"] == pytest.approx(length / SR) and answer.windows[-1]["end"] <= len(y) / SR
    assert (answer.score, answer.label) == (pytest.approx(2.5 / 3), "cannot tell")
    assert "In 4 windows" in answer.warnings[0] and "1 spoof, 2 genuine, 1 cannot tell" in answer.warnings[0]


@pytest.mark.parametrize(("times", "windows"), [(1.4, 2), (2.0, 2), (2.1, 3), (7.9, 8)])
def test_answer_to_a_long_recording_covers_it_evenly_to_its_end(given, place, times, windows):
    judge, length = (
        given.judge(known=domain.checked(domain.of_run(place.known, [-3.0, 3.0], []))),
        place.known["seconds"],
    )
    y = np.zeros(round(times * length * SR), np.float32)
    found = judge._of_windows(y).windows
    starts, ends = [w["start"] for w in found], [w["end"] for w in found]
    assert len(found) == windows and starts[0] == 0 and ends[-1] == pytest.approx(len(y) / SR)
    assert max(np.diff(starts)) - min(np.diff(starts)) < 2 / SR and max(np.diff(starts)) <= length + 1 / SR


# -- files to answers ----------------------------------------------------------------------


def test_recordings_of_files_and_folders_come_once_in_order_and_hidden_ones_are_passed_over(tmp_path):
    wanted = ("other.xyz", "a/1.FLAC", "a/2.wav", "a/3.mp3", "a/deeper/0.flac")
    hidden = ("a/.cache/4.wav", "a/__MACOSX/2.wav", "a/deeper/._0.flac")
    for name in (*wanted, *hidden, "a/notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found, passed = scoring.recordings([tmp_path / "other.xyz", tmp_path / "a", tmp_path / "a" / "2.wav"])
    assert found == [str(tmp_path / name) for name in wanted]
    assert passed == [str(tmp_path / name) for name in hidden]


def test_recordings_missing_or_empty_are_named(tmp_path):
    with pytest.raises(InputError, match="absent.wav: no such file or folder"):
        scoring.recordings([tmp_path / "absent.wav"])
    with pytest.raises(InputError, match="no recording in this folder; expected .wav, .flac"):
        scoring.recordings([tmp_path])


def test_score_json_of_a_folder_has_the_fixed_keys_and_the_recorded_scores(place):
    result = study("score", place.folder / "ASVspoof2017_V2_dev", "--run", place.mfcc.id, "--json")
    assert result.exit_code == 0
    rows = json.loads(result.stdout)
    assert [list(row) for row in rows] == [KEYS] * 14
    assert [row["path"] for row in rows] == place.corpus.split("dev")["path"].tolist()
    assert [row["score"] for row in rows] == place.mfcc.scores["dev"].tolist()
    assert {(row["threshold"], row["threshold_source"]) for row in rows} == {(CUT, "dev-eer")}
    assert all("A note." in row["warnings"] for row in rows)
    assert "run 11_paper_cnn/mfcc" in result.stderr and "14 recordings: " in result.stderr


def test_score_table_says_once_what_holds_for_all(place):
    paths = place.corpus.split("dev")["path"][:3]
    result = study("score", *paths, "--run", "11_paper_cnn/mfcc", "--corpus", "demo")
    assert result.exit_code == 0
    assert all(path in result.stdout for path in paths)
    assert result.stdout.count("A note.") == 1
    assert "the run's threshold is 0.010 (dev-eer)" in result.stdout


def test_score_files_warn_of_what_a_reader_has_to_know(place, spoilt, tmp_path):
    same = {"parameters": {}, "cells": "c", "corpus": "d", "weights": {}, "reads": ""}
    then = same | {"rooms": {"features": "of before"}, "versions": {"numpy": "0.1"}}
    for tag, value in (("weights", "untrained"), ("diagnosis", "one class always"), ("identity", json.dumps(then))):
        spoilt.run.client.set_tag(spoilt.id, tag, value)
    (spoilt.kept / "inputs.json").write_text(json.dumps(as_json([Image("mfcc", "coolwarm", "-1-1", 24)])))
    page = runs.start("92_sensitivity", {"corpus": "demo", "variant": "default"}, corpus_digest=place.corpus.digest)
    turned = pd.DataFrame({"run": "11_paper_cnn/spoilt", "intervention": ["none", "click"], "far": [0.1, 0.6]})
    moved = {"frr": 0.1, "eer": 0.1, "far_moved": [False, True], "frr_moved": False, "eer_moved": False}
    runs.log_text(page, turned.assign(**moved).to_csv(index=False), "sensitivity.csv")
    runs.finish(page)
    stereo = np.stack([tone(sr=44_100), tone(sr=44_100, hz=500.0)], axis=1)
    soundfile.write(tmp_path / "stereo.wav", stereo, 44_100)
    soundfile.write(tmp_path / "plain.wav", tone(), SR)
    judge = scoring.judge(scoring.open_run(spoilt.id))
    plain, changed = scoring.score_files(judge, scoring.recordings([tmp_path])[0])
    said = " ".join(plain["warnings"])
    for words in (
        "untrained", "one class always", "NumPy 0.1 -> ", "lib/features changed", "keeps no digest",
        "92_sensitivity: click moves 11_paper_cnn/spoilt (FAR 10 → 60 %)",
    ):  # fmt: skip
        assert words in said
    assert set(changed["warnings"]) - set(plain["warnings"]) >= {"2 channels averaged.", "Resampled from 44100 Hz."}
    page.client.delete_run(page.run_id)


def test_score_one_broken_recording_among_many_is_named_and_the_others_scored(place, tmp_path):
    folder = tmp_path / "recordings"
    shutil.copytree(place.folder / "ASVspoof2017_V2_dev", folder)
    (folder / "D_1000003.wav").write_bytes(b"RIFF")
    (folder / "._D_1000001.wav").write_bytes(b"Mac OS X")
    os.rename(os.fsencode(folder / "D_1000004.wav"), os.fsencode(folder) + b"/\xe9.wav")  # of a name in Latin-1
    result = study("score", folder, "--run", place.mfcc.id, "--json")
    assert result.exit_code == 0
    rows = json.loads(result.stdout)
    assert len(rows) == 14
    (broken,) = [row for row in rows if row["score"] is None]
    assert (broken["path"], broken["label"], broken["reason"]) == (
        str(folder / "D_1000003.wav"), "cannot tell", "not readable"
    )  # fmt: skip
    assert "not scored: " in result.stderr and "D_1000003.wav: Not readable as audio" in result.stderr
    assert "passed over: " in result.stderr and "._D_1000001.wav" in result.stderr
    assert study("score", folder, "--run", place.mfcc.id, "--csv", tmp_path / "answers.csv").exit_code == 0
    alone = study("score", folder / "D_1000003.wav", "--run", place.mfcc.id, "--json")
    assert (alone.exit_code, alone.stdout) == (2, "")
    assert "D_1000003.wav: Not readable as audio" in alone.stderr


def test_score_with_labels_gives_error_rates_and_csv_holds_every_answer(place, tmp_path):
    dev = place.corpus.split("dev")
    lines = [f"{path},{('spoof', 'bonafide')[label]}" for path, label in zip(dev["path"], dev["label"], strict=True)]
    (tmp_path / "truth.csv").write_text("\n".join(["label,path", *(",".join(line.split(",")[::-1]) for line in lines)]))
    folder, table = place.folder / "ASVspoof2017_V2_dev", tmp_path / "answers.csv"
    result = study("score", folder, "--run", place.mfcc.id, "--labels", tmp_path / "truth.csv", "--csv", table)
    assert result.exit_code == 0
    assert "14 of 14 recordings have a label and a score." in result.stdout
    assert re.search(r"EER [\d.]+ \[[\d.]+, [\d.]+\] %", result.stdout)
    assert re.search(r"Answers to 6 genuine recordings: .* spoof, .* genuine, .* cannot tell\.", result.stdout)
    found = pd.read_csv(table, float_precision="round_trip")
    assert found.columns.tolist() == KEYS
    assert found["score"].tolist() == place.mfcc.scores["dev"].tolist()


def test_read_labels_takes_paths_from_the_folder_of_the_list_and_names_what_is_wrong(tmp_path):
    (tmp_path / "truth.csv").write_text("label,file\ngenuine,../x.wav\nFake,/y.wav\n")
    paths = [f"{tmp_path}/../x.wav", "/y.wav", "/z.wav"]
    assert scoring.read_labels(tmp_path / "truth.csv", paths) == dict(zip(paths, (1, 0), strict=False))
    assert scoring.read_labels(tmp_path / "truth.csv", ["/else/x.wav"]) == {"/else/x.wav": 1}
    (tmp_path / "protocol.txt").write_text("LA_0079 LA_T_1 - - bonafide\nLA_0079 LA_T_2 - A01 spoof\n")
    assert scoring.read_labels(tmp_path / "protocol.txt", ["a/LA_T_2.flac"]) == {"a/LA_T_2.flac": 0}
    with pytest.raises(InputError, match="truth.csv: none of the 1 recordings is listed there"):
        scoring.read_labels(tmp_path / "truth.csv", ["/z.wav"])
    (tmp_path / "truth.csv").write_text("path,label\nx.wav,human")
    with pytest.raises(InputError, match="truth.csv, line 2: label 'human' is unknown: expected one of genuine"):
        scoring.read_labels(tmp_path / "truth.csv", paths)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("absent.wav", "--run", "11_paper_cnn/mfcc"), "absent.wav: no such file or folder"),
        ((".", "--run", "77_none/x"), "77_none/x"),
        (("--run", "11_paper_cnn/mfcc"), "Missing argument 'PATH...'"),
        (("x.wav",), "Missing option '--run'"),
    ],
)
def test_score_wrong_arguments_end_with_exit_code_2(place, monkeypatch, arguments, words):
    monkeypatch.chdir(place.folder)
    result = study("score", *arguments)
    assert result.exit_code == 2
    assert words in result.stderr
