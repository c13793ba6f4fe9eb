"""MobileNetV2 without its top, with weights that are always named."""

import hashlib
import warnings
from pathlib import Path

import pandas as pd

from lib.errors import InputError
from lib.params import local_path
from lib.systems.backend import keras


def backbone(weights, size, *, name):
    """MobileNetV2 of width 1.0 (M. Sandler et al., CVPR 2018) with global average pooling, a keras.Model of that name.

    ``[batch, size, size, 3] -> [batch, 1280]``, inputs from -1 to 1, sides of at least 32 pixels.
    `weights`: ``imagenet`` (Keras' own file, downloaded once), ``random`` (untrained), or an HDF5
    file of Keras' layout without the top; InputError when they cannot be had.
    """
    source = "imagenet" if weights == "imagenet" else None
    with warnings.catch_warnings():  # Keras has files for a few sizes only, all with the same weights
        warnings.filterwarnings("ignore", message=".*`input_shape` is undefined or non-square")
        try:
            model = keras.applications.MobileNetV2(
                include_top=False, input_shape=(size, size, 3), pooling="avg", weights=source, name=name
            )
        except Exception as error:  # Keras raises a plain Exception when a download fails
            if source is None:
                raise
            raise InputError(
                f"backbone_weights = imagenet: Keras' file cannot be downloaded ({str(error)[-80:]}); put "
                "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5 into ~/.keras/models or name a "
                "file of such weights; `random` trains without them"
            ) from None
    if weights not in ("imagenet", "random"):
        path = _file(weights)
        try:
            model.load_weights(path)
        except (OSError, ValueError, KeyError) as error:
            first = str(error).strip().partition("\n")[0]
            raise InputError(f"{path}: no weights of MobileNetV2 without its top in Keras' layout ({first})") from None
    return model


def described(weights):
    """Words for tables and tags: which weights a run started from."""
    named = {"random": "untrained", "imagenet": "imagenet, Keras"}
    if weights in named:
        return named[weights]
    path = _file(weights)
    return f"{path.name}, sha256 {hashlib.sha256(path.read_bytes()).hexdigest()[:12]}"


def _file(weights):
    path = Path(local_path(weights))
    if not path.is_file():
        raise InputError(f"backbone_weights = {weights}: no such file; expected `imagenet`, `random` or a file")
    return path


def layer_table(model):
    """A model's layers as the report prints them, a DataFrame of one row a layer; None in a shape is the batch."""
    return pd.DataFrame(
        {
            "Layer (type)": f"{layer.name} ({type(layer).__name__})",
            "Output Shape": str(tuple(layer.output.shape)),
            "Param #": layer.count_params(),
        }
        for layer in model.layers
    )
