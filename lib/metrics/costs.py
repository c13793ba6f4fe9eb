"""Costs of errors: detection cost functions, and Cllr, the cost of wrong log-likelihood ratios.

Scores are read as natural-log likelihood ratios of genuine against spoof: the log-odds of
a model trained on equally many trials of both classes, or scores after `calibrate`.
N. Brümmer and J. du Preez, "Application-independent evaluation of speaker detection",
Computer Speech & Language 20, 2006.
"""

from typing import NamedTuple

import numpy as np

from lib.corpus.protocol import GENUINE, SPOOF
from lib.errors import InputError
from lib.metrics.curves import checked, roc


class Costs(NamedTuple):
    """Prior probability of a spoof, and the costs of rejecting a genuine trial and of accepting a spoof.

    By default those of ASVspoof 5, track 1: X. Wang et al., "ASVspoof 5: crowdsourced speech
    data, deepfakes, and adversarial attacks at scale", 2024, and its evaluation plan.
    """

    p_spoof: float = 0.05
    c_miss: float = 1.0
    c_fa: float = 10.0


ASVSPOOF5 = Costs()


def bayes_threshold(costs=ASVSPOOF5):
    """Log-likelihood ratio from which accepting is expected to cost less than rejecting; -0.64 with ASVspoof 5's costs.

    InputError for a cost that is not positive or a prior not between 0 and 1.
    """
    p_spoof, c_miss, c_fa = costs
    if not 0 < p_spoof < 1:
        raise InputError(f"p_spoof = {p_spoof}: must be between 0 and 1, both excluded")
    if not (0 < c_miss < np.inf and 0 < c_fa < np.inf):
        raise InputError(f"c_miss = {c_miss}, c_fa = {c_fa}: costs must be positive and finite")
    return float(np.log(c_fa * p_spoof) - np.log(c_miss * (1 - p_spoof)))


def dcf(far, frr, costs=ASVSPOOF5):
    """Normalised detection cost (ASVspoof 5 evaluation plan, 2024, track 1); 1 is the better constant decision."""
    miss, accept = costs.c_miss * (1 - costs.p_spoof), costs.c_fa * costs.p_spoof
    return (miss * frr + accept * far) / min(miss, accept)


def min_dcf(scores, labels, costs=ASVSPOOF5):
    """Normalised detection cost at the best threshold for these very trials."""
    far, frr, _ = roc(scores, labels)
    return float(dcf(far, frr, costs).min())


def act_dcf(scores, labels, costs=ASVSPOOF5):
    """Normalised detection cost at the Bayes threshold; miscalibration raises it above `min_dcf`."""
    scores, labels = checked(scores, labels)
    threshold = bayes_threshold(costs)
    far, frr = (scores[labels == SPOOF] >= threshold).mean(), (scores[labels == GENUINE] < threshold).mean()
    return float(dcf(far, frr, costs))


def cllr(scores, labels):
    """Cost of the log-likelihood ratios, bits: 0 perfect, 1 as good as none (Brümmer and du Preez, eq. 6)."""
    scores, labels = checked(scores, labels)
    cost = surprise(scores, labels)
    return float((cost[labels == GENUINE].mean() + cost[labels == SPOOF].mean()) / 2)


def surprise(scores, labels):
    """What each trial adds to Cllr: log2(1 + exp(-score)), sign turned for spoofs; bits."""
    return np.logaddexp(0, np.where(labels == GENUINE, -scores, scores)) / np.log(2)


def min_cllr(scores, labels):
    """Cllr after the best monotone map of these very trials, bits (Brümmer and du Preez, section 6).

    The map is isotonic regression with equal weight for both classes, on ranks, so that no
    monotone change of the scores matters.
    """
    scores, labels = checked(scores, labels)
    _, rank = np.unique(scores, return_inverse=True)
    genuine, spoof = np.bincount(rank, labels == GENUINE), np.bincount(rank, labels == SPOOF)
    return isotonic_cllr(genuine / genuine.sum(), spoof / spoof.sum())


def isotonic_cllr(genuine, spoof):
    """Cllr of the isotonic map; the share of each class at every score, ascending [shape=(points,)]."""
    from scipy.optimize import isotonic_regression

    there = genuine + spoof > 0
    genuine, spoof = genuine[there], spoof[there]
    weights = genuine + spoof
    p = isotonic_regression(genuine / weights, weights=weights).x
    # A class has no weight wherever its probability is 0, but for rounding.
    bits = genuine * -np.log2(p, where=genuine > 0, out=np.zeros_like(p))
    bits += spoof * -np.log2(1 - p, where=(spoof > 0) & (p < 1), out=np.zeros_like(p))
    return float(bits.sum() / 2)


def isotonic_optimism(drawn, whole, trial):
    """Cllr of a resample's isotonic map on all trials less on the resample, bits.

    `drawn` and `whole` are (genuine, spoof) as for `isotonic_cllr`, `trial` the share of its
    class that one genuine and one spoof trial are. One more genuine trial below all scores
    and one more spoof above keep the map from 0 and 1, where one unseen trial would cost
    infinitely much (Laplace's rule, "The BOSARIS Toolkit User Guide", 2011).
    """
    from scipy.optimize import isotonic_regression

    genuine, spoof = np.r_[trial[0], drawn[0], 0], np.r_[0, drawn[1], trial[1]]
    there = genuine + spoof > 0
    weights = (genuine + spoof)[there]
    p = isotonic_regression(genuine[there] / weights, weights=weights).x
    p = p[np.cumsum(there) - 1][1:-1]  # scores that were not drawn get what the next lower one gets
    return float(((drawn[0] - whole[0]) @ np.log2(p) + (drawn[1] - whole[1]) @ np.log2(1 - p)) / 2)
