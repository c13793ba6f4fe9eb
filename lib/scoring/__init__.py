"""Scoring recordings with trained runs.

A run keeps its model, its threshold and every parameter that decided what the model was
fed. Here they come together again: the same recordings in the same order have the scores
that the run recorded, since pictures are the same bytes and batches are cut alike.

- `lib.scoring.inputs` what a run's model is fed, and making it from samples
- `lib.scoring.systems` opening runs; samples -> log-odds
- `lib.scoring.files` recordings on disk -> answers, with what a reader has to know of them
"""

from lib.scoring.files import describe, recordings, score_files
from lib.scoring.systems import SR, System, log_odds, open_run, open_runs

__all__ = ["SR", "System", "describe", "log_odds", "open_run", "open_runs", "recordings", "score_files"]
