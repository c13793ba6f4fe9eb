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
    accuracy, recall_genuine, recall_spoof : float
    """

    figure: str
    accuracy: float
    recall_genuine: float
    recall_spoof: float

    @property
    def balanced_accuracy(self):
        """Mean of the two recalls; the report does not give it."""
        return (self.recall_genuine + self.recall_spoof) / 2


# Always answering "spoof" on the published eval split: 12,008 of 13,306.
CONSTANT_EVAL_ACCURACY = 12_008 / 13_306

REPORT = {
    "11_paper_cnn/spectrogram": {
        "train": Reported("3.2", 0.80, 0.75, 0.84),
        "eval": Reported("3.3", 0.54, 0.54, 0.54),
    },
    "11_paper_cnn/mfcc": {
        "train": Reported("3.4", 0.71, 0.61, 0.82),
        "eval": Reported("3.5", 0.69, 0.40, 0.72),
    },
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
