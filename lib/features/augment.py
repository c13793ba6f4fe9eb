"""Changed copies of stored images, for training only.

Every copy is a function of the seed, the trial and the copy's number, and of nothing
else: copies that are made on the fly and copies that are kept are the same, bit for
bit. Copy 0 is the image itself.

Kinds
-----
audio
    What may happen to the sound: shifted in time (up to a quarter, the end follows the
    beginning), one band of frequencies and one stretch of time hidden behind the
    image's mean (up to 15 % each; D. S. Park et al., "SpecAugment", Interspeech 2019),
    louder or softer (up to 25 of 255 steps).
image
    What is usual for photographs: mirrored every other time, turned by up to 18
    degrees. Time running backwards and tilted frequencies are no audio operation; the
    report says "image augmentations" without naming them, so these are our choice.
none
    The image itself.
"""

import numpy as np
from scipy import ndimage

from lib.errors import InputError

KINDS = ("audio", "image", "none")


def augmented(images, positions, kind, *, copy, seed):
    """One copy of each of some images.

    Parameters
    ----------
    images : numpy.ndarray [shape=(trials, size, size), uint8]
        Low frequencies in the last row; so is what comes back.
    positions : sequence of int [shape=(trials,)]
        Numbers of the trials; with `copy` and `seed` they decide what is drawn.
    kind : str
        One of `KINDS`.
    copy, seed : int >= 0

    Examples
    --------
    >>> images = np.zeros((2, 8, 8), np.uint8)
    >>> augmented(images, [0, 1], "audio", copy=0, seed=0) is images
    True
    """
    if kind not in KINDS:
        raise InputError(f"augmentation must be one of {', '.join(KINDS)}, got {kind!r}")
    if kind == "none" or copy == 0:
        return images
    change = _audio if kind == "audio" else _image
    pairs = zip(images, positions, strict=True)
    return np.stack([change(image, np.random.default_rng([seed, copy, int(n)])) for image, n in pairs])


def _audio(image, rng):
    size = len(image)
    result = np.roll(image, rng.integers(-size // 4, size // 4 + 1), axis=1).astype(np.int16)
    hidden = round(float(image.mean()))
    for axis in (0, 1):
        width = rng.integers(0, round(0.15 * size) + 1)
        start = rng.integers(0, size - width + 1)
        result[(slice(None),) * axis + (slice(start, start + width),)] = hidden
    return np.clip(result + rng.integers(-25, 26), 0, 255).astype(np.uint8)


def _image(image, rng):
    image = image[:, ::-1] if rng.random() < 0.5 else image
    return ndimage.rotate(image, rng.uniform(-18, 18), reshape=False, order=1, mode="nearest")
