"""The networks of the notebooks, from the cells in which they stand."""

import json
from types import SimpleNamespace

from lib.params import ROOT
from lib.systems.backend import keras
from lib.systems.networks import layer_table


def cells(notebook):
    """Sources of a notebook's code cells."""
    content = json.loads((ROOT / "notebooks" / f"{notebook}.ipynb").read_text(encoding="utf-8"))
    return ["".join(cell["source"]) for cell in content["cells"] if cell["cell_type"] == "code"]


def built(notebook, **changes):
    """Execute the one cell that builds a notebook's network, after its imports and parameters.

    Parameters
    ----------
    notebook : str
    changes : dict
        Parameters with other values, and what cells between would have defined.

    Returns
    -------
    types.SimpleNamespace
        Every name of the cell; `shown`, what it showed: layer table and figure.
    """
    sources = cells(notebook)
    (network,) = [source for source in sources if "set_random_seed" in source]
    imports, parameters = sources[:2]
    shown = []
    run = SimpleNamespace(show_layers=lambda model, figure: shown.append((layer_table(model), figure)))
    namespace = {"run": run}
    for source in (imports, parameters):
        exec(source, namespace)
    namespace |= changes
    exec(network, namespace)
    (namespace["shown"],) = shown
    return SimpleNamespace(**{name: value for name, value in namespace.items() if not name.startswith("__")})


def paper_cnn(size, seed=0):
    """The paper's CNN for images of that side, with its first weights."""
    return built("11_paper_cnn", image_size=size, seed=seed).model


def small_backbone(weights, size, *, name):
    """In the place of MobileNetV2, which takes ten seconds to trace: a few of its layers, with first weights."""
    layers = keras.layers
    image = keras.Input((size, size, 3))

    def normalised(x, layer):
        x = layers.BatchNormalization(name=f"{layer.name}_bn")(layer(x))
        return layers.ReLU(6.0, name=f"{layer.name}_relu")(x)

    x = normalised(image, layers.Conv2D(8, 3, strides=4, use_bias=False, name="Conv1"))
    for block in ("block_14", "block_15"):
        own = layers.DepthwiseConv2D(3, padding="same", use_bias=False, name=f"{block}_depthwise")
        x = layers.Add(name=f"{block}_add")([x, normalised(x, own)])
    x = normalised(x, layers.Conv2D(16, 1, use_bias=False, name="Conv_1"))
    return keras.Model(image, layers.GlobalAveragePooling2D()(x), name=name)
