"""Images: orientation, range, colours, and nearness to librosa's own drawing."""

import io

import librosa.display
import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image
from test_features import SETTINGS, speech_like

from lib import audio, features
from lib.features import images, matrices, store


def quick_images(y, names, settings, size):
    made = store.from_clips([store.Wanted(name, settings, size) for name in names], [y])
    return {item.feature: images.stretched(cells, size) for item, (cells,) in made.items()}


def test_to_index_low_frequencies_are_at_the_bottom():
    feature = np.repeat(np.arange(100, dtype=np.float32)[:, None], 80, axis=1)
    index = images.to_index(feature, 200)
    assert index.shape == (200, 200)
    assert index.dtype == np.uint8
    assert (index[0] >= 254).all()
    assert (index[-1] <= 1).all()


def test_to_index_time_runs_to_the_right():
    feature = np.repeat(np.arange(80, dtype=np.float32)[None], 100, axis=0)
    index = images.to_index(feature, 50)
    assert (np.diff(index.astype(int), axis=1) >= 0).all()
    assert index[:, -1].min() > 250


def test_to_index_level_does_not_show(rng):
    feature = rng.normal(size=(60, 90)).astype(np.float32)
    assert np.abs(images.to_index(feature, 64).astype(int) - images.to_index(3 * feature - 40, 64)).max() <= 1


def test_to_index_constant_feature_is_zero():
    assert not images.to_index(np.full((20, 30), -80, np.float32), 64).any()


EDGES = {
    "speech-like": lambda rng: speech_like(rng),
    "long": lambda rng: speech_like(rng, seconds=9.0),  # more frames than pixels
    "shorter than a window": lambda rng: speech_like(rng)[:300],
    "one sample": lambda rng: np.ones(1, np.float32),
    "constant": lambda rng: np.full(8000, 0.25, np.float32),
    "click": lambda rng: np.eye(1, 8000, 4000, dtype=np.float32)[0],
    "faint": lambda rng: 1e-6 * speech_like(rng),
}


QUICK = [name for name in features.FEATURES if name != "cqcc"]  # whose image has a test beside its definition


@pytest.mark.parametrize(("edge", "settings"), [*zip(EDGES, SETTINGS * 3, strict=False), ("long", SETTINGS[2])])
def test_images_are_those_of_the_whole_features(rng, edge, settings):
    y = EDGES[edge](rng)
    quick = quick_images(y, QUICK, settings, 64)
    for name, feature in features.compute(y, QUICK, settings).items():
        whole = images.to_index(feature, 64)
        difference = np.abs(quick[name].astype(int) - whole)
        assert difference.max() <= 1, name
        assert (difference > 0).mean() < 1e-3, name


def test_images_in_float64_are_exactly_those_of_the_whole_features(rng, monkeypatch):
    monkeypatch.setattr(store, "Spectra", lambda y, precision: matrices.Spectra(y))
    y = speech_like(rng)
    quick = quick_images(y, QUICK, SETTINGS[0], 200)
    for name, feature in features.compute(y, QUICK, SETTINGS[0]).items():
        np.testing.assert_array_equal(quick[name], images.to_index(feature, 200))


def test_images_on_real_speech_move_one_pixel_in_ten_thousand_at_most(shared):
    names = [name for name in features.FEATURES if name != "statistics"]  # which nobody draws
    settings, moved = SETTINGS[0], dict.fromkeys(names, 0.0)
    paths = sorted((shared / "data/speech_and_responses/speech").glob("*.flac"))[:20]
    for path in paths:
        y = audio.read(path)[0]
        quick = quick_images(y, names, settings, 200)
        for name, feature in features.compute(y, names, settings).items():
            moved[name] += (quick[name] != images.to_index(feature, 200)).mean() / len(paths)
    assert max(moved.values()) < 1e-4, moved


def test_images_of_silence_are_zero():
    found = quick_images(np.zeros(8000, np.float32), ("spectrogram", "mel", "mfcc", "stft"), SETTINGS[0], 32)
    assert not any(found[name].any() for name in ("spectrogram", "mel", "stft"))


def test_colormap_gray_is_its_own_index():
    assert images.colormap("gray").tolist() == [[k] * 3 for k in range(256)]


def test_coloured_is_the_colormap_at_each_index():
    index = np.array([[0, 128], [200, 255]], np.uint8)
    image = images.coloured(index, "magma")
    assert image.shape == (2, 2, 3)
    for place in np.ndindex(2, 2):
        expected = matplotlib.colormaps["magma"](int(index[place]), bytes=True)[:3]
        assert np.abs(image[place].astype(int) - np.array(expected, int)).max() <= 1


def drawn_by_librosa(feature, colours, size=200):
    """specshow without axes, in a figure of exactly that many pixels."""
    figure = Figure(figsize=(size / 100, size / 100), dpi=100)
    axes = figure.add_axes([0, 0, 1, 1])
    axes.set_axis_off()
    librosa.display.specshow(feature, ax=axes, cmap=colours)
    axes.set_axis_off()
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100)
    return np.asarray(Image.open(buffer).convert("RGB"), dtype=float)


@pytest.mark.parametrize(("name", "colours", "bound"), [("spectrogram", "magma", 1.0), ("mfcc", "coolwarm", 1.0)])
def test_image_is_near_librosas_drawing(rng, name, colours, bound):
    feature = features.compute(speech_like(rng), [name], features.FeatureSettings())[name]
    ours = images.coloured(images.to_index(feature, 200), colours).astype(float)
    theirs = drawn_by_librosa(feature, colours)
    assert theirs.shape == ours.shape
    difference = np.abs(ours - theirs).mean()
    upside_down = np.abs(ours[::-1] - theirs).mean()
    assert difference < bound < upside_down
