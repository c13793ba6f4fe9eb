"""Features as pictures: a one-byte index a pixel, and colours looked up in it.

Conventions
-----------
A picture has its low frequencies at the bottom (last row) and time from left to
right. It is scaled by its own minimum and maximum, so the level of a recording does
not show. The stored form is the *index*, uint8 of shape ``[size, size]``: position in
a colormap of 256 colours. The coloured picture, ``[size, size, 3]`` with values 0 to
255, is made in the input pipeline; it holds nothing that the index does not.
"""

import numpy as np
from PIL import Image

from lib.errors import InputError


def to_index(feature, size):
    """A feature as a square picture of colormap positions.

    The matrix is resized with a triangle filter (Pillow's bilinear, which averages
    where it shrinks), then its range is spread over 0 to 255. A feature with a single
    value everywhere becomes 0 everywhere.

    Parameters
    ----------
    feature : numpy.ndarray [shape=(rows, frames), float32]
    size : int > 0
        Side of the picture, pixels.

    Returns
    -------
    numpy.ndarray [shape=(size, size), uint8]
    """
    low, high = float(feature.min()), float(feature.max())
    resized = np.asarray(Image.fromarray(feature, mode="F").resize((size, size), Image.Resampling.BILINEAR))
    if high <= low:
        return np.zeros((size, size), dtype=np.uint8)
    scaled = (resized[::-1] - np.float32(low)) * np.float32(255 / (high - low))
    return np.clip(np.rint(scaled), 0, 255).astype(np.uint8)


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
