"""Runs opened again score as they did, and what cannot score is named."""

import json
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner
from conftest import SR, tone
from networks import paper_cnn

from lib import audio, scoring
from lib.cli import main
from lib.corpus import SPLITS, open_corpus
from lib.errors import InputError
from lib.features import FeatureSettings, store
from lib.inputs import Embedding, Image, as_json, opened
from lib.systems import training
from lib.systems.networks import Network
from lib.tracking import models, runs
from lib.tracking.trained import find

KEYS = ["path", "score", "label", "threshold", "threshold_source", "warnings"]
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
        corpus = open_corpus("demo", corpus_folder, "asvspoof2017_v2")
        fed = {
            name: opened([Image(name, colours, "-1-1", 24)], corpus, store_url=str(folder / "store"), jobs=1)
            for name, colours in COLOURS.items()
        }

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
            if finish:
                runs.finish(run)
            else:
                run.client.set_terminated(run.run_id, "FAILED")
            kept = folder / "mlruns" / "artifacts" / corpus_name / run.run_id / "artifacts" / models.SYSTEM
            return SimpleNamespace(run=run, id=run.run_id, scores=scores, kept=kept)

        yield SimpleNamespace(corpus=corpus, folder=corpus_folder, record=record, mfcc=record())


@pytest.fixture(scope="module")
def spoilt(place):
    """A run of its own name whose files tests may change."""
    return place.record(variant="spoilt")


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
        ("14_mobilenet/none", "no run has that name; there are 11_paper_cnn/"),
        ("0" * 32, f"run {'0' * 32}: no run of that id"),
        ("", "no run has that name"),
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
    with pytest.raises(InputError, match="on corpus demo, not on tiny"):
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
        ({"feature": "qcc"}, "unknown feature 'qcc'; there are spectrogram, mel"),
        ({"feature": None}, "missing 1 required .* 'feature'"),
        ({"kind": "Picture"}, "unknown kind of input; there are Image, Matrix, Embedding, Waveform"),
        ({"colour": "magma"}, "unexpected keyword argument 'colour'"),
    ],
)
def test_open_run_unknown_inputs_are_named(place, spoilt, changes, words):
    (described,) = as_json([Image("mfcc", "coolwarm", "-1-1", 24)])
    described = {key: value for key, value in (described | changes).items() if value is not None}
    (spoilt.kept / "inputs.json").write_text(json.dumps([described]))
    with pytest.raises(InputError, match=f"run 11_paper_cnn/spoilt: its model cannot be used: .*{words}"):
        scoring.open_run(spoilt.id)


def test_open_run_whose_encoder_has_other_weights_now_is_named(place, spoilt):
    (spoilt.kept / "inputs.json").write_text(json.dumps(as_json([Embedding("random", "float32", digest="1")])))
    with pytest.raises(InputError, match="wav2vec_weights = random: their digest is now .*, expected 1"):
        scoring.open_run(spoilt.id)


def test_open_run_without_a_readable_model_is_named(place):
    broken = place.record()
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


def test_open_runs_none_that_can_score_says_why(place):
    with pytest.raises(InputError, match="none of 0 runs can score: no finished run of a model"):
        scoring.open_runs({})
    with pytest.raises(InputError, match="none of 1 runs can score: run 0{32}: no run of that id"):
        scoring.open_runs({"absent": "0" * 32})


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


def test_log_odds_of_another_rate_are_refused(place):
    with pytest.raises(InputError, match="takes recordings at 16000 Hz, not at 8000 Hz"):
        scoring.log_odds([scoring.open_run(place.mfcc.id)], clips_of(place, "dev"), sr=8000)


# -- files to answers ----------------------------------------------------------------------


def test_recordings_of_files_and_folders_come_once_and_in_order(tmp_path):
    (tmp_path / "a" / "deeper").mkdir(parents=True)
    for name in ("a/2.wav", "a/1.FLAC", "a/deeper/0.flac", "a/notes.txt", "other.ogg"):
        (tmp_path / name).touch()
    found = scoring.recordings([tmp_path / "other.ogg", tmp_path / "a", tmp_path / "a" / "2.wav"])
    assert found == [str(tmp_path / name) for name in ("other.ogg", "a/1.FLAC", "a/2.wav", "a/deeper/0.flac")]


def test_recordings_missing_or_empty_are_named(tmp_path):
    with pytest.raises(InputError, match="absent.wav: no such file or folder"):
        scoring.recordings([tmp_path / "absent.wav"])
    with pytest.raises(InputError, match="no recording in this folder; expected .wav or .flac"):
        scoring.recordings([tmp_path])


def test_score_json_of_a_folder_has_the_fixed_keys_and_the_recorded_scores(place):
    result = study("score", place.folder / "ASVspoof2017_V2_dev", "--run", place.mfcc.id, "--json")
    assert result.exit_code == 0
    rows = json.loads(result.stdout)
    assert [list(row) for row in rows] == [KEYS] * 14
    assert [row["path"] for row in rows] == place.corpus.split("dev")["path"].tolist()
    assert [row["score"] for row in rows] == place.mfcc.scores["dev"].tolist()
    assert [row["label"] for row in rows] == [["spoof", "genuine"][int(row["score"] >= CUT)] for row in rows]
    assert {(row["threshold"], row["threshold_source"]) for row in rows} == {(CUT, "dev-eer")}
    assert "run 11_paper_cnn/mfcc" in result.stderr


def test_score_table_says_once_what_holds_for_all(place):
    paths = place.corpus.split("dev")["path"][:3]
    result = study("score", *paths, "--run", "11_paper_cnn/mfcc", "--corpus", "demo")
    assert result.exit_code == 0
    assert all(path in result.stdout for path in paths)
    assert result.stdout.count("Trained on corpus demo, made speech") == 1
    assert "from 0.010 (dev-eer) on" in result.stdout


def test_score_files_warn_of_what_a_reader_has_to_know(place, tmp_path):
    run = place.record()
    for tag, value in (("weights", "untrained"), ("diagnosis", "one class always"), ("fingerprint", "of before")):
        run.run.client.set_tag(run.id, tag, value)
    stereo = np.stack([tone(sr=44_100), tone(sr=44_100, hz=500.0)], axis=1)
    soundfile.write(tmp_path / "stereo.wav", stereo, 44_100)
    soundfile.write(tmp_path / "plain.wav", tone(), SR)
    plain, changed = scoring.score_files(scoring.open_run(run.id), scoring.recordings([tmp_path]))
    said = " ".join(plain["warnings"])
    assert "untrained" in said and "one class always" in said and "another version" in said
    assert set(changed["warnings"]) - set(plain["warnings"]) >= {"2 channels averaged.", "Resampled from 44100 Hz."}
    run.run.client.delete_run(run.id)


def test_score_files_warn_where_dev_errs_either_way(place, monkeypatch):
    system = scoring.open_run(place.mfcc.id)
    paths = scoring.recordings([place.folder / "ASVspoof2017_V2_dev"])
    scores = place.mfcc.scores["dev"]
    middle = float(np.median(scores))
    monkeypatch.setattr(scoring.files.metrics, "threshold_card", lambda *a, **k: {"band": [middle, np.inf]})
    close = ["Too close to call" in " ".join(row["warnings"]) for row in scoring.score_files(system, paths)]
    assert close == (scores >= middle).tolist()


def test_score_one_broken_recording_among_many_is_named_and_none_scored(place, tmp_path):
    folder = tmp_path / "recordings"
    shutil.copytree(place.folder / "ASVspoof2017_V2_dev", folder)
    (folder / "D_1000003.wav").write_bytes(b"RIFF")
    result = study("score", folder, "--run", place.mfcc.id, "--json")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "D_1000003.wav: not readable as audio" in result.stderr
    assert "1 of 14 recordings cannot be used, none is scored" in result.stderr


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
