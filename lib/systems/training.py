"""Feeding and training a Keras model: same seed, same machine, same scores bit for bit, cut off between or not."""

from functools import partial

import numpy as np

from lib.systems.backend import keras, tf
from lib.systems.progress import Progress


def prepare(seed):
    """Seed Python, NumPy and TensorFlow, and make operations deterministic that are built from here on."""
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()


def batches(load, labels, *, batch_size=64, seed=None, across=True, copies=1, start=0, order=None):
    """Batches of inputs (an array, or a tuple of several) and labels, float32 ``[batch, 1]``: a tf.data.Dataset.

    `load(positions, copy)` gives a tuple of float32 arrays, as `lib.inputs.Fed.load`. With a `seed`
    passes are endless, each in another order; a batch may reach over the end of a pass (`across`), or
    pass *e* asks for copy *e* modulo `copies`; `start` batches are passed over without being loaded.
    Without a seed there is one pass, in protocol order or another `order` of positions.
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
    """The layers, nested ones too, that normalise by statistics of their batch in training; frozen ones never do.

    When they score they use moving averages, which need hundreds of steps to arrive with Keras' momentum of 0.99: after
    the report's 240 steps a model can be right in training and answer one class when it scores.
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
