"""The CNN of the base paper, as the report re-implemented it (Figures 3.0 and 3.1)."""

from lib.systems.backend import keras


def paper_cnn(size=200):
    """Build the paper's CNN.

    Two convolutions of 3 x 3 (16 and 8 filters), max pooling of 2 x 2 between them,
    global max pooling, one output. The activation is not stated in the report; ReLU.

    Parameters
    ----------
    size : int >= 8
        Side of the pictures, pixels; the report has 200.

    Returns
    -------
    keras.Model
        ``[batch, size, size, 3] -> [batch, 1]`` log-odds, 1,617 parameters at any size.

    References
    ----------
    Report, Figure 3.1.
    """
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((size, size, 3)),
            layers.Conv2D(16, 3, activation="relu", name="conv2d"),
            layers.MaxPooling2D(2, name="max_pooling2d"),
            layers.Conv2D(8, 3, activation="relu", name="conv2d_1"),
            layers.GlobalMaxPooling2D(name="global_max_pooling2d"),
            layers.Dense(1, name="dense"),
        ],
        name="paper_cnn",
    )
