"""Moving statistics that lag, and their refresh."""

import numpy as np
import pytest

from lib.systems import training
from lib.systems.backend import keras, tf


@pytest.fixture
def batches(rng):
    """Two batches of values far from what a fresh layer expects."""
    x = rng.normal(40, 9, size=(2, 32, 5)).astype(np.float32)
    return [(tf.constant(part), None) for part in x]


def small(*, frozen=False):
    training.prepare(0)
    layers = keras.layers
    normal = layers.BatchNormalization(name="normal")
    model = keras.Sequential([keras.Input((5,)), normal, layers.Dropout(0.5), layers.Dense(1)])
    normal.trainable = not frozen
    return model


def test_refresh_sets_the_mean_of_the_batches_and_nothing_that_is_trained(batches):
    model = small()
    before = [weight.numpy() for weight in model.trainable_weights]
    training.refresh(model, batches)
    normal = model.get_layer("normal")
    expected = np.mean([x.numpy().mean(axis=0) for x, _ in batches], axis=0)
    np.testing.assert_allclose(normal.moving_mean, expected, rtol=1e-5)
    variance = np.mean([x.numpy().var(axis=0) for x, _ in batches], axis=0)
    np.testing.assert_allclose(normal.moving_variance, variance, rtol=1e-4)
    for old, weight in zip(before, model.trainable_weights, strict=True):
        np.testing.assert_array_equal(old, weight.numpy())
    assert normal.momentum == 0.99
    assert model.layers[1].rate == 0.5


def test_batch_log_odds_are_those_of_inference_after_a_refresh_on_one_batch(batches):
    model, one = small(), batches[:1]
    in_training = training.batch_log_odds(model, one)
    assert np.abs(in_training - training.log_odds(model, one)).max() > 1
    training.refresh(model, one)
    np.testing.assert_allclose(in_training, training.log_odds(model, one), rtol=1e-3, atol=1e-3)


def test_batch_log_odds_leave_the_model_as_it_was(batches):
    model = small()
    before = model.get_weights()
    training.batch_log_odds(model, batches)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_frozen_layers_are_left_alone(batches):
    model = small(frozen=True)
    assert training.normalising(model) == []
    training.refresh(model, batches)
    np.testing.assert_array_equal(model.get_layer("normal").moving_mean, np.zeros(5))


def test_layers_are_found_in_nested_models():
    inner = small()
    outer = keras.Sequential([keras.Input((5,)), inner, keras.layers.BatchNormalization(name="outer")])
    assert {layer.name for layer in training.normalising(outer)} == {"normal", "outer"}
