"""From stored pictures to what a Keras model is fed.

One byte a cell is read from the store; the picture is made of it, and colours are
looked up and scaled in the input pipeline. Labels follow `lib.corpus`: 1 = genuine, 0 = spoof.
"""

import numpy as np

from lib.errors import InputError
from lib.features.augment import augmented
from lib.features.images import colormap
from lib.systems.backend import tf

# How the values 0 to 255 of a picture reach a model. Not stated in the report.
PIXEL_RANGES = {"0-255": (1.0, 0.0), "0-1": (1 / 255, 0.0), "-1-1": (2 / 255, -1.0)}


def training_batches(pictures, labels, *, colours, pixel_range, batch_size, seed):
    """Endless shuffled batches of the training split.

    Each pass visits every trial once, in an order that the seed decides.

    Parameters
    ----------
    pictures : lib.features.store.Images
    labels : array of int [shape=(trials,)]
        Of the training split, in protocol order.
    colours : str
        A matplotlib colormap.
    pixel_range : str
        One of `PIXEL_RANGES`.
    batch_size : int > 0
    seed : int

    Returns
    -------
    tf.data.Dataset of (float32 [batch, size, size, 3], float32 [batch, 1])
    """
    positions = tf.data.Dataset.range(len(labels))
    positions = positions.shuffle(len(labels), seed=seed, reshuffle_each_iteration=True).repeat()
    return _batches(positions.batch(batch_size), pictures, "train", labels, colours, pixel_range)


def ordered_batches(pictures, split, labels, *, colours, pixel_range, batch_size=64, order=None):
    """One pass over a split, for scoring and validation.

    Trials come in protocol order, or in that of `order`, their numbers.

    Returns
    -------
    tf.data.Dataset of (float32 [batch, size, size, 3], float32 [batch, 1])
    """
    order = np.arange(len(labels)) if order is None else np.asarray(order)
    positions = tf.data.Dataset.from_tensor_slices(order.astype(np.int64)).batch(batch_size)
    return _batches(positions, pictures, split, labels, colours, pixel_range)


def pictures_of(pictures, split, *, colours, pixel_range, augmentation="none", seed=0):
    """Pictures of a split by their numbers, as a model sees them, changed copies included.

    Returns
    -------
    callable (positions, copy) -> numpy.ndarray [shape=(trials, size, size, 3), float32]
        Copy 0 is the picture itself; see `lib.features.augment.augmented`.
    """
    values = colour_values(colours, pixel_range)

    def load(positions, copy):
        stored = pictures.batch(split, positions)
        return values[augmented(stored, positions, augmentation, copy=copy, seed=seed)]

    return load


def training_vectors(vectors, labels, *, batch_size, seed):
    """Endless shuffled batches of the training split's vectors, each with one channel.

    Each pass visits every trial once, in an order that the seed decides.

    Parameters
    ----------
    vectors : lib.features.store.Stored
    labels : array of int [shape=(trials,)]
        Of the training split, in protocol order.
    batch_size : int > 0
    seed : int

    Returns
    -------
    tf.data.Dataset of (float32 [batch, values, 1], float32 [batch, 1])
    """
    trials = _vectors(vectors, "train", labels)
    return trials.shuffle(len(labels), seed=seed, reshuffle_each_iteration=True).repeat().batch(batch_size).prefetch(2)


def ordered_vectors(vectors, split, labels, *, batch_size=64):
    """One pass over a split's vectors in protocol order, for scoring and validation.

    Returns
    -------
    tf.data.Dataset of (float32 [batch, values, 1], float32 [batch, 1])
    """
    return _vectors(vectors, split, labels).batch(batch_size).prefetch(2)


def paired(first, second):
    """Two passes over the same trials as one of two inputs.

    Returns
    -------
    tf.data.Dataset of ((float32 [batch, ...], float32 [batch, ...]), float32 [batch, 1])
    """
    return tf.data.Dataset.zip(first, second).map(lambda one, two: ((one[0], two[0]), one[1]))


def colour_values(colours, pixel_range):
    """What a model sees of each of the 256 positions in a colormap.

    Returns
    -------
    numpy.ndarray [shape=(256, 3), float32]

    Raises
    ------
    InputError
        The range or the colormap is unknown.
    """
    if pixel_range not in PIXEL_RANGES:
        raise InputError(f"pixel_range = {pixel_range!r}: one of {', '.join(PIXEL_RANGES)} is wanted")
    scale, offset = PIXEL_RANGES[pixel_range]
    return colormap(colours).astype(np.float32) * np.float32(scale) + np.float32(offset)


def _vectors(vectors, split, labels):
    everything = vectors.batch(split, range(len(labels)))  # 3 kB a trial: all of a corpus fits into memory
    return tf.data.Dataset.from_tensor_slices((everything[..., None], np.asarray(labels, dtype=np.float32)[:, None]))


def _batches(positions, pictures, split, labels, colours, pixel_range):
    values = colour_values(colours, pixel_range)
    targets = tf.constant(np.asarray(labels, dtype=np.float32)[:, None])

    def coloured(numbers):  # NumPy looks up twice as many pictures a second as tf.gather
        return values.take(pictures.batch(split, numbers), axis=0)

    def load(numbers):
        found = tf.numpy_function(coloured, [numbers], tf.float32, stateful=False)
        found.set_shape((None, pictures.size, pictures.size, 3))
        return found, tf.gather(targets, numbers)

    return positions.map(load, num_parallel_calls=2, deterministic=True).prefetch(2)
