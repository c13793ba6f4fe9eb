"""The 1-D CNN on wav2vec embeddings (report, Figure 4.0)."""

from lib.systems.backend import keras


def wav2vec_cnn(size=768):
    """Build the paper's CNN with 1-D layers, for one embedding a recording.

    Two convolutions of width 3 (16 and 8 filters), max pooling of 2 between them,
    global max pooling, one output. The activation is not stated in the report; ReLU, as
    in the paper's CNN. Neighbouring values of an embedding have no order that means
    anything; the report's network treats them as a sequence all the same.

    Parameters
    ----------
    size : int >= 8
        Values of an embedding; wav2vec2-base has 768.

    Returns
    -------
    keras.Model
        ``[batch, size, 1] -> [batch, 1]`` log-odds, 465 parameters at any size.

    References
    ----------
    Report, Figure 4.0.
    """
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((size, 1)),
            layers.Conv1D(16, 3, activation="relu", name="conv1d"),
            layers.MaxPooling1D(2, name="max_pooling1d"),
            layers.Conv1D(8, 3, activation="relu", name="conv1d_1"),
            layers.GlobalMaxPooling1D(name="global_max_pooling1d"),
            layers.Dense(1, name="dense"),
        ],
        name="wav2vec_cnn",
    )
