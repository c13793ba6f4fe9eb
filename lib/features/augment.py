"""Changed copies of stored pictures, for training only.

Every copy is a function of the seed, the trial and the copy's number, and of nothing
else: copies that are made on the fly and copies that are kept are the same, bit for
bit. Copy 0 is the picture itself.

Kinds
-----
audio
    What may happen to the sound: shifted in time (up to a quarter, the end follows the
    beginning), one band of frequencies and one stretch of time hidden behind the
    picture's mean (up to 15 % each; D. S. Park et al., "SpecAugment", Interspeech
    2019), louder or softer (up to 25 of 255 steps).
image
    What is usual for photographs: mirrored every other time, turned by up to 18
    degrees. Time running backwards and tilted frequencies are no audio operation; the
    report says "image augmentations" without naming them, so these are our choice.
none
    The picture itself.
"""

import numpy as np
from scipy import ndimage

from lib.errors import InputError

KINDS = ("audio", "image", "none")


def augmented(pictures, positions, kind, *, copy, seed):
    """One copy of each of some pictures.

    Parameters
    ----------
    pictures : numpy.ndarray [shape=(trials, size, size), uint8]
        Positions in a colormap, low frequencies in the last row.
    positions : sequence of int [shape=(trials,)]
        Numbers of the trials; with `copy` and `seed` they decide what is drawn.
    kind : str
        One of `KINDS`.
    copy : int >= 0
        0 leaves the pictures as they are.
    seed : int >= 0

    Returns
    -------
    numpy.ndarray [shape=(trials, size, size), uint8]

    Raises
    ------
    InputError
        An unknown kind.
    """
    if kind not in KINDS:
        raise InputError(f"augmentation = {kind!r}: one of {', '.join(KINDS)} is wanted")
    if kind == "none" or copy == 0:
        return pictures
    change = _audio if kind == "audio" else _image
    pairs = zip(pictures, positions, strict=True)
    return np.stack([change(picture, np.random.default_rng([seed, copy, int(n)])) for picture, n in pairs])


def _audio(picture, rng):
    size = len(picture)
    result = np.roll(picture, rng.integers(-size // 4, size // 4 + 1), axis=1).astype(np.int16)
    hidden = round(float(picture.mean()))
    for axis in (0, 1):
        width = rng.integers(0, round(0.15 * size) + 1)
        start = rng.integers(0, size - width + 1)
        result[(slice(None),) * axis + (slice(start, start + width),)] = hidden
    return np.clip(result + rng.integers(-25, 26), 0, 255).astype(np.uint8)


def _image(picture, rng):
    picture = picture[:, ::-1] if rng.random() < 0.5 else picture
    return ndimage.rotate(picture, rng.uniform(-18, 18), reshape=False, order=1, mode="nearest")
