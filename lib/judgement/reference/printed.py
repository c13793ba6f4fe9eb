"""The classification reports of the report, as printed, and other figures of its text."""

from dataclasses import dataclass

_AVERAGES = ("macro avg", "weighted avg")


@dataclass(frozen=True)
class Printed:
    """One classification report.

    Attributes
    ----------
    system, split : str
    classes : tuple of str
        In the order of the rows; the report swaps it half-way.
    rows : tuple of (float, float, float)
        Precision, recall and F1 of each class, then of the macro and weighted averages.
    accuracy : float
    """

    system: str
    split: str
    classes: tuple
    rows: tuple
    accuracy: float

    def recall(self, name):
        """Recall of one class."""
        return self.rows[self.classes.index(name)][1]

    def text(self):
        """The report as scikit-learn lays it out."""
        support = SUPPORT[self.split]
        total = sum(support.values())
        lines = [f"{'':>14}{'precision':>10}{'recall':>10}{'f1-score':>10}{'support':>10}"]
        for name, row in zip((*self.classes, *_AVERAGES), self.rows, strict=True):
            cells = "".join(f"{value:>10.2f}" for value in row)
            lines.append(f"{name:>14}{cells}{support.get(name, total):>10}")
        lines.insert(3, f"{'accuracy':>14}{'':>20}{self.accuracy:>10.2f}{total:>10}")
        return "\n".join(lines)


_GENUINE_FIRST, _SPOOF_FIRST = ("genuine", "spoof"), ("spoof", "genuine")
SUPPORT = {"train": {"genuine": 1507, "spoof": 1507}, "eval": {"genuine": 1298, "spoof": 12008}}

# Figure -> what it prints. Precision, recall, F1 of the classes, macro and weighted average.
PRINTED = {
    "Figure 3.2": Printed(
        "spectrogram CNN", "train", _GENUINE_FIRST,
        ((0.83, 0.75, 0.79), (0.77, 0.84, 0.81), (0.80, 0.80, 0.80), (0.80, 0.80, 0.80)), 0.80,
    ),
    "Figure 3.3": Printed(
        "spectrogram CNN", "eval", _GENUINE_FIRST,
        ((0.11, 0.54, 0.19), (0.92, 0.54, 0.68), (0.52, 0.54, 0.44), (0.84, 0.54, 0.64)), 0.54,
    ),
    "Figure 3.4": Printed(
        "MFCC CNN", "train", _GENUINE_FIRST,
        ((0.77, 0.61, 0.68), (0.68, 0.82, 0.74), (0.72, 0.71, 0.71), (0.72, 0.71, 0.71)), 0.71,
    ),
    "Figure 3.5": Printed(
        "MFCC CNN", "eval", _GENUINE_FIRST,
        ((0.13, 0.40, 0.20), (0.92, 0.72, 0.80), (0.52, 0.56, 0.50), (0.84, 0.69, 0.75)), 0.69,
    ),
    "Figure 4.1": Printed(
        "wav2vec + 1-D CNN", "train", _GENUINE_FIRST,
        ((0.83, 0.81, 0.82), (0.81, 0.84, 0.82), (0.82, 0.82, 0.82), (0.82, 0.82, 0.82)), 0.82,
    ),
    "Figure 4.2": Printed(
        "wav2vec + 1-D CNN", "eval", _GENUINE_FIRST,
        ((0.13, 0.73, 0.23), (0.94, 0.49, 0.64), (0.54, 0.61, 0.43), (0.86, 0.51, 0.60)), 0.51,
    ),
    "Figure 5.1": Printed(
        "modified CNN", "train", _SPOOF_FIRST,
        ((0.00, 0.00, 0.00), (0.50, 1.00, 0.67), (0.25, 0.50, 0.33), (0.25, 0.50, 0.33)), 0.50,
    ),
    "Figure 5.2": Printed(
        "modified CNN", "eval", _SPOOF_FIRST,
        ((0.00, 0.00, 0.00), (0.10, 1.00, 0.18), (0.05, 0.50, 0.09), (0.01, 0.10, 0.02)), 0.10,
    ),
    "Figure 6.1": Printed(
        "MobileNetV2", "train", _SPOOF_FIRST,
        ((0.51, 1.00, 0.67), (0.97, 0.02, 0.05), (0.74, 0.51, 0.36), (0.74, 0.51, 0.36)), 0.51,
    ),
    "Figure 6.2": Printed(
        "MobileNetV2", "eval", _SPOOF_FIRST,
        ((0.90, 0.97, 0.94), (0.13, 0.04, 0.06), (0.51, 0.50, 0.50), (0.83, 0.88, 0.85)), 0.88,
    ),
}  # fmt: skip
