"""Training a Keras model the report's way, and scoring with it.

Same seed, same machine: same scores bit for bit. `prepare` makes TensorFlow's
operations deterministic before anything is built.
"""

import numpy as np
import pandas as pd

from lib.systems.backend import keras, tf


def prepare(seed):
    """Seed Python, NumPy and TensorFlow, ask for determinism, and use every GPU there is."""
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
    spread_over(tf.config.list_logical_devices("GPU"))


def spread_over(devices):
    """Let models that are built from here on train on several devices at once.

    Each device takes an equal part of every batch, and all have the same weights. One
    device or none changes nothing: TensorFlow takes a single GPU by itself.

    Parameters
    ----------
    devices : sequence of tf.config.LogicalDevice
    """
    if len(devices) > 1 and not tf.distribute.has_strategy():
        names = [device.name for device in devices]
        tf.distribute.experimental_set_strategy(tf.distribute.MirroredStrategy(names))


def compile_binary(model, *, learning_rate, **options):
    """Adam and binary cross-entropy on log-odds (report, Training Setup), in place.

    The report defaulted to Adam; its learning rate is not stated. `options` go to
    `keras.Model.compile`.
    """
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate),
        loss=keras.losses.BinaryCrossentropy(from_logits=True),
        metrics=[keras.metrics.BinaryAccuracy(threshold=0.0, name="accuracy")],
        **options,
    )


def fit(model, train, dev, *, epochs, steps_per_epoch, patience=None, on_epoch=None):
    """Train for a number of epochs of so many batches each.

    Parameters
    ----------
    model : keras.Model, compiled
    train : tf.data.Dataset
        Endless; an epoch takes the next `steps_per_epoch` batches.
    dev : tf.data.Dataset
        Validation after each epoch.
    epochs, steps_per_epoch : int > 0
    patience : int > 0, optional
        Stop after so many epochs without a lower dev loss, and go back to the weights
        of the lowest.
    on_epoch : callable (int, dict) -> None, optional
        Called after each epoch with its number and its values, for tracking.

    Returns
    -------
    pandas.DataFrame [one row an epoch, numbered from 1]
        `loss`, `accuracy`, `val_loss`, `val_accuracy`.
    """
    callbacks = []
    if patience:
        callbacks.append(keras.callbacks.EarlyStopping("val_loss", patience=patience, restore_best_weights=True))
    if on_epoch:
        callbacks.append(keras.callbacks.LambdaCallback(on_epoch_end=lambda n, logs: on_epoch(n + 1, logs)))
    history = model.fit(
        train,
        validation_data=dev,
        epochs=epochs,
        steps_per_epoch=steps_per_epoch,
        callbacks=callbacks,
        shuffle=False,  # the dataset shuffles, by the seed
        verbose=0,
    )
    return pd.DataFrame(history.history, index=pd.RangeIndex(1, len(history.epoch) + 1, name="epoch"))


def log_odds(model, batches):
    """Scores of all trials of a pass, higher = more genuine.

    Returns
    -------
    numpy.ndarray [shape=(trials,), float64]
    """
    return np.concatenate([model.predict_on_batch(x)[:, 0] for x, _ in batches]).astype(np.float64)
