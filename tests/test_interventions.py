"""Interventions change what they say, and nothing else."""

import numpy as np
import pytest
from conftest import SR, tone

from lib.audio import interventions

NAMES = tuple(interventions.INTERVENTIONS)


@pytest.fixture
def speech(rng):
    """A second of faint noise, louder by 40 dB from 0.3 s to 0.7 s."""
    y = 0.002 * rng.standard_normal(SR)
    y[int(0.3 * SR) : int(0.7 * SR)] *= 100
    return y.astype(np.float32)


def level(y):
    return 10 * np.log10(np.mean(np.square(y, dtype=np.float64)))


@pytest.mark.parametrize("name", NAMES)
def test_intervene_any_is_repeatable_and_leaves_its_input_alone(speech, name):
    kept = speech.copy()
    once, again = (interventions.INTERVENTIONS[name](speech, SR, 3) for _ in range(2))
    np.testing.assert_array_equal(once, again)
    np.testing.assert_array_equal(speech, kept)
    assert once.dtype == np.float32
    assert not np.shares_memory(once, speech)
    assert np.abs(once).max() <= 1


@pytest.mark.parametrize("name", ["click", "silence", "noise", "hiss", "coded"])
def test_intervene_other_seed_gives_another_sound(speech, name):
    one, other = (interventions.INTERVENTIONS[name](speech, SR, seed) for seed in (3, 4))
    assert len(one) != len(other) or not np.array_equal(one, other)


def test_click_is_as_high_as_the_recording_and_over_after_100_ms(speech):
    changed = interventions.click(speech, SR, 0)
    assert len(changed) == len(speech)
    np.testing.assert_array_equal(changed[SR // 10 :], speech[SR // 10 :])
    assert np.abs(changed[: SR // 10]).max() == pytest.approx(np.abs(speech).max(), rel=0.05)


def test_silence_puts_100_to_300_ms_of_zeros_before(speech):
    added = [len(interventions.silence(speech, SR, seed)) - SR for seed in range(50)]
    assert 0.1 * SR <= min(added) < 0.12 * SR
    assert 0.28 * SR < max(added) <= 0.3 * SR
    changed = interventions.silence(speech, SR, 0)
    assert not changed[: added[0]].any()
    np.testing.assert_array_equal(changed[added[0] :], speech)


def test_noise_stands_20_db_under_the_recording(speech):
    changed = interventions.noise(speech, SR, 0)
    count = len(changed) - SR
    assert level(changed[:count]) == pytest.approx(level(speech) - 20, abs=0.5)
    np.testing.assert_array_equal(changed[count:], speech)


def test_dc_added_and_removed_move_the_mean_alone(speech):
    assert np.mean(interventions.dc_added(speech, SR, 0) - speech) == pytest.approx(0.01, abs=1e-6)
    removed = interventions.dc_removed(speech + np.float32(0.05), SR, 0)
    assert abs(removed.mean()) < 1e-6
    np.testing.assert_allclose(removed, speech - speech.mean(), atol=1e-6)


def test_dc_added_to_a_full_recording_is_clipped():
    assert interventions.dc_added(np.ones(1600), SR, 0).max() == 1


def test_trimmed_keeps_the_speech_alone(speech):
    np.testing.assert_array_equal(interventions.trimmed(speech, SR, 0), speech[int(0.3 * SR) : int(0.7 * SR)])


@pytest.mark.parametrize(("below", "kept"), [(24, 0.6), (26, 0.4)])
def test_trimmed_keeps_what_is_less_than_25_db_below_the_loudest(below, kept):
    y = tone(0.6, hz=400.0)
    y[: SR // 5] *= 10 ** (-below / 20)
    assert len(interventions.trimmed(y, SR, 0)) == round(kept * SR)


def test_trimmed_of_a_recording_of_speech_alone_changes_nothing():
    y = tone(0.5).astype(np.float32)
    np.testing.assert_array_equal(interventions.trimmed(y, SR, 0), y)


def test_quieter_lowers_the_level_by_20_db(speech):
    np.testing.assert_allclose(interventions.quieter(speech, SR, 0), 0.1 * speech, rtol=1e-6)


def test_hiss_stands_20_db_under_the_recording_all_along(speech):
    added = interventions.hiss(speech, SR, 0) - speech
    assert level(added) == pytest.approx(level(speech) - 20, abs=0.2)
    levels = interventions.frame_levels(added, SR)
    assert np.ptp(levels) < 6


def test_lowpassed_leaves_nothing_above_7_khz_and_all_below_in_place(speech):
    changed = interventions.lowpassed(speech, SR, 0)
    power = [np.abs(np.fft.rfft(y)) ** 2 for y in (speech, changed)]
    hertz = np.fft.rfftfreq(len(speech), 1 / SR)
    assert power[1][hertz >= 7000].max() < 1e-10 * power[0].max()
    np.testing.assert_allclose(power[1][hertz < 6800], power[0][hertz < 6800], rtol=1e-3, atol=1e-6 * power[0].max())
    low = tone(0.5, hz=6000.0)
    np.testing.assert_allclose(interventions.lowpassed(low, SR, 0), low, atol=1e-3)


def test_lowpassed_at_a_rate_without_such_frequencies_changes_nothing(speech):
    np.testing.assert_allclose(interventions.lowpassed(speech, 8000, 0), speech, atol=1e-6)


def test_coded_loses_something_and_keeps_length_place_and_peak(speech):
    y = speech + 0.2 * tone(1.0, hz=500.0).astype(np.float32)
    for seed in range(4):
        changed = interventions.coded(y, SR, seed)
        assert len(changed) == len(y)
        assert np.abs(changed).max() == pytest.approx(np.abs(y).max(), rel=1e-5)
        shifts = [np.dot(changed[50 + k : -50 + k or None], y[50:-50]) for k in range(-50, 51)]
        assert np.argmax(shifts) == 50
        assert 1e-4 < np.abs(changed - y).max() < np.abs(y).max()


def test_frame_levels_of_a_tone_is_its_level_in_every_frame():
    levels = interventions.frame_levels(tone(0.505, hz=400.0), SR)
    assert len(levels) == 51
    np.testing.assert_allclose(levels, 20 * np.log10(0.5 / np.sqrt(2)), atol=1e-6)
