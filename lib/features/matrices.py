"""Audio features as matrices, low frequencies (or coefficients) in the first row.

Conventions
-----------
Every feature is float32, computed from one power spectrogram that all features of a
recording share. They are told apart by what stands on their axes:

=============  ===================================  ============  =========================
feature        row, upwards                         column        value
=============  ===================================  ============  =========================
`spectrogram`  FFT bin, 0 Hz to sr / 2              frame         power, dB re its maximum
`stft`         FFT bin, 0 Hz to sr / 2              frame         magnitude, linear
`mel`          mel band, fmin to fmax               frame         power, dB re its maximum
`mfcc`         cepstral coefficient from 0          frame         DCT-II (orthonormal) of
                                                                  the mel power in dB re 1
`lfcc`         cepstral coefficient from 0          frame         DCT-II (orthonormal) of
                                                                  log10 of the band power
`fft`          level, -top_db to 0 dB re maximum,   FFT bin, 0    1 up to the level of the
               in 200 steps                         to sr / 2     bin, 0 above it
=============  ===================================  ============  =========================

All have the same window, hop and FFT length. `fft` is the spectrum of the whole recording,
the mean power of its frames (Welch), as the area under its curve. The base paper draws
five features of these names (all but `lfcc`) and does not say how, the report names no
analysis parameter: librosa's defaults stand, each written out in `FeatureSettings` and in
the notebooks' parameters. Values are librosa's own within 1e-3 dB; only the way is shorter.

`lfcc` is that of the baselines of ASVspoof 2019 and 2021 (``lfcc_bp.m`` there): `n_linear`
triangles of height 1, corners evenly between fmin and fmax, log10, DCT. Two things differ:
frames are centred, their ends padded with zeros, as for all features here; and powers are
raised to at least `amin`, where the baseline adds 2e-16. In 2019 it had Hamming windows of
20 ms every 10 ms, 512 points, 20 bands; in 2021 30 ms every 15 ms, 1024 points, 70 bands;
20 coefficients and their deltas (`lib.features.frames`) both times.

References
----------
M. Sahidullah, T. Kinnunen, C. Hanilci, "A comparison of features for synthetic speech
detection", Interspeech 2015.
"""

import difflib
from dataclasses import asdict, dataclass, fields
from functools import lru_cache

import numpy as np
import scipy  # its parts are loaded when they are used, and some take long

from lib.errors import InputError
from lib.params.schema import judge_together, judged


@dataclass(frozen=True)
class FeatureSettings:
    """Everything that decides a feature's numbers; not stated in the report.

    Examples
    --------
    >>> FeatureSettings(n_fft=512, win_length=320, hop_length=160).n_mfcc
    20
    """

    sr: int = 16_000  # Hz; rate that recordings are brought to
    n_fft: int = 2048  # samples
    win_length: int = 2048  # samples; centred in n_fft
    hop_length: int = 512  # samples from frame to frame
    window: str = "hann"  # any of scipy's
    n_mels: int = 128  # mel bands (Slaney's scale, area-normalised)
    fmin: float = 0.0  # Hz; of mel and linear bands
    fmax: float = 8000.0  # Hz
    n_mfcc: int = 20  # cepstral coefficients of the mel bands
    n_linear: int = 20  # bands of equal width
    n_lfcc: int = 20  # cepstral coefficients of these
    amin: float = 1e-10  # power; smaller ones are raised to it before the logarithm
    top_db: float = 80.0  # dB; what lies further below the maximum is raised to that floor

    def __post_init__(self):
        for name, value in vars(self).items():
            judged(name, value, None, "analysis")
        judge_together(vars(self), "analysis")


# What each feature depends on: it is recomputed only when one of these changes.
FRAMES = ("sr", "n_fft", "win_length", "hop_length", "window")
_SPECTRUM = (*FRAMES, "amin", "top_db")
DEPENDS_ON = {
    "spectrogram": _SPECTRUM,
    "mel": (*_SPECTRUM, "n_mels", "fmin", "fmax"),
    "mfcc": (*_SPECTRUM, "n_mels", "fmin", "fmax", "n_mfcc"),
    "lfcc": (*FRAMES, "amin", "n_linear", "fmin", "fmax", "n_lfcc"),
    "fft": _SPECTRUM,
    "stft": FRAMES,
}
FEATURES = tuple(DEPENDS_ON)
_LEVELS = 200  # steps of the level axis of `fft`
_CACHE = 400_000  # bytes of frames transformed at a time, so that they stay in the processor's cache


def settings_from(values):
    """The feature settings among a notebook's parameters (dict); other parameters are passed over."""
    names = {f.name for f in fields(FeatureSettings)}
    return FeatureSettings(**{name: value for name, value in values.items() if name in names})


def identity(name, settings):
    """The settings that decide one feature's numbers, as a dict; InputError when its name is unknown."""
    if name not in DEPENDS_ON:
        near = difflib.get_close_matches(str(name), FEATURES, n=1)
        known = f"did you mean {near[0]}?" if near else f"there are {', '.join(FEATURES)}"
        raise InputError(f"unknown feature {name!r}; {known}")
    values = asdict(settings)
    return {key: values[key] for key in DEPENDS_ON[name]}


def compute(y, names, settings):
    """The features of one recording, from one pass over its frames.

    Parameters
    ----------
    y : numpy.ndarray [shape=(samples,), float32]
    names : sequence of str
        Some of `FEATURES`.
    settings : FeatureSettings

    Returns
    -------
    dict of str to numpy.ndarray [shape=(rows, frames), float32]

    Raises
    ------
    InputError
        A feature's name is unknown.

    Examples
    --------
    >>> y = np.ones(16_000, np.float32)
    >>> compute(y, ["mfcc"], FeatureSettings())["mfcc"].shape
    (20, 32)
    """
    for name in names:
        identity(name, settings)
    found = scales(power_spectrogram(y, settings), names, settings)
    return {name: scale(cells) for name, (cells, scale) in found.items()}


def scales(power, names, settings):
    """Features of one power spectrogram, their last step not yet taken: name -> (cells, function of cells).

    What has to be known of all cells (a maximum, a transform over bands) is done; what
    is left works on each cell by itself and never falls. So an image, which shows few of
    the cells, takes that step for those alone, and for the least and the greatest. That
    of `fft` makes a column of each cell.
    """
    mel = _mel_filters(settings) @ power if {"mel", "mfcc"} & set(names) else None
    ways = {
        "spectrogram": lambda: (power, _relative(power, settings)),
        "mel": lambda: (mel, _relative(mel, settings)),
        "mfcc": lambda: (_mfcc(mel, settings), np.asarray),
        "lfcc": lambda: (_lfcc(power, settings), np.asarray),
        "fft": lambda: _area(power, settings),
        "stft": lambda: (power, np.sqrt),
    }
    return {name: ways[name]() for name in names}


def power_spectrogram(y, settings, *, precision=np.float64):
    """Power of the short-time Fourier transform, float32 [1 + n_fft // 2, 1 + samples // hop_length].

    A transform in float32 takes half the time of librosa's float64; a bin 80 dB below the
    maximum is then off by up to 7e-3 dB (measured on 60 clips of real speech).
    """
    half = settings.n_fft // 2
    padded = np.zeros(len(y) + settings.n_fft, dtype=precision)
    padded[half : half + len(y)] = y
    # As a sliding window, which NumPy's own function takes ten times as long to set up.
    shape = (1 + len(y) // settings.hop_length, settings.n_fft)
    strides = (settings.hop_length * padded.itemsize, padded.itemsize)
    frames = np.ndarray(shape, padded.dtype, padded, strides=strides)
    window = _window(settings).astype(precision)
    power = np.empty((half + 1, len(frames)), dtype=np.float32)
    step = max(_CACHE // window.nbytes, 1)
    for start in range(0, len(frames), step):
        block = slice(start, start + step)
        # Along the first axis: the transform then turns the matrix round on its way, at no cost.
        spectrum = scipy.fft.rfft((frames[block] * window).T, axis=0, overwrite_x=True)
        parts = spectrum.view(precision)  # real and imaginary in turn: squared in one go, in place
        parts *= parts
        np.add(parts[:, ::2], parts[:, 1::2], out=power[:, block], casting="same_kind")
    return power


def _relative(power, settings):
    peak = power.max()
    return _decibel(peak, peak, settings)


def _decibel(peak, reference, settings):
    """The scale 10 log10(power / reference), not below `amin` nor `top_db` under the peak."""
    lowest = np.float32(max(settings.amin, float(peak) * 10 ** (-settings.top_db / 10)))
    offset = np.float32(10 * np.log10(max(settings.amin, float(reference))))

    def level(power):
        values = np.maximum(power, lowest)
        np.log10(values, out=values)
        values *= 10
        values -= offset
        return values

    return level


def _mfcc(mel, settings):
    level = _decibel(mel.max(), 1.0, settings)(mel)
    return _cosines(settings.n_mels, settings.n_mfcc) @ level


def _lfcc(power, settings):
    bands = _linear_filters(settings) @ power
    np.log10(np.maximum(bands, np.float32(settings.amin), out=bands), out=bands)
    return _cosines(settings.n_linear, settings.n_lfcc) @ bands


def _area(power, settings):
    """The level of each bin, one row, and the scale that fills its column up to there."""
    mean = power.mean(axis=1)
    steps = (np.arange(_LEVELS, dtype=np.float32) / _LEVELS - 1) * np.float32(settings.top_db)
    return _relative(mean, settings)(mean)[None], lambda level: (level >= steps[:, None]).astype(np.float32)


@lru_cache(maxsize=8)
def _window(settings):
    window = np.zeros(settings.n_fft)
    start = (settings.n_fft - settings.win_length) // 2
    window[start : start + settings.win_length] = scipy.signal.get_window(
        settings.window, settings.win_length, fftbins=True
    )
    return window


@lru_cache(maxsize=8)
def _mel_filters(settings):
    """The filters as a sparse matrix [shape=(n_mels, 1 + n_fft // 2)]: few bins fall into each."""
    import librosa

    how = {name: getattr(settings, name) for name in ("sr", "n_fft", "n_mels", "fmin", "fmax")}
    return scipy.sparse.csr_array(librosa.filters.mel(**how, htk=False, norm="slaney", dtype=np.float32))


@lru_cache(maxsize=8)
def _linear_filters(settings):
    """Triangles of height 1 and equal width as a sparse matrix [shape=(n_linear, 1 + n_fft // 2)]."""
    bins = np.arange(1 + settings.n_fft // 2) * (settings.sr / settings.n_fft)
    corners, step = np.linspace(settings.fmin, settings.fmax, settings.n_linear + 2, retstep=True)
    filters = np.maximum(1 - np.abs(bins - corners[1:-1, None]) / step, 0)
    if not filters.any(axis=1).all():
        raise InputError(
            f"n_linear must leave a bin of the FFT to each band, got {settings.n_linear} bands every {step:.0f} Hz "
            f"and bins every {settings.sr / settings.n_fft:.0f} Hz"
        )
    return scipy.sparse.csr_array(filters.astype(np.float32))


@lru_cache(maxsize=8)
def _cosines(bands, count):
    """The first rows of the orthonormal DCT-II, as a matrix [shape=(count, bands)]."""
    return scipy.fft.dct(np.eye(bands, dtype=np.float32), type=2, axis=0, norm="ortho")[:count]
