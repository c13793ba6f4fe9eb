"""Matrices [rows, frames] made ready for a system: deltas, normalisation, one length."""

import numpy as np
from scipy.ndimage import correlate1d

from lib.errors import InputError

NORMALISATIONS = ("none", "mean", "cmvn")


def with_deltas(matrix, width):
    """A feature with its deltas and their deltas below it, float32 [3 * rows, frames], as the HTK Book has them."""
    if width < 3 or width % 2 == 0:
        raise InputError(f"delta_width must be odd and at least 3, got {width}")
    offsets = np.arange(width) - width // 2
    slope = offsets / (offsets**2).sum()
    delta = correlate1d(matrix, slope, axis=1, mode="nearest")
    return np.concatenate([matrix, delta, correlate1d(delta, slope, axis=1, mode="nearest")])


def normalised(matrix, how):
    """Each row less its mean over the recording (``mean``), or its variance made 1 as well (``cmvn``), float32."""
    if how not in NORMALISATIONS:
        raise InputError(f"normalisation must be one of {', '.join(NORMALISATIONS)}, got {how!r}")
    if how == "none":
        return matrix
    values = matrix - matrix.mean(axis=1, keepdims=True, dtype=np.float64)  # in which equal values leave exactly 0
    if how == "cmvn":
        spread = values.std(axis=1, keepdims=True)
        values /= np.where(spread > 0, spread, 1)
    return values.astype(np.float32)


def fixed(matrix, frames):
    """So many frames of a feature: the recording repeated until it is long enough, then cut."""
    if frames <= 0:
        raise InputError(f"frames must be positive, got {frames}")
    return matrix.take(np.arange(frames) % matrix.shape[1], axis=1)
