"""Training a Keras model, in a way that can be cut off and goes on with the same result.

Same seed, same machine: same scores bit for bit. `prepare` makes TensorFlow's
operations deterministic before anything is built.
"""

import json
import time
from pathlib import Path

import numpy as np
import pandas as pd

from lib.systems.backend import keras, tf

_SECONDS = 20.0  # between two states that are kept of a fit


def prepare(seed):
    """Seed Python, NumPy and TensorFlow, ask for determinism, and use every GPU there is."""
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
    spread_over(tf.config.list_logical_devices("GPU"))


def spread_over(devices):
    """Let models that are built from here on train on several logical devices, each with a part of every batch.

    One device or none changes nothing: TensorFlow takes a single GPU by itself.
    """
    if len(devices) > 1 and not tf.distribute.has_strategy():
        names = [device.name for device in devices]
        tf.distribute.experimental_set_strategy(tf.distribute.MirroredStrategy(names))


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
    dev loss the fit ends with the best weights. `on_epoch(epoch, values)` is told every epoch,
    those before a cut-off included; `state` is the file from which a fit that was cut off goes
    on, with the result of one that never was.
    """
    early = None
    if patience:
        early = keras.callbacks.EarlyStopping("val_loss", patience=patience, restore_best_weights=True)
    resumed = _State(state, early, on_epoch)
    resumed.set_model(model)
    if resumed.file and resumed.file.is_file():
        resumed.load()
    if len(resumed.rows) < epochs and not (early and early.stopped_epoch):
        begin = len(resumed.rows)
        model.fit(
            train(begin * steps_per_epoch),
            validation_data=dev,
            initial_epoch=begin,
            epochs=epochs,
            steps_per_epoch=steps_per_epoch,
            callbacks=[*([early] if early else []), resumed],
            shuffle=False,  # the dataset shuffles, by the seed
            verbose=0,
        )
    elif early and early.best_weights is not None:
        model.set_weights(early.best_weights)
    return pd.DataFrame(resumed.rows, index=pd.RangeIndex(1, len(resumed.rows) + 1, name="epoch"))


class _State(keras.callbacks.Callback):
    """History, weights, optimizer and early stopping of a fit under way.

    Keras' BackupAndRestore knows neither the history nor early stopping, without which a
    resumed fit would stop at another epoch than an uninterrupted one.
    """

    def __init__(self, file, early, on_epoch):
        super().__init__()
        self.file = Path(file) if file else None
        self.early, self.on_epoch = early, on_epoch
        self.rows, self.resumed = [], None
        self.started = self.saved = time.monotonic()

    def load(self):
        """Take up the kept state if there is a whole one, and tell its epochs again."""
        try:
            with np.load(self.file) as kept:
                arrays = dict(kept)
            about = json.loads(str(arrays.pop("about")))
        except Exception:  # none is kept, or a damaged one, which raises whatever its reader raises
            return
        model, optimizer = self.model, self.model.optimizer
        optimizer.build(model.trainable_variables)
        for n, variable in enumerate([*model.variables, *optimizer.variables]):
            variable.assign(arrays[f"v{n}"])
        best = [arrays[f"b{n}"] for n in range(about["best_weights"])]
        self.rows = about["rows"]
        self.resumed = {**about["early"], "best_weights": best or None}
        self._restore()
        for epoch, row in enumerate(self.rows if self.on_epoch else (), 1):
            self.on_epoch(epoch, row)

    def _restore(self):
        for name, value in (self.resumed or {}).items():
            if self.early:
                setattr(self.early, name, value)

    def on_train_begin(self, logs=None):
        self._restore()  # early stopping has just forgotten, it stands before this callback

    def on_epoch_end(self, epoch, logs=None):
        self.rows.append({name: float(value) for name, value in logs.items()})
        if self.on_epoch:
            self.on_epoch(epoch + 1, logs)
        if self.file and time.monotonic() - self.saved >= _SECONDS:
            self._save()
            self.saved = time.monotonic()

    def on_train_end(self, logs=None):
        if self.file and time.monotonic() - self.started >= _SECONDS:
            self._save()  # a later phase may be cut off

    def _save(self):
        early = {}
        if self.early:
            early = {name: getattr(self.early, name) for name in ("wait", "best", "best_epoch", "stopped_epoch")}
            early["best"] = None if early["best"] is None else float(early["best"])
        best = (self.early.best_weights if self.early else None) or []
        about = {"rows": self.rows, "early": early, "best_weights": len(best)}
        arrays = {f"v{n}": v.numpy() for n, v in enumerate([*self.model.variables, *self.model.optimizer.variables])}
        arrays |= {f"b{n}": np.asarray(v) for n, v in enumerate(best)}
        self.file.parent.mkdir(parents=True, exist_ok=True)
        part = self.file.with_suffix(".part")
        with part.open("wb") as file:
            np.savez(file, about=json.dumps(about), **arrays)
        part.replace(self.file)


def log_odds(model, batches):
    """Scores of all trials of a pass, float64, higher = more genuine."""
    return np.concatenate([model.predict_on_batch(x).squeeze(axis=1) for x, _ in batches]).astype(np.float64)
