"""Batches of what a system is fed, as TensorFlow takes them."""

import numpy as np

from lib.systems.backend import tf

_WATCHED = 64  # trials in a batch of validation


def batches(load, labels, *, batch_size=_WATCHED, seed=None, across=True, copies=1, start=0, order=None):
    """Batches of inputs (an array, or a tuple of several) and labels, float32 ``[batch, 1]``.

    Parameters
    ----------
    load : callable (positions, copy) -> tuple of float32 arrays [trials, ...]
        See `lib.inputs.Fed.load`.
    labels : array of int [shape=(trials,)]
    batch_size : int > 0
    seed : int, optional
        Given: endless passes in an order that seed and pass decide. Otherwise one pass.
    across : bool
        Whether an endless batch may reach over the end of a pass; otherwise the last
        batch of each pass is short.
    copies : int > 0
        Pass *e* asks for copy *e* modulo `copies`; more than one needs ``across=False``.
    start : int >= 0
        Batches that are passed over without being loaded, to go on where a fit stopped.
    order : sequence of int, optional
        Of the single pass; protocol order without it.

    Returns
    -------
    tf.data.Dataset
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
    return batches(lambda positions, copy: fed.load(split, positions, copy), fed.labels[split], **how)
