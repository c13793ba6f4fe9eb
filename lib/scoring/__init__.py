"""Scoring recordings with trained runs, as the runs themselves scored."""

from lib.scoring.answers import CANNOT_TELL, Judge, best_on_dev, judge
from lib.scoring.files import describe, elsewhere, errors, read_labels, recordings, score_files, summary, write_csv
from lib.scoring.systems import SR, System, log_odds, open_run, open_runs
