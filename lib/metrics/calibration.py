"""From scores to decisions: calibration on dev, and the threshold card.

A calibrated score is a log-likelihood ratio: the same number means the same for every
system, and the Bayes threshold of a prior and costs applies to it. Map and card are made
on dev and used unchanged on eval.
"""

from typing import NamedTuple

import numpy as np

from lib.corpus.protocol import GENUINE, SPOOF
from lib.errors import InputError
from lib.metrics.costs import ASVSPOOF5, bayes_threshold
from lib.metrics.curves import checked


class Calibration(NamedTuple):
    """The straight line ``slope * score + offset``, in natural log-likelihood ratios."""

    slope: float
    offset: float


def calibrate(scores, labels):
    """Fit the line that turns dev scores into log-likelihood ratios.

    Logistic regression with equal weight for both classes (N. Brümmer and J. du Preez,
    Computer Speech & Language 20, 2006, section 7); Platt's targets (1999, section 2.2), a
    little inside 0 and 1, keep the line finite on separated classes. A slope at or below 0
    means scores without information or inverted.
    """
    from sklearn.linear_model import LogisticRegression

    scores, labels = checked(scores, labels)
    center, scale = scores.mean(), scores.std()
    if scale == 0:
        return Calibration(0.0, 0.0)
    n = np.bincount(labels, minlength=2)[labels]  # trials of each trial's class
    sure = (n + 1) / (n + 2)  # every trial counts as both classes, with the weights of its target
    x = np.tile((scores - center) / scale, 2)[:, np.newaxis]
    model = LogisticRegression(C=np.inf, tol=1e-8, max_iter=1000)
    model.fit(x, np.concatenate([labels, 1 - labels]), sample_weight=np.concatenate([sure / n, (1 - sure) / n]))
    slope = float(model.coef_[0, 0] / scale)
    return Calibration(slope, float(model.intercept_[0] - slope * center))


def calibrated(scores, calibration):
    """Scores as log-likelihood ratios."""
    return calibration.slope * np.asarray(scores, dtype=np.float64) + calibration.offset


def raw_threshold(ratio, calibration):
    """The score whose calibrated value is `ratio`; InputError unless the slope is positive."""
    if not calibration.slope > 0:
        raise InputError(
            f"the dev scores carry no information or are inverted (calibration slope {calibration.slope:.3g}): "
            "a higher score must mean more genuine"
        )
    return (ratio - calibration.offset) / calibration.slope


def threshold_card(scores, labels, *, costs=ASVSPOOF5, c_unsure=None):
    """Thresholds for a prior and costs, from scores of dev, with a band in which abstaining is cheaper.

    Genuine where P(spoof | score) c_fa <= c_unsure, spoof where P(genuine | score) c_miss
    <= c_unsure, and "cannot tell" between them (C. K. Chow, IEEE Transactions on Information
    Theory 16, 1970). `c_unsure`, the cost of abstaining, is by default half of a decision's at
    the Bayes threshold, ``c_miss c_fa / (c_miss + c_fa) / 2``; at the whole of it there is no band.

    Returns `costs`, `calibration` (slope, offset), `threshold` and `band` [low, high] on the
    scale of the scores, `far` and `frr` at the threshold, `unsure` (inside the band) and
    `errors` (outside it) of each class, fractions; `n_genuine`, `n_spoof`. InputError for
    impossible costs, or scores without information.
    """
    scores, labels = checked(scores, labels)
    ratio = bayes_threshold(costs)
    break_even = costs.c_miss * costs.c_fa / (costs.c_miss + costs.c_fa)
    c_unsure = break_even / 2 if c_unsure is None else c_unsure
    if not c_unsure > 0:
        raise InputError(f"c_unsure = {c_unsure}: must be positive")
    calibration = calibrate(scores, labels)
    threshold = raw_threshold(ratio, calibration)
    low, high = (raw_threshold(edge, calibration) for edge in _band(costs, min(c_unsure, break_even)))
    low, high = min(low, threshold), max(high, threshold)  # against rounding of an empty band
    genuine, spoof = scores[labels == GENUINE], scores[labels == SPOOF]
    inside = {"genuine": (genuine >= low) & (genuine < high), "spoof": (spoof >= low) & (spoof < high)}
    return {
        "costs": {**costs._asdict(), "c_unsure": float(c_unsure)},
        "calibration": calibration._asdict(),
        "threshold": threshold,
        "band": [low, high],
        "far": float((spoof >= threshold).mean()),
        "frr": float((genuine < threshold).mean()),
        "unsure": {name: float(those.mean()) for name, those in inside.items()},
        "errors": {"genuine": float((genuine < low).mean()), "spoof": float((spoof >= high).mean())},
        "n_genuine": len(genuine),
        "n_spoof": len(spoof),
    }


def describe_card(card):
    """The card as text."""
    costs, (low, high) = card["costs"], card["band"]
    lines = [
        f"For {100 * costs['p_spoof']:g} % spoofs; costs: {costs['c_miss']:g} genuine recording rejected, "
        f"{costs['c_fa']:g} spoof accepted, {costs['c_unsure']:.3g} no decision:",
        f"  {f'score >= {high:.4g}':26}genuine",
        f"  {f'{low:.4g} to {high:.4g}':26}cannot tell (threshold without this band: {card['threshold']:.4g})",
        f"  {f'score < {low:.4g}':26}spoof",
    ]
    return "\n".join(lines)


def _band(costs, c_unsure):
    """Log-likelihood ratios at which "spoof" and "genuine" cost as much as no decision."""
    # ratio = posterior log-odds of genuine - prior log-odds of genuine
    prior = np.log(1 - costs.p_spoof) - np.log(costs.p_spoof)
    # P(genuine) <= c_unsure / c_miss: spoof; P(spoof) <= c_unsure / c_fa: genuine. Both shares lie
    # below 1, since c_unsure is no higher than the break-even.
    to_spoof, to_genuine = c_unsure / costs.c_miss, c_unsure / costs.c_fa
    low, high = np.log(to_spoof) - np.log1p(-to_spoof), np.log1p(-to_genuine) - np.log(to_genuine)
    return float(low - prior), float(high - prior)
