"""How well scores tell genuine from spoof, and how sure that is.

Conventions
-----------
Scores are log-odds, the higher the more genuine; labels are 1 = genuine, 0 = spoof. A
score at or above the threshold says genuine. Rates are fractions, never percent. FAR:
share of spoof trials accepted; FRR: share of genuine trials rejected. Every function
takes plain arrays (scores, labels) and checks them; nothing here knows a model.

- `lib.metrics.curves` ROC, EER, AUC
- `lib.metrics.answers` confusion matrix, classification report, accuracies at a threshold
- `lib.metrics.costs` detection costs, Cllr, Bayes threshold
- `lib.metrics.measures` all of them at once
- `lib.metrics.resampling` bootstrap intervals, over the resamples of `lib.metrics.draws`
- `lib.metrics.clusters` design effect, and what one speaker or configuration counts
- `lib.metrics.breakdown` EER by environment, device, phrase, speaker, duration
- `lib.metrics.paired` is one system better than another; seeds beside sampling
- `lib.metrics.calibration` from scores to log-likelihood ratios and to a threshold card
- `lib.metrics.alarms` what is suspicious, in plain sentences
- `lib.metrics.evaluation` all that a score file and a protocol say; `lib.metrics.tables`
  prints it
"""

from lib.metrics.alarms import shuffled_auc
from lib.metrics.answers import confusion, rate_interval, report
from lib.metrics.breakdown import breakdown, configurations, groupings
from lib.metrics.calibration import (
    Calibration,
    answer,
    calibrate,
    calibrated,
    describe_card,
    raw_threshold,
    threshold_card,
)
from lib.metrics.clusters import design_effect, leave_one_out
from lib.metrics.costs import ASVSPOOF5, Costs, act_dcf, bayes_threshold, cllr, min_cllr, min_dcf
from lib.metrics.curves import auc, eer, roc
from lib.metrics.evaluation import evaluate_table, read_tables
from lib.metrics.measures import evaluate
from lib.metrics.paired import compare, delong, ranking, seed_spread
from lib.metrics.resampling import METRICS, bootstrap, resample
from lib.metrics.tables import describe

__all__ = [
    "ASVSPOOF5",
    "METRICS",
    "Calibration",
    "Costs",
    "act_dcf",
    "answer",
    "auc",
    "bayes_threshold",
    "bootstrap",
    "breakdown",
    "calibrate",
    "calibrated",
    "cllr",
    "compare",
    "configurations",
    "confusion",
    "delong",
    "describe",
    "describe_card",
    "design_effect",
    "eer",
    "evaluate",
    "evaluate_table",
    "groupings",
    "leave_one_out",
    "min_cllr",
    "min_dcf",
    "ranking",
    "rate_interval",
    "raw_threshold",
    "read_tables",
    "report",
    "resample",
    "roc",
    "seed_spread",
    "shuffled_auc",
    "threshold_card",
]
