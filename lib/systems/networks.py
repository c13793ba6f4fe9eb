"""Keras models as systems: fitted in place, described by what decides their fit, saved, scoring."""

import hashlib
import json
import re
from pathlib import Path

import numpy as np

from lib.inputs import BLOCK
from lib.systems import System, batchnorm, digest, spread, training
from lib.systems.backend import keras
from lib.systems.training import of_split

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
        if not frozen:
            text = re.sub(r'"trainable": (true|false)', "", text)
        architecture = hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
        return {"architecture": architecture, "first_weights": digest(self.first())}

    def fit(self, fed, *, seed, batch_size, learning_rate, **how):
        """Train in place, in an order of trials that `seed` decides; `how` as `lib.systems.training.fit` takes it."""
        training.compile_binary(self.model, learning_rate=learning_rate)
        dev = of_split(fed, "dev", order=spread(len(fed.labels["dev"]), _WATCHED))
        order = {"batch_size": batch_size, "seed": seed}
        return training.fit(self.model, lambda start: of_split(fed, "train", start=start, **order), dev, **how)

    def scores(self, fed, split):
        return training.log_odds(self.model, of_split(fed, split, batch_size=BLOCK))

    def score(self, *arrays):
        return training.log_odds(self.model, [(arrays if len(arrays) > 1 else arrays[0], None)])

    def batch_scores(self, fed, *, seed, batch_size):
        """Scores with batch statistics, ``train_batch`` and ``dev_batch``; none without layers that have them."""
        found = {}
        for split in ("train", "dev") if batchnorm.layers(self.model) else ():
            # Mixed, as in training: a batch of one class, as protocols list them, loses what tells it from the other.
            order = np.random.default_rng(seed).permutation(len(fed.labels[split]))
            order = np.resize(order, -(-len(order) // batch_size) * batch_size)  # the last batch is filled up
            passed, scores = of_split(fed, split, batch_size=batch_size, order=order), np.empty(len(fed.labels[split]))
            scores[order] = batchnorm.batch_log_odds(self.model, passed)
            found[f"{split}_batch"] = scores
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
        batchnorm.refresh(self.model, of_split(fed, "train", batch_size=batch_size, seed=seed).take(passes))
        return self.fitted.history
