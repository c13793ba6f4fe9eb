"""Known manipulations of a recording: does a countermeasure react to them instead of to replay?

Each takes samples, their rate in Hz and a seed, and returns new float32 samples within -1 and 1. After B. Chettri et
al., IEEE/ACM TASLP 28, 2020, and H. Delgado et al., Odyssey 2018; levels, decays and limits are ours. Parts are
`taken_out` by noise as loud as the quietest frames: no system was made on digital silence.
"""

import numpy as np
from scipy import signal

from lib.audio.augmentation import codec

_TINY = 1e-10  # about the power of 16-bit quantisation noise
_WINDOW = 0.032  # seconds, about, in which parts are taken out
_QUIET = 0.1  # of the frames


def click(y, sr, seed):
    """Add a burst over the first 100 ms: decaying noise as high as the recording's peak."""
    count = min(int(0.1 * sr), len(y))
    burst = np.random.default_rng(seed).standard_normal(count) * np.exp(-5 * np.arange(count) / count)
    changed = np.array(y, dtype=np.float64)
    changed[:count] += burst * np.abs(y).max() / np.abs(burst).max()
    return _sound(changed)


def silence(y, sr, seed):
    """Put 100 to 300 ms of zeros before the recording."""
    return _sound(np.concatenate([np.zeros(_start(sr, np.random.default_rng(seed))), y]))


def noise(y, sr, seed):
    """Put 100 to 300 ms of white noise before the recording, 20 dB under its level."""
    rng = np.random.default_rng(seed)
    return _sound(np.concatenate([_white(_start(sr, rng), y, rng), y]))


def dc_added(y, sr, seed):
    """Add a direct current of 0.01 of full scale."""
    return _sound(np.asarray(y, dtype=np.float64) + 0.01)


def dc_removed(y, sr, seed):
    """Subtract the mean."""
    return _sound(y - np.mean(y, dtype=np.float64))


def trimmed(y, sr, seed):
    """Keep everything from the first to the last 10 ms frame of speech (less than 25 dB below the loudest)."""
    levels = frame_levels(y, sr)
    spoken = np.flatnonzero(levels > levels.max() - 25)
    frame = sr // 100
    return _sound(y[spoken[0] * frame : (spoken[-1] + 1) * frame])


def quieter(y, sr, seed):
    """Lower the level by 20 dB."""
    return _sound(0.1 * np.asarray(y, dtype=np.float64))


def hiss(y, sr, seed):
    """Add white noise all along, 20 dB under the recording's level."""
    return _sound(y + _white(len(y), y, np.random.default_rng(seed)))


def lowpassed(y, sr, seed):
    """Remove everything above 7 kHz, and nothing up to 6.8 kHz, by a filter without delay."""
    gain = np.clip((7000 - np.fft.rfftfreq(len(y), 1 / sr)) / 200, 0, 1)
    return _sound(np.fft.irfft(gain * np.fft.rfft(y), len(y)))


def coded(y, sr, seed):
    """Encode with losses, as MP3 or Vorbis, and decode."""
    return codec(y, sr, np.random.default_rng(seed))


INTERVENTIONS = {
    change.__name__: change
    for change in (click, silence, noise, dc_added, dc_removed, trimmed, quieter, hiss, lowpassed, coded)
}


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


def frame_levels(y, sr):
    """Level of each 10 ms frame, the last one possibly shorter [shape=(frames,)], dB re full scale."""
    starts = np.arange(0, len(y), sr // 100)
    energy = np.add.reduceat(np.square(y, dtype=np.float64), starts)
    return 10 * np.log10(energy / np.diff([*starts, len(y)]) + _TINY)


def _start(sr, rng):
    return int(rng.uniform(0.1, 0.3) * sr)


def _white(count, y, rng):
    return 0.1 * np.sqrt(np.mean(np.square(y, dtype=np.float64))) * rng.standard_normal(count)


def _sound(y):
    return np.clip(y, -1, 1).astype(np.float32)
