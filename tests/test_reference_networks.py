"""The networks of the field's references, built from their notebooks' cells."""

import numpy as np
import pytest
from networks import cells

from lib.systems.backend import keras
from lib.systems.networks import Network

NAMES = ("22_lcnn", "23_resnet", "24_attentive_filtering")


def names(notebook, **changes):
    """What the cells that build a notebook's network define, after its imports and parameters."""
    sources = cells(notebook)
    first = next(number for number, source in enumerate(sources) if "set_random_seed" in source)
    last = next(number for number, source in enumerate(sources) if "keras.Model(spectrum" in source)
    namespace = {}
    for source in sources[:2]:
        exec(source, namespace)
    namespace |= changes
    for source in sources[first : last + 1]:
        exec(source, namespace)
    return namespace


@pytest.mark.parametrize("notebook", NAMES)
def test_network_is_small_and_scores_spectra_of_the_length_asked_for(rng, notebook, tmp_path):
    model = names(notebook, frames=27, n_fft=64)["model"]
    spectra = rng.uniform(-80, 0, (3, 33, 27, 1)).astype(np.float32)
    scores = Network(model).score(spectra)
    assert scores.shape == (3,) and len(set(scores)) == 3
    assert names(notebook)["model"].count_params() < 100_000
    Network(model).save(tmp_path)
    np.testing.assert_array_equal(Network.load(tmp_path).score(spectra), scores)


def test_network_same_seed_has_the_same_first_weights():
    one, same, other = (Network(names("23_resnet", seed=seed)["model"]).identity() for seed in (0, 0, 1))
    assert one == same != other


def test_attentive_filter_lets_each_cell_pass_once_to_twice(rng):
    found = names("24_attentive_filtering", frames=27, n_fft=64)
    filter_alone = keras.Model(found["spectrum"], [found["scaled"], found["weights"], found["filtered"]])
    spectra = rng.uniform(-80, 0, (2, 33, 27, 1)).astype(np.float32)
    scaled, weights, filtered = (array.numpy() for array in filter_alone(spectra))
    assert weights.shape == scaled.shape == filtered.shape == spectra.shape
    assert 0 < weights.min() < weights.max() < 1
    np.testing.assert_allclose(filtered, (1 + weights) * scaled, rtol=1e-5, atol=1e-6)
