"""Where a network looks: class activation maps, and the same network with what it has learned shuffled away."""

from contextlib import contextmanager
from functools import partial

import numpy as np

from lib.systems.backend import keras, tf


def activation_maps(model, arrays):
    """Grad-CAM of a Keras model for one recording: for each input a map [rows, columns], or None without two axes.

    Of the last layer that has both; positive where it speaks for genuine (R. Selvaraju et al., IJCV 128, 2020).
    """
    branches = [model] if len(arrays) == 1 else [layer for layer in model.layers if isinstance(layer, keras.Model)]
    found = [_last_spatial(branch) for branch in branches]
    if None in found or len(found) != len(arrays):
        return [None] * len(arrays)
    with tf.GradientTape() as tape, _watched(found, tape) as seen:
        score = model(list(arrays) if len(arrays) > 1 else arrays[0], training=False)
    slopes = tape.gradient(score, seen)
    pairs = zip(seen, slopes, strict=True)
    return [np.einsum("xyc,c->xy", values[0], slope[0].numpy().mean(axis=(0, 1))) for values, slope in pairs]


@contextmanager
def shuffled(network, seed):
    """A network within which the numbers of each weight are put into another order, as long as this lasts."""
    kept, rng = network.first(), np.random.default_rng(seed)
    floats = [np.issubdtype(value.dtype, np.floating) for value in kept]
    network.restore([rng.permuted(v.ravel()).reshape(v.shape) if f else v for v, f in zip(kept, floats, strict=True)])
    try:
        yield
    finally:
        network.restore(kept)


def _last_spatial(model):
    """The last layer whose output has rows, columns and channels, within nested models too; None without one."""
    for layer in reversed(model.layers):
        found = _last_spatial(layer) if isinstance(layer, keras.Model) else layer
        if found is not None and len(found.output.shape) == 4:
            return found
    return None


@contextmanager
def _watched(layers, tape):
    """What each layer hands on, watched by the tape: gradients then need no other graph, however models are nested."""
    seen = [None] * len(layers)

    def watched(number, call, *args, **kwargs):
        seen[number] = call(*args, **kwargs)
        tape.watch(seen[number])
        return seen[number]

    for number, layer in enumerate(layers):
        layer.call = partial(watched, number, layer.call)
    try:
        yield seen
    finally:
        for layer in layers:
            del layer.call
