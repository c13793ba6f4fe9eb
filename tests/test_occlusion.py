"""Taking a part out leaves the rest as it was."""

import numpy as np
import pytest
from conftest import SR, tone

from lib.audio.interventions import parts, taken_out


@pytest.fixture
def spoken(rng):
    """Two tones over faint noise, which alone is heard in the first fifth of a second."""
    y = tone(1.0, hz=1250) + tone(1.0, hz=6250)
    y[: SR // 5] = 0
    return (y / 2 + 0.001 * rng.standard_normal(SR)).astype(np.float32)


def level(y):
    return np.sqrt(np.mean(np.square(y)))


def test_taken_out_stretch_is_as_quiet_as_the_background(spoken):
    edges = parts(spoken, SR, "seconds", 10)
    changed = spoken + taken_out(spoken, SR, "seconds", edges, 0)[5]
    inside, outside = slice(int(0.52 * SR), int(0.58 * SR)), slice(int(0.65 * SR), None)
    assert level(changed[inside]) == pytest.approx(level(spoken[: SR // 6]), rel=0.3)
    assert changed[outside] == pytest.approx(spoken[outside], abs=1e-6)


def test_taken_out_band_leaves_the_others(spoken):
    edges = parts(spoken, SR, "hertz", 16)
    changed = spoken + taken_out(spoken, SR, "hertz", edges, 0)[2]  # 1.0 to 1.5 kHz
    before, after = (np.abs(np.fft.rfft(y[SR // 4 :]))[[1250 * 3 // 4, 6250 * 3 // 4]] for y in (spoken, changed))
    assert after[0] < 0.02 * before[0]
    assert after[1] == pytest.approx(before[1], rel=1e-3)


@pytest.mark.parametrize("axis", ["seconds", "hertz"])
def test_taken_out_all_parts_leave_the_background_alone(spoken, axis):
    out = taken_out(spoken, SR, axis, parts(spoken, SR, axis, 16), 0)
    assert out.shape == (16, len(spoken)) and out.dtype == np.float32
    assert level(spoken + out.sum(axis=0)) == pytest.approx(level(spoken[: SR // 6]), rel=0.2)


def test_taken_out_same_seed_same_noise(spoken):
    edges = parts(spoken, SR, "seconds", 4)
    first, again, other = (taken_out(spoken, SR, "seconds", edges, seed) for seed in (0, 0, 1))
    assert np.array_equal(first, again) and not np.array_equal(first, other)
