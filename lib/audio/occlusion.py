"""Stretches of time or bands of frequency replaced by noise at the level of the recording's quietest frames.

Digital silence would be something that no system was made on.
"""

import numpy as np
from scipy import signal

_WINDOW = 0.032  # seconds, about
_QUIET = 0.1  # of the frames


def parts(y, sr, axis, count):
    """Edges of so many parts of equal width over the recording's seconds, or over its hertz [shape=(count + 1,)]."""
    return np.linspace(0, len(y) / sr if axis == "seconds" else sr / 2, count + 1)


def taken_out(y, sr, axis, edges, seed):
    """What has to be added to take each part between `edges` out, float32 [shape=(parts, samples)]."""
    length = 2 ** round(np.log2(_WINDOW * sr))
    transform = signal.ShortTimeFFT(signal.get_window("hann", length), length // 4, sr)
    spectrum = transform.stft(np.asarray(y, np.float64))
    noise = transform.stft(np.random.default_rng(seed).standard_normal(len(y)))
    power = np.abs(spectrum) ** 2
    quiet = np.argsort(power.sum(axis=0))[: max(round(_QUIET * power.shape[1]), 1)]
    level = np.sqrt(power[:, quiet].mean(axis=1) / (np.abs(noise) ** 2).mean(axis=1))
    change = level[:, None] * noise - spectrum
    place = transform.t(len(y)) if axis == "seconds" else transform.f[:, None]
    part = np.searchsorted(edges[1:-1], place, side="right")
    return np.stack([transform.istft(change * (part == n), k1=len(y)) for n in range(len(edges) - 1)], dtype=np.float32)
