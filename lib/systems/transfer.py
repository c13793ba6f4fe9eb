"""Training on frozen backbones in phases, with the frozen part computed once.

Below a *cut* nothing is trained, so its output for an image never changes. A phase with
all of the backbone frozen trains the head on kept pooled values, one that trains top layers
goes on from kept activations at the cut; both share their weights with the whole model.
Augmentation stays: outputs for `copies` changed copies of each training image are kept.
"""

import itertools
from functools import partial

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from lib.errors import InputError
from lib.inputs import BLOCK
from lib.systems import training
from lib.systems.backend import keras, tf
from lib.systems.batches import batches


def train(
    network, fed, *, seed, cut, copies, batch_size, patience, head_epochs, head_learning_rate, top_layers, top_epochs,
    top_learning_rate, on_epoch=None, state=None,
):  # fmt: skip
    """Train the head of a `Transfer`, then the top of its backbones, in place; the history, with each epoch's `phase`.

    Without a `cut` every image runs through the whole model in every epoch. Dev loss may end a
    phase; `on_epoch` and `state` are those of `lib.systems.training.fit`.
    """
    labels, bases = fed.labels, network.backbones
    loads = {split: partial(fed.load, split) for split in ("train", "dev")}
    if cut:
        _check_cut(bases[0], cut, top_layers)
        given = {"train": copies, "dev": 1}
        kept = {s: activations(bases, cut, load, len(labels[s]), given[s]) for s, load in loads.items()}
    histories, done = [], 0
    phases = ("head", 0, head_epochs, head_learning_rate), ("top layers", top_layers, top_epochs, top_learning_rate)
    for number, (name, unfrozen, epochs, learning_rate) in enumerate(phases):
        unfreeze(network, unfrozen)
        model = network.model
        if cut:
            model, loads = shortened(network, cut, unfrozen, kept)
        training.compile_binary(model, learning_rate=learning_rate)
        order = {"batch_size": batch_size, "seed": seed + 1000 * number, "across": False, "copies": copies}
        history = training.fit(
            model, lambda start, load=loads["train"], order=order: batches(load, labels["train"], start=start, **order),
            batches(loads["dev"], labels["dev"]).cache(), epochs=epochs, patience=patience,
            steps_per_epoch=-(-len(labels["train"]) // batch_size),
            on_epoch=on_epoch and (lambda epoch, values, before=done: on_epoch(before + epoch, values)),
            state=state and state.with_suffix(f".{number}.npz"),
        )  # fmt: skip
        done += len(history)
        histories.append(history.assign(phase=name))
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


def activations(backbones, cut, load, count, copies):
    """The output of each frozen part for its images, float32 [copies, count, height, width, channels]."""
    belows = [keras.Model(backbone.input, backbone.get_layer(cut).output) for backbone in backbones]
    forwards = [
        tf.function(partial(below, training=False), input_signature=[tf.TensorSpec(below.input.shape, tf.float32)])
        for below in belows
    ]
    kept = [np.empty((copies, count, *below.output.shape[1:]), np.float32) for below in belows]
    with tqdm(total=copies * count, desc=f"frozen part of {backbones[0].name}", unit="image") as bar:
        for copy, start in itertools.product(range(copies), range(0, count, BLOCK)):
            positions = np.arange(start, min(start + BLOCK, count))
            for part, forward, images in zip(kept, forwards, load(positions, copy), strict=True):
                part[copy, positions] = forward(images)
            bar.update(len(positions))
    return kept


def shortened(network, cut, unfrozen, kept):
    """What of the model is trained in a phase, weights shared, and for each split a source of what it is fed.

    `kept` are the `activations` of each split: the source is (positions, copy) -> a tuple of arrays.
    """
    uppers = [keras.Model(base.get_layer(cut).output, base.output) for base in network.backbones]
    if unfrozen == 0:
        model = network.head
        kept = {split: [_pooled(*pair) for pair in zip(uppers, parts, strict=True)] for split, parts in kept.items()}
    else:
        inputs = [keras.Input(upper.input.shape[1:]) for upper in uppers]
        x = [upper(part) for upper, part in zip(uppers, inputs, strict=True)]
        model = keras.Model(inputs if len(inputs) > 1 else inputs[0], network.head(x if len(x) > 1 else x[0]))
    return model, {
        split: lambda positions, copy, parts=parts: tuple(part[copy, positions] for part in parts)
        for split, parts in kept.items()
    }


def _pooled(upper, kept):
    flat = kept.reshape(-1, *kept.shape[2:])
    blocks = [upper(flat[i : i + BLOCK], training=False) for i in range(0, len(flat), BLOCK)]
    return np.concatenate(blocks).reshape(*kept.shape[:2], -1)


def _check_cut(backbone, cut, unfrozen):
    names = [layer.name for layer in backbone.layers]
    if cut not in names:
        raise InputError(f"cut = {cut!r}: not a layer of {backbone.name}; for example block_14_add, block_15_add")
    if names.index(cut) >= len(names) - unfrozen:
        raise InputError(f"cut = {cut!r}: lies among the top {unfrozen} layers, which are trained")
