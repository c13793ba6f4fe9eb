"""Features against librosa's own output, to 1e-3 dB."""

import librosa
import numpy as np
import pytest
from conftest import SR, tone

from lib import audio, features
from lib.errors import InputError
from lib.features import FeatureSettings

SETTINGS = [
    FeatureSettings(),
    FeatureSettings(n_fft=512, win_length=400, hop_length=160, window="hamming", n_mels=40, n_mfcc=13),
    FeatureSettings(n_fft=1024, win_length=1024, hop_length=256, fmin=100.0, fmax=6000.0, top_db=60.0),
]

LIKE_LIBROSA = ("spectrogram", "mel", "mfcc", "stft")  # librosa has no picture like `fft`


def librosa_features(y, s):
    stft = librosa.stft(
        y, n_fft=s.n_fft, hop_length=s.hop_length, win_length=s.win_length, window=s.window, center=True,
        pad_mode="constant",
    )  # fmt: skip
    power = np.abs(stft) ** 2
    mel = librosa.feature.melspectrogram(S=power, sr=s.sr, n_mels=s.n_mels, fmin=s.fmin, fmax=s.fmax)
    return {
        "spectrogram": librosa.power_to_db(power, ref=np.max, amin=s.amin, top_db=s.top_db),
        "mfcc": librosa.feature.mfcc(
            S=librosa.power_to_db(mel, ref=1.0, amin=s.amin, top_db=s.top_db), n_mfcc=s.n_mfcc
        ),
        "mel": librosa.power_to_db(mel, ref=np.max, amin=s.amin, top_db=s.top_db),
        "stft": np.abs(stft),
    }


def speech_like(rng, seconds=1.3):
    """Noise with a formant-like colouring that changes with time, over a quiet floor."""
    y = rng.normal(size=int(seconds * SR)) * np.interp(np.arange(int(seconds * SR)), [0, 6000, 20000], [0.01, 1, 0.1])
    return (0.2 * np.convolve(y, [1, 0.9, 0.5], mode="same")).astype(np.float32)


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("name", LIKE_LIBROSA)
def test_compute_equals_librosa(rng, settings, name):
    y = speech_like(rng)
    ours = features.compute(y, [name], settings)[name]
    theirs = librosa_features(y, settings)[name]
    assert ours.dtype == np.float32
    assert ours.shape == theirs.shape
    np.testing.assert_allclose(ours, theirs, atol=1e-3)


def test_compute_equals_librosa_on_real_speech(shared):
    for path in sorted((shared / "data/speech_and_responses/speech").glob("*.flac"))[:5]:
        y = audio.read(path)[0]
        ours, theirs = features.compute(y, LIKE_LIBROSA, SETTINGS[0]), librosa_features(y, SETTINGS[0])
        for name in LIKE_LIBROSA:
            np.testing.assert_allclose(ours[name], theirs[name], atol=1e-3)


def test_compute_several_at_once_equals_one_by_one(rng):
    y = speech_like(rng)
    together = features.compute(y, features.FEATURES, SETTINGS[0])
    for name in features.FEATURES:
        np.testing.assert_array_equal(together[name], features.compute(y, [name], SETTINGS[0])[name])


def test_spectrogram_of_a_sine_peaks_in_its_bin():
    y = tone(1.0, hz=1000).astype(np.float32)
    spectrogram = features.compute(y, ["spectrogram"], SETTINGS[0])["spectrogram"]
    assert spectrogram[:, 10].argmax() == 1000 * 2048 // SR
    assert spectrogram.max() == pytest.approx(0, abs=1e-5)
    assert spectrogram.min() == pytest.approx(-80)


def test_fft_of_two_sines_stands_as_high_as_they_are():
    y = (tone(1.0, hz=1000) + 0.01 * tone(1.0, hz=4000)).astype(np.float32)
    area = features.compute(y, ["fft"], SETTINGS[0])["fft"]
    assert area.shape == (200, 1025)
    assert set(np.unique(area)) == {0, 1}
    height = area.sum(axis=0)
    assert height.argmax() == 128 and height.max() == 200  # 1,000 Hz at 0 dB
    assert height[512] == pytest.approx(200 * (80 - 40) / 80, abs=2)  # 4,000 Hz, 40 dB below
    assert height[800] <= 1
    assert (np.diff(area, axis=0) <= 0).all()  # filled from the bottom


def test_compute_shorter_than_a_window_gives_one_frame():
    y = tone(0.1)[:300].astype(np.float32)
    assert features.compute(y, ["spectrogram"], SETTINGS[0])["spectrogram"].shape == (1025, 1)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"n_fft": 1}, "n_fft must be at least 2, got 1"),
        ({"win_length": 4096}, "win_length must be positive and at most n_fft, got 4096"),
        ({"hop_length": 0}, "hop_length must be positive, got 0"),
        ({"fmax": 9000.0}, "fmax must be at most sr / 2, got 9000.0"),
        ({"n_mfcc": 200}, "n_mfcc must be positive and at most n_mels, got 200"),
        ({"top_db": 0.0}, "top_db"),
        ({"window": "no such"}, "window must be one of scipy's, got 'no such'"),
    ],
)
def test_settings_out_of_range_name_value_and_rule(change, words):
    with pytest.raises(InputError) as error:
        FeatureSettings(**change)
    assert words in str(error.value)


def test_compute_unknown_feature_lists_the_known(rng):
    with pytest.raises(InputError, match="unknown feature 'cqt'; there are spectrogram, mel, mfcc, lfcc, fft, stft"):
        features.compute(speech_like(rng), ["cqt"], SETTINGS[0])


def test_identity_holds_only_what_the_feature_depends_on():
    a, b = FeatureSettings(), FeatureSettings(n_mfcc=13)
    assert features.identity("spectrogram", a) == features.identity("spectrogram", b)
    assert features.identity("mfcc", a) != features.identity("mfcc", b)
