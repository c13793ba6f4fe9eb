"""Features as images: a one-byte index a pixel, and colours looked up in it.

Conventions
-----------
An image has its low frequencies at the bottom (last row) and time from left to right.
It is scaled by its own minimum and maximum, so the level of a recording does not show.
A pixel is an *index*, uint8: position in a colormap of 256 colours. The coloured image,
``[size, size, 3]`` with values 0 to 255, is made in the input pipeline; it holds nothing
that the index does not.

A feature mostly has fewer rows or columns than its image, which then repeats them: 20
coefficients and 100 frames on 200 x 200 pixels. So each *cell* that the image shows is
stored once, and `stretched` makes the image of the cells as it is read.
"""

import difflib
from functools import lru_cache

import numpy as np

from lib.errors import InputError


def to_index(feature, size):
    """A feature [rows, frames] as a square image of colormap positions, uint8 [size, size].

    A pixel takes the value of the matrix' cell under its centre, as matplotlib draws
    a mesh, then the range of the whole matrix is spread over 0 to 255. A feature with
    a single value everywhere becomes 0 everywhere.

    On 38 recordings of real speech the coloured image differs from the one that
    `librosa.display.specshow` draws without axes in a figure of 200 x 200 pixels by
    0.3 (spectrogram) and 0.4 (MFCC) of 255 on average. Averaging the cells under a
    pixel instead would differ by 9.9 and 4.6.

    Examples
    --------
    >>> to_index(np.array([[0, 1], [2, 3]], np.float32), 2).tolist()
    [[170, 255], [0, 85]]
    """
    return stretched(shown(feature, np.asarray, size), size)


def shown(cells, scale, size):
    """Each cell that an image of the feature `scale(cells)` shows, once: uint8 [rows <= size, columns <= size].

    Only these go through `scale`, which never falls (see `lib.features.matrices.scales`).
    """
    ends = scale(np.array([cells.min(), cells.max()]))
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
    """The 256 colours of a matplotlib colormap, uint8 [256, 3]; InputError when there is none of that name."""
    import matplotlib

    if name not in matplotlib.colormaps:
        near = difflib.get_close_matches(str(name), list(matplotlib.colormaps), n=1)
        known = f"did you mean {near[0]}?" if near else "matplotlib has magma, viridis, coolwarm and more"
        raise InputError(f"unknown colormap {name!r}; {known}")
    return (matplotlib.colormaps[name].resampled(256)(np.arange(256))[:, :3] * 255).round().astype(np.uint8)


def coloured(index, name):
    """Images as a model sees them: uint8 [..., size, size] in the colours of a colormap, [..., size, size, 3]."""
    return colormap(name)[index]
