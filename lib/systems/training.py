"""Feeding and training a Keras model: same seed, same machine, same scores bit for bit, cut off between or not."""

import json
import math
import time
from functools import partial

import numpy as np
import pandas as pd

from lib.files import places
from lib.systems.backend import keras, tf

SECONDS = 20.0  # between two states of a fit that are kept; a shorter fit is made again sooner than found


def prepare(seed):
    """Seed Python, NumPy and TensorFlow, and make operations deterministic that are built from here on."""
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()


def batches(load, labels, *, batch_size=64, seed=None, across=True, copies=1, start=0, order=None):
    """Batches of inputs (an array, or a tuple of several) and labels, float32 ``[batch, 1]``: a tf.data.Dataset.

    `load(positions, copy)` gives a tuple of float32 arrays. With a `seed` passes are endless, each in another order; a
    batch may reach over the end of a pass (`across`), or pass *e* asks for copy *e* modulo `copies`; `start` batches
    are passed over. Without a seed there is one pass, in protocol order or another `order` of positions.
    """
    targets = tf.constant(np.asarray(labels, dtype=np.float32)[:, None])
    order = np.arange(len(targets)) if order is None else np.asarray(order)
    positions = tf.data.Dataset.from_tensor_slices(order.astype(np.int64))
    in_a_pass = -(-len(order) // batch_size)
    if seed is not None:
        positions = positions.shuffle(len(order), seed=seed, reshuffle_each_iteration=True)
        positions = positions.repeat().batch(batch_size) if across else positions.batch(batch_size).repeat()
    else:
        positions = positions.batch(batch_size)
    first = load(np.arange(1), 0)

    def loaded(number, chosen):
        copy = number // in_a_pass % copies
        found = tf.numpy_function(load, [chosen, copy], [tf.float32] * len(first), stateful=False)
        for part, example in zip(found, first, strict=True):
            part.set_shape((None, *example.shape[1:]))
        return (tuple(found) if len(found) > 1 else found[0]), tf.gather(targets, chosen)

    numbered = positions.enumerate().skip(start)
    return numbered.map(loaded, num_parallel_calls=2, deterministic=True).prefetch(2)


def of_split(fed, split, **how):
    """Batches of one split of `lib.inputs.Fed`; see `batches`."""
    return batches(partial(fed.load, split), fed.labels[split], **how)


def compile_binary(model, *, learning_rate, **options):
    """Adam and binary cross-entropy on log-odds (report, Training Setup), in place; `options` are of Keras' compile."""
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate),
        loss=keras.losses.BinaryCrossentropy(from_logits=True),
        metrics=[keras.metrics.BinaryAccuracy(threshold=0.0, name="accuracy")],
        **options,
    )


def fit(model, train, dev, *, epochs, steps_per_epoch, patience=None, on_epoch=None, state=None):
    """Train a compiled model; the history, one row an epoch from 1: `loss`, `accuracy`, `val_loss`, `val_accuracy`.

    `train(n)` gives endless batches from the n-th on. After `patience` epochs without a lower dev loss
    the fit ends with the best weights. `on_epoch` and `state` (a file) are those of `Progress`.
    """

    def changing():
        return [variable.numpy() for variable in (*model.variables, *model.optimizer.variables)]

    def ended(epoch, logs):
        progress.add({name: float(value) for name, value in logs.items()})
        model.stop_training = progress.over

    best = model.get_weights if patience else list
    progress = Progress(state, on_epoch, epochs=epochs, patience=patience, state=changing, weights=best)
    kept = progress.resumed()
    if kept:
        model.optimizer.build(model.trainable_variables)
        for variable, value in zip((*model.variables, *model.optimizer.variables), kept, strict=True):
            variable.assign(value)
    if not progress.over:
        begin = len(progress.rows)
        model.fit(
            train(begin * steps_per_epoch), validation_data=dev, initial_epoch=begin, epochs=epochs,
            steps_per_epoch=steps_per_epoch, callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=ended)],
            shuffle=False, verbose=0,  # the dataset shuffles, by the seed
        )  # fmt: skip
    if patience:
        model.set_weights(progress.best)
    return progress.history


def log_odds(model, batches):
    """Scores of all trials of a pass, float64, higher = more genuine."""
    return np.concatenate([model.predict_on_batch(x).squeeze(axis=1) for x, _ in batches]).astype(np.float64)


def normalising(model):
    """The layers, nested ones too, that use statistics of their batch in training, and when they score moving ones.

    With Keras' momentum of 0.99 those arrive after hundreds of steps: the report trains 240.
    """
    every = model._flatten_layers()
    return [layer for layer in every if isinstance(layer, keras.layers.BatchNormalization) and layer.trainable]


def refresh(model, batches):
    """Set the moving statistics to the mean of those of training batches, in one pass without dropout; its outputs."""
    dropouts = [layer for layer in model._flatten_layers() if isinstance(layer, keras.layers.Dropout)]
    before = [(layer, "rate", layer.rate) for layer in dropouts]
    before += [(layer, "momentum", layer.momentum) for layer in normalising(model)]
    outputs = []
    try:
        for layer in dropouts:
            layer.rate = 0.0
        for number, (x, _) in enumerate(batches):
            for layer in normalising(model):
                layer.momentum = number / (number + 1)
            outputs.append(np.asarray(model(x, training=True)))
    finally:
        for layer, name, value in before:
            setattr(layer, name, value)
    return np.concatenate(outputs)


def batch_log_odds(model, batches):
    """Scores, float64, with the statistics of batches (inputs, labels) as large and mixed as those of training."""
    before = model.get_weights()
    scores = refresh(model, batches)[:, 0].astype(np.float64)
    model.set_weights(before)
    return scores


class Progress:
    """Epochs of a fit under way; `state` and `weights` give the arrays that go on, and those of the lowest dev loss."""

    def __init__(self, file, on_epoch, *, epochs, patience=None, state, weights):
        self.file, self.on_epoch, self.epochs, self.patience = file, on_epoch, epochs, patience
        self.state, self.weights = state, weights
        self.rows, self.best = [], weights()
        self.started = self.saved = time.monotonic()

    @property
    def over(self):
        """Whether the last epoch is done, dev loss was not lower for `patience` of them, or the loss is no number."""
        losses = [row["val_loss"] for row in self.rows]
        waited = len(losses) - 1 - losses.index(min(losses)) if losses else 0
        ended = len(losses) >= self.epochs or bool(self.patience) and waited >= self.patience
        return ended or bool(self.rows) and not math.isfinite(self.rows[-1]["loss"])

    @property
    def history(self):
        """The epochs, a DataFrame of one row each, numbered from 1."""
        return pd.DataFrame(self.rows, index=pd.RangeIndex(1, len(self.rows) + 1, name="epoch"))

    def resumed(self):
        """Take up the file; the arrays of its `state`, or None without a whole one."""
        try:
            with np.load(self.file) as kept:
                about = json.loads(str(kept["about"]))
                arrays = [kept[f"arr_{number}"] for number in range(len(kept.files) - 1)]
        except Exception:  # none is kept, or a damaged one, which raises whatever its reader raises
            return None
        for row in about["rows"]:
            self._note(row)
        self.best = arrays[about["state"] :]
        return arrays[: about["state"]]

    def add(self, row):
        """Note an epoch, and keep the state if the last one is old."""
        if row["val_loss"] < min((before["val_loss"] for before in self.rows), default=math.inf):
            self.best = self.weights()
        self._note(row)
        now = time.monotonic()
        if self.file and now - (self.started if self.over else self.saved) >= SECONDS:
            state = self.state()
            about = json.dumps({"rows": self.rows, "state": len(state)})
            with places.whole_file(self.file) as file:
                np.savez(file, *state, *self.best, about=about)
            self.saved = now

    def _note(self, row):
        self.rows.append(row)
        if self.on_epoch:
            self.on_epoch(len(self.rows), row)
