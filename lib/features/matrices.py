"""Audio features as matrices, low frequencies (or coefficients) in the first row.

Conventions
-----------
Every feature is float32, computed from one power spectrogram that all features of a
recording share. The five are told apart by what stands on their axes:

=============  ===================================  ============  =========================
feature        row, upwards                         column        value
=============  ===================================  ============  =========================
`spectrogram`  FFT bin, 0 Hz to sr / 2              frame         power, dB re its maximum
`stft`         FFT bin, 0 Hz to sr / 2              frame         magnitude, linear
`mel`          mel band, fmin to fmax               frame         power, dB re its maximum
`mfcc`         cepstral coefficient from 0          frame         DCT-II (orthonormal) of
                                                                  the mel power in dB re 1
`fft`          level, -top_db to 0 dB re maximum,   FFT bin, 0    1 up to the level of the
               in 200 steps                         to sr / 2     bin, 0 above it
=============  ===================================  ============  =========================

`fft` is the spectrum of the whole recording, the mean power of its frames (Welch), as
the area under its curve; the other four are pictures over time. All have the same
window, hop and FFT length. The base paper draws five features of these names and does
not say how; spectrogram and MFCC alone are shown in the report.

Values are librosa's (`librosa.stft`, `power_to_db`, `feature.mfcc`) within 1e-3 dB, as
a test holds; only the way is shorter. The report names no analysis parameter, so
librosa's defaults stand, each written out in `FeatureSettings` and in the notebooks'
parameters, at the corpora's own rate of 16 kHz.
"""

from dataclasses import asdict, dataclass, fields
from functools import lru_cache

import numpy as np
import scipy.fft

from lib.errors import InputError


@dataclass(frozen=True)
class FeatureSettings:
    """Everything that decides a feature's numbers; not stated in the report.

    Attributes
    ----------
    sr : int, Hz
        Rate that recordings are brought to.
    n_fft, win_length, hop_length : int, samples
        FFT length, length of the window (centred in it), step between frames.
    window : str
        Any of scipy's windows.
    n_mels, fmin, fmax : int, Hz, Hz
        Mel bands and their range (Slaney's scale, area-normalised).
    n_mfcc : int
        Cepstral coefficients.
    amin : float, power
        What smaller powers are raised to before the logarithm.
    top_db : float, dB
        What lies further below the maximum is raised to that floor.
    """

    sr: int = 16_000
    n_fft: int = 2048
    win_length: int = 2048
    hop_length: int = 512
    window: str = "hann"
    n_mels: int = 128
    fmin: float = 0.0
    fmax: float = 8000.0
    n_mfcc: int = 20
    amin: float = 1e-10
    top_db: float = 80.0

    def __post_init__(self):
        rules = (
            ("sr", self.sr > 0, "positive"),
            ("n_fft", self.n_fft > 1, "at least 2"),
            ("win_length", 0 < self.win_length <= self.n_fft, "positive and at most n_fft"),
            ("hop_length", self.hop_length > 0, "positive"),
            ("n_mels", self.n_mels > 0, "positive"),
            ("fmin", 0 <= self.fmin < self.fmax, "at least 0 and below fmax"),
            ("fmax", self.fmax <= self.sr / 2, "at most sr / 2"),
            ("n_mfcc", 0 < self.n_mfcc <= self.n_mels, "positive and at most n_mels"),
            ("amin", self.amin > 0, "positive"),
            ("top_db", self.top_db > 0, "positive"),
        )
        for name, holds, rule in rules:
            if not holds:
                raise InputError(f"{name} = {getattr(self, name)}: has to be {rule}")
        from scipy.signal import get_window

        try:
            get_window(self.window, self.win_length)
        except ValueError as error:
            raise InputError(f"window = {self.window!r}: {error}") from None


# What each feature depends on: it is recomputed only when one of these changes.
_FRAMES = ("sr", "n_fft", "win_length", "hop_length", "window")
_SPECTRUM = (*_FRAMES, "amin", "top_db")
DEPENDS_ON = {
    "spectrogram": _SPECTRUM,
    "mel": (*_SPECTRUM, "n_mels", "fmin", "fmax"),
    "mfcc": (*_SPECTRUM, "n_mels", "fmin", "fmax", "n_mfcc"),
    "fft": _SPECTRUM,
    "stft": _FRAMES,
}
FEATURES = tuple(DEPENDS_ON)
_LEVELS = 200  # steps of the level axis of `fft`
_CACHE = 400_000  # bytes of frames transformed at a time, so that they stay in the processor's cache


def settings_from(values):
    """The feature settings among a notebook's parameters.

    Parameters
    ----------
    values : dict
        Resolved parameters; those that are no feature setting are passed over.
    """
    names = {f.name for f in fields(FeatureSettings)}
    return FeatureSettings(**{name: value for name, value in values.items() if name in names})


def identity(name, settings):
    """The settings that decide one feature's numbers, as a dict for keys and pages."""
    _known(name)
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
    """
    found = scales(y, names, settings, precision=np.float64)
    return {name: scale(cells) for name, (cells, scale) in found.items()}


def scales(y, names, settings, *, precision):
    """The features of one recording, their last step not yet taken.

    What has to be known of all cells (a maximum, a transform over bands) is done; what
    is left works on each cell by itself and keeps their order. So a picture, which
    shows few of the cells, takes that step for those alone, and for the least and the
    greatest. The scale of `fft` makes a column of each cell.

    Parameters
    ----------
    y, names, settings
        As `compute` takes them.
    precision : type
        As `power_spectrogram` takes it.

    Returns
    -------
    dict of str to (numpy.ndarray [shape=(rows, frames), float32], callable)
        Cells, and a function of cells that never falls; together the feature.
    """
    for name in names:
        _known(name)
    power = power_spectrogram(y, settings, precision=precision)
    mel = _mel_filters(settings) @ power if {"mel", "mfcc"} & set(names) else None
    ways = {
        "spectrogram": lambda: (power, _relative(power, settings)),
        "mel": lambda: (mel, _relative(mel, settings)),
        "mfcc": lambda: (_mfcc(mel, settings), np.asarray),
        "fft": lambda: _area(power, settings),
        "stft": lambda: (power, np.sqrt),
    }
    return {name: ways[name]() for name in names}


def power_spectrogram(y, settings, *, precision=np.float64):
    """Power of the short-time Fourier transform, frames centred, ends padded with zeros.

    Parameters
    ----------
    y, settings
        As `compute` takes them.
    precision : numpy.float64 or numpy.float32
        Of the transform. librosa's is float64; in float32 a bin 80 dB below the
        maximum is off by up to 7e-3 dB (measured on 60 clips of real speech).

    Returns
    -------
    numpy.ndarray [shape=(1 + n_fft // 2, 1 + samples // hop_length), float32]
    """
    half = settings.n_fft // 2
    padded = np.zeros(len(y) + 2 * half, dtype=precision)
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
    return _cosines(settings) @ level


def _area(power, settings):
    """The level of each bin, one row, and the scale that fills its column up to there."""
    mean = power.mean(axis=1)
    steps = (np.arange(_LEVELS, dtype=np.float32) / _LEVELS - 1) * np.float32(settings.top_db)
    return _relative(mean, settings)(mean)[None], lambda level: (level >= steps[:, None]).astype(np.float32)


@lru_cache(maxsize=8)
def _window(settings):
    from scipy.signal import get_window

    window = np.zeros(settings.n_fft)
    start = (settings.n_fft - settings.win_length) // 2
    window[start : start + settings.win_length] = get_window(settings.window, settings.win_length, fftbins=True)
    return window


@lru_cache(maxsize=8)
def _mel_filters(settings):
    """The filters as a sparse matrix [shape=(n_mels, 1 + n_fft // 2)]: few bins fall into each."""
    import librosa
    from scipy.sparse import csr_array

    filters = librosa.filters.mel(
        sr=settings.sr,
        n_fft=settings.n_fft,
        n_mels=settings.n_mels,
        fmin=settings.fmin,
        fmax=settings.fmax,
        htk=False,
        norm="slaney",
        dtype=np.float32,
    )
    return csr_array(filters)


@lru_cache(maxsize=8)
def _cosines(settings):
    """The first `n_mfcc` rows of the orthonormal DCT-II, as a matrix."""
    every = scipy.fft.dct(np.eye(settings.n_mels, dtype=np.float32), type=2, axis=0, norm="ortho")
    return every[: settings.n_mfcc]


def _known(name):
    if name not in DEPENDS_ON:
        raise InputError(f"feature {name!r} is unknown; there are {', '.join(FEATURES)}")
