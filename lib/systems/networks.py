"""Keras models as systems: fitted in place, described by what decides their fit, saved, scoring."""

import hashlib
import json
import re
from pathlib import Path

import numpy as np

from lib.errors import InputError
from lib.inputs import BLOCK
from lib.systems import System, batchnorm, training, transfer
from lib.systems.backend import keras
from lib.systems.batches import of_split

_FILE = "model.keras"
PHASES = (  # the settings of `Transfer.fit`
    "cut", "copies", "batch_size", "patience", "head_epochs", "head_learning_rate", "top_layers", "top_epochs",
    "top_learning_rate",
)  # fmt: skip
_WATCHED = 256  # dev trials at most on which each epoch's dev loss and accuracy are measured
_NORMALISED = 128  # training images that the statistics of an untrained backbone are taken from


class Network(System):
    """A Keras model as a system, trained for epochs of so many batches.

    The model takes its inputs to log-odds, ``[batch, 1]``.

    Examples
    --------
    >>> network = Network(keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)]))
    >>> network.parameters
    9
    """

    packages = ("tensorflow", "keras", "numpy")

    def __init__(self, model):
        self.model = model

    @property
    def parameters(self):
        """How many numbers are trained or kept."""
        return self.model.count_params()

    def identity(self):
        """Architecture and first weights, as digests."""
        return {"architecture": _architecture(self.model), "first_weights": _content(self.model)}

    def fit(self, fed, *, seed, epochs, steps_per_epoch, batch_size, learning_rate, on_epoch=None, state=None):
        """Train in place, in an order of trials that `seed` decides; the history of `lib.systems.training.fit`."""
        training.compile_binary(self.model, learning_rate=learning_rate)
        return training.fit(
            self.model,
            lambda start: of_split(fed, "train", batch_size=batch_size, seed=seed, start=start),
            of_split(fed, "dev", order=_watched(len(fed.labels["dev"]))),
            epochs=epochs,
            steps_per_epoch=steps_per_epoch,
            on_epoch=on_epoch,
            state=state,
        )

    def scores(self, fed, split):
        """Log-odds of every trial of a split, float64, in protocol order."""
        return training.log_odds(self.model, of_split(fed, split, batch_size=BLOCK))

    def score(self, *arrays):
        """Log-odds of some recordings, from what they are fed as."""
        return training.log_odds(self.model, [(arrays if len(arrays) > 1 else arrays[0], None)])

    def batch_scores(self, fed, *, seed, batch_size):
        """Split -> scores of train and dev with the statistics of their batch, as evidence of a lag.

        Batches are mixed and full, as in training: protocols list all genuine trials first, and
        a batch of one class loses what tells it from the other. Empty without batch statistics.
        """
        found = {}
        for split in ("train", "dev") if batchnorm.layers(self.model) else ():
            order = np.random.default_rng(seed).permutation(len(fed.labels[split]))
            order = np.resize(order, -(-len(order) // batch_size) * batch_size)  # the last batch is filled up
            scores = np.empty(len(fed.labels[split]))
            passed = of_split(fed, split, batch_size=batch_size, order=order)
            scores[order] = batchnorm.batch_log_odds(self.model, passed)
            found[split] = scores
        return found

    def first(self):
        """Every number of the model."""
        return [variable.numpy() for variable in self.model.variables]

    def restore(self, first):
        """Undo a fit in place."""
        for variable, value in zip(self.model.variables, first, strict=True):
            variable.assign(value)

    def save(self, folder):
        """Keep the model in a folder, without its optimizer, whose state is twice as large."""
        optimizer, compiled = getattr(self.model, "optimizer", None), self.model.compiled
        self.model.optimizer, self.model.compiled = None, False
        try:
            self.model.save(Path(folder) / _FILE)
        finally:
            self.model.optimizer, self.model.compiled = optimizer, compiled

    @classmethod
    def load(cls, folder):
        """The model that `save` kept."""
        try:
            return Network(keras.models.load_model(Path(folder) / _FILE, compile=False))
        except (OSError, TypeError, ValueError) as error:
            reason = str(error).strip().partition("\n")[0]
            raise InputError(f"{folder}: the model cannot be read ({reason})") from None


class Transfer(Network):
    """A network on MobileNetV2 backbones, trained in two phases with the frozen part computed once.

    Parameters
    ----------
    model : keras.Model
        Images -> log-odds, with backbones among its layers.
    backbones : sequence of str
        Their names, in the order of the inputs.
    head : str
        Name of the first layer above the backbones.
    batch_norm : str
        Of the backbones in training: frozen (``inference``), so that moving statistics are
        used always, or ``training`` where it is unfrozen, with batch statistics, as Keras
        does unless told otherwise. Not stated in the report.
    untrained : bool
        Whether the backbones' moving statistics have to be set from training images first.

    References
    ----------
    Report, Figures 6.0 and 7.0; phases of the section Transfer Learning.
    """

    def __init__(self, model, *, backbones, head, batch_norm="inference", untrained=False):
        super().__init__(model)
        if batch_norm not in ("inference", "training"):
            raise InputError(f"batch_norm = {batch_norm!r}: must be inference or training")
        self.backbones = [model.get_layer(name) for name in backbones]
        self.head = keras.Model(model.get_layer(head).input, model.output)
        self.batch_norm, self.untrained = batch_norm, untrained

    def identity(self):
        """As of a network, but for which layers happen to be frozen now."""
        return {
            "architecture": _architecture(self.model, flags=False),
            "first_weights": _content(self.model),
            "batch_norm": self.batch_norm,
            "untrained": self.untrained,
        }

    def fit(
        self, fed, *, seed, cut, copies, batch_size, patience, head_epochs, head_learning_rate, top_layers, top_epochs,
        top_learning_rate, on_epoch=None, state=None,
    ):  # fmt: skip
        """Train head, then top layers, in place; the history, see `lib.systems.transfer.train`."""
        for layer in (layer for backbone in self.backbones for layer in backbone.layers):
            layer.trainable = True  # whatever an earlier fit has frozen
        if self.untrained:
            self._set_statistics(fed, batch_size)
        phases = [
            transfer.Phase("head", 0, head_epochs, head_learning_rate),
            transfer.Phase("top layers", top_layers, top_epochs, top_learning_rate),
        ]
        how = {"cut": cut, "copies": copies, "batch_size": batch_size, "patience": patience, "seed": seed}
        train, dev = fed.sources("train"), fed.sources("dev")
        return transfer.train(self, phases, train, dev, fed.labels, **how, on_epoch=on_epoch, state=state)

    def _set_statistics(self, fed, batch_size):
        """Set the moving statistics of untrained backbones; fresh ones shrink every image to the same nothing."""
        count = len(fed.labels["train"])
        positions = np.random.default_rng(0).permutation(count)[:_NORMALISED]
        starts = range(0, len(positions), batch_size)
        for backbone, source in zip(self.backbones, fed.sources("train"), strict=True):
            batchnorm.refresh(backbone, [(source(positions[s : s + batch_size], 0), None) for s in starts])


class Refreshed(Network):
    """The network of a `lib.systems.kept.Fitted` whose moving statistics are set by one forward-only pass."""

    def __init__(self, fitted):
        super().__init__(fitted.system.model)
        self.fitted = fitted

    def identity(self):
        """The fit that it starts from."""
        return {"refreshed": self.fitted.key}

    def fit(self, fed, *, seed, batch_size, on_epoch=None, state=None):
        """Set the statistics over one pass of training batches; the history is that of the fit before."""
        passes = -(-len(fed.labels["train"]) // batch_size)
        batchnorm.refresh(self.model, of_split(fed, "train", batch_size=batch_size, seed=seed).take(passes))
        return self.fitted.history


def _watched(count):
    """Trials spread evenly over a split, or all of a small one: enough for a curve."""
    return np.linspace(0, count - 1, min(count, _WATCHED)).round().astype(int)


def _architecture(model, *, flags=True):
    """Digest of a model's layers and their wiring; names that Keras counts up do not matter."""
    text = json.dumps(model.get_config(), sort_keys=True, default=str)
    for number, layer in enumerate(model._flatten_layers()):
        text = text.replace(json.dumps(layer.name), f'"#{number}"')
    if not flags:
        text = re.sub(r'"trainable": (true|false)', "", text)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def _content(model):
    """Digest of every number of a model, the state of its dropout included."""
    digest = hashlib.blake2b(digest_size=8)
    for variable in model.variables:
        digest.update(variable.numpy().tobytes())
    return digest.hexdigest()
