"""The report's own figures, from params/report.yaml, to stand beside ours.

All on ASVspoof 2017 Version 2.0, threshold 0.5, printed with two digits.
"""

from lib.corpus.protocol import GENUINE, SPOOF
from lib.judgement.printed import read
from lib.params import read_table

_REPORT = read_table("report")


def _printed(figure, about):
    """What is told about a printed report, with the fractions that it gives."""
    numbers = read(about["text"], figure).numbers
    genuine, spoof = (float(numbers["recall", label]) for label in (GENUINE, SPOOF))
    recalls = {"recall_genuine": genuine, "recall_spoof": spoof, "balanced_accuracy": (genuine + spoof) / 2}
    return {**about, "figure": figure, "accuracy": float(numbers["accuracy", "accuracy"]), **recalls}


# Figure -> `system`, `split`, `text`, `figure`, `accuracy`, `balanced_accuracy`, `recall_genuine`, `recall_spoof`.
PRINTED = {figure: _printed(figure, about) for figure, about in _REPORT["printed"].items()}
# Run -> split -> the same of that run, or only what the report's text says.
REPORT = {
    run: {
        split: PRINTED.get(place) or {"figure": place.partition(" (")[0], **_REPORT["text"][place]}
        for split, place in splits.items()
    }
    for run, splits in _REPORT["runs"].items()
}
# Run -> the base paper's accuracy on unseen data.
BASE_PAPER_ACCURACY = _REPORT["base_paper_accuracy"]
# Parameter -> value as reported, in the order in which the ablation changes them.
MODIFIED_CNN_SETTINGS, MOBILENET_SETTINGS = (_REPORT["settings"][name] for name in ("modified_cnn", "mobilenet"))
# Figure -> layer (type), output shape and parameters of each layer.
LAYERS = _REPORT["layers"]
