"""Training on frozen backbones in phases, with the frozen part computed once.

Below a *cut* nothing is trained, so its output for an image never changes. A phase with
all of the backbone frozen trains the head on kept pooled values, one that trains top layers
goes on from kept activations at the cut; both share their weights with the whole model.
Augmentation stays: outputs for `copies` changed copies of each training image are kept.
"""

import itertools
from typing import NamedTuple

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from lib.errors import InputError
from lib.systems import training
from lib.systems.backend import keras, tf
from lib.systems.batches import batches

_BLOCK = 16  # images in one forward pass of the frozen part: what it computes fits the processor's cache


class Phase(NamedTuple):
    """One phase of training."""

    name: str
    unfrozen: int  # top layers of each backbone that are trained with the head
    epochs: int  # at most; dev loss may stop it earlier
    learning_rate: float


def train(network, phases, train, dev, labels, *, cut, copies, batch_size, patience, seed, on_epoch=None, state=None):
    """Train the head of a `Transfer`, then the top of its backbones, in place; the history, with each epoch's `phase`.

    `train` and `dev` have a function (positions, copy) -> images for each backbone, as
    `lib.inputs.Fed.sources`. Without a `cut` every image runs through the whole model in every
    epoch. `on_epoch` and `state` are those of `lib.systems.training.fit`.
    """
    bases = network.backbones
    for phase in phases if cut else ():
        _check_cut(bases[0], cut, phase.unfrozen)
    given, kept = {"train": train, "dev": dev}, {}
    for split, sources in given.items() if cut else ():
        how = len(labels[split]), copies if split == "train" else 1
        kept[split] = [activations(base, cut, source, *how) for base, source in zip(bases, sources, strict=True)]
    histories, done = [], 0
    for number, phase in enumerate(phases):
        unfreeze(network, phase.unfrozen)
        if not cut:
            model, sources = network.model, given
        elif phase.unfrozen == 0:
            model = network.head
            sources = {s: [lookup(pooled(b, cut, a)) for b, a in zip(bases, kept[s], strict=True)] for s in kept}
        else:
            model = above(network, cut)
            sources = {s: [lookup(a) for a in kept[s]] for s in kept}
        training.compile_binary(model, learning_rate=phase.learning_rate)
        order = {"batch_size": batch_size, "seed": seed + 1000 * number, "across": False, "copies": copies}
        load = joined(sources["train"])
        history = training.fit(
            model,
            lambda start, load=load, order=order: batches(load, labels["train"], start=start, **order),
            batches(joined(sources["dev"]), labels["dev"]).cache(),
            epochs=phase.epochs,
            steps_per_epoch=-(-len(labels["train"]) // batch_size),
            patience=patience,
            on_epoch=on_epoch and (lambda epoch, values, before=done: on_epoch(before + epoch, values)),
            state=state and state.with_suffix(f".{number}.npz"),
        )
        done += len(history)
        histories.append(history.assign(phase=phase.name))
    whole = pd.concat(histories, ignore_index=True)
    return whole.set_index(pd.RangeIndex(1, len(whole) + 1, name="epoch"))


def unfreeze(network, top):
    """Make the last `top` layers of each backbone trainable and all others not.

    Batch norm in inference mode stays frozen: ``training=False`` within a functional model has
    no effect in Keras 3, where the outer call decides for all layers.
    """
    for backbone in network.backbones:
        backbone.trainable = True
        for number, layer in enumerate(backbone.layers):
            kept = isinstance(layer, keras.layers.BatchNormalization) and network.batch_norm == "inference"
            layer.trainable = number >= len(backbone.layers) - top and not kept


def activations(backbone, cut, source, count, copies):
    """The output of the frozen part for each image, float32 [copies, count, height, width, channels]."""
    below = keras.Model(backbone.input, backbone.get_layer(cut).output)
    images = tf.TensorSpec(below.input.shape, tf.float32)
    forward = tf.function(lambda x: below(x, training=False), input_signature=[images])
    kept = np.empty((copies, count, *below.output.shape[1:]), np.float32)
    with tqdm(total=copies * count, desc=f"frozen part of {backbone.name}", unit="image") as bar:
        for copy, start in itertools.product(range(copies), range(0, count, _BLOCK)):
            positions = np.arange(start, min(start + _BLOCK, count))
            kept[copy, positions] = forward(source(positions, copy))
            bar.update(len(positions))
    return kept


def pooled(backbone, cut, kept):
    """The output of a frozen backbone, float32 [copies, count, 1280], from kept activations at the cut."""
    part = _upper(backbone, cut)
    flat = kept.reshape(-1, *kept.shape[2:])
    blocks = [part(flat[i : i + _BLOCK], training=False) for i in range(0, len(flat), _BLOCK)]
    return np.concatenate(blocks).reshape(*kept.shape[:2], -1)


def above(network, cut):
    """The model from the activations at the cut to the log-odds, weights shared."""
    uppers = [_upper(backbone, cut) for backbone in network.backbones]
    inputs = [keras.Input(upper.input.shape[1:]) for upper in uppers]
    x = [upper(part) for upper, part in zip(uppers, inputs, strict=True)]
    return keras.Model(inputs if len(inputs) > 1 else inputs[0], network.head(x if len(x) > 1 else x[0]))


def joined(sources):
    """Several sources as one that gives a tuple, as `lib.systems.batches.batches` takes it."""
    return lambda positions, copy: tuple(source(positions, copy) for source in sources)


def lookup(kept):
    """Kept outputs as a source: (positions, copy) -> their rows."""
    return lambda positions, copy: kept[copy, positions]


def _upper(backbone, cut):
    return keras.Model(backbone.get_layer(cut).output, backbone.output)


def _check_cut(backbone, cut, unfrozen):
    names = [layer.name for layer in backbone.layers]
    if cut not in names:
        raise InputError(f"cut = {cut!r}: not a layer of {backbone.name}; for example block_14_add, block_15_add")
    if names.index(cut) >= len(names) - unfrozen:
        raise InputError(f"cut = {cut!r}: lies among the top {unfrozen} layers, which are trained")
