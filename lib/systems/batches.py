"""Batches of what a system is fed, as TensorFlow takes them."""

import numpy as np

from lib.systems.backend import tf


def batches(load, labels, *, batch_size=64, seed=None, across=True, copies=1, start=0, order=None):
    """Batches of inputs (an array, or a tuple of several) and labels, float32 ``[batch, 1]``: a tf.data.Dataset.

    `load(positions, copy)` gives a tuple of float32 arrays, as `lib.inputs.Fed.load`. With a `seed`
    passes are endless, in an order that seed and pass decide; a batch may reach over the end of a
    pass (`across`), or pass *e* asks for copy *e* modulo `copies`; `start` batches are passed over
    without being loaded, to go on where a fit stopped. Without a seed there is one pass, in protocol
    order or another `order` of positions.
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
