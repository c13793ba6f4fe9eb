"""From scores to decisions: calibration on dev, and the threshold card.

A calibrated score is a log-likelihood ratio: the same number means the same on every
system, and the Bayes threshold of a prior and costs applies to it. Both the map and the
card are made on dev and used as they are on eval.
"""

from typing import NamedTuple

import numpy as np

from lib.corpus.protocol import GENUINE, SPOOF
from lib.errors import InputError
from lib.metrics.costs import ASVSPOOF5, Costs, bayes_threshold
from lib.metrics.curves import checked


class Calibration(NamedTuple):
    """The straight line ``slope * score + offset``, in natural log-likelihood ratios."""

    slope: float
    offset: float


def calibrate(scores, labels):
    """Fit the line that turns scores into log-likelihood ratios.

    Logistic regression with both classes weighing the same, so that the share of
    genuine trials in dev does not enter. Targets are Platt's, a little inside 0 and 1:
    the line stays finite where dev is separated without an error.

    Parameters
    ----------
    scores, labels : array_like [shape=(n,)]
        Of dev, never of the trials that are to be judged.

    Returns
    -------
    Calibration
        A slope at or below 0 says that the scores tell nothing or point the wrong way.

    References
    ----------
    N. Brümmer and J. du Preez, "Application-independent evaluation of speaker detection",
    Computer Speech & Language 20, 2006, section 7.
    J. Platt, "Probabilistic outputs for support vector machines", Advances in Large Margin
    Classifiers, 1999, section 2.2 (targets).
    """
    from sklearn.linear_model import LogisticRegression

    scores, labels = checked(scores, labels)
    center, scale = scores.mean(), scores.std()
    if scale == 0:
        return Calibration(0.0, 0.0)
    n = np.bincount(labels, minlength=2)[labels]  # trials of each trial's class
    # Every trial stands as both classes, with the weights of its target.
    sure = (n + 1) / (n + 2)
    x = np.tile((scores - center) / scale, 2)[:, np.newaxis]
    model = LogisticRegression(C=np.inf, tol=1e-8, max_iter=1000)
    model.fit(x, np.concatenate([labels, 1 - labels]), sample_weight=np.concatenate([sure / n, (1 - sure) / n]))
    slope = float(model.coef_[0, 0] / scale)
    return Calibration(slope, float(model.intercept_[0] - slope * center))


def calibrated(scores, calibration):
    """Scores as log-likelihood ratios."""
    return calibration.slope * np.asarray(scores, dtype=np.float64) + calibration.offset


def raw_threshold(ratio, calibration):
    """The score at which the calibrated score is `ratio`.

    Raises
    ------
    InputError
        The slope is not positive: no score has that meaning.
    """
    if not calibration.slope > 0:
        raise InputError(
            f"the dev scores rise with spoof or say nothing (calibration slope {calibration.slope:.3g}); "
            "a higher score has to mean more genuine"
        )
    return (ratio - calibration.offset) / calibration.slope


def threshold_card(scores, labels, *, costs=ASVSPOOF5, c_unsure=None):
    """Where to cut for a prior and costs, and where it is better not to answer.

    An answer is given where its expected cost lies below that of not answering: "genuine"
    while P(spoof | score) c_fa <= c_unsure, "spoof" while P(genuine | score) c_miss <=
    c_unsure; between them "cannot tell".

    Parameters
    ----------
    scores, labels : array_like [shape=(n,)]
        Of dev.
    costs : Costs
    c_unsure : float, > 0, optional
        Cost of not answering. Without it half of what an answer costs at the Bayes
        threshold, ``c_miss c_fa / (c_miss + c_fa) / 2``; from the whole of that on
        there is no band.

    Returns
    -------
    dict
        `costs` (p_spoof, c_miss, c_fa, c_unsure), `calibration` (slope, offset),
        `threshold` and `band` [low, high] on the scale of the scores, `far` and `frr`
        at the threshold, and `unsure` and `errors` of each class, fractions: inside the
        band, and wrong outside it. All on dev.

    Raises
    ------
    InputError
        The costs are impossible, or the scores tell nothing.

    References
    ----------
    C. K. Chow, "On optimum recognition error and reject tradeoff", IEEE Transactions on
    Information Theory 16, 1970.
    """
    scores, labels = checked(scores, labels)
    ratio = bayes_threshold(costs)
    break_even = costs.c_miss * costs.c_fa / (costs.c_miss + costs.c_fa)
    c_unsure = break_even / 2 if c_unsure is None else c_unsure
    if not c_unsure > 0:
        raise InputError(f"c_unsure = {c_unsure}; a positive cost is wanted")
    calibration = calibrate(scores, labels)
    threshold = raw_threshold(ratio, calibration)
    low, high = (raw_threshold(edge, calibration) for edge in _band(costs, min(c_unsure, break_even)))
    low, high = min(low, threshold), max(high, threshold)  # against rounding of an empty band
    genuine, spoof = scores[labels == GENUINE], scores[labels == SPOOF]
    return {
        "costs": {**costs._asdict(), "c_unsure": float(c_unsure)},
        "calibration": calibration._asdict(),
        "threshold": threshold,
        "band": [low, high],
        "far": float((spoof >= threshold).mean()),
        "frr": float((genuine < threshold).mean()),
        "unsure": {
            "genuine": float(((genuine >= low) & (genuine < high)).mean()),
            "spoof": float(((spoof >= low) & (spoof < high)).mean()),
        },
        "errors": {"genuine": float((genuine < low).mean()), "spoof": float((spoof >= high).mean())},
        "n_genuine": len(genuine),
        "n_spoof": len(spoof),
    }


def answer(scores, card):
    """The card's answers: 1 genuine, 0 spoof, -1 cannot tell.

    Returns
    -------
    numpy.ndarray [shape=(n,), int64]
    """
    low, high = card["band"]
    scores = np.asarray(scores, dtype=np.float64)
    return np.where(scores >= high, GENUINE, np.where(scores < low, SPOOF, -1))


def describe_card(card):
    """The card in words."""
    costs, (low, high) = card["costs"], card["band"]
    unsure, errors = card["unsure"], card["errors"]
    return "\n".join(
        [
            f"For {100 * costs['p_spoof']:g} % spoofs; costs: {costs['c_miss']:g} a genuine recording rejected, "
            f"{costs['c_fa']:g} a spoof accepted, {costs['c_unsure']:.3g} no answer:",
            f"  {f'score >= {high:.4g}':26}genuine",
            f"  {f'{low:.4g} to {high:.4g}':26}cannot tell (threshold without this band: {card['threshold']:.4g})",
            f"  {f'score < {low:.4g}':26}spoof",
            f"On dev ({card['n_genuine']:,} genuine, {card['n_spoof']:,} spoof):",
            f"  {'of genuine trials':26}{100 * errors['genuine']:5.1f} % wrong, {100 * unsure['genuine']:5.1f} % "
            f"cannot tell; without the band {100 * card['frr']:.1f} % wrong",
            f"  {'of spoof trials':26}{100 * errors['spoof']:5.1f} % wrong, {100 * unsure['spoof']:5.1f} % "
            f"cannot tell; without the band {100 * card['far']:.1f} % wrong",
        ]
    )


def _band(costs: Costs, c_unsure):
    """Log-likelihood ratios from which "spoof" and "genuine" cost more and less than no answer."""
    # ratio = posterior log-odds of genuine - prior log-odds of genuine
    prior = np.log(1 - costs.p_spoof) - np.log(costs.p_spoof)
    # P(genuine) <= c_unsure / c_miss says spoof; P(spoof) <= c_unsure / c_fa says genuine.
    # Both shares lie below 1, since c_unsure is no higher than the break-even.
    to_spoof, to_genuine = c_unsure / costs.c_miss, c_unsure / costs.c_fa
    low, high = np.log(to_spoof) - np.log1p(-to_spoof), np.log1p(-to_genuine) - np.log(to_genuine)
    return float(low - prior), float(high - prior)
