"""Ways of feeding a network with images, of training it and of scoring with it."""

from pathlib import Path

import numpy as np
from PIL import Image

from lib.features.images import coloured
from lib.systems import training
from lib.systems.backend import keras


def png_folders(images, labels, colours, folder):
    """Images as PNG files in one folder a label, as Keras' loader takes them.

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
    for name in ("0", "1"):  # the loader takes two classes, even when all images are of one
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


def epoch(model, batches, count, *, precision="float32", **options):
    """For `side_by_side`: train a copy of a model for one pass.

    Parameters
    ----------
    model : keras.Model
        Left as it is.
    batches : tf.data.Dataset
        One pass.
    count : int > 0
        Images of a pass.
    precision : str
        Keras' dtype policy.
    options
        Of `keras.Model.compile`: `steps_per_execution`, `jit_compile`.
    """
    own = copied(model, precision)
    training.compile_binary(own, learning_rate=1e-3, **options)

    def once():
        own.fit(batches, verbose=0, shuffle=False)
        return count

    return once


def scoring(model, batches, *, precision="float32"):
    """For `side_by_side`: score every image of a pass with a copy of a model."""
    own = copied(model, precision)
    return lambda: len(training.log_odds(own, batches))


def copied(model, precision):
    """The same layers and weights, computing in another dtype policy of Keras."""
    own = keras.models.clone_model(
        model, clone_function=lambda layer: type(layer).from_config({**layer.get_config(), "dtype": precision})
    )
    own.set_weights(model.get_weights())
    return own
