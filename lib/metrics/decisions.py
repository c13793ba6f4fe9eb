"""From scores to decisions: calibration on dev, the thresholds and the band of no answer, and whether eval keeps it.

A calibrated score is a log-likelihood ratio: the same number means the same for every system, and the Bayes
threshold of a prior and costs applies to it. Line and band are made on dev, which so flatters them, and used
unchanged on eval, which has other speakers and devices.
"""

from typing import NamedTuple

import numpy as np

from lib.corpus.protocol import GENUINE, LABEL_NAMES, SPOOF
from lib.errors import InputError
from lib.metrics.clusters import decided
from lib.metrics.measures import ASVSPOOF5, Costs, bayes_threshold, checked, eer
from lib.metrics.tables import ends_of, with_interval

EVEN = Costs(p_spoof=0.5, c_miss=1, c_fa=1)  # both labels as likely, both errors as bad


class Calibration(NamedTuple):
    """The straight line ``slope * score + offset``, in natural log-likelihood ratios."""

    slope: float
    offset: float


def calibrate(scores, labels):
    """Fit the line that turns dev scores into log-likelihood ratios; a slope at or below 0: none, or inverted.

    Logistic regression with equal weight for both classes (N. Brümmer and J. du Preez, 2006, section 7);
    Platt's targets (1999, section 2.2), a little inside 0 and 1, keep it finite on separated classes.
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


def threshold(choice, dev):
    """The threshold (log-odds) of a setting: ``0.5``, a probability, or ``dev-eer``, where FAR = FRR on dev."""
    return {"0.5": 0.0, "dev-eer": eer(dev["score"].to_numpy(), dev["label"].to_numpy())[1]}[choice]


def threshold_card(scores, labels, *, costs=ASVSPOOF5, c_unsure=None):
    """Thresholds for a prior and costs, from scores of dev, with a band in which abstaining is cheaper.

    Genuine where P(spoof | score) c_fa <= c_unsure, spoof where P(genuine | score) c_miss <= c_unsure,
    "cannot tell" between them (C. K. Chow, IEEE Transactions on Information Theory 16, 1970). `c_unsure`,
    the cost of abstaining, is by default half of a decision's at the Bayes threshold; at the whole of it
    there is no band. Returns `costs`, `calibration`, `threshold` and `band` [low, high] on the scale of
    the scores, `n_genuine`, `n_spoof`. InputError for impossible costs, or scores without information.
    """
    scores, labels = checked(scores, labels)
    ratio, (p_spoof, c_miss, c_fa) = bayes_threshold(costs), costs
    break_even = c_miss * c_fa / (c_miss + c_fa)
    c_unsure = break_even / 2 if c_unsure is None else c_unsure
    if not c_unsure > 0:
        raise InputError(f"c_unsure = {c_unsure}: must be positive")
    line = calibrate(scores, labels)
    if not line.slope > 0:
        raise InputError(
            f"the dev scores carry no information or are inverted (calibration slope {line.slope:.3g}): "
            "a higher score must mean more genuine"
        )
    # The band ends where P(genuine) = c_unsure / c_miss and P(spoof) = c_unsure / c_fa; as log-odds, less the prior's.
    shares = np.divide(min(c_unsure, break_even), (c_miss, c_fa))
    low, high = (np.log(shares) - np.log1p(-shares)) * (1, -1) - (np.log(1 - p_spoof) - np.log(p_spoof))
    low, threshold, high = ((cut - line.offset) / line.slope for cut in (low, ratio, high))
    return {
        "costs": {**costs._asdict(), "c_unsure": float(c_unsure)},
        "calibration": line._asdict(),
        "threshold": float(threshold),
        "band": [float(min(low, threshold)), float(max(high, threshold))],  # against rounding of an empty band
        "n_genuine": int((labels == GENUINE).sum()),
        "n_spoof": int((labels == SPOOF).sum()),
    }


def kept(band, tables):
    """MLflow name -> ends of a band, and of each split and class the shares wrong outside and unsure inside it."""
    low, high = map(float, band)
    found = {"dev/band_low": low, "dev/band_high": high}
    for split, table in tables.items():
        scores, genuine = table["score"].to_numpy(), table["label"].to_numpy() == GENUINE
        sides = {"wrong": np.where(genuine, scores < low, scores >= high), "unsure": (scores >= low) & (scores < high)}
        for kind, those in sides.items():
            shares = decided(table, those != genuine)  # those decided wrongly are the ones asked for
            for error, name in (("far", "spoof"), ("frr", "genuine")):
                key = f"{split}/{kind}_{name}"
                found[key] = shares[error]
                if ends := shares[f"{error}_ci"]:
                    found[f"{key}_ci_low"], found[f"{key}_ci_high"] = ends
    return found


def for_even_costs(tables):
    """What the band that dev chooses for even costs keeps, as `kept`; nothing where dev's scores have no order."""
    try:
        card = threshold_card(tables["dev"]["score"], tables["dev"]["label"], costs=EVEN)
    except InputError:
        return {}
    return kept(card["band"], {split: tables[split] for split in ("dev", "eval")})


def caution(found):
    """A sentence on what `kept` found, which every answer by such a band should carry; empty without one."""
    if "dev/band_low" not in found:
        return ""
    none, wrong, chosen = (
        " and ".join(f"{with_interval(found, f'{part}_{name}')} % of {name}" for name in LABEL_NAMES[::-1])
        for part in ("eval/unsure", "eval/wrong", "dev/wrong")
    )
    more = ", more than dev led to expect" if is_broken(found) else ""
    return (
        f'A band of scores that dev chooses gives no label ("cannot tell"). On eval it leaves {none} trials '
        f"without one and gives {wrong} the wrong one{more}; on dev it gives {chosen} the wrong one."
    )


def is_broken(found):
    """Whether more trials of a class get the wrong label on eval than on dev, by the intervals of `kept`."""
    ends = ((ends_of(found, f"{split}/wrong_{name}") for split in ("dev", "eval")) for name in LABEL_NAMES)
    return any(of_eval[0] > of_dev[1] for of_dev, of_eval in ends)
