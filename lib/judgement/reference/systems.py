"""What the report says of each of its systems, by the name of our run."""

from dataclasses import dataclass

from lib.judgement.reference.printed import PRINTED


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


def _printed(figure):
    report = PRINTED[figure]
    return Reported(figure, report.accuracy, report.recall("genuine"), report.recall("spoof"))


def _both(train, final):
    return {"train": _printed(train), "eval": _printed(final)}


# Always answering "spoof" on the published eval split: 12,008 of 13,306.
CONSTANT_EVAL_ACCURACY = 12_008 / 13_306

_MODIFIED_CNN = _both("Figure 5.1", "Figure 5.2")
_MOBILENET = _both("Figure 6.1", "Figure 6.2")
_DUAL_MOBILENET = {
    "train": Reported("text, Dual MobileNetV2", 0.84, 0.69, 0.99),
    "eval": Reported("text, Dual MobileNetV2", 0.49),
}

# Run -> split -> what the report prints. Repaired runs stand beside the same figures.
REPORT = {
    "11_paper_cnn/spectrogram": _both("Figure 3.2", "Figure 3.3"),
    "11_paper_cnn/mfcc": _both("Figure 3.4", "Figure 3.5"),
    "12_wav2vec_cnn/base": _both("Figure 4.1", "Figure 4.2"),
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

# What the report states or implies of the settings under which its models collapsed, in
# the order in which the repairs are tried. Batch norm in training is Keras' default; the
# images "were fed directly into the MobileNetV2 model".
MODIFIED_CNN_SETTINGS = {"refresh_batch_norm": False, "pixel_range": "0-255", "threshold": "0.5"}
MOBILENET_SETTINGS = {"pixel_range": "0-255", "batch_norm": "training", "augmentation": "image", "threshold": "0.5"}
