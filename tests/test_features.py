"""Features against librosa's own output, to 1e-3 dB."""

import dataclasses
import doctest

import librosa
import numpy as np
import pytest
import scipy.fft
import scipy.signal
from conftest import SR, tone

from lib import audio, features
from lib.errors import InputError
from lib.features import FeatureSettings, images, matrices

SETTINGS = [
    FeatureSettings(),
    FeatureSettings(n_fft=512, win_length=400, hop_length=160, window="hamming", n_mels=40, n_mfcc=13),
    FeatureSettings(n_fft=1024, win_length=1024, hop_length=256, fmin=100.0, fmax=6000.0, top_db=60.0),
]

LIKE_LIBROSA = ("spectrogram", "mel", "mfcc", "stft")  # librosa has nothing like `fft`, `lfcc` and `cqcc`


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


BASELINES = [  # of the ASVspoof challenges of 2019 and 2021, and one with another range
    FeatureSettings(n_fft=512, win_length=320, hop_length=160, window="hamming"),
    FeatureSettings(n_fft=1024, win_length=480, hop_length=240, window="hamming", n_linear=70),
    FeatureSettings(n_fft=512, win_length=512, hop_length=256, fmin=300.0, fmax=3400.0, n_linear=30, n_lfcc=13),
]


def plain_lfcc(y, s):
    """The published definition in float64, step by step."""
    padded = np.pad(y.astype(np.float64), s.n_fft // 2)
    window = np.zeros(s.n_fft)
    first = (s.n_fft - s.win_length) // 2
    window[first : first + s.win_length] = scipy.signal.get_window(s.window, s.win_length)
    starts = range(0, len(padded) - s.n_fft + 1, s.hop_length)
    power = np.abs([np.fft.rfft(padded[start : start + s.n_fft] * window) for start in starts]) ** 2
    corners = np.linspace(s.fmin, s.fmax, s.n_linear + 2)
    bins = np.fft.rfftfreq(s.n_fft, 1 / s.sr)
    triangles = [np.interp(bins, corners[k : k + 3], [0, 1, 0]) for k in range(s.n_linear)]
    bands = np.log10(np.maximum(power @ np.transpose(triangles), s.amin))
    return scipy.fft.dct(bands, norm="ortho", axis=1)[:, : s.n_lfcc].T


@pytest.mark.parametrize("settings", BASELINES)
def test_compute_lfcc_is_the_published_definition(rng, settings):
    y = speech_like(rng)
    ours = features.compute(y, ["lfcc"], settings)["lfcc"]
    assert ours.dtype == np.float32
    assert ours.shape == (settings.n_lfcc, 1 + len(y) // settings.hop_length)
    np.testing.assert_allclose(ours, plain_lfcc(y, settings), atol=1e-4)  # 1e-3 dB


def test_compute_lfcc_depends_on_bands_and_coefficients(rng):
    y, settings = speech_like(rng), BASELINES[0]
    whole = features.compute(y, ["lfcc"], settings)["lfcc"]
    few = features.compute(y, ["lfcc"], dataclasses.replace(settings, n_lfcc=13))["lfcc"]
    np.testing.assert_allclose(few, whole[:13], atol=1e-5)
    more = features.compute(y, ["lfcc"], dataclasses.replace(settings, n_linear=40))["lfcc"]
    assert np.abs(more - whole).max() > 0.5
    mfcc = dataclasses.replace(settings, n_mfcc=13, n_mels=64, top_db=60.0)
    np.testing.assert_array_equal(features.compute(y, ["lfcc"], mfcc)["lfcc"], whole)


def test_compute_lfcc_level_moves_the_first_coefficient_alone(rng):
    y, settings = speech_like(rng), BASELINES[0]
    difference = features.compute(10 * y, ["lfcc"], settings)["lfcc"] - features.compute(y, ["lfcc"], settings)["lfcc"]
    np.testing.assert_allclose(difference[0], 2 * np.sqrt(20), atol=1e-4)
    np.testing.assert_allclose(difference[1:], 0, atol=1e-4)


def test_compute_lfcc_more_bands_than_bins_are_refused():
    settings = FeatureSettings(n_fft=256, win_length=256, n_linear=300)
    with pytest.raises(
        InputError, match="n_linear must leave a bin of the FFT to each band, got 300 bands every 27 Hz"
    ):
        features.compute(tone(0.5).astype(np.float32), ["lfcc"], settings)


def test_compute_several_at_once_equals_one_by_one(rng):
    y = speech_like(rng)
    names = [name for name in features.FEATURES if name != "cqcc"]  # shares no spectrum
    together = features.compute(y, names, SETTINGS[0])
    for name in names:
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


def test_compute_odd_transform_has_its_frames():
    odd = FeatureSettings(n_fft=401, win_length=401, hop_length=160)
    y = tone(0.1, hz=1000).astype(np.float32)
    spectrogram = features.compute(y, ["spectrogram"], odd)["spectrogram"]
    assert spectrogram.shape == (201, 11)
    assert spectrogram[:, 5].argmax() == round(1000 * 401 / SR)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"n_fft": 1}, "n_fft must be at least 2, got 1"),
        ({"n_fft": 2**20}, "n_fft must be at most 65536, got 1048576"),
        ({"win_length": 4096}, "win_length must be at most n_fft, got 4096 with n_fft = 2048"),
        ({"hop_length": 0}, "hop_length must be at least 1, got 0"),
        ({"fmax": 9000.0}, "fmax must be at most sr / 2, got 9000.0"),
        ({"n_mfcc": 200}, "n_mfcc must be at most n_mels, got 200"),
        ({"n_linear": 0}, "n_linear must be at least 1, got 0"),
        ({"n_lfcc": 21}, "n_lfcc must be at most n_linear, got 21"),
        ({"top_db": 0.0}, "top_db"),
        ({"window": "no such"}, "window must be one of hann, hamming, blackman, boxcar, got 'no such'"),
    ],
)
def test_settings_out_of_range_name_value_and_rule(change, words):
    with pytest.raises(InputError) as error:
        FeatureSettings(**change)
    assert words in str(error.value)


def test_compute_unknown_feature_lists_the_known(rng):
    with pytest.raises(InputError, match=f"unknown feature 'cqt'; there are {', '.join(features.FEATURES)}"):
        features.compute(speech_like(rng), ["cqt"], SETTINGS[0])


def test_identity_holds_only_what_the_feature_depends_on():
    a, b = FeatureSettings(), FeatureSettings(n_mfcc=13)
    assert features.identity("spectrogram", a) == features.identity("spectrogram", b)
    assert features.identity("mfcc", a) != features.identity("mfcc", b)
    c = FeatureSettings(n_linear=40, n_lfcc=30)
    for name in features.FEATURES:
        assert (features.identity(name, a) == features.identity(name, c)) == (name != "lfcc")


def test_identity_of_the_base_papers_features_is_what_it_was():
    """A setting that only a later feature needs must not send stored images away."""
    frames = {"sr": 16_000, "n_fft": 2048, "win_length": 2048, "hop_length": 512, "window": "hann"}
    spectrum = {**frames, "amin": 1e-10, "top_db": 80.0}
    bands = {**spectrum, "n_mels": 128, "fmin": 0.0, "fmax": 8000.0}
    expected = {"stft": frames, "spectrogram": spectrum, "fft": spectrum, "mel": bands, "mfcc": {**bands, "n_mfcc": 20}}
    assert {name: features.identity(name, FeatureSettings()) for name in expected} == expected


def test_identity_unknown_feature_names_the_nearest():
    with pytest.raises(InputError, match=r"unknown feature 'lfc'; there are .*; did you mean lfcc\?"):
        features.identity("lfc", FeatureSettings())


@pytest.mark.parametrize("module", [images, matrices])
def test_examples_of_docstrings_hold(module):
    found = doctest.testmod(module)
    assert found.attempted and not found.failed
