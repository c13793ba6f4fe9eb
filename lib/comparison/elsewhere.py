"""How trained runs do on recordings of other origin, beside eval of their own corpus.

A rate is *higher* elsewhere where the 95 % interval of its difference from that at home lies above 0: independent
samples, R. G. Newcombe, Statistics in Medicine 17, 1998 (method 10), not corrected for the number of runs and places.
"""

import math

import numpy as np
import pandas as pd

from lib import metrics
from lib.comparison.tables import confusion, metrics_of
from lib.corpus import GENUINE
from lib.metrics.tables import percent

HOME = "own eval"
_WORDS = {"eer": "EER", "rejected": "genuine rejected"}  # the latter at the run's own threshold
_BOTH = ("eer", "balanced_accuracy")  # what needs both labels
_ENDS = ("", "_ci_low", "_ci_high")


def at_home(name, row):
    """What a run (a row of `lib.tracking.query.compare`) recorded of its own corpus' eval: a line of `table`."""
    values, (rejected, accepted) = metrics_of(row, "eval"), confusion(row, "eval")[GENUINE]
    measured = {rate + end: values.get(rate + end, math.nan) for rate in _BOTH for end in _ENDS}
    return _line(name, HOME, rejected + accepted, int(values["n_spoof"]), rejected, measured)


def away(name, place, scores, labels, threshold):
    """A run's scores (log-odds) of recordings elsewhere, measured: a line of `table`; spoof trials may be missing."""
    genuine, measured = labels == GENUINE, {}
    if not genuine.all():
        values = metrics.evaluate(scores, labels, threshold=threshold)
        for rate, (low, high) in metrics.bootstrap(scores, labels, metrics=_BOTH, threshold=threshold).items():
            measured |= {rate: values[rate], f"{rate}_ci_low": low, f"{rate}_ci_high": high}
    rejected = (scores[genuine] < threshold).sum()
    return _line(name, place, int(genuine.sum()), int((~genuine).sum()), rejected, measured)


def _line(name, place, n_genuine, n_spoof, rejected, measured):
    shares = float(rejected / n_genuine), *metrics.rate_interval(rejected, n_genuine)
    counted = {"run": name, "place": place, "n_genuine": n_genuine, "n_spoof": n_spoof}
    return counted | measured | {f"rejected{end}": share for end, share in zip(_ENDS, shares, strict=True)}


def table(lines):
    """Lines of `at_home` and `away` in one table, with `eer_higher` and `rejected_higher`, both against home.

    `eer`, `balanced_accuracy` (NaN without spoof trials) and `rejected` are fractions with 95 % intervals.
    """
    found = pd.DataFrame(lines)
    home = found[found["place"] == HOME].set_index("run").loc[found["run"]].reset_index()
    for rate in _WORDS:
        reach = np.hypot(found[rate] - found[f"{rate}_ci_low"], home[f"{rate}_ci_high"] - home[rate])
        found[f"{rate}_higher"] = found[rate] - home[rate] > reach
    return found


def sentences(found):
    """What `table` says, a sentence or more a place: range of the rates, what is higher there, what fails."""
    home, said = found[found["place"] == HOME].set_index("run"), []
    for place, part in found[found["place"] != HOME].groupby("place", sort=False):
        rates = {rate: words for rate, words in _WORDS.items() if part[rate].notna().all()}
        counts = ", ".join(f"{part[f'n_{label}'].iloc[0]} {label}" for label in ("genuine", "spoof"))
        ranges = "; ".join(f"{words} {_range(part, rate)}" for rate, words in rates.items())
        higher = [
            f"{words} of {row['run']} ({percent(home.loc[row['run'], rate])} → {percent(row[rate])} %)"
            for rate, words in rates.items()
            for row in part[part[f"{rate}_higher"]].to_dict("records")
        ]
        lost = [
            f"{row['run']} (errs in {percent(1 - row['balanced_accuracy'])} %, EER {percent(row['eer'])} %)"
            for row in part[1 - part["balanced_accuracy_ci_high"] > part["eer_ci_high"]].to_dict("records")
        ]
        notes = {"Higher than on the own eval beyond chance": higher or ["nothing"]}
        notes["Not better than chance"] = list(part.loc[part["eer_ci_high"] >= 0.5, "run"])
        notes["The threshold does not carry over"] = lost
        told = [f"{title}: {', '.join(names)}." for title, names in notes.items() if names]
        said.append(f"**{place}** ({counts}): {ranges}. {' '.join(told)}")
    return said


def _range(part, rate):
    low, high = part.loc[part[rate].idxmin()], part.loc[part[rate].idxmax()]
    if low[rate] == high[rate]:
        return f"{percent(low[rate])} % (every run)"
    return f"{percent(low[rate])} % ({low['run']}) to {percent(high[rate])} % ({high['run']})"
