"""Ways of feeding, training and scoring the paper's CNN."""

from pathlib import Path

import numpy as np
from PIL import Image

from lib.features.images import coloured
from lib.systems import training
from lib.systems.backend import keras


def png_folders(images, labels, colours, folder):
    """Images as PNG files in one folder a label, as Keras' loader wants them.

    Parameters
    ----------
    images : numpy.ndarray [shape=(trials, size, size), uint8]
        Positions in a colormap.
    labels : array of int [shape=(trials,)]
    colours : str
        A matplotlib colormap.
    folder : str or Path
        Empty.
    """
    for name in ("0", "1"):  # the loader wants both, even when all images are of one
        (Path(folder) / name).mkdir()
    for number, (image, label) in enumerate(zip(coloured(images, colours), labels, strict=True)):
        Image.fromarray(image).save(Path(folder) / str(int(label)) / f"{number:06d}.png")


def from_png(folder, size, batch_size):
    """The plain way: PNG files through Keras' own loader, shuffled.

    Returns
    -------
    tf.data.Dataset of (float32 [batch, size, size, 3], float32 [batch, 1])
    """
    return keras.utils.image_dataset_from_directory(
        folder, label_mode="binary", image_size=(size, size), batch_size=batch_size, seed=0, verbose=False
    )


def once_through(batches):
    """For `side_by_side`: take every batch and do nothing with it."""
    return lambda: sum(int(np.shape(x)[0]) for x, _ in batches)


def epoch(batches, count, size, *, precision="float32", **options):
    """For `side_by_side`: train the paper's CNN for one pass.

    Parameters
    ----------
    batches : tf.data.Dataset
        One pass.
    count, size : int > 0
        Images of a pass, and their side.
    precision : str
        Keras' dtype policy.
    options
        Of `keras.Model.compile`: `steps_per_execution`, `jit_compile`.
    """
    model = paper_cnn(size, precision)
    training.compile_binary(model, learning_rate=1e-3, **options)

    def once():
        model.fit(batches, verbose=0, shuffle=False)
        return count

    return once


def scoring(batches, size, *, precision="float32"):
    """For `side_by_side`: score every image of a pass with the paper's CNN."""
    model = paper_cnn(size, precision)
    return lambda: len(training.log_odds(model, batches))


def paper_cnn(size, precision="float32"):
    """The network of notebook 11, with weights in float32 and computing in `precision`, Keras' dtype policy."""
    layers = keras.layers
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        return keras.Sequential(
            [
                keras.Input((size, size, 3)),
                layers.Conv2D(16, 3, activation="relu", name="conv2d"),
                layers.MaxPooling2D(2, name="max_pooling2d"),
                layers.Conv2D(8, 3, activation="relu", name="conv2d_1"),
                layers.GlobalMaxPooling2D(name="global_max_pooling2d"),
                layers.Dense(1, name="dense"),
            ]
        )
    finally:
        keras.config.set_dtype_policy(before)
