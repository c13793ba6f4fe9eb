"""Training on frozen backbones in phases, with the frozen part computed once.

Below a *cut* nothing is trained, so its output for an image never changes. A phase with
all of the backbone frozen trains the head on kept pooled values; a phase that trains top
layers goes on from kept activations at the cut. Augmentation stays: the outputs for
`copies` changed copies of each training image are kept, and pass *e* sees copy *e* modulo
`copies`. The parts that are trained share their weights with the whole model, which is
what is scored and saved.
"""

import itertools
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from lib.errors import InputError
from lib.systems import training
from lib.systems.backend import keras, tf
from lib.systems.batches import batches

_BLOCK = 16  # images in one forward pass of the frozen part: what it computes fits the processor's cache


@dataclass(frozen=True)
class Phase:
    """One phase of training.

    Attributes
    ----------
    name : str
    unfrozen : int >= 0
        Top layers of each backbone that are trained with the head.
    epochs : int >= 0
        At most; dev loss may stop it earlier.
    learning_rate : float > 0
    """

    name: str
    unfrozen: int
    epochs: int
    learning_rate: float


def train(network, phases, train, dev, labels, *, cut, copies, batch_size, patience, seed, on_epoch=None, state=None):
    """Train the head, then the top of the backbones, in place.

    Parameters
    ----------
    network : lib.systems.networks.Transfer
    phases : sequence of Phase
    train, dev : sequence of callable (positions, copy) -> float32 [trials, size, size, 3]
        One for each backbone; see `lib.inputs.Fed.sources`. Dev is asked for copy 0.
    labels : dict of str to array of int
        Of ``train`` and ``dev``, in protocol order.
    cut : str
        Layer of the backbones below which nothing is ever trained; empty computes no
        part once, and every image runs through the whole model in every epoch.
    copies : int > 0
        Copies of each training image; 1 trains on the images themselves.
    batch_size, patience : int > 0
        A phase ends after `patience` epochs without a lower dev loss; the weights of
        the lowest are restored.
    seed : int
        Decides the order of trials.
    on_epoch : callable (int, dict) -> None, optional
    state : Path, optional
        As `lib.systems.training.fit` takes it; each phase has a file of its own beside it.

    Returns
    -------
    pandas.DataFrame [one row an epoch, numbered from 1]
        `loss`, `accuracy`, `val_loss`, `val_accuracy` and the `phase`.

    Raises
    ------
    InputError
        `cut` is no layer of the backbones, or lies among the layers that are trained.
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
            sources = {
                split: [lookup(pooled(b, cut, a)) for b, a in zip(bases, parts, strict=True)]
                for split, parts in kept.items()
            }
        else:
            model = above(network, cut)
            sources = {split: [lookup(a) for a in parts] for split, parts in kept.items()}
        training.compile_binary(model, learning_rate=phase.learning_rate)
        endless = partial(
            batches,
            joined(sources["train"]),
            labels["train"],
            batch_size=batch_size,
            seed=seed + 1000 * number,
            across=False,
            copies=copies,
        )
        history = training.fit(
            model,
            lambda start, endless=endless: endless(start=start),
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

    Batch norm that shall work in inference mode stays frozen: asking for it with
    ``training=False`` in a functional model has no effect in Keras 3, where the outer
    call decides for all layers.
    """
    for backbone in network.backbones:
        backbone.trainable = True
        for number, layer in enumerate(backbone.layers):
            kept = isinstance(layer, keras.layers.BatchNormalization) and network.batch_norm == "inference"
            layer.trainable = number >= len(backbone.layers) - top and not kept


def activations(backbone, cut, source, count, copies):
    """The output of the frozen part for each copy of each image.

    Returns
    -------
    numpy.ndarray [shape=(copies, count, height, width, channels), float32]
    """
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
    """The output of a frozen backbone, from kept activations at the cut.

    Returns
    -------
    numpy.ndarray [shape=(copies, count, 1280), float32]
    """
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
