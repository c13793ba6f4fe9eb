"""Cheap numbers of a recording that might give its label away.

A *cue* is one number of one recording; cues form groups, each tested on its own.

==============  ====================================================  =============
group           cues                                                  kind
==============  ====================================================  =============
`duration`      length of the file, s                                 shortcut
`peak`          largest sample, dB                                    shortcut
`loudness`      root mean square, dB                                  shortcut
`dc`            mean of the samples as far as it is constant          shortcut
`silence`       before and after the speech, runs of exact zeros, s   shortcut
`clicks`        sharpest jump, anywhere and at the start, and level   shortcut
                of the start, dB re the recording's own
`format`        rate, channels, bits and container of the file, and   shortcut
                the share of sample values that occur
`cut`           steepest end of the band below 7.3 kHz, dB and Hz     shortcut
`tones`         strongest steady line above 400 Hz, dB and Hz         shortcut
`codec`         holes between frequencies, as codecs leave, share     shortcut
`dynamics`      crest factor, level range, dB; decay after speech, s  channel
`bandwidth`     95 % roll-off, Hz; energy above 4, 6, 7 kHz, dB       channel
`edge`          level above 7.8 kHz re 6.6 to 7.1 kHz, dB             channel
`ltas`          long-term average spectrum in 24 bands, dB re total   channel
`mfcc`          mean and deviation of 20 cepstral coefficients        countermeasure
==============  ====================================================  =============

*Shortcuts* reflect how a file was cut, scaled, digitised or coded, which no replay needs. The
*channel* is what replay does to speech; it may be a shortcut as well, such as one recorder
for every spoof, and a classifier cannot tell which: `edge` is what resampling and cheap
filters leave at the upper end of the band. `mfcc` is the plainest countermeasure of the
field, for scale. To keep the channel out of the shortcuts, speech ends where it is
still louder than a room's tail, and click, end of the band, line or hole counts only beyond
the range of recorded speech.

B. Chettri, E. Benetos and B. L. T. Sturm, "Dataset artefacts in anti-spoofing systems: a
case study on the ASVspoof 2017 benchmark", IEEE/ACM Transactions on Audio, Speech, and
Language Processing 28, 2020. B. R. Glasberg and B. C. J. Moore, Hearing Research 47, 1990
(ERB-rate scale of the bands).
"""

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from tqdm.auto import tqdm

from lib import audio, features
from lib.audio.interventions import frame_levels

SR = 16_000
SHORTCUTS = ("duration", "peak", "loudness", "dc", "silence", "clicks", "format", "cut", "tones", "codec")
CHANNEL = ("dynamics", "bandwidth", "edge", "ltas")
COUNTERMEASURE = "mfcc"

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
_TOP, _BELOW = (7800, SR / 2), (6600, 7100)  # Hz, the edge of the band and what it is compared with
_BANDS = 24
_SETTINGS = features.FeatureSettings()


def describe(paths, *, jobs=2):
    """The cues of many recordings, each decoded once by one of `jobs` processes.

    One row a recording, in the order of `paths`, a column a cue, ``group/cue``. InputError if a
    recording cannot be read, see `lib.audio.read`.

    Examples
    --------
    ``cues = corpus.trials.join(describe(corpus.trials["path"], jobs=2))``
    """
    results = Parallel(n_jobs=jobs, return_as="generator", batch_size=32)(delayed(_of_file)(path) for path in paths)
    return pd.DataFrame(list(tqdm(results, "cheap features", len(paths), unit="clip", mininterval=1)))


def _of_file(path):
    return of_recording(audio.read(path, sr=SR)[0]) | _format(path)


def of_recording(y):
    """The cues of one recording at 16 kHz [shape=(samples,)]: ``group/cue`` -> number, always the same keys.

    `format` has only what samples tell; `describe` adds what stands in the file's header.
    """
    y = np.asarray(y, dtype=np.float64)
    loudness = frame_levels(y, SR)
    found = features.compute(y.astype(np.float32), ("stft", "mfcc"), _SETTINGS)
    powers = found["stft"].astype(np.float64) ** 2
    spectrum, levels = np.mean(powers, axis=1), _decibel(powers)
    jumps = np.abs(np.diff(y, 2))
    peak, power = 20 * np.log10(np.abs(y).max() + _TINY), _decibel(np.mean(y**2))
    groups = {
        "duration": {"seconds": len(y) / SR},
        "peak": {"peak": peak},
        "loudness": {"rms": power},
        "dc": {"offset": np.round(_offset(y) / _LSB) * _LSB},
        "silence": _silence(y, loudness),
        "clicks": _clicks(jumps, loudness),
        "format": {"values": _values(y)},
        "cut": _cut(spectrum),
        "tones": _line(levels),
        "codec": {"holes": _holes(levels)},
        "dynamics": {"crest": peak - power, **_decay(loudness)},
        "bandwidth": _bandwidth(spectrum),
        "edge": {"top": _mean_level(spectrum, _TOP) - _mean_level(spectrum, _BELOW)},
        "ltas": _ltas(spectrum),
        COUNTERMEASURE: _statistics(found["mfcc"]),
    }
    return {f"{group}/{name}": float(value) for group, cues in groups.items() for name, value in cues.items()}


def columns_of(table, group):
    """The columns of a group, or of several."""
    groups = (group,) if isinstance(group, str) else group
    return [name for name in table.columns if name.partition("/")[0] in groups]


def mfcc_statistics(y):
    """The cues of group `mfcc` alone [shape=(40,)]."""
    mfcc = features.compute(np.asarray(y, dtype=np.float32), ("mfcc",), _SETTINGS)["mfcc"]
    return np.array(list(_statistics(mfcc).values()))


def _decibel(power):
    return 10 * np.log10(power + _TINY)


def _offset(y):
    """Mean of the samples, shrunk by how far that of 0.1 s wanders: low hum is no direct current."""
    parts = y[: len(y) // (10 * _FRAME) * 10 * _FRAME].reshape(-1, 10 * _FRAME).mean(axis=1)
    wander = parts.var(ddof=1) / len(parts) if len(parts) > 1 else 0.0
    return y.mean() ** 3 / (y.mean() ** 2 + wander + _TINY)


def _silence(y, loudness):
    sound = np.flatnonzero(y)
    first, last = (sound[0], sound[-1]) if len(sound) else (len(y), -1)
    return {
        "before": _before(loudness, _START),
        "after": _before(loudness[::-1], _END),
        "zeros_before": first / SR,
        "zeros_after": (len(y) - 1 - last) / SR,
    }


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
    cues = {
        "anywhere": 20 * np.log10((jumps.max() + _TINY) / (usual + _TINY)),
        "alone": 20 * np.log10(np.max((short + _TINY) / (around + 3 * _LSB))),
        "jump": 20 * np.log10((jump + _TINY) / (usual + _TINY)),
        "burst": burst,
    }
    floors = {"anywhere": _ANYWHERE, "alone": _ALONE, "jump": _AT_START, "burst": _AT_START}
    return {name: max(floors[name], value) for name, value in cues.items()}


def _format(path):
    """What the header of a file says; a container by its name's number in `_CONTAINERS`."""
    container, subtype, rate, channels = audio.header(path)
    bits = "".join(character for character in subtype if character.isdigit()) or 0
    found = {"rate": rate, "channels": channels, "bits": int(bits)}
    found["container"] = _CONTAINERS.index(container) if container in _CONTAINERS else len(_CONTAINERS)
    return {f"format/{name}": float(value) for name, value in found.items()}


def _values(y):
    """The share of the usual 16-bit values that occur: few after 8 bits, a law of telephony or digital gain."""
    values = np.round(y / _LSB).astype(int)
    usual = int(np.median(np.abs(values)))
    inner = values[np.abs(values) <= usual]
    share = len(np.unique(inner)) / min(2 * usual + 1, len(inner))
    return min(share, 0.5)  # short or quiet recordings lack some by chance


def _cut(spectrum):
    """The deepest fall of the level between two bands of 200 Hz: low-pass, codec or a lower rate before."""
    from scipy.ndimage import uniform_filter1d

    level = uniform_filter1d(_decibel(spectrum), _STEP)
    fall, hertz = level[: -2 * _STEP] - level[2 * _STEP :], _hertz(spectrum)[_STEP:-_STEP]
    at = np.argmax(np.where((hertz > 2000) & (hertz < 7300), fall, -np.inf))
    return {"depth": max(_WALL, fall[at]), "hertz": hertz[at] if fall[at] > _WALL else SR / 2}


def _line(levels):
    """The strongest steady line of the quietest frames."""
    from scipy.ndimage import median_filter

    quiet = np.quantile(levels, 0.25, axis=1)
    above = (quiet - median_filter(quiet, 33))[51:]  # from 400 Hz: below are mains and voice
    at = above.argmax()
    return {"level": max(_LINE, above[at]), "hertz": _hertz(quiet)[51 + at] if above[at] > _LINE else 0.0}


def _holes(levels):
    from scipy.ndimage import uniform_filter

    depth = (levels - uniform_filter(levels, (31, 3)))[64:896]  # 500 to 7,000 Hz
    return max(_HOLES, np.mean(depth < _HOLE))


def _decay(loudness):
    """Time from the last speech to levels further down, and the range of levels."""
    backwards = loudness[::-1]
    tails = {f"tail_{below}": _before(backwards, _END) - _before(backwards, below) for below in (25, 40)}
    return tails | {"range": loudness.max() - np.percentile(loudness, 10)}


def _bandwidth(spectrum):
    share = np.cumsum(spectrum) / (spectrum.sum() + _TINY)
    hertz = _hertz(spectrum)
    above = {f"above_{k}": _decibel(spectrum[hertz >= 1000 * k].sum() / (spectrum.sum() + _TINY)) for k in (4, 6, 7)}
    return {"rolloff": hertz[np.argmax(share >= 0.95)], **above}


def _mean_level(spectrum, band):
    """Mean over the bins of a band, dB."""
    low, high = band
    hertz = _hertz(spectrum)
    return _decibel(spectrum[(hertz >= low) & (hertz <= high)]).mean()


def _hertz(spectrum):
    return np.arange(len(spectrum)) * SR / 2 / (len(spectrum) - 1)


def _ltas(spectrum):
    """Levels in bands of equal width on the ERB-rate scale, 0 Hz to SR / 2."""
    top = np.log1p(0.00437 * SR / 2)
    hertz = np.expm1(np.linspace(0, top, _BANDS + 1)[:-1]) / 0.00437
    starts = np.round(hertz / (SR / 2) * (len(spectrum) - 1)).astype(int)
    starts = np.maximum.accumulate(np.maximum(starts, np.arange(_BANDS)))
    bands = np.add.reduceat(spectrum, starts) / (spectrum.sum() + _TINY)
    return {f"{k:02d}": level for k, level in enumerate(_decibel(bands))}


def _statistics(mfcc):
    means = {f"mean_{k:02d}": value for k, value in enumerate(mfcc.mean(axis=1))}
    return means | {f"deviation_{k:02d}": value for k, value in enumerate(mfcc.std(axis=1))}
