"""Training a Keras model, in a way that can be cut off and goes on with the same result.

Same seed, same machine: same scores bit for bit. `prepare` makes TensorFlow's
operations deterministic before anything is built.
"""

import numpy as np

from lib.systems.backend import keras, tf
from lib.systems.progress import Progress


def prepare(seed):
    """Seed Python, NumPy and TensorFlow, ask for determinism, and use every GPU there is."""
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
    spread_over(tf.config.list_logical_devices("GPU"))


def spread_over(devices):
    """Let models that are built from here on train on several logical devices, each with a part of every batch."""
    if len(devices) > 1 and not tf.distribute.has_strategy():
        tf.distribute.experimental_set_strategy(tf.distribute.MirroredStrategy([device.name for device in devices]))


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

    `train(n)` gives endless batches from the n-th on. After `patience` epochs without a lower
    dev loss the fit ends with the best weights. `on_epoch` and `state`, the file of a fit that was
    cut off, are those of `lib.systems.progress.Progress`.
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
