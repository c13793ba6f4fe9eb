"""What a run was made on, measured so that a recording outside of it is told before it gets an answer.

Six numbers of a recording, each with the range that training and dev have of it, and how far its
spectrum lies from theirs: mean, deviation and movement of 24 mel bands, by Mahalanobis' distance
with a shrunk covariance (O. Ledoit and M. Wolf, Journal of Multivariate Analysis 88, 2004). As
far as dev lies from training, and training from dev, a recording may lie from both. Choices and
margins are ours.
"""

import json
from contextlib import suppress
from functools import partial
from typing import NamedTuple

import numpy as np
from tqdm.auto import tqdm

from lib import audio
from lib.features import FeatureSettings, chunks
from lib.features.matrices import Spectra
from lib.files import places

FILE = "domain.json"  # in a run's artifacts
SPLITS = ("train", "dev")  # eval stays unopened
_FRAME = 0.032  # seconds, every half of it
_BANDS = 24
_SPOKEN = 25  # dB under the loudest frame
_FLOOR = 80  # dB under the loudest band and frame, and no further
_LOW = (100, 1500)  # Hz, where voiced speech has its strongest harmonics
_FULL = 0.99  # of full scale
_RARE = 0.005  # share of the recordings at either end that sets no range
_LIMIT = 0.99  # share of training and dev that lies within the distance, each seen from the other
_SCORES = 0.25  # of the span of the scores, added at both ends
_TINY = 1e-10  # about the power of 16-bit quantisation noise


class Cue(NamedTuple):
    """One number of a recording: what it is, its unit, and how far beyond the range it may lie."""

    text: str
    unit: str
    margin: float


CUES = {
    "seconds": Cue("Duration", "s", 0.5),
    "level": Cue("Level", "dB re full scale", 6.0),
    "clipped": Cue("Samples at full scale", "%", 0.1),
    "upper": Cue("Power in the upper half of the band", "dB re the whole", 6.0),
    "variation": Cue("Variation of the level, as voice activity makes it", "dB", 1.0),
    "flatness": Cue("Flatness from 100 to 1,500 Hz, which voiced speech lowers", "dB", 1.0),
}


def of_corpus(corpus, sr, *, store):
    """What `outside` needs to know of the train and dev recordings of a corpus, as JSON holds it.

    It is kept in the `store` (folder or URL), since the runs of a study share it.
    """
    key = chunks.key([corpus.digest, sr], "audio.reading", "features.matrices", "judgement.domain")
    place = f"{places.absolute(store)}/domains/{key}.json"
    with suppress(OSError, ValueError):  # there is none, or a damaged one
        return json.loads(places.read(place))
    described = [_of_files(corpus.split(split)["path"].tolist(), sr) for split in SPLITS]
    values = np.concatenate([cues for cues, _ in described])
    ends = np.quantile(values, [_RARE, 1 - _RARE], axis=0).T
    found = {
        "sr": sr,
        "seconds": float(np.median(values[:, 0])),
        "ranges": {
            name: [float(low - cue.margin), float(high + cue.margin)]
            for (name, cue), (low, high) in zip(CUES.items(), ends, strict=True)
        },
        **_distances(*(spectra for _, spectra in described)),
    }
    with chunks.whole_file(place) as file:
        file.write(json.dumps(found).encode())
    return found


def of_run(of_corpus, scores, notes):
    """The same with the range of a run's own scores (of train and dev), and sentences on its corpus."""
    low, high = float(np.min(scores)), float(np.max(scores))
    margin = _SCORES * (high - low)
    return {**of_corpus, "scores": [low - margin, high + margin], "notes": list(notes)}


def checked(known):
    """What `of_run` made, as JSON gave it back, its arrays as arrays; ValueError or KeyError when it is damaged."""
    arrays = {name: np.array(known[name], np.float64) for name in ("center", "whitening", "scores")}
    numbers = [known["sr"], known["seconds"], known["distance"], *(known["ranges"][name] for name in CUES)]
    if not all(np.isfinite(part).all() for part in (*arrays.values(), *numbers)):
        raise ValueError("every number must be finite")
    return {**known, **arrays}


def outside(known, y, *, window=False):
    """Sentences on where a recording lies outside of what a run was made on; none where it lies inside.

    Parameters
    ----------
    known : dict
        Of `checked`.
    y : numpy.ndarray [shape=(samples,), float32]
        At the rate ``known["sr"]``.
    window : bool
        The samples are a part of a longer recording, of which the duration says nothing.
    """
    values, spectrum = describe(y, known["sr"])
    found = []
    for (name, cue), value in zip(CUES.items(), values, strict=True):
        low, high = known["ranges"][name]
        if not low <= value <= high and not (window and name == "seconds"):
            found.append(f"{cue.text}: {value:.3g} {cue.unit}; in what the run was made on {low:.3g} to {high:.3g}.")
    distance = np.linalg.norm(known["whitening"] @ (spectrum - known["center"]))
    if not distance <= known["distance"]:
        found.append(
            f"Spectrum: {distance:.3g} from what the run was made on; up to {known['distance']:.3g} is usual there."
        )
    return found


def describe(y, sr):
    """A recording's `CUES`, in their order, and the statistics of its mel bands."""
    settings = _settings(sr)
    spectra = Spectra(np.asarray(y, np.float32), np.float32)
    power, mel = spectra.power(settings) + np.float32(_TINY), spectra.mel(settings) + np.float32(_TINY)
    levels = _decibel(power.sum(axis=0))
    spoken = levels > levels.max() - _SPOKEN
    hertz = np.arange(len(power)) * sr / settings.n_fft
    low = power[(hertz >= _LOW[0]) & (hertz <= _LOW[1])][:, spoken]
    mean = power.mean(axis=1, dtype=np.float64)
    values = (
        len(y) / sr,
        _decibel(np.mean(np.square(y, dtype=np.float64)) + _TINY),
        100 * np.mean(np.abs(y) >= _FULL),
        _decibel(mean[hertz >= sr / 4].sum() / mean.sum()),
        np.maximum(levels, levels.max() - _FLOOR).std(),
        np.percentile(_decibel(np.exp(np.log(low).mean(axis=0)) / low.mean(axis=0)), 25),
    )
    bands = np.maximum(_decibel(mel / mel.max()), -_FLOOR)
    moves = np.sqrt(np.square(np.diff(bands, axis=1)).mean(axis=1)) if bands.shape[1] > 1 else np.zeros(len(bands))
    return np.array(values, np.float64), np.concatenate([bands.mean(axis=1), bands.std(axis=1), moves])


def _of_files(paths, sr):
    """Cues and spectra of recordings, a row each."""
    read = places.each(partial(audio.read, sr=sr), paths)
    rows = [describe(y, sr) for y, _ in tqdm(read, "what the run is made on", len(paths), unit="clip", leave=False)]
    return np.stack([cues for cues, _ in rows]), np.stack([spectrum for _, spectrum in rows])


def _distances(train, dev):
    """The distance from both splits as a center and a matrix, and its limit."""
    from sklearn.covariance import LedoitWolf

    both = np.concatenate([train, dev])
    center, scale = both.mean(axis=0), both.std(axis=0) + 1e-3
    train, dev, both = ((part - center) / scale for part in (train, dev, both))
    seen = [LedoitWolf().fit(one).mahalanobis(other) for one, other in ((train, dev), (dev, train))]
    whitening = np.linalg.cholesky(LedoitWolf().fit(both).precision_).T / scale
    return {
        "center": center.tolist(),
        "whitening": whitening.astype(np.float32).tolist(),
        "distance": float(np.sqrt(np.quantile(np.concatenate(seen), _LIMIT))),
    }


def _settings(sr):
    length = 2 ** round(np.log2(_FRAME * sr))
    return FeatureSettings(
        sr=sr, n_fft=length, win_length=length, hop_length=length // 2, n_mels=_BANDS, fmax=sr / 2
    )  # n_mfcc stays below the bands


def _decibel(power):
    return 10 * np.log10(power)
