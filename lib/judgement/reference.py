"""The report's own figures, read from params/report.yaml, to stand beside ours.

All on ASVspoof 2017 Version 2.0, threshold 0.5, printed with two digits.
"""

from dataclasses import dataclass

from lib.corpus.protocol import GENUINE, SPOOF
from lib.judgement.printed import read
from lib.params import read_table

_REPORT = read_table("report")


@dataclass(frozen=True)
class Reported:
    """What the report gives of a system on a split, as fractions; a recall is None where it does not."""

    figure: str  # or "text"
    accuracy: float
    recall_genuine: float | None = None
    recall_spoof: float | None = None
    system: str = ""
    split: str = ""
    text: str = ""  # the classification report as printed

    @property
    def balanced_accuracy(self):
        """Mean of the two recalls, which the report does not give."""
        return None if self.recall_genuine is None else (self.recall_genuine + self.recall_spoof) / 2


def _printed(figure, about):
    numbers = read(about["text"], figure).numbers
    keys = ("accuracy", "accuracy"), ("recall", GENUINE), ("recall", SPOOF)
    return Reported(figure, *(float(numbers[key]) for key in keys), **about)


PRINTED = {figure: _printed(figure, about) for figure, about in _REPORT["printed"].items()}
_STATED = {place: Reported(place.partition(" (")[0], **figures) for place, figures in _REPORT["text"].items()}
# Run -> split -> Reported.
REPORT = {
    run: {split: (PRINTED | _STATED)[place] for split, place in splits.items()}
    for run, splits in _REPORT["runs"].items()
}
# Run -> the base paper's accuracy on unseen data.
BASE_PAPER_ACCURACY = _REPORT["base_paper_accuracy"]
# Parameter -> value as reported, in the order in which the ablation changes them.
MODIFIED_CNN_SETTINGS, MOBILENET_SETTINGS = (_REPORT["settings"][name] for name in ("modified_cnn", "mobilenet"))
# Figure -> layer (type), output shape and parameters of each layer.
LAYERS = _REPORT["layers"]
