"""Ways to the images of recordings that the study's own way is compared with.

Each goes through recordings one by one and returns how many they were. The analysis
settings are those of the study, so all of them do the same work.
"""

import dataclasses
import io
import os
import tempfile
from pathlib import Path

import librosa
import librosa.display
import numpy as np
import scipy.fft
import soundfile
from matplotlib.figure import Figure
from PIL import Image

from lib.features import store
from lib.files import places

# As `examples/LibROSA demo.ipynb` of librosa draws spectrograms, and many after it.
TUTORIAL = {"figsize": (12, 4), "layout": "tight"}
_FRAMES = 16  # transformed at a time; 8 and 64 are slower (tried)


def sample(corpus, recordings, scratch):
    """That many recordings spread over a corpus, as its training split.

    Parameters
    ----------
    corpus : lib.corpus.Corpus
    recordings : int > 0
    scratch : str
        A local folder. Recordings at a URL are copied there, so that no network is timed.

    Returns
    -------
    lib.corpus.Corpus
        A corpus that has fewer is gone through again.
    """
    trials = corpus.trials
    if recordings < len(trials):
        positions = np.linspace(0, len(trials) - 1, recordings).astype(int)
    else:
        positions = np.arange(recordings) % len(trials)
    trials = trials.iloc[positions].assign(split="train")
    if places.is_url(corpus.folder):
        trials = trials.assign(path=_copied(trials["path"].tolist(), scratch))
    return dataclasses.replace(corpus, trials=trials)


def _copied(urls, folder):
    copies = {url: str(Path(folder) / url.rpartition("/")[2]) for url in urls}
    for copy, content in zip(copies.values(), places.each(places.read, list(copies)), strict=True):
        Path(copy).write_bytes(content)
    return [copies[url] for url in urls]


def spread_by_size(paths, count):
    """That many of the recordings, or all, evenly spread by file size: as long on average as all."""
    ordered = sorted(paths, key=os.path.getsize)
    count = min(count, len(ordered))
    return [ordered[(2 * k + 1) * len(ordered) // (2 * count)] for k in range(count)]


def extracted(corpus, names, settings, *, size, folder, jobs):
    """The study's way, into a new store below a folder; its writing is part of it."""
    new = tempfile.mkdtemp(dir=folder)
    store.extract(corpus, [store.Wanted(name, settings, size) for name in names], store=new, jobs=jobs)
    return len(corpus.trials)


def drawn_and_reopened(paths, settings, size, *, figure=None):
    """librosa, a figure of each feature saved as PNG, reopened and resized.

    Spectrogram and MFCC with axes, title and colour bar. The report does not show its
    code. The PNG stays in memory, so no disk is timed.

    Parameters
    ----------
    paths, settings, size
        Recordings, analysis settings, and the side of the images, pixels.
    figure : dict, optional
        Options of the matplotlib figures; `TUTORIAL` are those of librosa's own
        demonstration notebook, the default is matplotlib's.
    """
    for path in paths:
        spectrogram, mfcc = _by_librosa(path, settings)
        _reopened(spectrogram, settings, size, title="Spectrogram", y_axis="linear", options=figure)
        _reopened(mfcc, settings, size, title="MFCC", y_axis=None, options=figure)
    return len(paths)


def librosa_features(paths, settings):
    """librosa's spectrogram and MFCC as matrices, nothing drawn."""
    for path in paths:
        _by_librosa(path, settings)
    return len(paths)


def power_alone(paths, settings):
    """What any way has to do: read, window, transform in float32, take the power."""
    window = librosa.util.pad_center(
        librosa.filters.get_window(settings.window, settings.win_length), size=settings.n_fft
    ).astype(np.float32)
    for path in paths:
        with soundfile.SoundFile(path) as file:
            y = file.read(dtype="int16").astype(np.float32)
        y *= np.float32(1 / 32768)
        y = np.pad(y, settings.n_fft // 2)
        frames = np.lib.stride_tricks.sliding_window_view(y, settings.n_fft)[:: settings.hop_length]
        power = np.empty((len(frames), settings.n_fft // 2 + 1), np.float32)
        for start in range(0, len(frames), _FRAMES):
            block = slice(start, start + _FRAMES)
            spectrum = scipy.fft.rfft(frames[block] * window, axis=-1, overwrite_x=True)
            np.add(np.square(spectrum.real), np.square(spectrum.imag), out=power[block])
    return len(paths)


def _by_librosa(path, settings):
    y, sr = librosa.load(path, sr=settings.sr)
    frames = {name: getattr(settings, name) for name in ("n_fft", "win_length", "hop_length", "window")}
    magnitude = np.abs(librosa.stft(y, **frames))
    spectrogram = librosa.amplitude_to_db(magnitude, ref=np.max, amin=settings.amin**0.5, top_db=settings.top_db)
    bands = {"n_mels": settings.n_mels, "fmin": settings.fmin, "fmax": settings.fmax}
    mfcc = librosa.feature.mfcc(y=y, sr=sr, n_mfcc=settings.n_mfcc, **frames, **bands)
    return spectrogram, mfcc


def _reopened(feature, settings, size, *, title, y_axis, options=None):
    figure = Figure(**(options or {}))
    axes = figure.add_subplot()
    mesh = librosa.display.specshow(
        feature, sr=settings.sr, hop_length=settings.hop_length, x_axis="time", y_axis=y_axis, ax=axes
    )
    axes.set(title=title)
    figure.colorbar(mesh, ax=axes)
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return np.asarray(Image.open(file).convert("RGB").resize((size, size)))
