"""Which layer of an encoder knows: a linear probe of each."""

import pandas as pd

from lib import metrics


def probed(train, dev):
    """Dev EER of logistic regression on each layer of an encoder, with its 95 % interval over trials.

    Parameters
    ----------
    train, dev : (numpy.ndarray [shape=(layers, trials, width)], numpy.ndarray [shape=(trials,)])
        Values and labels, from `lib.systems.speech.layer_means`.

    Returns
    -------
    pandas.DataFrame [one row a layer, numbered from 0]
        `eer`, `eer_ci_low`, `eer_ci_high`, fractions.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    rows, labels = [], dev[1]
    for known, asked in zip(train[0], dev[0], strict=True):
        probe = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000)).fit(known, train[1])
        scores = probe.decision_function(asked)
        low, high = metrics.bootstrap(scores, labels, metrics=("eer",))["eer"]
        rows.append({"eer": metrics.eer(scores, labels)[0], "eer_ci_low": low, "eer_ci_high": high})
    return pd.DataFrame(rows).rename_axis("layer")
