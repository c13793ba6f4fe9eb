"""Features as images: a position in a colormap of 256 colours (uint8) a pixel.

An image has its low frequencies at the bottom (last row) and is scaled by its own minimum and maximum. It mostly
repeats rows and columns of its feature: each *cell* that it shows is stored once, and `stretched` when it is read.
"""

from functools import lru_cache

import numpy as np
from scipy import ndimage

from lib.errors import InputError

KINDS = ("audio", "image", "none")  # of changed copies


def to_index(feature, size):
    """A feature [rows, frames] as a square image of colormap positions, uint8 [size, size].

    A pixel takes the cell under its centre, as matplotlib draws a mesh; the matrix' range is spread over 0 to 255.

    Examples
    --------
    >>> to_index(np.array([[0, 1], [2, 3]], np.float32), 2).tolist()
    [[170, 255], [0, 85]]
    """
    return stretched(shown(feature, np.asarray, size), size)


def shown(cells, scale, size):
    """Each cell that an image of the feature `scale(cells)` shows, once: uint8 [rows <= size, columns <= size]."""
    ends = scale(np.array([cells.min(), cells.max()]))  # a scale never falls
    low, high = float(ends.min()), float(ends.max())
    # Where cells are more than pixels, those between pixels are dropped before they are scaled.
    for axis in (0, 1):
        if cells.shape[axis] > size:
            cells = cells.take(_under(cells.shape[axis], size), axis=axis)
    if high <= low:
        return np.zeros(cells.shape, dtype=np.uint8)
    return np.rint((scale(cells) - np.float32(low)) * np.float32(255 / (high - low))).astype(np.uint8)


def stretched(cells, size):
    """The image of cells, uint8 [size, size]: each pixel shows the cell under its centre."""
    rows, columns = (_under(count, size) for count in cells.shape)
    return cells.take(columns, axis=1).take(rows[::-1], axis=0)  # in this order the second copies whole rows


@lru_cache(maxsize=4096)
def _under(count, size):
    """The cell under each of `size` pixel centres, of `count` cells over the same length."""
    return (2 * np.arange(size) + 1) * count // (2 * size)


def colormap(name):
    """The 256 colours of a matplotlib colormap, uint8 [256, 3]."""
    import matplotlib  # slow to import, and chunks are made without it

    return (matplotlib.colormaps[name].resampled(256)(np.arange(256))[:, :3] * 255).round().astype(np.uint8)


def coloured(index, name):
    """Images as a model sees them: uint8 [..., size, size] in the colours of a colormap, [..., size, size, 3]."""
    return colormap(name)[index]


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
