"""What gives a label away without any replay in it: cheap cues, shared metadata, manipulations.

- `lib.judgement.shortcuts.cues` cheap numbers of a recording, in groups
- `lib.judgement.shortcuts.judgement` what classifiers reach on each group alone, and the verdict
- `lib.judgement.shortcuts.metadata` what the splits share, what stands for a label
- `lib.judgement.shortcuts.sensitivity` what known interventions do to a countermeasure
- `lib.judgement.shortcuts.runs` the same of many trained runs side by side
- `lib.judgement.shortcuts.tables` tables and sentences for a page
"""

from lib.judgement.shortcuts.cues import CHANNEL, SHORTCUTS, columns_of, describe, of_recording
from lib.judgement.shortcuts.judgement import GROUPS, judge, measure
from lib.judgement.shortcuts.metadata import concentration, findings, shared
from lib.judgement.shortcuts.runs import of_runs, runs_metrics, runs_sentences
from lib.judgement.shortcuts.sensitivity import (
    fit_reference,
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
)

__all__ = [
    "CHANNEL",
    "GROUPS",
    "SHORTCUTS",
    "as_metrics",
    "columns_of",
    "concentration",
    "cue_sentences",
    "cue_table",
    "describe",
    "findings",
    "fit_reference",
    "intervention_sentences",
    "intervention_table",
    "judge",
    "measure",
    "of_recording",
    "of_runs",
    "runs_metrics",
    "runs_sentences",
    "score_recordings",
    "sensitivity",
    "sensitivity_of_scores",
    "shared",
    "versions",
]
