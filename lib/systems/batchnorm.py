"""Batch normalisation's two faces, and the repair of the one that scores.

In training a layer normalises by the statistics of its batch; when it scores, by moving
averages of them, which need hundreds of steps to arrive with Keras' momentum of 0.99: after
the report's 240 steps a model can be right in training and answer one class when it scores.
"""

from contextlib import contextmanager

import numpy as np

from lib.systems.backend import keras


def layers(model):
    """The layers, nested ones too, that use batch statistics in training; frozen ones never do."""
    every = model._flatten_layers(include_self=False)
    return [layer for layer in every if isinstance(layer, keras.layers.BatchNormalization) and layer.trainable]


def refresh(model, batches):
    """Set the moving statistics to the plain mean of the batch statistics, in place, by one forward pass.

    `batches` (inputs, labels) are those of training; no weight that is trained changes.
    """
    found = layers(model)
    with _no_dropout(model), _given_back(found, "momentum"):
        for number, (x, _) in enumerate(batches):
            for layer in found:
                layer.momentum = number / (number + 1)
            model(x, training=True)


def batch_log_odds(model, batches):
    """Scores, float64, with batch statistics, as training sees them; the model is left unchanged.

    Batches (inputs, labels) should be as large as those of training, both labels in each.
    """
    kept = [weight.numpy() for weight in model.non_trainable_weights]
    try:
        with _no_dropout(model):
            values = [np.asarray(model(x, training=True))[:, 0] for x, _ in batches]
    finally:
        for weight, value in zip(model.non_trainable_weights, kept, strict=True):
            weight.assign(value)
    return np.concatenate(values).astype(np.float64)


@contextmanager
def _no_dropout(model):
    found = [layer for layer in model._flatten_layers() if isinstance(layer, keras.layers.Dropout)]
    with _given_back(found, "rate"):
        for layer in found:
            layer.rate = 0.0
        yield


@contextmanager
def _given_back(found, name):
    """Give layers an attribute back that is changed meanwhile."""
    values = [getattr(layer, name) for layer in found]
    try:
        yield
    finally:
        for layer, value in zip(found, values, strict=True):
            setattr(layer, name, value)
