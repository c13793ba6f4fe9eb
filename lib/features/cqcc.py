"""Constant-Q cepstral coefficients, the feature of the ASVspoof 2017 baseline.

As published (M. Todisco, H. Delgado, N. Evans, Computer Speech & Language 45, 2017; their ``cqcc.m``): log power of 96
bins an octave over the nine octaves below sr / 2, a spline through it at uniform distances, DCT. Filters are those of
`librosa.vqt`, Hann windows in time (the toolbox: in frequency); frames those of the other features (it: every 8.4 ms).
"""

from functools import lru_cache

import librosa
import numpy as np
import scipy  # its parts, as those of librosa, are loaded when they are used, and some take long

_BINS = 96  # an octave
_OCTAVES = 9
_UNIFORM = 16  # points of the uniform scale in the lowest octave
BANDS = _BINS * _OCTAVES
_EPSILON = np.finfo(np.float64).eps  # added to powers, as published
_LOBES = 8  # side lobes of a filter that are used on either side; what lies beyond is 60 dB below it
_BLOCK = 32_768  # samples transformed at a time, at least


def cqcc(y, sr, hop_length, count):
    """The first `count` coefficients of samples at `sr` Hz, float32 [count, 1 + samples // hop_length]."""
    return _cepstrum(count) @ np.log(constant_q_power(y, sr, hop_length) + np.float32(_EPSILON))


def constant_q_power(y, sr, hop_length):
    """Power in each band, float32 [BANDS, frames]; a sine of amplitude 1 has 1/4 in its band."""
    frames, (size, edge, filters) = 1 + len(y) // hop_length, _filters(sr, hop_length)
    step = size - 2 * edge  # frames of a block that no filter reaches beyond it from
    blocks = range(0, frames, step)
    padded = np.zeros((len(blocks) * step + 2 * edge) * hop_length, np.float32)
    padded[edge * hop_length :][: len(y)] = y
    power = np.empty((BANDS, frames), np.float32)
    output = np.empty((BANDS, size), np.complex64)
    for start in blocks:
        spectrum = scipy.fft.rfft(padded[start * hop_length :][: size * hop_length])
        for rows, bins, values in filters:  # folded onto so many points as gives the output at the frames alone
            np.einsum("rfs,rfs->rs", spectrum.take(bins), values, out=output[rows])
        found = scipy.fft.ifft(output, axis=1)[:, edge : edge + min(step, frames - start)] / np.float32(hop_length)
        power[:, start : start + step] = found.real**2 + found.imag**2
    return power


@lru_cache(maxsize=2)
def _filters(sr, hop_length):
    """Frames of a block, those that its ends reach, and (rows, bins, values [rows, folds, frames]) by folds."""
    frequencies = sr / 2 * 2.0 ** (np.arange(BANDS) / _BINS - _OCTAVES)
    wide = {"window": "hann", "gamma": None}
    lengths, _ = librosa.filters.wavelet_lengths(freqs=frequencies, sr=sr, **wide)
    edge = int(np.ceil((lengths.max() / 2 + 1) / hop_length))
    size = scipy.fft.next_fast_len(max(-(-_BLOCK // hop_length), 2 * edge + 1))
    samples = size * hop_length
    reach = _LOBES * samples / lengths  # bins on either side
    folds = np.ceil((2 * reach + 1) / size).astype(int)
    first = np.maximum(np.ceil(frequencies * (samples / sr) - reach), 0).astype(int)
    groups = {}
    for rows in np.arange(BANDS).reshape(_OCTAVES, _BINS):  # one at a time: whole responses would fill the memory
        impulses, _ = librosa.filters.wavelet(freqs=frequencies[rows], sr=sr, norm=1, **wide)
        middle = impulses.shape[1] // 2
        impulses = np.pad(impulses, ((0, 0), (0, max(samples - impulses.shape[1], 0))))
        responses = scipy.fft.fft(np.roll(impulses, -middle, axis=1), axis=1, overwrite_x=True).conj()
        for row, response in zip(rows, responses, strict=True):
            bins = first[row] + np.arange(folds[row] * size)
            inside = (bins <= first[row] + 2 * reach[row]) & (bins <= samples // 2)
            bins = np.where(inside, bins, 0)
            groups.setdefault(folds[row], []).append((row, bins, np.where(inside, response[bins], 0)))
    stacked = []
    for count, group in groups.items():
        rows, bins, values = zip(*group, strict=True)
        bins, values = (np.reshape(part, (len(rows), count, size)) for part in (bins, values))
        stacked.append((slice(rows[0], rows[-1] + 1), bins.astype(np.int32), values.astype(np.complex64)))
    return size, edge, stacked


@lru_cache(maxsize=8)
def _cepstrum(count):
    """From log powers to coefficients: spline, uniform scale, orthonormal DCT-II, [count, bands]."""
    bands = 2.0 ** (np.arange(BANDS) / _BINS)  # over the lowest
    uniform = np.arange(1, bands[-1], 1 / _UNIFORM)
    spline = scipy.interpolate.CubicSpline(bands, np.eye(len(bands)))
    return scipy.fft.dct(spline(uniform), axis=0, norm="ortho")[:count].astype(np.float32)
