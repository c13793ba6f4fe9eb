"""MobileNetV2 with weights that are always named, and training on frozen ones in phases.

Below a *cut* nothing is trained, so its output for an image, or a changed copy of it, never changes: it is computed
once and kept in the store, for other fits too. A phase trains the head on pooled values, or top layers on what is kept;
scores start there too. All share their weights with the whole model.
"""

import hashlib
import warnings
from functools import partial

import numpy as np
import pandas as pd

from lib.errors import InputError
from lib.features import store
from lib.inputs import BLOCK
from lib.params import local_path
from lib.systems import training
from lib.systems.backend import keras
from lib.systems.networks import Network
from lib.systems.training import batches

PHASES = (  # the settings of `Transfer.fit`
    "cut", "copies", "batch_size", "patience", "head_epochs", "head_learning_rate", "top_layers", "top_epochs",
    "top_learning_rate",
)  # fmt: skip
_CUTS = "for example block_14_add, block_15_add"
_SHARED = "block_14_add"  # the highest layer whose outputs are kept in the store
_NORMALISED = 128  # training images that the statistics of an untrained backbone are taken from
_KERAS_FILE = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5"


def backbone(weights, size, *, name):
    """MobileNetV2 of width 1.0 (M. Sandler et al., CVPR 2018) with global average pooling, a keras.Model of that name.

    ``[batch, size, size, 3] -> [batch, 1280]``, inputs from -1 to 1, sides of at least 32 pixels.
    `weights`: ``imagenet`` (Keras' own file, downloaded once), ``random`` (untrained), or an HDF5
    file of Keras' layout without the top; InputError when they cannot be had.
    """
    file = _file(weights)
    with warnings.catch_warnings():  # Keras has files for a few sizes only, all with the same weights
        warnings.filterwarnings("ignore", message=".*`input_shape` is undefined or non-square")
        try:
            return keras.applications.MobileNetV2(
                include_top=False, input_shape=(size, size, 3), pooling="avg", weights=file, name=name
            )
        except Exception as error:  # Keras raises a plain Exception when a download fails
            if file is None:
                raise
            reason = str(error).strip().partition("\n")[0][-160:]
    raise InputError(
        f"backbone_weights = {weights}: no weights of MobileNetV2 without its top in Keras' layout ({reason}); put "
        f"{_KERAS_FILE} into ~/.keras/models or name a file of such weights; `random` trains without them"
    )


def described(weights):
    """Words for tables and tags: which weights a run started from."""
    file = _file(weights)
    if file in (None, "imagenet"):
        return "imagenet, Keras" if file else "untrained"
    return f"{file.name}, sha256 {hashlib.sha256(file.read_bytes()).hexdigest()[:12]}"


def _file(weights):
    """What Keras takes: ``imagenet``, None for untrained weights, or a file that is there."""
    if weights in ("imagenet", "random"):
        return None if weights == "random" else weights
    path = local_path(weights)
    if not path.is_file():
        raise InputError(f"backbone_weights = {weights}: no such file; expected `imagenet`, `random` or a file")
    return path


class Transfer(Network):
    """A network on MobileNetV2 backbones, trained in two phases (report, Figures 6.0 and 7.0, Transfer Learning).

    `backbones` are names of the model's layers, in the order of the inputs, `head` that of the first layer above them.
    `batch_norm` of the backbones in training uses moving statistics (``inference``) or, where unfrozen, the batch's
    (``training``), as Keras does; the report does not say. Those of an `untrained` one are set from training images.
    """

    def __init__(self, model, *, backbones, head, batch_norm="inference", untrained=False):
        super().__init__(model)
        if batch_norm not in ("inference", "training"):
            raise InputError(f"batch_norm = {batch_norm!r}: must be inference or training")
        self.backbones = [model.get_layer(name) for name in backbones]
        self.head = keras.Model(model.get_layer(head).input, model.output)
        self.batch_norm, self.untrained = batch_norm, untrained
        self.scorer = None  # until `part` has been called

    def identity(self):
        return super().identity(frozen=False) | {"batch_norm": self.batch_norm, "untrained": self.untrained}

    def fit(
        self, fed, *, seed, cut, copies, batch_size, patience, head_epochs, head_learning_rate, top_layers, top_epochs,
        top_learning_rate, on_epoch=None, state=None,
    ):  # fmt: skip
        """Train head, then top layers, in place; the history, with each `phase`."""
        self._refuse_cut(cut, top_layers)
        if self.untrained:
            self._normalise(fed, batch_size)
        self.part(cut)
        labels, counts = fed.labels, {"train": copies, "dev": 1}
        kept = {s: self.kept(fed, s, n) for s, n in counts.items()}
        kept = {s: passed(self.betweens, kept[s], len(labels[s]), n) for s, n in counts.items()}
        histories, done = [], 0
        phases = ("head", 0, head_epochs, head_learning_rate), ("top layers", top_layers, top_epochs, top_learning_rate)
        for number, (name, unfrozen, epochs, learning_rate) in enumerate(phases):
            self.unfreeze(unfrozen)
            model, loads = self.above, kept
            if not unfrozen:
                model = self.head
                loads = {s: passed(self.uppers, kept[s], len(labels[s]), n, eager=True) for s, n in counts.items()}
            training.compile_binary(model, learning_rate=learning_rate)
            passes = partial(
                batches, loads["train"], labels["train"], batch_size=batch_size, seed=seed + 1000 * number,
                across=False, copies=copies,
            )  # fmt: skip
            history = training.fit(
                model, lambda start, passes=passes: passes(start=start), batches(loads["dev"], labels["dev"]).cache(),
                epochs=epochs, patience=patience, steps_per_epoch=-(-len(labels["train"]) // batch_size),
                on_epoch=on_epoch and (lambda epoch, values, before=done: on_epoch(before + epoch, values)),
                state=state and state.with_suffix(f".{number}.npz"),
            )  # fmt: skip
            done += len(history)
            histories.append(history.assign(phase=name))
        whole = pd.concat(histories, ignore_index=True)
        return whole.set_index(pd.RangeIndex(1, len(whole) + 1, name="epoch"))

    def unfreeze(self, top):
        """Make the last `top` layers of each backbone trainable and all others not."""
        for backbone in self.backbones:
            backbone.trainable = True
            for number, layer in enumerate(backbone.layers):
                # ``training=False`` within a functional model has no effect: Keras 3's outer call decides for all.
                kept = isinstance(layer, keras.layers.BatchNormalization) and self.batch_norm == "inference"
                layer.trainable = number >= len(backbone.layers) - top and not kept

    def part(self, cut):
        """Part the backbones at the layer whose outputs are kept and at the `cut`: `belows`, `betweens`, `uppers`.

        `above` is the model from the cut on, which is trained, `scorer` that from the outputs that are kept.
        """
        names = [layer.name for layer in self.backbones[0].layers]
        shared = min(cut, _SHARED, key=names.index)
        lower, upper = ([base.get_layer(name).output for base in self.backbones] for name in (shared, cut))
        beyond = map(keras.layers.Identity(), upper)  # the two may be the same layer
        self.belows = list(map(keras.Model, [base.input for base in self.backbones], lower))
        self.betweens = list(map(keras.Model, lower, beyond))
        try:
            self.uppers = list(map(keras.Model, upper, [base.output for base in self.backbones]))
        except ValueError:
            raise InputError(f"cut = {cut!r}: lies within a block, beside which its input flows on; {_CUTS}") from None
        self.above, self.scorer = self._joined(self.uppers), self._joined(self.betweens, self.uppers)

    def _joined(self, *stages):
        x = inputs = [keras.Input(model.input.shape[1:]) for model in stages[0]]
        for models in stages:
            x = [model(part) for model, part in zip(models, x, strict=True)]
        return keras.Model(inputs if len(inputs) > 1 else inputs[0], self.head(x if len(x) > 1 else x[0]))

    def scoring(self, fed, split):
        return (self.scorer, self.kept(fed, split)) if self.scorer else super().scoring(fed, split)

    def kept(self, fed, split, copies=1):
        """What loads the outputs that are kept, one for each branch, of trials of a split and their changed copies."""
        branches = range(len(self.backbones))
        found = [[self._kept(fed.only(branch), split, branch, copy) for branch in branches] for copy in range(copies)]
        return lambda positions, copy=0: tuple(part.batch(split, positions) for part in found[copy])

    def _kept(self, fed, split, branch, copy):
        below, count = self.belows[branch], len(fed.labels[split])
        changes = [fed.augmentation, fed.seed, copy] if copy or fed.copies else []  # copy 0 is the recording itself
        deciding = [Network(below).identity(frozen=False), fed.identity(), *changes]
        name = store.key(deciding, "audio", "features.images", "inputs", "systems.transfer", packages=self.packages)

        def made(positions):
            load = passed([below], lambda some, _: fed.load(split, positions[some], copy), len(positions), 1)
            return load(slice(None))[0]

        what = f"frozen part of {self.backbones[branch].name}, {split}"
        return store.derived(f"{fed.store}/frozen-{name}", split, count, made, what=what)

    def _normalise(self, fed, batch_size):
        """Set the moving statistics of the backbones: fresh ones shrink every image to the same nothing."""
        positions = np.random.default_rng(0).permutation(len(fed.labels["train"]))[:_NORMALISED]
        starts = range(0, len(positions), batch_size)
        loaded = [fed.load("train", positions[start : start + batch_size]) for start in starts]
        for backbone, images in zip(self.backbones, zip(*loaded, strict=True), strict=True):
            for layer in backbone.layers:  # Keras does not pass the model's own flag on
                layer.trainable = True  # whatever an earlier fit has frozen
            training.refresh(backbone, [(part, None) for part in images])

    def _refuse_cut(self, cut, unfrozen):
        backbone = self.backbones[0]
        names = [layer.name for layer in backbone.layers]
        if cut not in names:
            raise InputError(f"cut = {cut!r}: not a layer of {backbone.name}; {_CUTS}")
        if names.index(cut) >= len(names) - unfrozen:
            raise InputError(f"cut = {cut!r}: lies among the top {unfrozen} layers, which are trained")


def passed(models, load, count, copies, *, eager=False):
    """What loads the outputs of a model for each branch, all computed now, `BLOCK` trials at a time as when scored."""
    blocks, found = [np.arange(start, min(start + BLOCK, count)) for start in range(0, count, BLOCK)], []
    for copy in range(copies):
        given = (zip(models, load(block, copy), strict=True) for block in blocks)
        rows = [[m(x, training=False) if eager else m.predict_on_batch(x) for m, x in pairs] for pairs in given]
        found.append([np.concatenate(parts) for parts in zip(*rows, strict=True)])
    return lambda positions, copy=0: tuple(part[positions] for part in found[copy])
