"""Deltas, normalisation and length of matrices, by limits and against librosa."""

import librosa
import numpy as np
import pytest

from lib.errors import InputError
from lib.features import matrices


@pytest.fixture
def matrix(rng):
    return rng.normal(3, 2, size=(5, 40)).astype(np.float32)


@pytest.mark.parametrize("width", [3, 9])
def test_with_deltas_equals_librosas_taken_twice(matrix, width):
    found = matrices.with_deltas(matrix, width)
    assert found.shape == (15, 40) and found.dtype == np.float32
    delta = librosa.feature.delta(matrix, width=width, mode="nearest")
    np.testing.assert_array_equal(found[:5], matrix)
    np.testing.assert_allclose(found[5:10], delta, atol=1e-5)
    np.testing.assert_allclose(found[10:], librosa.feature.delta(delta, width=width, mode="nearest"), atol=1e-5)


def test_with_deltas_of_a_constant_are_zero_and_of_a_line_its_slope():
    both = np.stack([np.full(20, 7.0), 0.5 * np.arange(20)]).astype(np.float32)
    found = matrices.with_deltas(both, 5)
    assert not found[[2, 4]].any()
    np.testing.assert_allclose(found[3, 2:-2], 0.5, atol=1e-6)
    np.testing.assert_allclose(found[5, 4:-4], 0, atol=1e-6)


@pytest.mark.parametrize("count", [1, 2])
def test_with_deltas_of_fewer_frames_than_the_width(count):
    found = matrices.with_deltas(np.ones((2, count), np.float32), 9)
    assert found.shape == (6, count) and not found[2:].any()


@pytest.mark.parametrize("width", [1, 4, -3])
def test_with_deltas_width_out_of_range_is_refused(matrix, width):
    with pytest.raises(InputError, match=f"deltas must be odd and at least 3, got {width}"):
        matrices.with_deltas(matrix, width)


def test_normalised_mean_takes_away_any_offset_of_a_row(matrix):
    found = matrices.normalised(matrix, "mean")
    np.testing.assert_allclose(found.mean(axis=1), 0, atol=1e-6)
    np.testing.assert_allclose(found.std(axis=1), matrix.std(axis=1), rtol=1e-5)
    np.testing.assert_allclose(matrices.normalised(matrix + np.arange(5.0)[:, None], "mean"), found, atol=1e-5)


def test_normalised_cmvn_takes_away_offset_and_scale(matrix):
    found = matrices.normalised(matrix, "cmvn")
    np.testing.assert_allclose(found.mean(axis=1), 0, atol=1e-6)
    np.testing.assert_allclose(found.std(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(matrices.normalised(3 * matrix - 2, "cmvn"), found, atol=1e-5)
    assert found.dtype == np.float32


def test_normalised_row_without_variance_is_zero():
    constant = np.full((2, 37), 0.1, np.float32)
    for how in ("mean", "cmvn"):
        assert not matrices.normalised(constant, how).any()
        assert not matrices.normalised(constant[:, :1], how).any()


def test_normalised_none_is_the_matrix_and_others_leave_it(matrix):
    before = matrix.copy()
    assert matrices.normalised(matrix, "none") is matrix
    matrices.normalised(matrix, "cmvn")
    np.testing.assert_array_equal(matrix, before)


def test_fixed_repeats_what_is_short_and_cuts_what_is_long(matrix):
    for count in (1, 39, 40, 41, 130):
        found = matrices.fixed(matrix, count)
        np.testing.assert_array_equal(found, np.tile(matrix, 4)[:, :count])
