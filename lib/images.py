"""Features as pictures: a one-byte index a pixel, and colours looked up in it.

Conventions
-----------
A picture has its low frequencies at the bottom (last row) and time from left to
right. It is scaled by its own minimum and maximum, so the level of a recording does
not show. The stored form is the *index*, uint8 of shape ``[size, size]``: position in
a colormap of 256 colours. The coloured picture, ``[size, size, 3]`` with values 0 to
255, is made in the input pipeline; it holds nothing that the index does not.
"""

from functools import lru_cache

import numpy as np

from lib import features
from lib.errors import InputError


def to_index(feature, size):
    """A feature as a square picture of colormap positions.

    A pixel takes the value of the matrix' cell under its centre, as matplotlib draws
    a mesh, then the range of the whole matrix is spread over 0 to 255. A feature with
    a single value everywhere becomes 0 everywhere.

    Parameters
    ----------
    feature : numpy.ndarray [shape=(rows, frames), float32]
    size : int > 0
        Side of the picture, pixels.

    Returns
    -------
    numpy.ndarray [shape=(size, size), uint8]

    Notes
    -----
    On 38 recordings of real speech the coloured picture differs from the one that
    `librosa.display.specshow` draws without axes in a figure of 200 x 200 pixels by
    0.3 (spectrogram) and 0.4 (MFCC) of 255 on average. Averaging the cells under a
    pixel instead would differ by 9.9 and 4.6.
    """
    return _drawn(feature, np.asarray, size)


def pictures(y, names, settings, size):
    """Pictures of the features of one recording.

    As `to_index` of what `lib.features.compute` gives, in less time: only cells that a
    pixel shows go through the logarithm, and the transform runs in float32. That moves
    one pixel in 30,000 of the spectrogram by one level of 256, none of the MFCC
    (measured on 200 recordings of real speech).

    Parameters
    ----------
    y : numpy.ndarray [shape=(samples,), float32]
    names : sequence of str
        Some of `lib.features.FEATURES`.
    settings : lib.features.FeatureSettings
    size : int > 0
        Side of the picture, pixels.

    Returns
    -------
    dict of str to numpy.ndarray [shape=(size, size), uint8]

    Raises
    ------
    InputError
        A feature's name is unknown.
    """
    found = features.scales(y, names, settings, precision=np.float32)
    return {name: _drawn(cells, scale, size) for name, (cells, scale) in found.items()}


def _drawn(cells, scale, size):
    """The picture of `scale(cells)`, scale a function that never falls."""
    ends = scale(np.array([cells.min(), cells.max()]))
    low, high = float(ends.min()), float(ends.max())
    if high <= low:
        return np.zeros((size, size), dtype=np.uint8)
    # Where cells are more than pixels, those between pixels are dropped before they are scaled.
    for axis in (0, 1):
        if cells.shape[axis] > size:
            cells = cells.take(_cells(cells.shape[axis], size), axis=axis)
    index = np.rint((scale(cells) - np.float32(low)) * np.float32(255 / (high - low))).astype(np.uint8)
    rows, columns = (_cells(count, size) for count in index.shape)
    return index[:, columns][rows[::-1]]  # in this order the second is a copy of whole rows


@lru_cache(maxsize=4096)
def _cells(count, size):
    """The cell under each of `size` pixel centres, of `count` cells over the same length."""
    return (2 * np.arange(size) + 1) * count // (2 * size)


def colormap(name):
    """The 256 colours of a matplotlib colormap.

    Returns
    -------
    numpy.ndarray [shape=(256, 3), uint8]

    Raises
    ------
    InputError
        matplotlib has no colormap of that name.
    """
    import matplotlib

    if name not in matplotlib.colormaps:
        raise InputError(f"colormap {name!r} is unknown to matplotlib; for example magma, viridis, coolwarm")
    return (matplotlib.colormaps[name].resampled(256)(np.arange(256))[:, :3] * 255).round().astype(np.uint8)


def coloured(index, name):
    """The picture that a model sees.

    Parameters
    ----------
    index : numpy.ndarray [shape=(..., size, size), uint8]
    name : str
        A matplotlib colormap.

    Returns
    -------
    numpy.ndarray [shape=(..., size, size, 3), uint8]
    """
    return colormap(name)[index]
