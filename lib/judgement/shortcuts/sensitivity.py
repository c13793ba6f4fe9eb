"""What known interventions do to a countermeasure's answers."""

import numpy as np
import pandas as pd

from lib import metrics
from lib.audio.interventions import INTERVENTIONS, intervene
from lib.corpus import GENUINE, SPOOF
from lib.errors import InputError
from lib.judgement.shortcuts.cues import COUNTERMEASURE, SR, columns_of, mfcc_statistics

UNCHANGED = "none"


def sensitivity(
    score, recordings, labels, threshold, names=tuple(INTERVENTIONS), *, sr=SR, resamples=1000, seed=0, level=0.95
):
    """False accepts, false rejects and EER before and after each intervention.

    Parameters
    ----------
    score : callable
        List of recordings -> one score each, higher = more genuine: any system.
    recordings, names, sr, seed
        As for `versions`.
    labels, threshold, resamples, level
        As for `sensitivity_of_scores`.

    Returns
    -------
    pandas.DataFrame
        See `sensitivity_of_scores`.

    Raises
    ------
    InputError
        Labels do not fit, or a name is unknown.
    """
    if len(recordings) != len(labels):
        raise InputError(f"{len(recordings)} recordings and {len(labels)} labels; one label each is wanted")
    scores = {name: score(version) for name, version in versions(recordings, names, sr=sr, seed=seed)}
    return sensitivity_of_scores(scores, labels, threshold, resamples=resamples, seed=seed, level=level)


def versions(recordings, names=tuple(INTERVENTIONS), *, sr=SR, seed=0):
    """Recordings as they are, and after each intervention.

    Parameters
    ----------
    recordings : list of numpy.ndarray [shape=(samples,)]
    names : sequence of str
        Of `lib.audio.interventions.INTERVENTIONS`.
    sr : int, Hz
    seed : int
        Recording k is changed with seed + k.

    Yields
    ------
    str, list of numpy.ndarray [shape=(samples,)]
        The first is ``none``. One at a time, so that one only need be kept.
    """
    yield UNCHANGED, recordings
    for name in names:
        yield name, [intervene(name, y, sr, seed + k) for k, y in enumerate(recordings)]


def sensitivity_of_scores(scores, labels, threshold, *, resamples=1000, seed=0, level=0.95):
    """What interventions did, from the scores of each version of the same recordings.

    Parameters
    ----------
    scores : dict of str to array_like [shape=(n,)]
        Version, as `versions` names them -> scores, higher = more genuine.
    labels : array_like [shape=(n,)]
        1 = genuine, 0 = spoof; both present.
    threshold : float
        Scores from here on say genuine; chosen on dev, and kept.
    resamples, seed, level
        As for `lib.metrics.bootstrap`.

    Returns
    -------
    pandas.DataFrame [one row an intervention, the first ``none``]
        `intervention`; `far`, the spoof trials taken for genuine when they are changed;
        `frr`, the genuine trials taken for spoof when those are; each with Wilson's
        interval `_low`, `_high` and McNemar's exact p of no change, `far_p`, `frr_p`;
        `eer` of changed spoof against unchanged genuine trials with its bootstrap
        interval, and `eer_change` with its paired interval and `eer_p`, p of no change by
        the paired bootstrap.

    References
    ----------
    E. B. Wilson, "Probable inference, the law of succession, and statistical inference",
    Journal of the American Statistical Association 22, 1927.
    Q. McNemar, "Note on the sampling error of the difference between correlated
    proportions or percentages", Psychometrika 12, 1947.
    """
    before, labels = metrics.curves.checked(scores[UNCHANGED], labels)
    spoof, genuine = labels == SPOOF, labels == GENUINE
    settings = {"resamples": resamples, "seed": seed, "level": level}
    rows = []
    for name, found in scores.items():
        after, _ = metrics.curves.checked(found, labels)
        accepted, once = after >= threshold, before >= threshold
        row = {"intervention": name}
        row |= _rate("far", accepted[spoof], once[spoof], level)
        row |= _rate("frr", ~accepted[genuine], ~once[genuine], level)
        mixed = np.where(spoof, after, before)
        low, high = metrics.bootstrap(mixed, labels, metrics=("eer",), **settings)["eer"]
        difference = metrics.compare(mixed, before, labels, metric="eer", **settings)
        row |= {"eer": difference["first"], "eer_low": low, "eer_high": high}
        row |= {"eer_change": difference["difference"], "eer_p": difference["p"]}
        rows.append(row | {f"eer_change_{end}": difference[end] for end in ("low", "high")})
    return pd.DataFrame(rows)


def fit_reference(table):
    """The plainest countermeasure: logistic regression on statistics of the MFCCs of train.

    Parameters
    ----------
    table : pandas.DataFrame
        `split`, `label` and the cues of `lib.judgement.shortcuts.describe`.

    Returns
    -------
    sklearn.pipeline.Pipeline
        Scores are its `decision_function`, log-odds of genuine.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    train = table[table["split"] == "train"]
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000))
    return model.fit(train[columns_of(table, COUNTERMEASURE)].to_numpy(), train["label"].to_numpy())


def score_recordings(model, recordings):
    """Scores of a model of `fit_reference`, log-odds.

    Returns
    -------
    numpy.ndarray [shape=(recordings,)]
    """
    return model.decision_function(np.array([mfcc_statistics(y) for y in recordings]))


def _rate(name, errors, errors_before, level):
    from scipy.stats import binomtest

    low, high = metrics.rate_interval(errors.sum(), len(errors), level)
    more, fewer = int((errors & ~errors_before).sum()), int((errors_before & ~errors).sum())
    p = binomtest(more, more + fewer).pvalue if more + fewer else 1.0
    return {name: float(errors.mean()), f"{name}_low": low, f"{name}_high": high, f"{name}_p": float(p)}
