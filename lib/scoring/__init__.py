"""Scoring recordings with trained runs, as the runs themselves scored.

- `lib.scoring.systems` opening runs; samples -> log-odds
- `lib.scoring.files` recordings on disk -> answers, with what a reader has to know of them
- `lib.scoring.drawn` recordings of other corpora, and genuine ones of any origin
"""

from lib.scoring.drawn import Place, elsewhere
from lib.scoring.files import describe, recordings, score_files
from lib.scoring.systems import SR, System, log_odds, open_run, open_runs

__all__ = [
    "SR", "Place", "System", "describe", "elsewhere", "log_odds", "open_run", "open_runs", "recordings", "score_files",
]  # fmt: skip
