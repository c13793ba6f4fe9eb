"""Changed copies of stored images, for training; copy 0 is the image itself."""

import numpy as np
from scipy import ndimage

from lib.errors import InputError

KINDS = ("audio", "image", "none")


def augmented(images, positions, kind, *, copy, seed):
    """One copy of each of some images, uint8 [trials, size, size], of the trials with the numbers `positions`."""
    if kind not in KINDS:
        raise InputError(f"augmentation must be one of {', '.join(KINDS)}, got {kind!r}")
    if kind == "none" or copy == 0:
        return images
    change = _audio if kind == "audio" else _image
    pairs = zip(images, positions, strict=True)
    return np.stack([change(image, np.random.default_rng([seed, copy, int(n)])) for image, n in pairs])


def _audio(image, rng):
    """Shifted, one band and one stretch hidden, louder or softer: SpecAugment (D. S. Park et al., Interspeech 2019)."""
    size = len(image)
    result = np.roll(image, rng.integers(-size // 4, size // 4 + 1), axis=1).astype(np.int16)
    hidden = round(float(image.mean()))
    for axis in (0, 1):
        width = rng.integers(0, round(0.15 * size) + 1)
        start = rng.integers(0, size - width + 1)
        result[(slice(None),) * axis + (slice(start, start + width),)] = hidden
    return np.clip(result + rng.integers(-25, 26), 0, 255).astype(np.uint8)


def _image(image, rng):
    """Mirrored every other time, turned by up to 18 degrees; the report names no augmentation."""
    image = image[:, ::-1] if rng.random() < 0.5 else image
    return ndimage.rotate(image, rng.uniform(-18, 18), reshape=False, order=1, mode="nearest")
