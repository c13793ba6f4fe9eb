"""Batch normalisation's two faces, and the repair of the one that scores.

In training a layer normalises by the statistics of its batch; when it scores, by moving
averages of them, which need hundreds of steps to arrive with Keras' momentum of 0.99: after
the report's 240 steps a model can be right in training and answer one class when it scores.
"""

import numpy as np

from lib.systems.backend import keras


def layers(model):
    """The layers, nested ones too, that use batch statistics in training; frozen ones never do."""
    every = model._flatten_layers()
    return [layer for layer in every if isinstance(layer, keras.layers.BatchNormalization) and layer.trainable]


def refresh(model, batches):
    """Set the moving statistics to the mean of those of training batches, in one pass without dropout; its outputs."""
    dropouts = [layer for layer in model._flatten_layers() if isinstance(layer, keras.layers.Dropout)]
    before = [(layer, "rate", layer.rate) for layer in dropouts]
    before += [(layer, "momentum", layer.momentum) for layer in layers(model)]
    outputs = []
    try:
        for layer in dropouts:
            layer.rate = 0.0
        for number, (x, _) in enumerate(batches):
            for layer in layers(model):
                layer.momentum = number / (number + 1)
            outputs.append(np.asarray(model(x, training=True)))
    finally:
        for layer, name, value in before:
            setattr(layer, name, value)
    return np.concatenate(outputs)


def batch_log_odds(model, batches):
    """Scores, float64, with the statistics of batches (inputs, labels) as large and mixed as those of training."""
    before = model.get_weights()
    scores = refresh(model, batches)[:, 0].astype(np.float64)
    model.set_weights(before)
    return scores
