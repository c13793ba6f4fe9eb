"""The made corpus: same seed same files, the real layout, and no cheap way to the label."""

import hashlib
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import soundfile
from joblib import Parallel, delayed
from scipy import signal
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lib.corpus import read_protocol
from lib.demo import made, replay, voices
from lib.errors import InputError, RunError
from lib.judgement import shortcuts
from lib.metrics import eer

SMALL = {"train": (3, 3), "dev": (2, 2), "eval": (2, 6)}
PROTOCOLS = {
    "train": "protocol_V2/ASVspoof2017_V2_train.trn.txt",
    "dev": "protocol_V2/ASVspoof2017_V2_dev.trl.txt",
    "eval": "protocol_V2/ASVspoof2017_V2_eval.trl.txt",
}


def digests(folder):
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made") / "corpus"
    made.make_corpus(folder, seed=7, **SMALL, jobs=2)
    return folder


# -- files ---------------------------------------------------------------------------------


def test_make_corpus_same_seed_gives_identical_files_for_any_workers(corpus, tmp_path):
    made.make_corpus(tmp_path / "again", seed=7, **SMALL, jobs=1)
    first = digests(corpus)
    assert len(first) == 18 + 3 + 1  # sounds, protocols, README.txt
    assert digests(tmp_path / "again") == first


def test_make_corpus_other_seed_gives_other_sounds(corpus, tmp_path):
    (tmp_path / "other").mkdir()  # an empty folder may stand there
    made.make_corpus(tmp_path / "other", seed=8, **SMALL, jobs=1)
    one, other = digests(corpus), digests(tmp_path / "other")
    sounds = [name for name in one if name.endswith(".wav")]
    assert set(one) == set(other)
    assert [name for name in sounds if one[name] == other[name]] == []
    assert len({one[name] for name in sounds}) == len(sounds)


def test_make_corpus_layout_is_that_of_asvspoof_2017(corpus):
    for split, (n_genuine, n_spoof) in SMALL.items():
        protocol = read_protocol(corpus / PROTOCOLS[split])
        files = [f"{split[0].upper()}_{1000001 + k}.wav" for k in range(n_genuine + n_spoof)]
        assert protocol["file"].tolist() == files
        assert protocol["label"].sum() == n_genuine
        assert protocol["speaker"].str.fullmatch(r"M\d{4}").all()
        assert protocol["phrase"].str.fullmatch(r"S(0[1-9]|10)").all()
        for column, first in (("environment", "E"), ("playback", "P"), ("recorder", "R")):
            assert protocol.loc[protocol["label"] == 1, column].eq("-").all()
            assert protocol.loc[protocol["label"] == 0, column].str.fullmatch(first + r"\d\d").all()
        listed = {corpus / f"ASVspoof2017_V2_{split}" / file for file in protocol["file"]}
        assert set((corpus / f"ASVspoof2017_V2_{split}").iterdir()) == listed
        for path in listed:
            info = soundfile.info(path)
            assert (info.samplerate, info.channels, info.subtype) == (16000, 1, "PCM_16")
            assert 1 < info.duration < 7


def test_make_corpus_readme_says_what_it_is(corpus):
    text = (corpus / "README.txt").read_text()
    for words in ("NOT ASVspoof data", "eSpeak NG", "seed 7", "train: 3 genuine, 3 spoof", "simulation"):
        assert words in text


def test_make_corpus_made_already_is_left_alone(corpus, monkeypatch):
    before = digests(corpus)
    monkeypatch.setattr(made, "trial_audio", lambda *_: pytest.fail("made again"))
    made.make_corpus(corpus, seed=7, **SMALL, jobs=1)
    assert digests(corpus) == before


def test_make_corpus_over_another_corpus_is_refused(corpus):
    before = digests(corpus)
    with pytest.raises(InputError, match="corpus: holds something other.*expected a new or empty folder"):
        made.make_corpus(corpus, seed=8, **SMALL, jobs=1)
    assert digests(corpus) == before


def test_make_corpus_over_a_file_or_other_things_is_refused(tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("dear")
    for name in ("thesis", "thesis/chapter.txt"):
        with pytest.raises(InputError, match=f"{name}: holds something other"):
            made.make_corpus(tmp_path / name, **SMALL, jobs=1)
    assert digests(tmp_path) == {"thesis/chapter.txt": hashlib.sha256(b"dear").hexdigest()}


def test_make_corpus_stopped_leaves_nothing(tmp_path, monkeypatch):
    calls = []

    def stop_at_third(row, seed):
        calls.append(row)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return np.zeros(160)

    monkeypatch.setattr(made, "trial_audio", stop_at_third)
    with pytest.raises(KeyboardInterrupt):
        made.make_corpus(tmp_path / "corpus", **SMALL, jobs=1)
    assert len(calls) == 3
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"seed": -1}, "seed -1: must be a whole number"),
        ({"seed": 1.5}, "seed 1.5: must be a whole number"),
        ({"seed": True}, "seed True: must be a whole number"),
        ({"seed": "1"}, "seed '1': must be a whole number"),
        ({"train": (-1, 5)}, r"train \(-1, 5\): expected two whole numbers"),
        ({"dev": (0, 0)}, r"dev \(0, 0\): .* not both 0"),
        ({"eval": (1, 2, 3)}, r"eval \(1, 2, 3\): expected two whole numbers"),
        ({"eval": 40}, "eval 40: expected two whole numbers"),
        ({"eval": (1, 999_999)}, r"eval \(1, 999999\): a split has at most"),
    ],
)
def test_make_corpus_wrong_arguments_are_named(tmp_path, wrong, message):
    with pytest.raises(InputError, match=message):
        made.make_corpus(tmp_path / "corpus", **wrong)
    assert list(tmp_path.iterdir()) == []


# -- plan ----------------------------------------------------------------------------------


def test_plan_speakers_are_disjoint_and_eval_devices_new():
    counts = {"train": (125, 125), "dev": (55, 65), "eval": (40, 360)}
    seen = {}
    for split, pair in counts.items():
        rows = made.plan(split, *pair, seed=1)
        spoofs = [row for row in rows if row["label"] == "spoof"]
        assert (len(rows) - len(spoofs), len(spoofs)) == pair
        seen[split] = {"speaker": {row["speaker"] for row in rows}}
        for kind in ("environment", "playback", "recorder"):
            seen[split][kind] = {row[kind] for row in spoofs}
    for one, other in (("train", "dev"), ("train", "eval"), ("dev", "eval")):
        assert not seen[one]["speaker"] & seen[other]["speaker"]
    assert [len(seen[split]["speaker"]) for split in counts] == [10, 8, 24]
    for kind in ("environment", "playback", "recorder"):
        assert not seen["train"][kind] & seen["eval"][kind]
        assert len(seen["eval"][kind] - seen["dev"][kind]) > 0.8 * len(seen["eval"][kind])
    assert len(seen["train"]["recorder"]) == 1


def test_replay_configurations_are_distinct_and_grow_by_split():
    configurations = {split: made.replay_configurations(split) for split in ("train", "dev", "eval")}
    assert [len(rows) for rows in configurations.values()] == [3, 10, 30]
    for rows in configurations.values():
        assert len({tuple(row.values()) for row in rows}) == len(rows)


def test_talker_of_each_speaker_has_its_own_voice():
    variants = [voices.talker(1, number)["voice"].split("+")[1] for number in range(1, 43)]
    assert sorted(variants) == sorted(voices.VARIANTS)


# -- speech --------------------------------------------------------------------------------


def test_speak_every_variant_says_the_same_whatever_was_said_before():
    def digest(voice):
        return hashlib.sha256(voices.speak(voices.PHRASES[0], voice).tobytes()).hexdigest()

    once = {variant: digest(f"en-us+{variant}") for variant in voices.VARIANTS}
    assert len(set(once.values())) == len(voices.VARIANTS)
    for variant in reversed(voices.VARIANTS):
        assert digest(f"en-us+{variant}") == once[variant], variant


def test_speak_in_another_process_says_the_same():
    code = "import sys; from lib.demo.voices import speak; sys.stdout.buffer.write(speak('one two', 'en+m3'))"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert other.stdout == voices.speak("one two", "en+m3").tobytes()


def test_speak_accents_and_rate_are_heard():
    said = [voices.speak(voices.PHRASES[2], f"{accent}+m3").tobytes() for accent in voices.ACCENTS]
    assert len(set(said)) == len(voices.ACCENTS)
    slow, fast = (len(voices.speak(voices.PHRASES[2], "en+m3", rate=rate)) for rate in (130, 200))
    assert 1.3 < slow / fast < 1.7


def test_speak_unknown_voice_is_an_error():
    with pytest.raises(RunError, match="cannot say 'hello' as 'xx-none'"):
        voices.speak("hello", "xx-none")


# -- physics -------------------------------------------------------------------------------


@pytest.mark.parametrize("gain", [-6.0, 9.0])
def test_peaking_has_its_gain_at_the_centre_only(gain):
    _, h = signal.sosfreqz(replay.peaking(1000, 4, gain), [50, 1000, 7500], fs=16000)
    np.testing.assert_allclose(20 * np.log10(np.abs(h)), [0, gain, 0], atol=0.1)


def test_add_noise_has_the_ratio_asked_for(rng):
    y = rng.standard_normal(16000)
    noise = replay.add_noise(y, 20.0, rng) - y
    assert 10 * np.log10(np.mean(y**2) / np.mean(noise**2)) == pytest.approx(20)


def test_limit_reaches_the_crest_asked_for(rng):
    y = rng.standard_normal(16000) ** 3
    limited = replay.limit(y, 13.0)
    assert -20 * np.log10(np.sqrt(np.mean(limited**2))) == pytest.approx(13, abs=0.05)
    assert np.max(np.abs(limited)) == pytest.approx(1)
    square = np.sign(y)
    np.testing.assert_array_equal(replay.limit(square, 13.0), square)


def test_room_response_starts_at_the_direct_sound_and_rings():
    for number in range(1, 17):
        h = replay.room_response(1, replay.ENVIRONMENT, number)
        assert np.argmax(np.abs(h)) == 0
        assert np.sum(h**2) == pytest.approx(1)
        assert 0.05 < np.sum(h[80:] ** 2) < 0.98  # later than 5 ms: the room


def test_replay_devices_differ_by_number_and_seed():
    y = voices.speak("one two", "en+m3")
    base = replay.replay(y, 1, 1, 1, 1)
    for other in ((2, 1, 1, 1), (1, 2, 1, 1), (1, 1, 2, 1), (1, 1, 1, 2)):
        assert not np.allclose(replay.replay(y, *other), base)


# -- what gives the label away -------------------------------------------------------------


SHORTCUTS = [group for group, about in shortcuts.GROUPS.items() if about["kind"] == "shortcut"]


def described_trial(row, seed):
    return shortcuts.of_recording(made.trial_audio(row, seed))


@pytest.fixture(scope="module")
def described():
    """Cues and `genuine` of 200 + 200 trials of train and as many of eval, seed 1."""
    rows = [row for split in ("train", "eval") for row in made.plan(split, 200, 200, seed=1)]
    table = pd.DataFrame(Parallel(n_jobs=-1)(delayed(described_trial)(row, 1) for row in rows))
    table["genuine"] = [row["label"] == "genuine" for row in rows]
    return table[:400], table[400:]


def linear():
    return make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000))


def forest():
    return RandomForestClassifier(200, min_samples_leaf=3, random_state=0)


def eval_scores(model, described, groups):
    train, evaluated = described
    columns = [name for group in groups for name in shortcuts.columns_of(train, group)]
    return model.fit(train[columns], train["genuine"]).predict_proba(evaluated[columns])[:, 1]


@pytest.mark.parametrize("model", [linear, forest])
def test_level_duration_silence_clicks_and_dc_do_not_give_the_label_away(described, model):
    auc = roc_auc_score(described[1]["genuine"], eval_scores(model(), described, SHORTCUTS))
    assert abs(auc - 0.5) < 0.1  # 3.5 standard errors of 200 + 200 trials at chance


@pytest.mark.parametrize("model", [linear, forest])
@pytest.mark.parametrize(("cue", "shift"), [("loudness/rms", -2.0), ("silence/after", 0.2), ("dc/offset", 1e-3)])
def test_a_planted_shortcut_is_found_by_the_same_check(described, model, cue, shift):
    planted = [part.assign(**{cue: part[cue] + shift * part["genuine"]}) for part in described]  # crest +2 dB, ...
    assert roc_auc_score(planted[1]["genuine"], eval_scores(model(), planted, SHORTCUTS)) > 0.65


def test_replay_is_heard_in_the_colour_but_not_easily(described):
    genuine = described[1]["genuine"]
    assert 0.1 < eer(eval_scores(linear(), described, ["mfcc"]), genuine)[0] < 0.35
