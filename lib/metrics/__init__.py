"""How well scores separate genuine from spoof, and how certain that is.

Scores are log-odds, higher = more genuine; labels are 1 = genuine, 0 = spoof. A trial is
accepted as genuine when its score is at or above the threshold. Rates are fractions. FAR:
share of spoof trials accepted; FRR: share of genuine trials rejected.
"""

from lib.metrics.clusters import breakdown
from lib.metrics.decisions import Calibration, calibrate, calibrated, threshold_card
from lib.metrics.evaluation import evaluate_table, read_tables
from lib.metrics.measures import Costs, auc, cllr, confusion, eer, evaluate, rate_interval, report, roc
from lib.metrics.paired import against, beside, compare, compare_seeds, holm, over, ranking
from lib.metrics.resampling import METRICS, bootstrap, configurations, shuffled_auc
from lib.metrics.tables import describe
