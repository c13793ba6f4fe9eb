"""Keras models as systems: fitted in place, described by what decides their fit, saved, scoring, explained."""

import json
import re
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import joblib
import numpy as np
import pandas as pd

from lib.inputs import BLOCK
from lib.params.identity import fingerprint
from lib.systems import System, spread, training, written
from lib.systems.backend import keras, tf
from lib.systems.training import batches, of_split

_FILE = "model.keras"
_WATCHED = 256  # dev trials at most on which each epoch's dev loss and accuracy are measured: enough for a curve


class Network(System):
    """A Keras model, inputs -> log-odds ``[batch, 1]``, as a system that is trained for epochs of so many batches."""

    packages = ("tensorflow", "keras", "numpy")

    def __init__(self, model):
        self.model = model

    @property
    def parameters(self):
        return self.model.count_params()

    def identity(self, *, frozen=True):
        """Digests of first weights and architecture, names that Keras counts up and perhaps what is `frozen` aside."""
        text = json.dumps(self.model.get_config(), sort_keys=True, default=str)
        for number, layer in enumerate(self.model._flatten_layers()):
            text = text.replace(json.dumps(layer.name), f'"#{number}"')
            text += str(written(type(layer)) or "")
        if not frozen:
            text = re.sub(r'"trainable": (true|false)', "", text)
        return {"architecture": fingerprint(text), "first_weights": joblib.hash(self.first())}

    def fit(self, fed, *, seed, batch_size, learning_rate, **how):
        """Train in place, in an order of trials that `seed` decides; `how` as `lib.systems.training.fit` takes it."""
        training.compile_binary(self.model, learning_rate=learning_rate)
        dev = of_split(fed, "dev", order=spread(len(fed.labels["dev"]), _WATCHED))
        order = {"batch_size": batch_size, "seed": seed}
        return training.fit(self.model, lambda start: of_split(fed, "train", start=start, **order), dev, **how)

    def scoring(self, fed, split):
        """The model that scores the trials of a split, and what loads its inputs."""
        return self.model, partial(fed.load, split)

    def scores(self, fed, split):
        model, load = self.scoring(fed, split)
        return training.log_odds(model, batches(load, fed.labels[split], batch_size=BLOCK))

    def score(self, *arrays):
        return training.log_odds(self.model, [(arrays if len(arrays) > 1 else arrays[0], None)])

    def batch_scores(self, fed, *, seed, batch_size):
        """Scores with batch statistics, ``train_batch`` and ``dev_batch``; none without layers that have them."""
        found = {}
        for split in ("train", "dev") if training.normalising(self.model) else ():
            (model, load), labels = self.scoring(fed, split), fed.labels[split]
            # Mixed, as in training: a batch of one class, as protocols list them, loses what tells it from the other.
            order = np.random.default_rng(seed).permutation(len(labels))
            order = np.resize(order, -(-len(order) // batch_size) * batch_size)  # the last batch is filled up
            scores = found[f"{split}_batch"] = np.empty(len(labels))
            scores[order] = training.batch_log_odds(model, batches(load, labels, batch_size=batch_size, order=order))
        return found

    def first(self):
        return [variable.numpy() for variable in self.model.variables]

    def restore(self, first):
        for variable, value in zip(self.model.variables, first, strict=True):
            variable.assign(value)

    def save(self, folder):
        self.model.optimizer, self.model.compiled = None, False  # its state is twice as large as the model
        self.model.save(Path(folder) / _FILE)

    @classmethod
    def load(cls, folder):
        return Network(keras.models.load_model(Path(folder) / _FILE, compile=False))


class Refreshed(Network):
    """The network of a `lib.systems.kept.Fitted` whose moving statistics are set by one forward-only pass."""

    def __init__(self, fitted):
        super().__init__(fitted.system.model)
        self.fitted = fitted

    def identity(self):
        return {"refreshed": self.fitted.key}

    def fit(self, fed, *, seed, batch_size, on_epoch=None, state=None):
        passes = -(-len(fed.labels["train"]) // batch_size)
        training.refresh(self.model, of_split(fed, "train", batch_size=batch_size, seed=seed).take(passes))
        return self.fitted.history


def layer_table(model):
    """A model's layers as the report prints them, a DataFrame of one row a layer; None in a shape is the batch."""
    return pd.DataFrame(
        {
            "Layer (type)": f"{layer.name} ({type(layer).__name__})",
            "Output Shape": str(tuple(layer.output.shape)),
            "Param #": layer.count_params(),
        }
        for layer in model.layers
    )


def activation_maps(model, arrays):
    """Grad-CAM of a Keras model for one recording: for each input a map [rows, columns], or None without two axes.

    Of the last layer that has both; positive where it supports genuine (R. Selvaraju et al., IJCV 128, 2020).
    """
    branches = [model] if len(arrays) == 1 else [layer for layer in model.layers if isinstance(layer, keras.Model)]
    found = [_last_spatial(branch) for branch in branches]
    if None in found or len(found) != len(arrays):
        return [None] * len(arrays)
    with tf.GradientTape() as tape, _watched(found, tape) as seen:
        score = model(list(arrays) if len(arrays) > 1 else arrays[0], training=False)
    pairs = zip(seen, tape.gradient(score, seen), strict=True)
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
