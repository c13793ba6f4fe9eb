"""Training on frozen backbones in two phases, with the frozen part computed once.

Below a *cut* nothing is trained, so what it answers to a picture never changes. Phase
one (all of the backbone frozen) trains the head on kept pooled values; phase two (its
top layers trained) goes on from kept activations at the cut. Augmentation stays: the
answers to `copies` changed copies of each training picture are kept, and pass *e* sees
copy *e* modulo `copies`. The parts that are trained share their weights with the whole
model, which is what is scored and saved.
"""

import itertools
from dataclasses import dataclass

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from lib.errors import InputError
from lib.systems import training
from lib.systems.backend import keras, tf

_BLOCK = 64  # pictures in one forward pass of the frozen part


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


def train(system, phases, train, dev, labels, *, cut, copies, batch_size, patience, seed, keep=True, on_epoch=None):
    """Train the head, then the top of the backbones, in place.

    Parameters
    ----------
    system : lib.systems.models.Transfer
    phases : sequence of Phase
    train, dev : sequence of callable (positions, copy) -> float32 [trials, size, size, 3]
        One for each backbone; see `lib.systems.dataset.pictures_of`. Dev is asked for copy 0.
    labels : dict of str to array of int
        Of ``train`` and ``dev``, in protocol order.
    cut : str
        Layer of the backbones below which nothing is ever trained.
    copies : int > 0
        Copies of each training picture; 1 trains on the pictures themselves.
    batch_size, patience : int > 0
        A phase ends after `patience` epochs without a lower dev loss; the weights of
        the lowest are restored.
    seed : int
        Decides the order of trials.
    keep : bool
        Whether the frozen part is computed once. Without, every picture runs through
        the whole model in every epoch, with the same losses.
    on_epoch : callable (int, dict) -> None, optional

    Returns
    -------
    pandas.DataFrame [one row an epoch, numbered from 1]
        `loss`, `accuracy`, `val_loss`, `val_accuracy` and the `phase`.

    Raises
    ------
    InputError
        `cut` is no layer of the backbones, or lies among the layers that are trained.
    """
    for phase in phases:
        _check_cut(system.backbones[0], cut, phase.unfrozen)
    counts = {split: len(labels[split]) for split in ("train", "dev")}
    if keep:
        at_cut = {
            "train": [
                activations(b, cut, p, counts["train"], copies) for b, p in zip(system.backbones, train, strict=True)
            ],
            "dev": [activations(b, cut, p, counts["dev"], 1) for b, p in zip(system.backbones, dev, strict=True)],
        }
    histories = []
    for phase in phases:
        unfreeze(system, phase.unfrozen)
        if not keep:
            model, sources = system.model, {"train": train, "dev": dev}
        elif phase.unfrozen == 0:
            model = system.head
            sources = {
                split: [lookup(pooled(b, cut, a)) for b, a in zip(system.backbones, kept, strict=True)]
                for split, kept in at_cut.items()
            }
        else:
            model = above(system, cut)
            sources = {split: [lookup(a) for a in kept] for split, kept in at_cut.items()}
        training.compile_binary(model, learning_rate=phase.learning_rate)
        done = sum(len(history) for history in histories)
        history = training.fit(
            model,
            batches(
                sources["train"],
                labels["train"],
                batch_size=batch_size,
                seed=seed + 1000 * len(histories),
                copies=copies,
            ),
            batches(sources["dev"], labels["dev"], batch_size=_BLOCK).cache(),
            epochs=phase.epochs,
            steps_per_epoch=-(-counts["train"] // batch_size),
            patience=patience,
            on_epoch=on_epoch and (lambda epoch, values, before=done: on_epoch(before + epoch, values)),
        )
        histories.append(history.assign(phase=phase.name))
    joined = pd.concat(histories, ignore_index=True)
    return joined.set_index(pd.RangeIndex(1, len(joined) + 1, name="epoch"))


def unfreeze(system, top):
    """Make the last `top` layers of each backbone trainable and all others not.

    Batch norm that shall work in inference mode stays frozen: asking for it with
    ``training=False`` in a functional model has no effect in Keras 3, where the outer
    call decides for all layers.
    """
    for backbone in system.backbones:
        backbone.trainable = True
        for number, layer in enumerate(backbone.layers):
            kept = isinstance(layer, keras.layers.BatchNormalization) and system.batch_norm == "inference"
            layer.trainable = number >= len(backbone.layers) - top and not kept


def activations(backbone, cut, source, count, copies):
    """What the frozen part answers to each copy of each picture.

    Returns
    -------
    numpy.ndarray [shape=(copies, count, height, width, channels), float32]
    """
    below = keras.Model(backbone.input, backbone.get_layer(cut).output)
    pictures = tf.TensorSpec(below.input.shape, tf.float32)
    forward = tf.function(lambda x: below(x, training=False), input_signature=[pictures])
    kept = np.empty((copies, count, *below.output.shape[1:]), np.float32)
    with tqdm(total=copies * count, desc=f"frozen part of {backbone.name}", unit="picture") as bar:
        for copy, start in itertools.product(range(copies), range(0, count, _BLOCK)):
            positions = np.arange(start, min(start + _BLOCK, count))
            kept[copy, positions] = forward(source(positions, copy))
            bar.update(len(positions))
    return kept


def pooled(backbone, cut, kept):
    """What a frozen backbone answers above the cut, from kept activations.

    Returns
    -------
    numpy.ndarray [shape=(copies, count, 1280), float32]
    """
    part = _upper(backbone, cut)
    flat = kept.reshape(-1, *kept.shape[2:])
    blocks = [part(flat[i : i + _BLOCK], training=False) for i in range(0, len(flat), _BLOCK)]
    return np.concatenate(blocks).reshape(*kept.shape[:2], -1)


def above(system, cut):
    """The model from the activations at the cut to the log-odds, weights shared."""
    uppers = [_upper(backbone, cut) for backbone in system.backbones]
    inputs = [keras.Input(upper.input.shape[1:]) for upper in uppers]
    x = [upper(part) for upper, part in zip(uppers, inputs, strict=True)]
    return keras.Model(inputs if len(inputs) > 1 else inputs[0], system.head(x if len(x) > 1 else x[0]))


def batches(sources, labels, *, batch_size, seed=None, copies=1):
    """Batches of inputs and labels, one input for each source.

    Parameters
    ----------
    sources : sequence of callable (positions, copy) -> float32 [trials, ...]
    labels : array of int [shape=(trials,)]
    batch_size : int > 0
    seed : int, optional
        Given: endless passes in an order that seed and pass decide. Not given: one
        pass in protocol order.
    copies : int > 0
        Pass *e* asks the sources for copy *e* modulo `copies`.

    Returns
    -------
    tf.data.Dataset of (inputs, float32 [batch, 1])
    """
    targets = tf.constant(np.asarray(labels, dtype=np.float32)[:, None])
    count = len(targets)
    positions = tf.data.Dataset.range(count)
    if seed is not None:
        positions = positions.shuffle(count, seed=seed, reshuffle_each_iteration=True)
    positions = positions.batch(batch_size)
    in_a_pass = len(positions)
    if seed is not None:
        positions = positions.repeat()
    shapes = [source(np.arange(1), 0).shape[1:] for source in sources]

    def load(number, chosen):
        copy = number // in_a_pass % copies
        found = tf.numpy_function(
            lambda n, k: [source(n, k) for source in sources],
            [chosen, copy],
            [tf.float32] * len(sources),
            stateful=False,
        )
        for part, shape in zip(found, shapes, strict=True):
            part.set_shape((None, *shape))
        return tuple(found) if len(found) > 1 else found[0], tf.gather(targets, chosen)

    return positions.enumerate().map(load, num_parallel_calls=2, deterministic=True).prefetch(2)


def lookup(kept):
    """Kept answers as a source: (positions, copy) -> their rows."""
    return lambda positions, copy: kept[copy, positions]


def _upper(backbone, cut):
    return keras.Model(backbone.get_layer(cut).output, backbone.output)


def _check_cut(backbone, cut, unfrozen):
    names = [layer.name for layer in backbone.layers]
    if cut not in names:
        raise InputError(f"cut = {cut!r}: no layer of {backbone.name}; for example block_14_add, block_15_add")
    if names.index(cut) >= len(names) - unfrozen:
        raise InputError(f"cut = {cut!r}: lies among the top {unfrozen} layers, which are trained")
