"""Which layer of an encoder knows: a linear probe of each."""

import pandas as pd

from lib import metrics
from lib.judgement.shortcuts import linear


def probed(train, dev):
    """Dev EER (`eer`, `eer_ci_low`, `eer_ci_high`, fractions) of logistic regression on each layer of an encoder.

    `train` and `dev` are the values [shape=(layers, trials, width)] and labels [shape=(trials,)] of
    `lib.systems.speech.layer_means`; one row a layer, numbered from 0, with a 95 % interval over trials.
    """
    rows = []
    for known, asked in zip(train[0], dev[0], strict=True):
        scores = linear().fit(known, train[1]).decision_function(asked)
        low, high = metrics.bootstrap(scores, dev[1], metrics=("eer",))["eer"]
        rows.append({"eer": metrics.eer(scores, dev[1])[0], "eer_ci_low": low, "eer_ci_high": high})
    return pd.DataFrame(rows).rename_axis("layer")
