"""Cheap numbers of a recording that might give its label away: cues, in groups (params/cues.yaml).

To keep the channel out of the shortcuts, speech ends where it is still louder than a room's tail,
and click, end of the band, line or hole counts only beyond the range of recorded speech.

B. Chettri, E. Benetos and B. L. T. Sturm, "Dataset artefacts in anti-spoofing systems: a case study on
the ASVspoof 2017 benchmark", IEEE/ACM Transactions on Audio, Speech, and Language Processing 28, 2020.
"""

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from scipy.ndimage import median_filter, uniform_filter, uniform_filter1d
from tqdm.auto import tqdm

from lib import audio, features
from lib.audio.interventions import frame_levels
from lib.params import read_table

SR = 16_000
GROUPS = read_table("cues")

_FRAME = SR // 100  # samples, 10 ms
_START, _END = 25, 15  # dB under the loudest frame: the level of speech at its start and end
_EDGE = SR * 3 // 20  # samples at the start that are searched for clicks on their own, 0.15 s
_AT_START = -20.0  # dB re the rest: what is below is the recording's noise
_ANYWHERE = 10.0  # dB re the jump that one sample in a thousand exceeds: speech reaches 8
_ALONE = 24.0  # dB re the sharpest jumps 10 ms before and after: 1 speech recording in 20 exceeds it
_WALL, _STEP = 28.0, 25  # dB over twice as many bins, 390 Hz: no microphone or loudspeaker is as steep
_LINE = 15.0  # dB over the median of 260 Hz, in the quietest quarter of frames
_HOLE, _HOLES = -20.0, 0.011  # dB under the mean around it, and the share of them that noise and speech have
_CONTAINERS = ("WAV", "FLAC", "OGG", "MP3")
_LSB = 2.0**-15  # the step of 16-bit samples
_TINY = 1e-10  # about the power of 16-bit quantisation noise
_BANDS = 24
_SETTINGS = features.FeatureSettings()
_MFCC = [f"{name}_{k:02d}" for name in ("mean", "deviation") for k in range(_SETTINGS.n_mfcc)]


def describe(paths, *, jobs=2):
    """The cues of many recordings, each decoded once by one of `jobs` processes.

    One row a recording, in the order of `paths`, a column a cue, ``group/cue``, as in
    ``corpus.trials.join(describe(corpus.trials["path"]))``. InputError if a recording cannot be read.
    """
    results = Parallel(n_jobs=jobs, return_as="generator", batch_size=32)(delayed(_of_file)(path) for path in paths)
    return pd.DataFrame(list(tqdm(results, "cheap features", len(paths), unit="clip", mininterval=1)))


def _of_file(path):
    return of_recording(audio.read(path, sr=SR)[0]) | of_header(path)


def of_header(path):
    """The cues of `format` that the header of a file tells; a container by its number in `_CONTAINERS`."""
    container, subtype, rate, channels = audio.header(path)
    bits = "".join(character for character in subtype if character.isdigit()) or 0
    number = _CONTAINERS.index(container) if container in _CONTAINERS else len(_CONTAINERS)
    found = {"rate": rate, "channels": channels, "bits": bits, "container": number}
    return {f"format/{name}": float(value) for name, value in found.items()}


def of_recording(y):
    """The cues that the samples of a recording at 16 kHz tell [shape=(samples,)], always the same: name -> number."""
    y = np.asarray(y, dtype=np.float64)
    loudness = frame_levels(y, SR)
    computed = features.compute(y.astype(np.float32), ("stft", "mfcc"), _SETTINGS)
    powers = computed["stft"].astype(np.float64) ** 2
    levels, spectrum = _decibel(powers), np.mean(powers, axis=1)
    level, total = _decibel(spectrum), spectrum.sum() + _TINY
    hertz = np.arange(len(spectrum)) * SR / 2 / (len(spectrum) - 1)
    peak, power = 20 * np.log10(np.abs(y).max() + _TINY), _decibel(np.mean(y**2))
    sound = np.flatnonzero(y) if y.any() else [len(y), -1]
    backwards = loudness[::-1]
    after = _before(backwards, _END)
    depth = (levels - uniform_filter(levels, (31, 3)))[64:896]  # 500 to 7,000 Hz
    groups = {
        "duration": {"seconds": len(y) / SR},
        "peak": {"peak": peak},
        "loudness": {"rms": power},
        "dc": {"offset": np.round(_offset(y) / _LSB) * _LSB},
        "silence": {
            "before": _before(loudness, _START),
            "after": after,
            "zeros_before": sound[0] / SR,
            "zeros_after": (len(y) - 1 - sound[-1]) / SR,
        },
        "clicks": _clicks(np.abs(np.diff(y, 2)), loudness),
        "format": {"values": _values(y)},
        "cut": _cut(level, hertz),
        "tones": _line(np.quantile(levels, 0.25, axis=1), hertz),
        "codec": {"holes": max(_HOLES, np.mean(depth < _HOLE))},
        "dynamics": {
            "crest": peak - power,
            **{f"tail_{below}": after - _before(backwards, below) for below in (25, 40)},
            "range": loudness.max() - np.percentile(loudness, 10),
        },
        "bandwidth": {
            "rolloff": hertz[np.argmax(np.cumsum(spectrum) / total >= 0.95)],
            **{f"above_{k}": _decibel(spectrum[hertz >= 1000 * k].sum() / total) for k in (4, 6, 7)},
        },
        "edge": {"top": level[hertz >= 7800].mean() - level[(hertz >= 6600) & (hertz <= 7100)].mean()},
        "ltas": {f"{k:02d}": value for k, value in enumerate(_decibel(_bands(spectrum) / total))},
        "mfcc": dict(zip(_MFCC, [*computed["mfcc"].mean(axis=1), *computed["mfcc"].std(axis=1)], strict=True)),
    }
    return {f"{group}/{name}": float(value) for group, cues in groups.items() for name, value in cues.items()}


def columns_of(table, group):
    """The columns of a group."""
    return [name for name in table.columns if name.startswith(f"{group}/")]


def _decibel(power):
    return 10 * np.log10(power + _TINY)


def _offset(y):
    """Mean of the samples, shrunk by how far that of 0.1 s wanders: low hum is no direct current."""
    parts = y[: len(y) // (10 * _FRAME) * 10 * _FRAME].reshape(-1, 10 * _FRAME).mean(axis=1)
    wander = parts.var(ddof=1) / len(parts) if len(parts) > 1 else 0.0
    return y.mean() ** 3 / (y.mean() ** 2 + wander + _TINY)


def _before(loudness, below):
    """Seconds before the first frame that is less than `below` dB under the loudest."""
    return np.argmax(loudness > loudness.max() - below) / 100


def _clicks(jumps, loudness):
    """Jumps by the second difference, in which a click stands out; bursts by their level."""
    usual, jump = np.quantile(jumps, 0.999), jumps[:_EDGE].max()
    short = jumps[: len(jumps) // 80 * 80].reshape(-1, 80).max(axis=1)  # 5 ms
    padded = np.pad(short, 3)
    around = np.max([padded[k : k + len(short)] for k in (0, 1, 5, 6)], axis=0)
    frames = _EDGE // _FRAME
    # A recording of little more than its start has nothing to compare it with.
    burst = loudness[:frames].max() - loudness[frames:].max() if len(loudness) > 2 * frames else _AT_START
    return {
        "anywhere": max(_ANYWHERE, 20 * np.log10((jumps.max() + _TINY) / (usual + _TINY))),
        "alone": max(_ALONE, 20 * np.log10(np.max((short + _TINY) / (around + 3 * _LSB)))),
        "jump": max(_AT_START, 20 * np.log10((jump + _TINY) / (usual + _TINY))),
        "burst": max(_AT_START, burst),
    }


def _values(y):
    """The share of the usual 16-bit values that occur: few after 8 bits, a law of telephony or digital gain."""
    values = np.round(y / _LSB).astype(int)
    usual = int(np.median(np.abs(values)))
    inner = values[np.abs(values) <= usual]
    share = len(np.unique(inner)) / min(2 * usual + 1, len(inner))
    return min(share, 0.5)  # short or quiet recordings lack some by chance


def _cut(level, hertz):
    """The deepest fall of the level between two bands of 200 Hz: low-pass, codec or a lower rate before."""
    level, hertz = uniform_filter1d(level, _STEP), hertz[_STEP:-_STEP]
    fall = level[: -2 * _STEP] - level[2 * _STEP :]
    at = np.argmax(np.where((hertz > 2000) & (hertz < 7300), fall, -np.inf))
    return {"depth": max(_WALL, fall[at]), "hertz": hertz[at] if fall[at] > _WALL else SR / 2}


def _line(quiet, hertz):
    """The strongest steady line in the level of the quietest frames, from 400 Hz: below are mains and voice."""
    above, hertz = (quiet - median_filter(quiet, 33))[51:], hertz[51:]
    at = above.argmax()
    return {"level": max(_LINE, above[at]), "hertz": hertz[at] if above[at] > _LINE else 0.0}


def _bands(spectrum):
    """Power in bands of equal width in ERBs, 0 Hz to SR / 2 (B. R. Glasberg and B. C. J. Moore, 1990)."""
    hertz = np.expm1(np.linspace(0, np.log1p(0.00437 * SR / 2), _BANDS + 1)[:-1]) / 0.00437
    starts = np.round(hertz / (SR / 2) * (len(spectrum) - 1)).astype(int)
    starts = np.maximum.accumulate(np.maximum(starts, np.arange(_BANDS)))
    return np.add.reduceat(spectrum, starts)
