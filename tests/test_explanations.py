"""A map names what decides a system of which that is known, and is doubted where nothing does."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import SR, tone

from lib.features import FeatureSettings
from lib.inputs import Image, Waveform
from lib.scoring import System, explanations
from lib.systems.backend import keras
from lib.systems.networks import Network, activation_maps, shuffled

RUN = SimpleNamespace(name="none", threshold=0.0)


class Heard:
    """A system that hears a tone of 2.2 kHz from 0.5 to 0.75 s, and nothing else."""

    packages = ()

    def score(self, clips):
        wave = np.exp(2j * np.pi * 2200 * np.arange(SR // 4) / SR)
        return np.array([10 * abs(y[SR // 2 : SR * 3 // 4] @ wave) / len(wave) for y in clips])


class Deaf:
    packages = ()

    def score(self, clips):
        return np.ones(len(clips))


def by_axis(found):
    return {one.axis: one for one in found if one.method == "occlusion"}


@pytest.fixture(scope="module")
def y():
    rng = np.random.default_rng(3)
    return (tone(1.0, hz=2200) + 0.01 * rng.standard_normal(SR)).astype(np.float32)


@pytest.fixture(scope="module")
def heard(y):
    return explanations.explain(System(RUN, Heard(), (Waveform(),)), y)


def test_explain_names_the_seconds_and_hertz_that_decide(heard):
    found = by_axis(heard)
    seconds, hertz = found["seconds"], found["hertz"]
    assert seconds.support[8:12].min() > 20 * np.abs(np.delete(seconds.support, [7, 8, 9, 10, 11, 12])).max()
    assert hertz.support.argmax() == 4 and hertz.edges[4:6].tolist() == [2000, 2500]
    assert not seconds.doubts and not hertz.doubts
    assert seconds.alike is None  # no network


def test_explain_system_that_answers_alike_is_doubted(y):
    found = explanations.explain(System(RUN, Deaf(), (Waveform(),)), y)
    assert [one.doubts for one in found] == [["it does not predict what deletion does"]] * 2


def test_explain_names_what_speaks_for_the_answer_of_either_side(y):
    run = SimpleNamespace(name="none", threshold=100.0)  # the answer is spoof: the tone speaks against it
    found = by_axis(explanations.explain(System(run, Heard(), (Waveform(),)), y))
    assert not {8, 9, 10, 11} & set(found["seconds"].named.tolist())


def test_trusted_tells_maps_that_hold_from_maps_that_do_not(heard):
    def table(**changes):
        recordings = [[replace(e, **{"agreement": e.agreement - n / 50} | changes) for e in heard] for n in range(8)]
        return explanations.trusted({"none": recordings})

    holding = table()
    assert holding["run"].tolist() == ["none"] * 2 and holding["axis"].tolist() == ["seconds", "hertz"]
    assert holding["held"].tolist() == [1, 1] and (holding["gain"] > 0).all() and holding["alike"].isna().all()
    assert holding["doubts"].tolist() == ["", ""]
    alike = table(agreement=np.nan, p=np.nan, alike=0.9)
    assert set(alike["doubts"]) == {"it does not predict what deletion does; shuffled weights give much the same map"}
    weak = [[replace(e, agreement=0.2 + n / 500) for e in heard] for n in range(8)]  # beyond chance, and little
    assert set(explanations.trusted({"none": weak})["doubts"]) == {"it does not predict what deletion does"}


# -- networks ------------------------------------------------------------------------------


def seeing(size=64):
    """A network whose last map is the image itself, and its score the image's mean."""
    layers = keras.layers
    made = keras.Sequential([keras.Input((size, size, 3)), layers.Conv2D(1, 1), layers.GlobalAveragePooling2D()])
    made.layers[0].set_weights([np.full((1, 1, 3, 1), 1 / 3, np.float32), np.zeros(1, np.float32)])
    return made


def test_activation_maps_follow_the_paper(rng):
    image = rng.random((1, 64, 64, 3), dtype=np.float32)
    (found,) = activation_maps(seeing(), [image])
    assert found == pytest.approx(image[0].mean(axis=-1) / 64**2, rel=1e-5)  # activation times its mean slope


def test_activation_maps_of_nested_models_are_those_of_each_branch(rng):
    branches = [seeing(), seeing()]
    images = [rng.random((1, 64, 64, 3), dtype=np.float32) for _ in branches]
    pair = [keras.Input((64, 64, 3)) for _ in branches]
    both = keras.Model(pair, keras.layers.Add()([branch(one) for branch, one in zip(branches, pair, strict=True)]))
    for found, branch, image in zip(activation_maps(both, images), branches, images, strict=True):
        assert found == pytest.approx(activation_maps(branch, [image])[0], rel=1e-5)


def test_activation_maps_of_vectors_are_none():
    model = keras.Sequential([keras.Input((8, 1)), keras.layers.Conv1D(2, 3), keras.layers.GlobalMaxPooling1D()])
    assert activation_maps(model, [np.zeros((1, 8, 1), np.float32)]) == [None]


def test_explain_network_places_its_map_in_seconds_and_hertz():
    y = np.concatenate([np.zeros(SR // 2), tone(0.5, hz=1200)]).astype(np.float32)
    image = Image("spectrogram", "gray", "0-1", 64, FeatureSettings(n_fft=512, win_length=512, hop_length=128))
    found = explanations.explain(System(RUN, Network(seeing()), (image,)), y)
    maps = {one.axis: one for one in found if one.method == "Grad-CAM, spectrogram"}
    assert maps["hertz"].support.argmax() == 2  # 1.0 to 1.5 kHz
    assert maps["seconds"].support[9:].min() > 5 * np.abs(maps["seconds"].support[:7]).max()
    assert all(isinstance(one.alike, float) for one in found)
    assert maps["seconds"].alike > 0.9 and maps["seconds"].doubts  # its weights are alike: shuffling changes nothing


def test_shuffled_weights_are_put_back_whatever_happens():
    network = Network(keras.Sequential([keras.Input((50,)), keras.layers.Dense(1)]))
    before = [value.copy() for value in network.first()]
    with pytest.raises(RuntimeError), shuffled(network, 0):
        within = network.first()
        raise RuntimeError
    assert not np.array_equal(within[0], before[0]) and np.array_equal(
        np.sort(within[0].ravel()), np.sort(before[0].ravel())
    )
    assert all(np.array_equal(a, b) for a, b in zip(network.first(), before, strict=True))
