"""Audio features as float32 matrices, low frequencies (or coefficients) in the first row, frames in columns.

No analysis parameter is stated in the report: librosa's defaults stand. Values are librosa's within 1e-3 dB.
"""

from dataclasses import make_dataclass
from functools import lru_cache

import librosa
import numpy as np
import scipy  # its parts, as those of librosa, are loaded when they are used, and some take long
from scipy.ndimage import correlate1d

from lib.errors import InputError, unknown
from lib.features.cqcc import cqcc
from lib.features.statistics import statistics
from lib.params.settings import GROUPS, RULES, judge_together, judged

_LEVELS = 200  # steps of the level axis of `fft`
_CACHE = 400_000  # bytes of frames transformed at a time, so that they stay in the processor's cache


class Judged:
    """Its fields keep the rules of the parameters of their names (params/settings.yaml), or there is an InputError."""

    def __post_init__(self):
        where = type(self).__name__
        for name, value in vars(self).items():
            rule = "image_size" if name == "size" else name
            if rule in RULES:
                judged(rule, value, None, where)
        judge_together(vars(self), where)


FeatureSettings = make_dataclass(
    "FeatureSettings",
    [(name, type(setting.default), setting.default) for name, setting in GROUPS["features"].items()],
    bases=(Judged,),
    frozen=True,
    namespace={
        "__doc__": "Everything that decides a feature's numbers: the group `features` of lib.params.settings.",
        "__module__": __name__,
    },
)


class Spectra:
    """One recording's samples, and the spectra that features share: each made once, when the first feature needs it."""

    def __init__(self, y, precision=np.float64):
        self.y, self._precision, self._made = y, precision, {}

    def power(self, settings):
        """Power of the short-time Fourier transform, float32 [1 + n_fft // 2, 1 + samples // hop_length]."""
        key = tuple(getattr(settings, name) for name in _FRAMES)
        if key in self._made:
            return self._made[key]
        half, window = settings.n_fft // 2, _window(settings).astype(self._precision)
        padded = np.zeros(len(self.y) + settings.n_fft, window.dtype)
        padded[half : half + len(self.y)] = self.y
        # As a sliding window, which NumPy's own function takes ten times as long to set up.
        shape = (1 + len(self.y) // settings.hop_length, settings.n_fft)
        strides = (settings.hop_length * padded.itemsize, padded.itemsize)
        frames = np.ndarray(shape, padded.dtype, padded, strides=strides)
        power = self._made[key] = np.empty((half + 1, len(frames)), dtype=np.float32)
        step = max(_CACHE // window.nbytes, 1)
        for start in range(0, len(frames), step):
            block = slice(start, start + step)
            # Along the first axis: the transform then turns the matrix round on its way, at no cost.
            spectrum = scipy.fft.rfft((frames[block] * window).T, axis=0, overwrite_x=True)
            parts = spectrum.view(window.dtype)  # real and imaginary in turn: squared in one go, in place
            parts *= parts
            np.add(parts[:, ::2], parts[:, 1::2], out=power[:, block], casting="same_kind")
        return power

    def mel(self, settings):
        """Power in the mel bands."""
        if settings not in self._made:
            self._made[settings] = _mel_filters(settings) @ self.power(settings)
        return self._made[settings]


def _decibel(power, settings, reference=None):
    """The scale 10 log10(power / reference, or the maximum), not below `amin` nor `top_db` under the maximum."""
    peak = float(power.max())
    lowest = np.float32(max(settings.amin, peak * 10 ** (-settings.top_db / 10)))
    offset = np.float32(10 * np.log10(max(settings.amin, peak if reference is None else reference)))

    def level(power):
        values = np.maximum(power, lowest)
        np.log10(values, out=values)
        values *= 10
        values -= offset
        return values

    return level


def _mfcc(spectra, settings):
    """Cepstral coefficients from 0: orthonormal DCT-II of the mel power in dB re 1."""
    mel = spectra.mel(settings)
    return _cosines(settings.n_mels, settings.n_mfcc) @ _decibel(mel, settings, reference=1.0)(mel), np.asarray


def _lfcc(spectra, settings):
    """As ``lfcc_bp.m`` of ASVspoof 2019 and 2021 (M. Sahidullah et al., 2015); centred frames, powers above `amin`."""
    bands = _linear_filters(settings) @ spectra.power(settings)
    np.log10(np.maximum(bands, np.float32(settings.amin), out=bands), out=bands)
    return _cosines(settings.n_linear, settings.n_lfcc) @ bands, np.asarray


def _fft(spectra, settings):
    """The mean power of the frames (Welch) as the area under its curve: rows are levels from -top_db to 0 dB."""
    mean = spectra.power(settings).mean(axis=1)
    steps = (np.arange(_LEVELS, dtype=np.float32) / _LEVELS - 1) * np.float32(settings.top_db)
    return _decibel(mean, settings)(mean)[None], lambda level: (level >= steps[:, None]).astype(np.float32)


# Each feature: the settings that it depends on, only these being part of what it is kept
# under, and how it is made of `Spectra`: its cells and their scale, see `scaled`.
_FRAMES = ("sr", "n_fft", "win_length", "hop_length", "window")
_SPECTRUM = (*_FRAMES, "amin", "top_db")
_BANDS = (*_SPECTRUM, "n_mels", "fmin", "fmax")
_MADE = {
    # FFT bins from 0 Hz to sr / 2; power, dB re its maximum
    "spectrogram": (_SPECTRUM, lambda made, s: (made.power(s), _decibel(made.power(s), s))),
    # mel bands from fmin to fmax; power, dB re its maximum
    "mel": (_BANDS, lambda made, s: (made.mel(s), _decibel(made.mel(s), s))),
    "mfcc": ((*_BANDS, "n_mfcc"), _mfcc),
    "lfcc": ((*_FRAMES, "amin", "n_linear", "fmin", "fmax", "n_lfcc"), _lfcc),
    "fft": (_SPECTRUM, _fft),
    # FFT bins from 0 Hz to sr / 2; magnitude, linear
    "stft": (_FRAMES, lambda spectra, settings: (spectra.power(settings), np.sqrt)),
    # constant-Q cepstral coefficients from 0, see `lib.features.cqcc`
    "cqcc": (("sr", "hop_length", "n_cqcc"), lambda made, s: (cqcc(made.y, s.sr, s.hop_length, s.n_cqcc), np.asarray)),
    # FFT bins; statistics over the recording instead of frames, natural log of power
    "statistics": (_FRAMES, lambda spectra, settings: (statistics(spectra.power(settings)), np.asarray)),
}
FEATURES = tuple(_MADE)


def settings_from(values):
    """The feature settings among a notebook's parameters (dict); other parameters are passed over."""
    return FeatureSettings(**{name: value for name, value in values.items() if name in GROUPS["features"]})


def identity(name, settings):
    """The settings that decide one feature's numbers, as a dict; InputError when its name is unknown."""
    return {key: getattr(settings, key) for key in _recipe(name)[0]}


def _recipe(name):
    if name not in _MADE:
        raise unknown(name, FEATURES, f"unknown feature {name!r}")
    return _MADE[name]


def row_hertz(name, settings):
    """The frequency in the middle of each row of a feature, Hz; None where rows are no frequencies."""
    if name == "mel":
        return librosa.mel_frequencies(settings.n_mels + 2, fmin=settings.fmin, fmax=settings.fmax)[1:-1]
    return np.linspace(0, settings.sr / 2, settings.n_fft // 2 + 1) if name in ("spectrogram", "stft") else None


def scaled(spectra, name, settings):
    """A feature's cells, and its last step, which works on each cell by itself and never falls."""
    return _recipe(name)[1](spectra, settings)


def compute(y, names, settings):
    """Features (some of `FEATURES`) of float32 samples by their names, float32 ``[rows, frames]`` each.

    Examples
    --------
    >>> y = np.ones(16_000, np.float32)
    >>> compute(y, ["mfcc"], FeatureSettings())["mfcc"].shape
    (20, 32)
    """
    spectra, found = Spectra(y), {}
    for name in names:
        cells, scale = scaled(spectra, name, settings)
        found[name] = scale(cells)
    return found


def with_deltas(matrix, width):
    """A feature with its deltas and their deltas below it, float32 [3 * rows, frames], as the HTK Book has them."""
    if width < 3 or width % 2 == 0:
        raise InputError(f"deltas must be odd and at least 3, got {width}")
    offsets = np.arange(width) - width // 2
    slope = offsets / (offsets**2).sum()
    delta = correlate1d(matrix, slope, axis=1, mode="nearest")
    return np.concatenate([matrix, delta, correlate1d(delta, slope, axis=1, mode="nearest")])


def normalised(matrix, how):
    """Each row less its mean over the recording (``mean``), or its variance made 1 as well (``cmvn``), float32."""
    if how == "none":
        return matrix
    values = matrix - matrix.mean(axis=1, keepdims=True, dtype=np.float64)  # in which equal values leave exactly 0
    if how == "cmvn":
        spread = values.std(axis=1, keepdims=True)
        values /= np.where(spread > 0, spread, 1)
    return values.astype(np.float32)


def fixed(matrix, frames):
    """So many frames of a feature: the recording repeated until it is long enough, then cut."""
    return matrix.take(np.arange(frames) % matrix.shape[1], axis=1)


@lru_cache(maxsize=8)
def _window(settings):
    window = np.zeros(settings.n_fft)
    start = (settings.n_fft - settings.win_length) // 2
    window[start : start + settings.win_length] = scipy.signal.get_window(settings.window, settings.win_length)
    return window


@lru_cache(maxsize=8)
def _mel_filters(settings):
    """The filters as a sparse matrix [shape=(n_mels, 1 + n_fft // 2)]: few bins fall into each."""
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
