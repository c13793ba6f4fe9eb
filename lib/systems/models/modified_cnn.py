"""The report's own CNN, with more layers and batch normalisation (Figure 5.0)."""

from lib.systems.backend import keras


def modified_cnn(size=200, *, momentum=0.99):
    """Build the modified CNN.

    Three blocks of convolution, max pooling and batch normalisation (128, 64 and 32
    filters of 3 x 3), then 256 units, dropout, one output. Not stated in the report:
    the activations (ReLU here), the dropout rate (0.5) and the momentum of the moving
    statistics (Keras' default).

    Parameters
    ----------
    size : int >= 22
        Side of the pictures, pixels; the report has 200.
    momentum : float, 0 to 1
        Part of the old moving statistics that each step keeps.

    Returns
    -------
    keras.Model
        ``[batch, size, size, 3] -> [batch, 1]`` log-odds, 4,430,817 parameters at 200.

    References
    ----------
    Report, Figure 5.0.
    """
    layers = keras.layers
    stack = [keras.Input((size, size, 3))]
    for filters, ending in ((128, ""), (64, "_1"), (32, "_2")):
        stack += [
            layers.Conv2D(filters, 3, activation="relu", name=f"conv2d{ending}"),
            layers.MaxPooling2D(2, name=f"max_pooling2d{ending}"),
            layers.BatchNormalization(momentum=momentum, name=f"batch_normalization{ending}"),
        ]
    stack += [
        layers.Flatten(name="flatten"),
        layers.Dense(256, activation="relu", name="dense"),
        layers.Dropout(0.5, name="dropout"),
        layers.Dense(1, name="dense_1"),
    ]
    return keras.Sequential(stack, name="modified_cnn")
