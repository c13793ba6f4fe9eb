"""Long-term statistics of the log spectrum."""

import numpy as np
import pytest

from lib.errors import InputError
from lib.features import FeatureSettings, compute
from lib.features.statistics import STATISTICS, other_device, statistics, view

SETTINGS = FeatureSettings(n_fft=512, win_length=512, hop_length=256)


@pytest.fixture(scope="module")
def noise():
    return np.random.default_rng(0).standard_normal(32_000).astype(np.float32) * 0.1


def column(values, name):
    return values[..., STATISTICS.index(name)]


def test_statistics_of_a_worked_case():
    power = np.array([[1, 4, 4, 4, 1, 1]] * 3, np.float32)  # three quiet and three loud frames, alike in all bins
    found, quiet, loud = statistics(power), np.log(1 / 2.5), np.log(4 / 2.5)
    expected = {"mean": (quiet + loud) / 2, "quiet": quiet, "loud": loud, "upper": loud}
    expected |= {"spread": np.log(4) / 2, "fall": np.log(4) * np.sqrt(1 / 5)}
    for name in STATISTICS:
        assert np.allclose(column(found, name), expected[name]), name


def test_statistics_upper_quartile_is_the_frame_three_quarters_of_the_way_up():
    for frames, expected in ((4, 2), (5, 3)):
        power = np.exp(np.stack([np.arange(frames), np.arange(frames)[::-1]])).astype(np.float32)
        assert np.allclose(column(statistics(power), "upper"), np.log(np.exp(expected) / power.mean()))


def test_statistics_do_not_depend_on_level_or_repetition(noise):
    first = compute(noise, ["statistics"], SETTINGS)["statistics"]
    assert first.shape == (257, 6) and first.dtype == np.float32
    assert np.allclose(compute(noise / 7, ["statistics"], SETTINGS)["statistics"], first, atol=1e-3)
    longer = compute(np.tile(noise, 3), ["statistics"], SETTINGS)["statistics"]
    assert np.abs(longer - first).mean() < 0.1


def test_statistics_of_one_frame_and_of_silence_are_finite():
    for y in (np.ones(10, np.float32), np.zeros(16_000, np.float32)):
        assert np.isfinite(compute(y, ["statistics"], SETTINGS)["statistics"]).all()


def test_view_lift_leaves_a_ripple_and_removes_a_slope():
    values = np.zeros((1, 257, 6))
    bins = np.arange(257)
    values[0, :, 0] = bins / 50 + np.cos(bins * np.pi / 2)
    lifted = view("lift16 mean", values)[0, 50:-50]
    assert np.allclose(lifted, np.cos(bins[50:-50] * np.pi / 2), atol=0.02)
    assert np.abs(view("smooth mean", values)[0, 10:-10] - (bins / 50)[::4][10:-10]).max() < 0.02
    assert view("shape mean", values).shape == (1, 20)


@pytest.mark.parametrize(
    "name", ["lift mean", "shape", "shape median", "lift16", "square mean", "liftx mean", "lift0 mean", "lift² mean"]
)
def test_view_refuses_unknown_names(name):
    with pytest.raises(InputError, match=f"view '{name}' is unknown"):
        view(name, np.zeros((1, 257, 6)))


def test_other_device_changes_levels_alike_and_decay_not(noise):
    values = np.stack([compute(part, ["statistics"], SETTINGS)["statistics"] for part in np.split(noise, 4)])
    changed = other_device(values, np.random.default_rng(0)) - values
    assert np.allclose(column(changed, "fall"), 0)
    assert np.allclose(column(changed, "spread"), 0)
    mean, quiet = column(changed, "mean"), column(changed, "quiet")
    assert np.std(mean - quiet) / np.log(10) * 10 == pytest.approx(1, abs=0.1)  # dB: the ripple
    assert 1 < np.std(quiet) / np.log(10) * 10 < 6  # dB: the smooth response
    assert not np.array_equal(changed[0], changed[1])
    again = other_device(values, np.random.default_rng(0)) - values
    assert np.array_equal(changed, again)
