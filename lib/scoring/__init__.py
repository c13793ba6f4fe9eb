"""Scoring recordings with trained runs.

A run keeps its system, its threshold and what the system is fed (`inputs.json`): so the
same recordings in the same order get the scores that the run recorded.

- `lib.scoring.systems` opening runs; samples -> log-odds
- `lib.scoring.files` recordings on disk -> answers, with what a reader has to know of them
"""

from lib.scoring.files import describe, recordings, score_files
from lib.scoring.systems import SR, System, log_odds, open_run, open_runs

__all__ = ["SR", "System", "describe", "log_odds", "open_run", "open_runs", "recordings", "score_files"]
