"""The report's own figures, as facts to stand beside ours.

Source: G. Tellez Ornelas, C. Enriquez Tapia, A. Madan, "Deepfake Audio Detection with
Neural Networks using Audio Features", CS478 project report, California State
University San Marcos, spring 2025. All on ASVspoof 2017 Version 2.0, threshold 0.5,
printed with two digits.
"""

from lib.judgement.reference.layers import (
    DUAL_MOBILENET_TABLE,
    MOBILENET_TABLE,
    MODIFIED_CNN_TABLE,
    PAPER_CNN_TABLE,
    WAV2VEC_CNN_TABLE,
)
from lib.judgement.reference.printed import PRINTED, Printed
from lib.judgement.reference.systems import (
    BASE_PAPER_ACCURACY,
    CONSTANT_EVAL_ACCURACY,
    MOBILENET_SETTINGS,
    MODIFIED_CNN_SETTINGS,
    REPORT,
    Reported,
)

__all__ = [
    "BASE_PAPER_ACCURACY",
    "CONSTANT_EVAL_ACCURACY",
    "DUAL_MOBILENET_TABLE",
    "MOBILENET_SETTINGS",
    "MOBILENET_TABLE",
    "MODIFIED_CNN_SETTINGS",
    "MODIFIED_CNN_TABLE",
    "PAPER_CNN_TABLE",
    "PRINTED",
    "REPORT",
    "WAV2VEC_CNN_TABLE",
    "Printed",
    "Reported",
]
