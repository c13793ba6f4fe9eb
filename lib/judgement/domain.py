"""What a run was made on, measured so that a recording outside of it is told before it gets an answer.

Six numbers of a recording with the ranges of training and dev, and how far its spectrum (mean, deviation and
movement of 24 mel bands) lies from theirs, by Mahalanobis' distance with a shrunk covariance (O. Ledoit and
M. Wolf, Journal of Multivariate Analysis 88, 2004): as far as dev lies from training, and training from dev.
"""

from functools import partial

import numpy as np
from tqdm.auto import tqdm

from lib import audio
from lib.features import FeatureSettings
from lib.features.matrices import Spectra
from lib.features.store import key
from lib.files import places
from lib.params import read_table

FILE = "domain.json"  # in a run's artifacts
SPLITS = ("train", "dev")  # eval stays unopened
CUES = read_table("domain")
_FRAME, _BANDS = 0.032, 24  # seconds, half of it from frame to frame; mel bands
_SPOKEN, _FLOOR = 25, 80  # dB under the loudest: a frame that counts as spoken, and what lies no further below
_FULL = 0.99  # of full scale
_RARE = 0.005  # share of the recordings at either end that sets no range
_USUAL = 0.99  # share of training and dev that lies within the distance, each seen from the other
_SCORES = 0.25  # of the span of the scores, added at both ends
_TINY = np.float32(1e-10)  # about the power of 16-bit quantisation noise


def of_corpus(corpus, sr, *, store):
    """What `outside` has to know of a corpus' train and dev, for JSON; kept in the `store` (folder or URL)."""
    name = key([corpus.digest, sr], "audio.reading", "features.matrices", "judgement.domain")
    return places.remembered(f"{places.absolute(store)}/domains/{name}.json", partial(_measured, corpus, sr))


def _measured(corpus, sr):
    from sklearn.covariance import LedoitWolf

    values, spectra = [], []
    for split in SPLITS:
        paths = corpus.split(split)["path"].tolist()
        clips = tqdm(places.each(partial(audio.read, sr=sr), paths), f"measuring {split}", len(paths), leave=False)
        cues, spectrum = zip(*(describe(y, sr) for y, _ in clips), strict=True)
        values += cues
        spectra.append(np.array(spectrum))
    margins = [margin for *_, margin in CUES.values()]
    low, high = np.quantile(values, [_RARE, 1 - _RARE], axis=0)
    center, scale = np.concatenate(spectra).mean(axis=0), np.concatenate(spectra).std(axis=0) + 1e-3
    train, dev = ((part - center) / scale for part in spectra)
    seen = [LedoitWolf().fit(one).mahalanobis(other) for one, other in ((train, dev), (dev, train))]
    whitening = np.linalg.cholesky(LedoitWolf().fit(np.concatenate([train, dev])).precision_).T / scale
    return {
        "sr": sr,
        "seconds": float(np.median([seconds for seconds, *_ in values])),
        "ranges": dict(zip(CUES, np.stack([low - margins, high + margins], axis=1).tolist(), strict=True)),
        "center": center.tolist(),
        "whitening": whitening.astype(np.float32).tolist(),
        "distance": float(np.sqrt(np.quantile(np.concatenate(seen), _USUAL))),
    }


def of_run(of_corpus, scores, notes):
    """The same with the range of a run's own scores (of train and dev), and sentences on its corpus."""
    low, high = float(np.min(scores)), float(np.max(scores))
    margin = _SCORES * (high - low)
    return {**of_corpus, "scores": [low - margin, high + margin], "notes": list(notes)}


def checked(known):
    """What `of_run` made, as JSON gave it back; ValueError or KeyError when it is damaged."""
    arrays = {name: np.array(known[name], np.float64) for name in ("center", "whitening", "scores")}
    numbers = [known["sr"], known["seconds"], known["distance"], *(known["ranges"][name] for name in CUES)]
    if not all(np.isfinite(part).all() for part in (*arrays.values(), *numbers)):
        raise ValueError("every number must be finite")
    return {**known, **arrays}


def outside(known, y, *, window=False):
    """Sentences on where a recording, or a `window` of one, lies outside of what a run was made on (`checked`)."""
    values, spectrum = describe(y, known["sr"])
    found = []
    for (name, (text, unit, _)), value in zip(CUES.items(), values, strict=True):
        low, high = known["ranges"][name]
        if not low <= value <= high and not (window and name == "seconds"):
            end = f"below {low:.3g}" if value < low else f"above {high:.3g}"
            found.append(f"{text}: {value:.3g} {unit}, {end}, the end of what the run was made on.")
    distance, usual = np.linalg.norm(known["whitening"] @ (spectrum - known["center"])), known["distance"]
    if not distance <= usual:
        found.append(f"Spectrum: {distance:.3g} away from what the run was made on, above the usual {usual:.3g}.")
    return found


def describe(y, sr):
    """A recording's `CUES`, in their order, and the statistics of its mel bands."""
    length = 2 ** round(np.log2(_FRAME * sr))
    lengths = {"n_fft": length, "win_length": length, "hop_length": length // 2}
    settings = FeatureSettings(sr=sr, n_mels=_BANDS, fmax=sr / 2, **lengths)
    spectra = Spectra(np.asarray(y, np.float32), np.float32)
    power, bands = spectra.power(settings) + _TINY, 10 * np.log10(spectra.mel(settings) + _TINY)
    levels, hertz = 10 * np.log10(power.sum(axis=0)), np.arange(len(power)) * sr / length
    low = power[(hertz >= 100) & (hertz <= 1500)][:, levels > levels.max() - _SPOKEN]
    flatness = np.exp(np.log(low).mean(axis=0)) / low.mean(axis=0)
    cues = (
        len(y) / sr,
        10 * np.log10(np.mean(np.square(y, dtype=np.float64)) + _TINY),
        100 * np.mean(np.abs(y) >= _FULL),
        10 * np.log10(power[hertz >= sr / 4].sum() / power.sum()),
        np.maximum(levels, levels.max() - _FLOOR).std(),
        10 * np.log10(np.percentile(flatness, 25)),
    )
    bands = np.maximum(bands - bands.max(), -_FLOOR)
    moves = np.sqrt(np.square(np.diff(bands, axis=1, prepend=bands[:, :1])).mean(axis=1))
    return cues, np.concatenate([bands.mean(axis=1), bands.std(axis=1), moves])
