"""Is one system better than another on the same trials?

Two systems err on many of the same trials, so differences are measured in pairs, over what
the trials come in (`lib.metrics.influence`): speakers and replay configurations where the
tables know them, else trials; and over seeds, where a system was trained with several.
"""

import numpy as np
import pandas as pd

from lib.errors import InputError
from lib.metrics.influence import Estimate, differences, estimate, units_of
from lib.metrics.resampling import LEVEL

_SHOWN = ("difference", "low", "high", "p")


def compare(first, second, labels, *, metric="eer", units=None):
    """The difference between two systems' scores of the same trials in the same order.

    Scores [shape=(trials,)] or, of several seeds, [shape=(seeds, trials)], whose mean over seeds
    is compared; `metric` is ``eer``, ``auc`` or ``cllr``; `units` are as from `units_of`, trials by
    default. Returns `first`, `second`, `difference` (first - second), its 95 % interval `low`,
    `high`, and the two-sided `p` of no difference, below 0.05 where the interval excludes 0.
    """
    both = [estimate(dict(enumerate(np.atleast_2d(scores))), labels, metric) for scores in (first, second)]
    return _pair(both, labels, units or {}, metric)


def against(scores, labels, value, *, metric="auc", units=None):
    """A metric with its 95 % interval `low`, `high`, and the `p` of its being `value`; arguments as for `compare`."""
    found = estimate({0: scores}, labels, metric)
    fixed = Estimate({0: float(value)}, np.zeros_like(found.moved))
    pair = _pair((found, fixed), labels, units or {}, metric)
    low, high = (float(np.clip(value + pair[end], 0, None)) for end in ("low", "high"))
    return {metric: found.value, "low": low, "high": high if metric == "cllr" else min(high, 1.0), "p": pair["p"]}


def compare_seeds(first, second):
    """The difference between two systems' EERs, each trained with several seeds.

    `first` and `second` map seeds to tables as for `ranking`; the seeds that both have count.
    Returns what `compare` does, and `seeds`, their number. With one seed the interval does not
    know how far another training would lie.
    """
    shared = sorted(set(first) & set(second))
    tables = {name: {s: of[s] for s in shared} for name, of in (("first", first), ("second", second))}
    found, labels, units = _estimates(tables)
    return _pair(found.values(), labels, units, "eer") | {"seeds": len(shared)}


def ranking(tables):
    """Rank systems by EER: by significance, not by digits.

    `tables` are system -> seed -> table of `trial`, `score`, `label` and, where they are known,
    `speaker` and the columns of a configuration; all have the same trials, or an InputError. One
    row a system, best first: `system`, `rank` (1 + how many systems are significantly better, Holm
    over all pairs), the mean `eer` over `seeds` with `low`, `high`, `seed_sd`, the standard deviation
    between seeds (NaN for one), and against the best `difference`, `difference_low`,
    `difference_high` and `p`.
    """
    found, labels, units = _estimates(tables)
    nothing = Estimate({None: 0.0}, np.zeros(len(labels)))
    names = sorted(found, key=lambda name: found[name].value)
    table = differences([*(found[name] for name in names), nothing], labels, units, "eer")
    worse, better = np.tril_indices(len(names), -1)
    beaten = holm(table["p"][worse, better]) < 1 - LEVEL
    rank = 1 + np.bincount(worse[beaten], minlength=len(names))
    columns = {"difference": "difference", "difference_low": "low", "difference_high": "high", "p": "p"}
    rows = {
        "system": names,
        "seeds": [len(found[name].by_seed) for name in names],
        "seed_sd": [pd.Series(found[name].by_seed).std() for name in names],
        "rank": rank,
        "eer": [found[name].value for name in names],
        **{end: np.clip(table[end][:-1, -1], 0, 1) for end in ("low", "high")},
        **{column: table[name][:-1, 0] for column, name in columns.items()},
    }
    return pd.DataFrame(rows).sort_values("rank", kind="stable", ignore_index=True)


def beside(best, tables):
    """Other system -> its EER less the best's, 0 where they are not told apart (Holm); `tables` as for `ranking`."""
    names = [name for name in tables if name != best]
    found, labels, units = _estimates({best: tables[best], **tables})
    table = differences(list(found.values()), labels, units, "eer")
    p = holm(table["p"][1:, 0])
    return {name: float(table["difference"][k + 1, 0]) if p[k] < 1 - LEVEL else 0.0 for k, name in enumerate(names)}


def over(table):
    """What the units of a table are, in words: ``speakers and replay configurations``, or ``trials``."""
    words = {"speaker": "speakers", "configuration": "replay configurations"}
    return " and ".join(words[kind] for kind in units_of(table)) or "trials"


def holm(p):
    """p values corrected for their number, in the given order (S. Holm, Scandinavian Journal of Statistics 6, 1979)."""
    p = np.asarray(p, dtype=np.float64)
    order = np.argsort(p)
    corrected = np.empty_like(p)
    corrected[order] = np.minimum(np.maximum.accumulate((len(p) - np.arange(len(p))) * p[order]), 1)
    return corrected


def _pair(both, labels, units, metric):
    first, second = both
    table = differences([first, second], labels, units, metric)
    return {"first": first.value, "second": second.value, **{key: float(table[key][0, 1]) for key in _SHOWN}}


def _estimates(tables):
    """EER of each system, the labels and the units; an error unless all tables have the same trials and labels."""
    if not tables:
        raise InputError("no system to compare: at least one is required")
    found, first = {}, None
    for system, by_seed in tables.items():
        runs = {}
        for seed, table in by_seed.items():
            name, table = f"{system}, seed {seed}", table.set_index("trial")
            if first is None:
                first, sample = name, table
            if set(table.index) != set(sample.index):
                raise InputError(
                    f"{name} has {len(table):,} trials, {len(set(sample.index) - set(table.index)):,} of the "
                    f"{len(sample):,} of {first} are not among them: only systems on the same trials are compared"
                )
            table = table.loc[sample.index]
            if (table["label"] != sample["label"]).any():
                raise InputError(f"{name} and {first} differ in the labels of trials: expected the same protocol")
            runs[seed] = table["score"].to_numpy()
        found[system] = estimate(runs, sample["label"].to_numpy(), "eer")
    return found, sample["label"].to_numpy(), units_of(sample)
