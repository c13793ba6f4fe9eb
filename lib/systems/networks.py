"""Keras models as systems: fitted in place, described by what decides their fit, saved, scoring."""

import hashlib
import json
import re
from pathlib import Path

import numpy as np

from lib.errors import InputError
from lib.inputs import BLOCK
from lib.systems import System, batchnorm, digest, spread, training, transfer
from lib.systems.backend import keras
from lib.systems.batches import of_split

_FILE = "model.keras"
_HEAD, _TOP = ("head_epochs", "head_learning_rate"), ("top_layers", "top_epochs", "top_learning_rate")
PHASES = ("cut", "copies", "batch_size", "patience", *_HEAD, *_TOP)  # the settings of `Transfer.fit`
_WATCHED = 256  # dev trials at most on which each epoch's dev loss and accuracy are measured: enough for a curve
_NORMALISED = 128  # training images that the statistics of an untrained backbone are taken from


class Network(System):
    """A Keras model, inputs -> log-odds ``[batch, 1]``, as a system that is trained for epochs of so many batches."""

    packages = ("tensorflow", "keras", "numpy")

    def __init__(self, model):
        self.model = model

    @property
    def parameters(self):
        return self.model.count_params()

    def identity(self, *, frozen=True):
        """Digests of first weights and architecture; names that Keras counts up do not matter, what is `frozen` may."""
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
        """Split -> scores of train and dev with batch statistics, as evidence of a lag; empty without such layers.

        Batches are mixed and full, as in training: protocols list all genuine trials first, and
        a batch of one class loses what tells it from the other.
        """
        found = {}
        for split in ("train", "dev") if batchnorm.layers(self.model) else ():
            order = np.random.default_rng(seed).permutation(len(fed.labels[split]))
            order = np.resize(order, -(-len(order) // batch_size) * batch_size)  # the last batch is filled up
            found[split] = np.empty(len(fed.labels[split]))
            passed = of_split(fed, split, batch_size=batch_size, order=order)
            found[split][order] = batchnorm.batch_log_odds(self.model, passed)
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
        """The model that `save` kept, as a plain `Network`."""
        return Network(keras.models.load_model(Path(folder) / _FILE, compile=False))


class Transfer(Network):
    """A network on MobileNetV2 backbones, trained in two phases with the frozen part computed once.

    Report, Figures 6.0 and 7.0; phases of the section Transfer Learning. `backbones` are names of
    the model's layers, in the order of the inputs, `head` that of the first layer above them.
    `batch_norm` of the backbones in training is frozen (``inference``), so that moving statistics
    are used always, or, where it is unfrozen, has batch statistics (``training``), as Keras does
    unless told otherwise; not stated in the report. Moving statistics of an `untrained` backbone
    have to be set from training images first.
    """

    def __init__(self, model, *, backbones, head, batch_norm="inference", untrained=False):
        super().__init__(model)
        if batch_norm not in ("inference", "training"):
            raise InputError(f"batch_norm = {batch_norm!r}: must be inference or training")
        self.backbones = [model.get_layer(name) for name in backbones]
        self.head = keras.Model(model.get_layer(head).input, model.output)
        self.batch_norm, self.untrained = batch_norm, untrained

    def identity(self):
        return super().identity(frozen=False) | {"batch_norm": self.batch_norm, "untrained": self.untrained}

    def fit(self, fed, *, batch_size, **how):
        """Train head, then top layers, in place; arguments and history are those of `lib.systems.transfer.train`."""
        if self.untrained:  # fresh moving statistics shrink every image to the same nothing
            positions = np.random.default_rng(0).permutation(len(fed.labels["train"]))[:_NORMALISED]
            starts = range(0, len(positions), batch_size)
            loaded = [fed.load("train", positions[start : start + batch_size]) for start in starts]
            for backbone, images in zip(self.backbones, zip(*loaded, strict=True), strict=True):
                for layer in backbone.layers:  # Keras does not pass the model's own flag on
                    layer.trainable = True  # whatever an earlier fit has frozen
                batchnorm.refresh(backbone, [(part, None) for part in images])
        return transfer.train(self, fed, batch_size=batch_size, **how)


class Refreshed(Network):
    """The network of a `lib.systems.kept.Fitted` whose moving statistics are set by one forward-only pass."""

    def __init__(self, fitted):
        super().__init__(fitted.system.model)
        self.fitted = fitted

    def identity(self):
        return {"refreshed": self.fitted.key}

    def fit(self, fed, *, seed, batch_size, on_epoch=None, state=None):
        """Set the statistics over one pass of training batches; the history is that of the fit before."""
        passes = -(-len(fed.labels["train"]) // batch_size)
        batchnorm.refresh(self.model, of_split(fed, "train", batch_size=batch_size, seed=seed).take(passes))
        return self.fitted.history
