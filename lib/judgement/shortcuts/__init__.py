"""What gives a label away without any replay in it: cheap cues, shared metadata, manipulations."""

from lib.judgement.shortcuts.cues import SHORTCUTS, columns_of, describe, of_recording
from lib.judgement.shortcuts.judgement import GROUPS, cue_metrics, cue_sentences, cue_table, judge, measure
from lib.judgement.shortcuts.metadata import concentration, findings, shared
from lib.judgement.shortcuts.sensitivity import (
    fit_reference,
    intervention_metrics,
    intervention_sentences,
    intervention_table,
    of_runs,
    runs_metrics,
    score_recordings,
    sensitivity,
    versions,
)

__all__ = [
    "GROUPS", "SHORTCUTS", "columns_of", "concentration", "cue_metrics", "cue_sentences", "cue_table", "describe",
    "findings", "fit_reference", "intervention_metrics", "intervention_sentences", "intervention_table", "judge",
    "measure", "of_recording", "of_runs", "runs_metrics", "score_recordings", "sensitivity", "shared", "versions",
]  # fmt: skip
