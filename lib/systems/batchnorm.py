"""Batch normalisation's two faces, and the repair of the one that scores.

In training a layer normalises by the statistics of its batch; when it scores, by moving
averages of them. With Keras' momentum of 0.99 the averages need hundreds of steps to
arrive: after the report's 240 steps a model can be right in training and answer one
class when it scores. Nothing has to be trained again: `refresh` passes over the
training data forward only and sets the averages to what they lag behind.
"""

from contextlib import contextmanager

import numpy as np

from lib.systems.backend import keras


def layers(model):
    """The layers of batch normalisation that use batch statistics in training.

    Nested models are searched. Frozen layers are left out: they use their moving
    statistics always.

    Returns
    -------
    list of keras.layers.BatchNormalization
    """
    every = model._flatten_layers(include_self=False)
    return [layer for layer in every if isinstance(layer, keras.layers.BatchNormalization) and layer.trainable]


def refresh(model, batches):
    """Set the moving statistics to the mean of the batch statistics, in place.

    One pass, forward only; no weight that is trained changes. Each layer's statistics
    are the plain average over the batches, so nothing of the old ones remains.

    Parameters
    ----------
    model : keras.Model
    batches : iterable of (inputs, labels)
        Batches of the training split, as training saw them.
    """
    found = layers(model)
    momenta = [layer.momentum for layer in found]
    try:
        with _no_dropout(model):
            for number, (x, _) in enumerate(batches):
                for layer in found:
                    layer.momentum = number / (number + 1)
                model(x, training=True)
    finally:
        for layer, momentum in zip(found, momenta, strict=True):
            layer.momentum = momentum


def batch_log_odds(model, batches):
    """Scores with batch statistics, as training sees them; the model is left unchanged.

    Parameters
    ----------
    model : keras.Model
    batches : iterable of (inputs, labels)
        Batches as large as those of training, both labels in each.

    Returns
    -------
    numpy.ndarray [shape=(trials,), float64]
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
    rates = [layer.rate for layer in found]
    try:
        for layer in found:
            layer.rate = 0.0
        yield
    finally:
        for layer, rate in zip(found, rates, strict=True):
            layer.rate = rate
