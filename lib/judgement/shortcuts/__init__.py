"""What gives a label away without any replay in it: cheap cues, shared metadata, manipulations."""

from lib.judgement.shortcuts.cues import GROUPS, columns_of, describe, of_recording
from lib.judgement.shortcuts.judgement import cue_metrics, cue_sentences, judge, linear, measure
from lib.judgement.shortcuts.metadata import concentration, findings, shared
from lib.judgement.shortcuts.sensitivity import (
    intervention_sentences,
    score_recordings,
    sensitivity,
    versions,
)

__all__ = [
    "GROUPS", "columns_of", "concentration", "cue_metrics", "cue_sentences", "describe",
    "findings", "intervention_sentences", "judge", "linear", "measure",
    "of_recording", "score_recordings", "sensitivity", "shared", "versions",
]  # fmt: skip
