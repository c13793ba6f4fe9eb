"""Costs of errors: detection cost functions, and the cost of wrong log-likelihood ratios.

Scores are read as natural-log likelihood ratios of genuine against spoof. A model trained
on as many genuine as spoof trials gives just that in its log-odds; another one does after
`lib.metrics.calibrate`.
"""

from typing import NamedTuple

import numpy as np

from lib.corpus.protocol import GENUINE, SPOOF
from lib.errors import InputError
from lib.metrics.curves import checked, roc


class Costs(NamedTuple):
    """How often spoofs come and what errors cost.

    Attributes
    ----------
    p_spoof : float, 0 to 1 (exclusive)
        Prior probability of a spoof.
    c_miss : float, > 0
        Cost of rejecting a genuine trial.
    c_fa : float, > 0
        Cost of accepting a spoof.
    """

    p_spoof: float = 0.05
    c_miss: float = 1.0
    c_fa: float = 10.0


# Track 1 of ASVspoof 5: X. Wang et al., "ASVspoof 5: crowdsourced speech data, deepfakes,
# and adversarial attacks at scale", 2024, and the challenge's evaluation plan.
ASVSPOOF5 = Costs(p_spoof=0.05, c_miss=1.0, c_fa=10.0)


def bayes_threshold(costs=ASVSPOOF5):
    """Log-likelihood ratio from which accepting costs less than rejecting.

    Returns
    -------
    float, natural log
        ``-ln(beta)`` with ``beta = c_miss (1 - p_spoof) / (c_fa p_spoof)``; ASVspoof 5's
        costs give -0.64.

    Raises
    ------
    InputError
        A cost is not positive or the prior not between 0 and 1.
    """
    p_spoof, c_miss, c_fa = costs
    if not 0 < p_spoof < 1:
        raise InputError(f"p_spoof = {p_spoof}; a probability between 0 and 1, both excluded, is wanted")
    if not (0 < c_miss < np.inf and 0 < c_fa < np.inf):
        raise InputError(f"c_miss = {c_miss}, c_fa = {c_fa}; positive costs are wanted")
    return float(np.log(c_fa * p_spoof) - np.log(c_miss * (1 - p_spoof)))


def dcf(far, frr, costs=ASVSPOOF5):
    """Normalised detection cost: 1 is the cheaper of the two constant answers.

    References
    ----------
    ASVspoof 5 evaluation plan, 2024, section on track 1: DCF(t) = c_miss (1 - p_spoof)
    P_miss(t) + c_fa p_spoof P_fa(t), divided by the smaller of both weights.
    """
    miss, accept = costs.c_miss * (1 - costs.p_spoof), costs.c_fa * costs.p_spoof
    return (miss * frr + accept * far) / min(miss, accept)


def min_dcf(scores, labels, costs=ASVSPOOF5):
    """Normalised detection cost at the best threshold for these very trials."""
    far, frr, _ = roc(scores, labels)
    return float(dcf(far, frr, costs).min())


def act_dcf(scores, labels, costs=ASVSPOOF5):
    """Normalised detection cost at the Bayes threshold; above `min_dcf` by miscalibration."""
    scores, labels = checked(scores, labels)
    threshold = bayes_threshold(costs)
    far, frr = (scores[labels == SPOOF] >= threshold).mean(), (scores[labels == GENUINE] < threshold).mean()
    return float(dcf(far, frr, costs))


def cllr(scores, labels):
    """Cost of the log-likelihood ratios, in bits: 0 perfect, 1 as good as none.

    References
    ----------
    N. Brümmer and J. du Preez, "Application-independent evaluation of speaker detection",
    Computer Speech & Language 20, 2006, equation 6.
    """
    scores, labels = checked(scores, labels)
    cost = surprise(scores, labels)
    return float((cost[labels == GENUINE].mean() + cost[labels == SPOOF].mean()) / 2)


def surprise(scores, labels):
    """What each trial adds to Cllr: log2(1 + exp(-score)), sign turned for spoofs; bits."""
    return np.logaddexp(0, np.where(labels == GENUINE, -scores, scores)) / np.log(2)


def min_cllr(scores, labels):
    """Cllr after the best monotone map of these very trials; above it Cllr loses by scale.

    The map is isotonic regression (pool adjacent violators) with both classes weighing
    the same, on ranks, so that no monotone change of the scores changes it.

    References
    ----------
    Brümmer and du Preez, 2006, section 6 (PAV); `scipy.optimize.isotonic_regression`.
    """
    scores, labels = checked(scores, labels)
    _, rank = np.unique(scores, return_inverse=True)
    genuine, spoof = np.bincount(rank, labels == GENUINE), np.bincount(rank, labels == SPOOF)
    return isotonic_cllr(genuine / genuine.sum(), spoof / spoof.sum())


def isotonic_cllr(genuine, spoof):
    """Cllr of the isotonic map over weights that stand in ascending order of the score.

    Parameters
    ----------
    genuine, spoof : numpy.ndarray [shape=(points,)]
        Share of each class at every score; each sums to 1.
    """
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
    """What the isotonic map of a resample costs on all trials, less what it costs on the resample; bits.

    One more genuine trial below all scores and one more spoof above keep the map from 0
    and 1: certainty costs infinitely much on a single trial that it has not seen.

    Parameters
    ----------
    drawn, whole : (numpy.ndarray, numpy.ndarray) [shape=(points,)]
        Genuine and spoof, of the resample and of all trials, as for `isotonic_cllr`.
    trial : (float, float)
        Share of its class that one genuine and one spoof trial are.

    References
    ----------
    N. Brümmer and E. de Villiers, "The BOSARIS Toolkit User Guide", 2011, on PAV with
    Laplace's rule of succession.
    """
    from scipy.optimize import isotonic_regression

    genuine, spoof = np.r_[trial[0], drawn[0], 0], np.r_[0, drawn[1], trial[1]]
    there = genuine + spoof > 0
    weights = (genuine + spoof)[there]
    p = isotonic_regression(genuine[there] / weights, weights=weights).x
    p = p[np.cumsum(there) - 1][1:-1]  # scores that were not drawn get what the next lower one gets
    return float(((drawn[0] - whole[0]) @ np.log2(p) + (drawn[1] - whole[1]) @ np.log2(1 - p)) / 2)
