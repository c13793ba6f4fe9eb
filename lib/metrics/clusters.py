"""What trials come in, speakers, phrases and replay configurations: the EER of each, and intervals over them.

Trials of one speaker or configuration are alike, so an interval over trials alone is too narrow
where these differ; what is shown is the widest. Over speakers and configurations at once variances
add, less that over trials, which both hold (A. C. Cameron et al., Journal of Business & Economic
Statistics 29, 2011), end by end as by G. Y. Zou and A. Donner, Statistics in Medicine 27, 2008.
"""

from itertools import pairwise

import numpy as np
import pandas as pd

from lib.corpus.protocol import GENUINE, LABEL_NAMES, SPOOF, UNKNOWN
from lib.errors import InputError
from lib.metrics import resampling
from lib.metrics.measures import ASVSPOOF5, checked, dcf, eer, from_counts, rate_interval
from lib.metrics.resampling import CONFIGURATION, METRICS, MINIMA, configurations, resample, units_of

_FEWEST = 3  # clusters; with two an interval over them holds the truth of 90, one over trials of 50 in 100 corpora
_SMALL = 30  # below this many trials of a class one error is more than 3 % of it
_BINS = 4  # groups of a numeric column


def spreads(table, measured, *, metrics=METRICS, threshold=0.0, costs=ASVSPOOF5, resamples=1000):
    """Intervals over all that a table knows, around the metrics `measured` with the same `threshold` and `costs`.

    Returns `<metric>_ci` [low, high], the widest; `interval_over`, what the EER's is over; both None with two clusters
    of a kind; `trials`, those over trials alone; `clusters`, of each kind the `count`, intervals or `why` there are
    none, `design_effect` (variance of the EER over clusters / over trials) and `most`, the one without which the EER
    changes most; `speaker_and_configuration`; `single`, pairs of class and kind where all trials come in one.
    """
    scores, labels = table["score"].to_numpy(), table["label"].to_numpy()
    how = {"threshold": threshold, "costs": costs, "resamples": resamples}
    over_trials = resample(scores, labels, metrics=metrics, **how)
    several = [name for name in metrics if name not in MINIMA]
    result = {"trials": _listed(resampling.intervals(over_trials, measured)), "clusters": {}, "single": _single(table)}
    shown = {"trials": result["trials"]}
    for kind, names, enough in _kinds(table):
        count = len(set(names) - {UNKNOWN})
        part = {"count": count, "most": _most(scores, labels, names, measured["eer"])}
        part |= {"eer_ci": None, "design_effect": None}
        if not enough:
            few = f"No interval is shown: {count} {kind}s are too few for one"
            part["why"] = f"{few} (at least {_FEWEST} of each class), and one over trials alone is too narrow."
        else:
            values = resample(scores, labels, clusters=names, metrics=several, **how)
            part |= _listed(resampling.intervals_over_clusters(values, measured, labels, names))
            if over_trials["eer"].var() > 0:
                part["design_effect"] = float(values["eer"].var() / over_trials["eer"].var())
            shown[f"{kind}s"] = part
        result["clusters"][kind] = part
    result |= _widest(shown, {name: measured[name] for name in several})
    if "speakers and configurations" in shown:
        result["speaker_and_configuration"] = shown["speakers and configurations"]
    if any("why" in part for part in result["clusters"].values()):
        return result | dict.fromkeys(("interval_over", *result["trials"]))
    return result | {"interval_over": max(shown, key=lambda name: np.ptp(shown[name]["eer_ci"]))}


def decided(table, accepted, *, costs=ASVSPOOF5, resamples=1000):
    """`far`, `frr` and what follows from decisions (1 = accepted) [shape=(trials,)], each with its widest ``_ci``.

    Of the rates they are exact, over trials and, for the effective number of trials, over clusters; None as above.
    """
    labels, accepted = table["label"].to_numpy(), np.asarray(accepted, dtype=int)
    matrix = np.zeros((2, 2))
    np.add.at(matrix, (labels, accepted), 1)
    point, ends = _of_counts(matrix, costs), _of_counts(resampling.redrawn(matrix, resamples), costs)
    values = {name: float(value) for name, value in point.items()}
    ends = {name: resampling.interval(drawn) for name, drawn in ends.items()}
    rates = {"far": (matrix[0, 1], matrix[0].sum()), "frr": (matrix[1, 0], matrix[1].sum())}
    ends |= {name: rate_interval(*counts) for name, counts in rates.items()}
    shown = {"trials": _listed(ends)}
    for kind, names, enough in _kinds(table):
        if not enough:
            return values | dict.fromkeys(shown["trials"])
        drawn = _of_counts(resampling.redrawn_over(names, labels, accepted, resamples), costs)
        ends = resampling.intervals_over_clusters(drawn, point, labels, names)
        freedom = resampling.freedom_of(labels, names)
        ends |= {name: resampling.rate_over_clusters(drawn[name], *rates[name], freedom) for name in rates}
        shown[f"{kind}s"] = _listed(ends)
    return values | _widest(shown, point)


def _of_counts(matrix, costs):
    found = from_counts(matrix)
    del found["constant_accuracy"]
    return found | {"dcf": dcf(found["far"], found["frr"], costs)}


def _kinds(table):
    """Each kind of cluster that several trials share, its name for each trial, and whether there are enough."""
    labels = table["label"].to_numpy()
    for kind, names in units_of(table, ("speaker", "phrase")).items():
        known = names[names != UNKNOWN]
        if len(set(known)) < len(known) and len(set(names[labels == SPOOF]) - {UNKNOWN}) > 1:
            yield kind, names, round(resampling.freedom_of(labels, names)) >= _FEWEST - 1


def _single(table):
    labels = table["label"].to_numpy()
    own = {
        (name, kind): set(names[labels == label])
        for kind, names in units_of(table, ("speaker", "phrase")).items()
        for label, name in enumerate(LABEL_NAMES)
    }
    return [list(pair) for pair, names in own.items() if len(names) == 1 and names != {UNKNOWN}]


def _widest(shown, measured):
    """The widest intervals; those over speakers and configurations at once join `shown` where both are there."""
    if {"speakers", "configurations"} <= shown.keys():
        three = shown["speakers"], shown["configurations"], shown["trials"]
        shown["speakers and configurations"] = {
            f"{name}_ci": _together(name, value, *(part[f"{name}_ci"] for part in three))
            for name, value in measured.items()
        }
    found = {}
    for key in shown["trials"]:
        ends = [part[key] for part in shown.values() if key in part]
        found[key] = [min(low for low, _ in ends), max(high for _, high in ends)]
    return found


def _most(scores, labels, names, value):
    """The cluster without which the EER changes most; without it None if no trial of a class is left."""
    without = {}
    for name in sorted(set(names) - {UNKNOWN}):
        rest = names != name
        both = len(np.unique(labels[rest])) == 2
        without[name] = eer(scores[rest], labels[rest])[0] if both else None
    most = max(without, key=lambda name: -1 if without[name] is None else abs(without[name] - value))
    return {"cluster": str(most), "without": without[most]}


def _together(name, value, one, other, trials):
    """Interval of a metric over two kinds of cluster at once, each end from its distances to the value."""
    first, second, alone = (np.square(np.subtract(ends, value)) for ends in (one, other, trials))
    low, high = np.sqrt(np.maximum.reduce([first + second - alone, first, second, alone]))
    return np.clip([value - low, value + high], *resampling.bounds(name)).tolist()


def _listed(ends):
    return {f"{name}_ci": list(pair) for name, pair in ends.items()}


def breakdown(table, by, *, resamples=1000):
    """EER of each group of trials: of a column of `table` or ``configuration``; numbers form four groups of equal size.

    A dict a group; its EER and interval are None where a class is missing, the interval also as in `spreads`; `small`
    is fewer than 30 trials of a class, `pooled` that genuine trials have no such group and are those of all.
    InputError for a column that no spoof has, or that has one number only.
    """
    if by == "configuration" and set(CONFIGURATION) <= set(table):
        table = table.assign(configuration=configurations(table))
    columns = table.columns.drop(["trial", "label", "score", "file"], errors="ignore")
    if by not in columns:
        raise InputError(f"no column {by!r} to break down by: expected one of {', '.join(columns) or 'none'}")
    scores, labels = checked(table["score"], table["label"])
    if pd.api.types.is_numeric_dtype(table[by]):
        if table[by].nunique() < 2:
            raise InputError(f"column {by!r} is {table[by].iloc[0]:g} for every trial: nothing to break down")
        groups, edges = pd.qcut(table[by], _BINS, retbins=True, duplicates="drop")
        for digits in range(2, 18):  # as few as tell the groups apart
            names = [f"{low:.{digits}f} to {high:.{digits}f}" for low, high in pairwise(edges)]
            if len(set(names)) == len(names):
                break
        groups = groups.cat.rename_categories(names)
    else:
        groups = table[by].where(table[by] != UNKNOWN).astype("category")
    known, genuine = groups.notna().to_numpy(), labels == GENUINE
    if not known[~genuine].any():
        raise InputError(f"column {by!r} is unknown ('{UNKNOWN}') for every spoof trial: nothing to break down")
    pooled, rows = not known[genuine].any(), []
    for group in groups.cat.categories:
        here = (groups == group).to_numpy() | (pooled & genuine)
        counts = {"n_genuine": int((here & genuine).sum()), "n_spoof": int((here & ~genuine).sum())}
        row = {"group": str(group), **counts, **dict.fromkeys(("eer", "eer_low", "eer_high"))}
        if all(counts.values()):
            row["eer"] = eer(scores[here], labels[here])[0]
            ends = spreads(table[here], {"eer": row["eer"]}, metrics=("eer",), resamples=resamples)["eer_ci"]
            row["eer_low"], row["eer_high"] = ends or (None, None)
        rows.append(row | {"small": min(counts.values()) < _SMALL, "pooled": bool(pooled)})
    return rows
