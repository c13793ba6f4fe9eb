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
    every = model._flatten_layers()
    return [layer for layer in every if isinstance(layer, keras.layers.BatchNormalization) and layer.trainable]


def refresh(model, batches):
    """Set the moving statistics to the plain mean of the batch statistics, in place, by one forward pass.

    `batches` (inputs, labels) are those of training; no weight that is trained changes.
    """
    with _in_training(model) as found:
        for number, (x, _) in enumerate(batches):
            for layer in found:
                layer.momentum = number / (number + 1)
            model(x, training=True)


def batch_log_odds(model, batches):
    """Scores, float64, with batch statistics, as training sees them; the model is left unchanged.

    Batches (inputs, labels) should be as large as those of training, both labels in each.
    """
    with _in_training(model):
        values = [np.asarray(model(x, training=True))[:, 0] for x, _ in batches]
    return np.concatenate(values).astype(np.float64)


@contextmanager
def _in_training(model):
    """No dropout, and moving statistics that stay as they are, in the `layers` that are given."""
    dropouts = [layer for layer in model._flatten_layers() if isinstance(layer, keras.layers.Dropout)]
    changed = [(layer, "rate", 0.0) for layer in dropouts] + [(layer, "momentum", 1.0) for layer in layers(model)]
    before = [getattr(layer, name) for layer, name, _ in changed]
    try:
        for layer, name, value in changed:
            setattr(layer, name, value)
        yield layers(model)
    finally:
        for (layer, name, _), value in zip(changed, before, strict=True):
            setattr(layer, name, value)
