"""Long-term statistics of the log spectrum: what a recording's devices and rooms leave in every frame.

One row a bin of the FFT, one column a statistic over the frames of the recording, whose level is taken out first.
"""

import re

import numpy as np
from scipy.fft import dct, idct
from scipy.ndimage import gaussian_filter1d

from lib.errors import InputError

STATISTICS = ("mean", "quiet", "loud", "upper", "spread", "fall")
_FLOOR = 5e-9  # of the mean power, added before the logarithm: about 16-bit noise under speech at usual levels
_SHAPE = 20  # cosines of a smooth shape
_LEVELS, _VOICED = ("mean", "quiet", "loud", "upper"), ("mean", "loud", "upper")
_DEVICE, _RIPPLE = 3.0, 1.0  # dB, standard deviations of another device's smooth response and of its fine ripple
_DB = np.log(10) / 10  # of power, in natural logarithms


def statistics(power):
    """`STATISTICS` of the log of a power [shape=(bins, frames), float32] over frames, float32 [bins, 6]."""
    logs = np.log(power / max(float(power.mean()), 1e-20) + _FLOOR).T
    frames = len(logs)
    order = np.argsort(logs.mean(axis=1), kind="stable")
    falls = np.minimum(np.diff(logs, axis=0), 0) if frames > 1 else np.zeros_like(logs)
    upper = int(0.75 * (frames - 1))
    found = (
        logs.mean(axis=0),
        logs[order[: max(frames // 6, 1)]].mean(axis=0),  # the quietest sixth
        logs[order[frames // 2 :]].mean(axis=0),  # the loudest half
        np.partition(logs, upper, axis=0)[upper],  # upper quartile
        logs.std(axis=0),
        np.sqrt(np.square(falls).mean(axis=0)),  # how fast sound decays
    )
    return np.stack(found, axis=1).astype(np.float32)


def view(name, values):
    """One view of the statistics of recordings [shape=(recordings, bins, 6), float32], float32 [recordings, numbers].

    `name` says how and of which statistic: ``shape mean`` is its smooth shape along frequency (20 cosines),
    ``smooth mean`` the statistic smoothed by 3 bins, every fourth, ``lift16 mean`` its fine structure,
    less itself smoothed by 16 bins. InputError for others.

    Examples
    --------
    >>> view("shape mean", np.zeros((2, 257, 6), np.float32)).shape
    (2, 20)
    """
    how, _, statistic = name.partition(" ")
    if statistic not in STATISTICS or not (how in ("shape", "smooth") or re.fullmatch("lift[1-9][0-9]*", how)):
        raise InputError(
            f"view {name!r} is unknown: expected shape, smooth or lift and its width in bins, then one of "
            f"{', '.join(STATISTICS)}, such as 'lift16 mean'"
        )
    column = values[:, :, STATISTICS.index(statistic)]
    if how == "shape":
        return dct(column, type=2, norm="ortho", axis=1)[:, :_SHAPE]
    if how == "smooth":
        return gaussian_filter1d(column, 3, axis=1)[:, ::4]
    return column - gaussian_filter1d(column, int(how.removeprefix("lift")), axis=1)


def other_device(values, rng):
    """The statistics [recordings, bins, 6] as another microphone might have left them, float32, the level taken out."""
    count, bins = values.shape[:2]
    axis = np.linspace(0, 1, bins) ** 0.6  # finer where the ear is
    strength, phase = rng.normal(size=(count, 6)), rng.uniform(0, 2 * np.pi, (count, 6))
    waves = np.cos(np.pi * np.arange(1, 7)[None, :, None] * axis + phase[:, :, None])
    smooth = np.einsum("nk,nkb->nb", strength, waves)
    smooth = (smooth - smooth.mean(axis=1, keepdims=True)) * _DEVICE * _DB / np.sqrt(3)
    loud = np.exp(values[:, :, STATISTICS.index("loud")])
    smooth -= np.log((loud * np.exp(smooth)).sum(axis=1, keepdims=True) / loud.sum(axis=1, keepdims=True))
    cosines = rng.normal(size=(count, bins)) * np.exp(-np.arange(bins) / 30)
    cosines[:, :2] = 0
    ripple = idct(cosines, type=2, norm="ortho", axis=1)
    ripple *= _RIPPLE * _DB / ripple.std()
    changed = values.copy()
    for column, statistic in enumerate(STATISTICS):
        changed[:, :, column] += smooth * (statistic in _LEVELS) + ripple * (statistic in _VOICED)
    return changed
