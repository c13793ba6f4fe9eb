"""MobileNetV2 with small heads on one and on two pictures (Figures 6.0 and 7.0)."""

from dataclasses import dataclass

from lib.errors import InputError
from lib.systems.backend import keras
from lib.systems.models.backbone import backbone

BATCH_NORM = ("inference", "training")
_POOLED = 1280  # values of a backbone's average pooling


@dataclass(frozen=True)
class Transfer:
    """A network on backbones, whole and in its parts; the parts share their weights.

    Attributes
    ----------
    model : keras.Model
        Pictures -> log-odds; what is saved.
    backbones : tuple of keras.Model
        One for each picture, in the order of the inputs.
    head : keras.Model
        Pooled values of each backbone, ``[batch, 1280]`` -> log-odds.
    batch_norm : str
        One of `BATCH_NORM`: how the backbones' batch norm works in training.
    """

    model: keras.Model
    backbones: tuple
    head: keras.Model
    batch_norm: str


def mobilenet(weights, *, size=200, batch_norm="inference"):
    """MobileNetV2 with the report's head: 64 units, dropout, one output.

    Parameters
    ----------
    weights : str
        As `lib.systems.models.backbone.backbone` takes them.
    size : int >= 32
    batch_norm : str
        Of the backbone. ``inference``: its batch norm stays frozen, so that it uses its
        moving statistics always. ``training``: where it is not frozen it is trained and
        uses batch statistics, as Keras does unless told otherwise. Not stated in the
        report.

    Returns
    -------
    Transfer
        2,340,033 parameters.

    References
    ----------
    Report, Figure 6.0. The dropout rate is not stated; 0.5.
    """
    layers = keras.layers
    base = backbone(weights, size, name="mobilenetv2_1.00_224")
    pooled = keras.Input((_POOLED,))
    x = layers.Dense(64, activation="relu", name="dense")(pooled)
    x = layers.Dropout(0.5, name="dropout")(x)
    head = keras.Model(pooled, layers.Dense(1, name="dense_1")(x))
    return _assembled((base,), head, ("input_layer_1",), batch_norm, "mobilenet")


def dual_mobilenet(weights, *, size=200, batch_norm="inference"):
    """Two MobileNetV2, on spectrogram and MFCC pictures, concatenated.

    Parameters
    ----------
    weights, size, batch_norm
        As for `mobilenet`.

    Returns
    -------
    Transfer
        5,978,369 parameters; inputs ``(spectrogram, MFCC)``.

    References
    ----------
    Report, Figure 7.0. Activations and dropout rates are not stated; ReLU and 0.5.
    """
    layers = keras.layers
    bases = tuple(backbone(weights, size, name=f"mobilenet_for_{branch}") for branch in ("spec", "mfcc"))
    pooled = [keras.Input((_POOLED,)), keras.Input((_POOLED,))]
    x = layers.Concatenate(name="concatenated_features")(pooled)
    for units, ending in ((512, ""), (256, "_1"), (64, "_2")):
        x = layers.Dense(units, activation="relu", name=f"dense{ending}")(x)
        x = layers.BatchNormalization(name=f"batch_normalization{ending}")(x)
        x = layers.Dropout(0.5, name=f"dropout{ending}")(x)
    head = keras.Model(pooled, layers.Dense(1, name="output")(x))
    return _assembled(bases, head, ("spectrogram_input", "mfcc_image_input"), batch_norm, "dual_mobilenet")


def _assembled(bases, head, names, batch_norm, name):
    """The plain model of the figure: the head's layers stand in it one by one."""
    if batch_norm not in BATCH_NORM:
        raise InputError(f"batch_norm = {batch_norm!r}: one of {', '.join(BATCH_NORM)} is wanted")
    inputs = [keras.Input(base.input.shape[1:], name=n) for base, n in zip(bases, names, strict=True)]
    x = [base(picture) for base, picture in zip(bases, inputs, strict=True)]
    x = x if len(x) > 1 else x[0]
    for layer in head.layers:
        if not isinstance(layer, keras.layers.InputLayer):
            x = layer(x)
    inputs = inputs if len(inputs) > 1 else inputs[0]
    return Transfer(keras.Model(inputs, x, name=name), bases, head, batch_norm)
