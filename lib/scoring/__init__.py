"""Scoring recordings with trained runs, as the runs themselves scored.

- `lib.scoring.systems` opening runs; samples -> log-odds
- `lib.scoring.answers` what a run may say of a recording, and on what that rests
- `lib.scoring.files` recordings on disk -> answers, and those as text
"""

from lib.scoring.answers import CANNOT_TELL, Judge, judge
from lib.scoring.files import describe, elsewhere, errors, read_labels, recordings, score_files, summary, write_csv
from lib.scoring.systems import SR, System, log_odds, open_run, open_runs

__all__ = [
    "CANNOT_TELL", "SR", "Judge", "System", "describe", "elsewhere", "errors", "judge", "log_odds", "open_run",
    "open_runs", "read_labels", "recordings", "score_files", "summary", "write_csv",
]  # fmt: skip
