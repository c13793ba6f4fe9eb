"""What gives a label away without any replay in it: cheap cues, shared metadata, manipulations.

- `cues` cheap numbers of a recording, in groups
- `judgement` the performance of classifiers on each group alone, and the verdict
- `metadata` what the splits share, and which columns stand for a label
- `sensitivity` the effect of known interventions on a countermeasure, or on many runs
- `tables` tables, sentences and MLflow metrics of all that
"""

from lib.judgement.shortcuts.cues import SHORTCUTS, columns_of, describe, of_recording
from lib.judgement.shortcuts.judgement import GROUPS, judge, measure
from lib.judgement.shortcuts.metadata import concentration, findings, shared
from lib.judgement.shortcuts.sensitivity import (
    fit_reference,
    of_runs,
    score_recordings,
    sensitivity,
    sensitivity_of_scores,
    versions,
)
from lib.judgement.shortcuts.tables import (
    as_metrics,
    cue_sentences,
    cue_table,
    intervention_sentences,
    intervention_table,
    runs_metrics,
    runs_sentences,
)

__all__ = [
    "GROUPS", "SHORTCUTS", "as_metrics", "columns_of", "concentration", "cue_sentences", "cue_table", "describe",
    "findings", "fit_reference", "intervention_sentences", "intervention_table", "judge", "measure", "of_recording",
    "of_runs", "runs_metrics", "runs_sentences", "score_recordings", "sensitivity", "sensitivity_of_scores", "shared",
    "versions",
]  # fmt: skip
