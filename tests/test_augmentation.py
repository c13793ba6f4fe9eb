"""Changed copies of recordings for training."""

import numpy as np
import pytest

from lib.audio.augmentation import AUGMENTATIONS
from lib.params import settings

SR = 16_000


@pytest.fixture(scope="module")
def speech():
    rng = np.random.default_rng(0)
    t = np.arange(SR) / SR
    voiced = sum(np.sin(2 * np.pi * 150 * k * t) / k for k in range(1, 20))
    return (0.1 * voiced * (1 + np.sin(2 * np.pi * 4 * t)) + 1e-3 * rng.standard_normal(SR)).astype(np.float32)


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_augment_same_seed_same_copy_another_seed_another(name, speech):
    first, again, other = (AUGMENTATIONS[name](speech, SR, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert first.dtype == np.float32 and np.isfinite(first).all()
    assert np.array_equal(first, again)
    assert first.shape != other.shape or not np.array_equal(first, other)
    assert np.abs(first).max() == pytest.approx(np.abs(speech).max(), rel=1e-5)
    if name != "crop":
        assert len(first) == len(speech) and not np.array_equal(first, speech)


def peak(y):
    return np.argmax(np.abs(np.fft.rfft(y * np.hanning(len(y))))) * SR / len(y)


def test_pitch_moves_a_tone_by_at_most_three_semitones():
    tone = np.sin(2 * np.pi * 440 * np.arange(2 * SR) / SR).astype(np.float32)
    semitones = [12 * np.log2(peak(AUGMENTATIONS["pitch"](tone, SR, np.random.default_rng(s))) / 440) for s in range(5)]
    assert all(0.4 < abs(s) < 3.1 for s in semitones)
    assert min(semitones) < 0 < max(semitones)


def test_crop_is_a_part_of_the_recording(speech):
    part = AUGMENTATIONS["crop"](speech, SR, np.random.default_rng(3))
    assert 0.5 * len(speech) - 1 <= len(part) <= 0.9 * len(speech)
    scale = np.abs(speech).max() / np.abs(part).max()
    starts = [k for k in range(len(speech) - len(part) + 1) if abs(speech[k] * scale - part[0]) < 1e-4]
    shifted = [part / scale - speech[k : k + len(part)] for k in starts]
    assert min(np.ptp(difference / (speech.std())) for difference in shifted) < 1


def test_band_removes_what_lies_outside(speech):
    white = np.random.default_rng(0).standard_normal(SR).astype(np.float32)
    power = np.abs(np.fft.rfft(AUGMENTATIONS["band"](white, SR, np.random.default_rng(0)))) ** 2
    assert power[:20].mean() < 0.05 * power[1000:3000].mean()
    assert power[-100:].mean() < 0.2 * power[1000:3000].mean()


def test_noise_lies_10_to_30_db_under_the_recording(speech):
    y, ratios = speech.astype(float), []
    for seed in range(20):
        changed = AUGMENTATIONS["noise"](speech, SR, np.random.default_rng(seed))
        added = changed / (changed @ y / (y @ y)) - y
        ratios.append(10 * np.log10(added @ added / (y @ y)))
    assert -31 < min(ratios) < -26 and -14 < max(ratios) < -9


def test_rawboost_adds_harmonics_far_below_the_recording():
    tone, ratios = 0.9 * np.sin(2 * np.pi * 500 * np.arange(SR) / SR), []
    for seed in range(10):
        changed = AUGMENTATIONS["rawboost"](tone, SR, np.random.default_rng(seed))
        power = np.abs(np.fft.rfft(changed * np.hanning(SR))) ** 2
        ratios.append(10 * np.log10(power[1490:1511].max() / power[490:511].max()))
    assert np.median(ratios) < -30  # of some a notch lies on the tone


def test_room_adds_a_tail():
    click = np.zeros(SR, np.float32)
    click[100] = 1
    heard = AUGMENTATIONS["room"](click, SR, np.random.default_rng(0))
    assert np.abs(heard[200:4000]).max() > 0.01


def test_codec_takes_minutes():
    y = np.random.default_rng(0).uniform(-0.5, 0.5, 150 * SR).astype(np.float32)
    for seed in (0, 1):  # Vorbis and MP3
        assert len(AUGMENTATIONS["codec"](y, SR, np.random.default_rng(seed))) == len(y)


@pytest.mark.parametrize("sr", [4_000, 96_000])
def test_codec_of_rates_that_mp3_does_not_have_is_vorbis(sr):
    y = np.random.default_rng(0).uniform(-0.5, 0.5, sr).astype(np.float32)
    for seed in range(4):
        assert len(AUGMENTATIONS["codec"](y, sr, np.random.default_rng(seed))) == len(y)


def test_settings_know_every_augmentation():
    assert list(AUGMENTATIONS) == settings.TABLE["rules"]["augmentation"]["choices"]
