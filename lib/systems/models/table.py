"""A model's layers as the report prints them."""

import pandas as pd


def layer_table(model):
    """The table that the report shows for each model.

    Returns
    -------
    pandas.DataFrame [one row a layer]
        `Layer (type)`, `Output Shape` (with None for the batch) and `Param #`.
    """
    return pd.DataFrame(
        [
            {
                "Layer (type)": f"{layer.name} ({type(layer).__name__})",
                "Output Shape": str(tuple(layer.output.shape)),
                "Param #": layer.count_params(),
            }
            for layer in model.layers
        ]
    )
