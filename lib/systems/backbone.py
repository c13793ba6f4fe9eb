"""MobileNetV2 without its top, with weights that are always named."""

import hashlib
import warnings

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
    file = _file(weights)
    with warnings.catch_warnings():  # Keras has files for a few sizes only, all with the same weights
        warnings.filterwarnings("ignore", message=".*`input_shape` is undefined or non-square")
        try:
            return keras.applications.MobileNetV2(
                include_top=False, input_shape=(size, size, 3), pooling="avg", weights=file, name=name
            )
        except Exception as error:  # Keras raises a plain Exception when a download fails
            if file is None:
                raise
            if file != "imagenet":
                first = str(error).strip().partition("\n")[0]
                reason = f"{file}: no weights of MobileNetV2 without its top in Keras' layout ({first})"
                raise InputError(reason) from None
            raise InputError(
                f"backbone_weights = imagenet: Keras' file cannot be downloaded ({str(error)[-80:]}); put "
                "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5 into ~/.keras/models or name a "
                "file of such weights; `random` trains without them"
            ) from None


def described(weights):
    """Words for tables and tags: which weights a run started from."""
    file = _file(weights)
    if file in (None, "imagenet"):
        return "imagenet, Keras" if file else "untrained"
    return f"{file.name}, sha256 {hashlib.sha256(file.read_bytes()).hexdigest()[:12]}"


def _file(weights):
    """What Keras takes: ``imagenet``, None for untrained weights, or a file that is there."""
    if weights in ("imagenet", "random"):
        return None if weights == "random" else weights
    path = local_path(weights)
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
