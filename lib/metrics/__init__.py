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
"""

from lib.metrics.answers import confusion, report
from lib.metrics.clusters import design_effect, leave_one_out
from lib.metrics.costs import ASVSPOOF5, Costs, act_dcf, bayes_threshold, cllr, min_cllr, min_dcf
from lib.metrics.curves import auc, eer, roc
from lib.metrics.measures import evaluate
from lib.metrics.resampling import bootstrap, resample

__all__ = [
    "ASVSPOOF5",
    "Costs",
    "act_dcf",
    "auc",
    "bayes_threshold",
    "bootstrap",
    "cllr",
    "confusion",
    "design_effect",
    "eer",
    "evaluate",
    "leave_one_out",
    "min_cllr",
    "min_dcf",
    "report",
    "resample",
    "roc",
]
