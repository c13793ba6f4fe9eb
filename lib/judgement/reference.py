"""The report's own figures, read from params/report.yaml, to stand beside ours.

All on ASVspoof 2017 Version 2.0, threshold 0.5, printed with two digits.
"""

from dataclasses import dataclass

import yaml

from lib.params import PARAMS

_REPORT = yaml.load((PARAMS / "report.yaml").read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)


@dataclass(frozen=True)
class Printed:
    """One classification report; `rows` class or average -> (precision, recall, F1), in printed order."""

    system: str
    split: str
    rows: dict
    accuracy: float

    def text(self):
        """The report as scikit-learn lays it out."""
        support = _REPORT["support"][self.split]
        total = sum(support.values())
        lines = [f"{'':>14}{'precision':>10}{'recall':>10}{'f1-score':>10}{'support':>10}"]
        for name, row in self.rows.items():
            cells = "".join(f"{value:>10.2f}" for value in row)
            lines.append(f"{name:>14}{cells}{support.get(name, total):>10}")
        lines.insert(3, f"{'accuracy':>14}{'':>20}{self.accuracy:>10.2f}{total:>10}")
        return "\n".join(lines)


@dataclass(frozen=True)
class Reported:
    """Fractions that the report gives of a system on a split, at a `figure` or in its text; None where it does not."""

    figure: str
    accuracy: float
    recall_genuine: float | None = None
    recall_spoof: float | None = None

    @property
    def balanced_accuracy(self):
        """Mean of the two recalls, which the report does not give."""
        return None if self.recall_genuine is None else (self.recall_genuine + self.recall_spoof) / 2


def _reported(figure):
    if figure in PRINTED:
        rows = PRINTED[figure].rows
        return Reported(figure, PRINTED[figure].accuracy, rows["genuine"][1], rows["spoof"][1])
    return Reported(figure.partition(" (")[0], **_REPORT["text"][figure])


PRINTED = {figure: Printed(**printed) for figure, printed in _REPORT["printed"].items()}
# Run -> split -> Reported.
REPORT = {
    run: {split: _reported(figure) for split, figure in splits.items()} for run, splits in _REPORT["runs"].items()
}
# Run -> the base paper's accuracy on unseen data.
BASE_PAPER_ACCURACY = _REPORT["base_paper_accuracy"]

# Parameter -> value as reported, in the order in which the ablation changes them.
MODIFIED_CNN_SETTINGS = _REPORT["settings"]["modified_cnn"]
MOBILENET_SETTINGS = _REPORT["settings"]["mobilenet"]

# (layer (type), output shape, parameters) of each layer.
PAPER_CNN_TABLE, WAV2VEC_CNN_TABLE, MODIFIED_CNN_TABLE, MOBILENET_TABLE, DUAL_MOBILENET_TABLE = (
    [tuple(row) for row in _REPORT["layers"][name]]
    for name in ("paper_cnn", "wav2vec_cnn", "modified_cnn", "mobilenet", "dual_mobilenet")
)
