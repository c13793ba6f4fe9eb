"""Constant-Q cepstra against their definition: librosa's filters on the samples, spline, DCT."""

import librosa
import numpy as np
import pytest
import scipy.fft
from conftest import SR, tone
from scipy.interpolate import CubicSpline

from lib import features
from lib.errors import InputError
from lib.features import FeatureSettings, cqcc
from lib.features.store import Wanted, from_clips

FREQUENCIES = 8000 / 2**9 * 2 ** (np.arange(864) / 96)


def speech_like(rng, seconds=1.0):
    """Noise that falls by 6 dB an octave above 500 Hz and comes and goes."""
    y = rng.normal(size=int(seconds * SR)) * (1 + np.sin(np.arange(int(seconds * SR)) / 900))
    return (0.1 * scipy.signal.lfilter([0.2], [1, -0.8], y)).astype(np.float32)


def filtered(y, hop, bands):
    """Power that librosa's own filters, one after another, leave of the samples around each frame."""
    power = []
    for frequency in FREQUENCIES[bands]:
        # The relative bandwidth of 96 bins an octave comes from a neighbour, which is left out.
        pair, _ = librosa.filters.wavelet(freqs=frequency * 2 ** (np.arange(2) / 96), sr=SR, gamma=None, pad_fft=True)
        size = pair.shape[1]
        padded = np.pad(y, (size // 2, size))
        power.append([abs(np.vdot(pair[0], padded[start : start + size])) ** 2 for start in range(0, len(y) + 1, hop)])
    return np.array(power)


@pytest.mark.parametrize("hop", [160, 6000])
def test_constant_q_power_is_what_librosas_filters_leave(rng, hop):
    y, bands = speech_like(rng, 2.5), [0, 90, 300, 500, 700, 860]  # longer than a block
    ours, theirs = cqcc.constant_q_power(y, SR, hop), filtered(y, hop, bands)
    assert ours.shape == (864, 1 + len(y) // hop)
    assert np.abs(ours[bands] - theirs).max() < 2e-3 * theirs.max()
    assert np.median(np.abs(np.log(ours[bands] / theirs))) < 0.01


def test_constant_q_power_follows_librosas_transform(rng):
    y = speech_like(rng, 2.0)
    vqt = librosa.vqt(y, sr=SR, hop_length=160, fmin=FREQUENCIES[0], n_bins=864, bins_per_octave=96, gamma=None)
    lengths, _ = librosa.filters.wavelet_lengths(freqs=FREQUENCIES, sr=SR, gamma=None)
    theirs = 2 * np.log(np.abs(vqt)) - np.log(lengths)[:, None]
    # Each octave's uppermost bands are lost on librosa's way, which halves the rate from octave to octave.
    assert np.median(np.abs(np.log(cqcc.constant_q_power(y, SR, 160)) - theirs)) < 0.03


def test_constant_q_power_a_sine_stands_in_its_band():
    y = (2 * tone(2.0, hz=FREQUENCIES[600])).astype(np.float32)
    power = cqcc.constant_q_power(y, SR, 160)[:, 100]
    assert power.argmax() == 600
    assert power.max() == pytest.approx(0.25, rel=1e-4)


def test_cqcc_is_the_published_definition(rng):
    """Spline on the frequencies in Hz, a uniform scale of 16 points in the lowest octave, DCT: as cqcc.m has it."""
    y = speech_like(rng)
    log = np.log(cqcc.constant_q_power(y, SR, 160).astype(np.float64) + np.finfo(float).eps)
    grid = np.arange(FREQUENCIES[0], FREQUENCIES[-1], FREQUENCIES[0] / 16)
    theirs = scipy.fft.dct(CubicSpline(FREQUENCIES, log)(grid), axis=0, norm="ortho")[:30]
    ours = cqcc.cqcc(y, SR, 160, 30)
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, theirs, atol=2e-4 * np.abs(theirs).max())


def test_cqcc_level_moves_the_first_coefficient_alone(rng):
    y = speech_like(rng)
    difference = cqcc.cqcc(10 * y, SR, 160, 30) - cqcc.cqcc(y, SR, 160, 30)
    assert np.median(difference[0]) == pytest.approx(2 * np.log(10) * np.sqrt(8118), rel=1e-3)
    assert np.median(np.abs(difference[1:])) < 0.1


@pytest.mark.parametrize("samples", [1, 300, 16_000, 70_000])
def test_cqcc_silence_and_any_length_are_finite(samples):
    found = cqcc.cqcc(np.zeros(samples, np.float32), SR, 160, 30)
    assert found.shape == (30, 1 + samples // 160)
    assert np.isfinite(found).all()


def test_cqcc_is_a_feature_like_the_others(rng):
    y, settings = speech_like(rng), FeatureSettings(n_fft=512, win_length=320, hop_length=160)
    ours = features.compute(y, ["lfcc", "cqcc"], settings)
    assert ours["cqcc"].shape == (30, ours["lfcc"].shape[1])
    assert features.identity("cqcc", settings) == {"sr": SR, "hop_length": 160, "n_cqcc": 30}
    framed, drawn = Wanted("cqcc", settings), Wanted("cqcc", settings, 32)
    kept = from_clips([framed, drawn], [y])
    np.testing.assert_array_equal(kept[framed][0], ours["cqcc"])
    assert kept[drawn][0].dtype == np.uint8


def test_cqcc_fewer_coefficients_are_the_first(rng):
    y = speech_like(rng)
    np.testing.assert_allclose(cqcc.cqcc(y, SR, 160, 13), cqcc.cqcc(y, SR, 160, 30)[:13], rtol=1e-4, atol=1e-3)
    with pytest.raises(InputError, match="n_cqcc must be at most 864, got 865"):
        FeatureSettings(n_cqcc=865)
