"""Which speakers, phrases or configurations make a number, and how much they count."""

import numpy as np
import pandas as pd

from lib.corpus.protocol import GENUINE
from lib.metrics.curves import auc, checked, eer
from lib.metrics.measures import evaluate
from lib.metrics.resampling import resample

# Cheaper alone than with all the others.
_FAST = {"eer": lambda scores, labels: eer(scores, labels)[0], "auc": auc}


def design_effect(scores, labels, clusters, *, metric="eer", resamples=1000, seed=0, **settings):
    """How many times more a metric varies over clusters than over trials.

    Trials divided by this is the number of independent trials that the clusters amount to.

    Returns
    -------
    float
        Variance over resampled clusters / variance over resampled trials; infinite when
        only the first is not 0, and 1 when both are.
    """
    settings |= {"metrics": (metric,), "resamples": resamples, "seed": seed}
    over_clusters = resample(scores, labels, clusters=clusters, **settings)[metric].var()
    over_trials = resample(scores, labels, **settings)[metric].var()
    if over_trials == 0:
        return 1.0 if over_clusters == 0 else float("inf")
    return float(over_clusters / over_trials)


def leave_one_out(scores, labels, clusters, *, metric="eer", **settings):
    """A metric without each cluster in turn.

    Parameters
    ----------
    scores, labels : array_like [shape=(n,)]
    clusters : array_like of str [shape=(n,)]
    metric : str
        A key of `lib.metrics.evaluate`.
    **settings
        Threshold and costs, as for `lib.metrics.evaluate`.

    Returns
    -------
    pandas.DataFrame [one row a cluster, the largest change first]
        `cluster`, `n_genuine`, `n_spoof`, `without` (the metric on the other trials) and
        `change` (the metric on all trials less that: positive when the cluster raises
        it); NaN where the other trials are of one class.
    """
    scores, labels = checked(scores, labels)
    names = np.asarray(clusters).astype(str)
    measure = _FAST.get(metric) or (lambda scores, labels: evaluate(scores, labels, **settings)[metric])
    everything = measure(scores, labels)
    rows = []
    for name in np.unique(names):
        rest = names != name
        both = len(np.unique(labels[rest])) == 2
        without = measure(scores[rest], labels[rest]) if both else np.nan
        n_genuine = int((labels[~rest] == GENUINE).sum())
        n_spoof = int((~rest).sum()) - n_genuine
        rows.append((name, n_genuine, n_spoof, without, everything - without))
    table = pd.DataFrame(rows, columns=["cluster", "n_genuine", "n_spoof", "without", "change"])
    return table.sort_values("change", key=np.abs, ascending=False, ignore_index=True)
