"""Augmentation: what a kind may change, and that a copy is always the same."""

import numpy as np
import pytest

from lib.errors import InputError
from lib.features.images import augmented


@pytest.fixture
def images(rng):
    return rng.integers(60, 190, size=(6, 40, 40)).astype(np.uint8)


@pytest.mark.parametrize("kind", ["audio", "image"])
def test_augmented_copy_depends_on_seed_trial_and_copy_only(images, kind):
    whole = augmented(images, range(6), kind, copy=2, seed=5)
    np.testing.assert_array_equal(augmented(images[3:4], [3], kind, copy=2, seed=5)[0], whole[3])
    for how in ({"copy": 1, "seed": 5}, {"copy": 2, "seed": 6}):
        assert not np.array_equal(augmented(images, range(6), kind, **how), whole)
    same = augmented(np.repeat(images[:1], 2, 0), [0, 1], kind, copy=2, seed=5)
    assert not np.array_equal(same[0], same[1])
    assert whole.dtype == np.uint8 and whole.shape == images.shape


@pytest.mark.parametrize(("kind", "copy"), [("audio", 0), ("image", 0), ("none", 3)])
def test_augmented_copy_zero_and_none_are_the_image(images, kind, copy):
    np.testing.assert_array_equal(augmented(images, range(6), kind, copy=copy, seed=0), images)


def test_augmented_audio_never_moves_energy_between_frequencies():
    image = np.zeros((1, 40, 40), np.uint8)
    image[0, 10] = 200  # one steady tone
    for copy in range(1, 40):
        changed = augmented(image, [0], "audio", copy=copy, seed=0)[0].astype(int)
        rows = changed - np.median(changed)
        others = np.delete(rows, 10, axis=0)
        assert np.abs(others).max() <= 5  # the mask's mean at most
        assert rows[10].max() > 100 or np.ptp(rows[10]) <= 5  # unless the mask hides it whole


def test_augmented_image_tilts_what_audio_keeps_level():
    image = np.zeros((1, 40, 40), np.uint8)
    image[0, 10] = 200
    rows = [np.flatnonzero(augmented(image, [0], "image", copy=c, seed=0)[0].max(axis=1) > 50) for c in range(1, 9)]
    assert max(len(r) for r in rows) > 3


def test_augmented_unknown_kind_is_refused(images):
    with pytest.raises(InputError, match="augmentation must be one of audio, image, none, got 'flip'"):
        augmented(images, range(6), "flip", copy=1, seed=0)
