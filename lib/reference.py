"""The report's own figures, as facts to stand beside ours.

Source: G. Tellez Ornelas, C. Enriquez Tapia, A. Madan, "Deepfake Audio Detection with
Neural Networks using Audio Features", CS478 project report, California State
University San Marcos, spring 2025. All on ASVspoof 2017 Version 2.0, threshold 0.5,
printed with two digits.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Reported:
    """What one classification report of the report prints.

    Attributes
    ----------
    figure : str
        As ``Figure 3.2``, or where else it is said.
    accuracy : float
    recall_genuine, recall_spoof : float or None
        None where the report does not say.
    """

    figure: str
    accuracy: float
    recall_genuine: float | None = None
    recall_spoof: float | None = None

    @property
    def balanced_accuracy(self):
        """Mean of the two recalls, which the report does not give; None without them."""
        return None if self.recall_genuine is None else (self.recall_genuine + self.recall_spoof) / 2


# Always answering "spoof" on the published eval split: 12,008 of 13,306.
CONSTANT_EVAL_ACCURACY = 12_008 / 13_306

_MODIFIED_CNN = {
    "train": Reported("Figure 5.1", 0.50, 1.00, 0.00),
    "eval": Reported("Figure 5.2", 0.10, 1.00, 0.00),
}
_MOBILENET = {
    "train": Reported("Figure 6.1", 0.51, 0.02, 1.00),
    "eval": Reported("Figure 6.2", 0.88, 0.04, 0.97),
}
_DUAL_MOBILENET = {
    "train": Reported("text, Dual MobileNetV2", 0.84, 0.69, 0.99),
    "eval": Reported("text, Dual MobileNetV2", 0.49),
}

# Run -> split -> what the report prints. Repaired runs stand beside the same figures.
REPORT = {
    "11_paper_cnn/spectrogram": {
        "train": Reported("Figure 3.2", 0.80, 0.75, 0.84),
        "eval": Reported("Figure 3.3", 0.54, 0.54, 0.54),
    },
    "11_paper_cnn/mfcc": {
        "train": Reported("Figure 3.4", 0.71, 0.61, 0.82),
        "eval": Reported("Figure 3.5", 0.69, 0.40, 0.72),
    },
    "12_wav2vec_cnn/base": {
        "train": Reported("Figure 4.1", 0.82, 0.81, 0.84),
        "eval": Reported("Figure 4.2", 0.51, 0.73, 0.49),
    },
    "13_modified_cnn/as_reported": _MODIFIED_CNN,
    "13_modified_cnn/cured": _MODIFIED_CNN,
    "14_mobilenet/as_reported": _MOBILENET,
    "14_mobilenet/cured": _MOBILENET,
    "14_mobilenet/mfcc": _MOBILENET,
    "15_dual_mobilenet/as_reported": _DUAL_MOBILENET,
    "15_dual_mobilenet/concatenation": _DUAL_MOBILENET,
}

# The base paper's accuracy on unseen data, as far as the report quotes it (its Table 2).
BASE_PAPER_ACCURACY = {"11_paper_cnn/spectrogram": 0.7086, "11_paper_cnn/mfcc": 0.7597}

# Figure 3.1: layer (type), output shape, parameters.
PAPER_CNN_TABLE = [
    ("conv2d (Conv2D)", "(None, 198, 198, 16)", 448),
    ("max_pooling2d (MaxPooling2D)", "(None, 99, 99, 16)", 0),
    ("conv2d_1 (Conv2D)", "(None, 97, 97, 8)", 1160),
    ("global_max_pooling2d (GlobalMaxPooling2D)", "(None, 8)", 0),
    ("dense (Dense)", "(None, 1)", 9),
]

# Figure 4.0.
WAV2VEC_CNN_TABLE = [
    ("conv1d (Conv1D)", "(None, 766, 16)", 64),
    ("max_pooling1d (MaxPooling1D)", "(None, 383, 16)", 0),
    ("conv1d_1 (Conv1D)", "(None, 381, 8)", 392),
    ("global_max_pooling1d (GlobalMaxPooling1D)", "(None, 8)", 0),
    ("dense (Dense)", "(None, 1)", 9),
]

# Figure 5.0.
MODIFIED_CNN_TABLE = [
    ("conv2d (Conv2D)", "(None, 198, 198, 128)", 3584),
    ("max_pooling2d (MaxPooling2D)", "(None, 99, 99, 128)", 0),
    ("batch_normalization (BatchNormalization)", "(None, 99, 99, 128)", 512),
    ("conv2d_1 (Conv2D)", "(None, 97, 97, 64)", 73792),
    ("max_pooling2d_1 (MaxPooling2D)", "(None, 48, 48, 64)", 0),
    ("batch_normalization_1 (BatchNormalization)", "(None, 48, 48, 64)", 256),
    ("conv2d_2 (Conv2D)", "(None, 46, 46, 32)", 18464),
    ("max_pooling2d_2 (MaxPooling2D)", "(None, 23, 23, 32)", 0),
    ("batch_normalization_2 (BatchNormalization)", "(None, 23, 23, 32)", 128),
    ("flatten (Flatten)", "(None, 16928)", 0),
    ("dense (Dense)", "(None, 256)", 4333824),
    ("dropout (Dropout)", "(None, 256)", 0),
    ("dense_1 (Dense)", "(None, 1)", 257),
]

# Figure 6.0.
MOBILENET_TABLE = [
    ("input_layer_1 (InputLayer)", "(None, 200, 200, 3)", 0),
    ("mobilenetv2_1.00_224 (Functional)", "(None, 1280)", 2257984),
    ("dense (Dense)", "(None, 64)", 81984),
    ("dropout (Dropout)", "(None, 64)", 0),
    ("dense_1 (Dense)", "(None, 1)", 65),
]

# Figure 7.0; the names that it cuts off are completed.
DUAL_MOBILENET_TABLE = [
    ("spectrogram_input (InputLayer)", "(None, 200, 200, 3)", 0),
    ("mfcc_image_input (InputLayer)", "(None, 200, 200, 3)", 0),
    ("mobilenet_for_spec (Functional)", "(None, 1280)", 2257984),
    ("mobilenet_for_mfcc (Functional)", "(None, 1280)", 2257984),
    ("concatenated_features (Concatenate)", "(None, 2560)", 0),
    ("dense (Dense)", "(None, 512)", 1311232),
    ("batch_normalization (BatchNormalization)", "(None, 512)", 2048),
    ("dropout (Dropout)", "(None, 512)", 0),
    ("dense_1 (Dense)", "(None, 256)", 131328),
    ("batch_normalization_1 (BatchNormalization)", "(None, 256)", 1024),
    ("dropout_1 (Dropout)", "(None, 256)", 0),
    ("dense_2 (Dense)", "(None, 64)", 16448),
    ("batch_normalization_2 (BatchNormalization)", "(None, 64)", 256),
    ("dropout_2 (Dropout)", "(None, 64)", 0),
    ("output (Dense)", "(None, 1)", 65),
]

# What the report states or implies of the settings under which its models collapsed, in
# the order in which the repairs are tried. Batch norm in training is Keras' default; the
# images "were fed directly into the MobileNetV2 model".
MODIFIED_CNN_SETTINGS = {"refresh_batch_norm": False, "pixel_range": "0-255", "threshold": "0.5"}
MOBILENET_SETTINGS = {"pixel_range": "0-255", "batch_norm": "training", "augmentation": "image", "threshold": "0.5"}
