"""How well scores separate genuine from spoof, and how certain that is.

Scores are log-odds, higher = more genuine; labels are 1 = genuine, 0 = spoof. A trial is
accepted as genuine when its score is at or above the threshold. Rates are fractions. FAR:
share of spoof trials accepted; FRR: share of genuine trials rejected.
"""

from lib.metrics.alarms import shuffled_auc
from lib.metrics.breakdown import breakdown, configurations
from lib.metrics.calibration import Calibration, calibrate, calibrated, describe_card, raw_threshold, threshold_card
from lib.metrics.costs import ASVSPOOF5, Costs, act_dcf, bayes_threshold, cllr, min_cllr, min_dcf
from lib.metrics.curves import auc, eer, eer_hull, roc
from lib.metrics.evaluation import evaluate_table, read_tables
from lib.metrics.measures import confusion, evaluate, rate_interval, report
from lib.metrics.paired import against, beside, compare, compare_seeds, holm, over, ranking
from lib.metrics.regression import determination
from lib.metrics.resampling import METRICS, bootstrap, resample
from lib.metrics.tables import describe

__all__ = [
    "ASVSPOOF5", "METRICS", "Calibration", "Costs", "act_dcf", "against", "auc", "bayes_threshold", "beside",
    "bootstrap", "breakdown", "calibrate", "calibrated", "cllr", "compare", "compare_seeds", "configurations",
    "confusion", "describe", "describe_card", "determination", "eer", "eer_hull", "evaluate", "evaluate_table", "holm",
    "min_cllr", "min_dcf", "over", "ranking", "rate_interval", "raw_threshold", "read_tables", "report", "resample",
    "roc", "shuffled_auc", "threshold_card",
]  # fmt: skip
