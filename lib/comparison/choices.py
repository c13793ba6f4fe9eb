"""What one choice changes: pairs of runs that differ in it, on the same trials, over the seeds that both have."""

import pandas as pd

from lib import metrics, params
from lib.comparison.tables import percent, ranged
from lib.metrics.resampling import LEVEL

_NO_CHOICE = params.PLACES | {"variant"}


def question(run):
    """What a variant asks: the first line of its parameter file."""
    first = (params.PARAMS / f"{run}.yaml").read_text(encoding="utf-8").partition("\n")[0]
    return first.removeprefix("# ").partition("? ")[0].removesuffix("?") + "?"


def choices(pairs, dev, final):
    """EERs of pairs of runs, (the choice, what it stands against), on dev and on eval.

    `dev` and `final` are run -> seed -> recorded scores (`recorded_scores`). One row a pair: `choice`,
    `against`, `seeds`; with ``dev_`` and ``eval_`` before it what `lib.metrics.compare_seeds` found, where
    `first` is the choice; and `p` of no difference on dev, Holm's correction over all pairs.
    """
    rows = []
    for choice, against in pairs:
        row = {"choice": choice, "against": against}
        for split, tables in (("dev", dev), ("eval", final)):
            found = metrics.compare_seeds(tables[choice], tables[against])
            row |= {"seeds": found.pop("seeds")} | {f"{split}_{name}": value for name, value in found.items()}
        rows.append(row)
    table = pd.DataFrame(rows)
    return table.drop(columns=["dev_p", "eval_p"]).assign(p=metrics.holm(table["dev_p"]))


def choice_table(found, runs):
    """What `choices` found, as a page shows it, with the parameters in which the runs differ.

    `runs` maps a run's name to its row of `lib.tracking.query.compare`; for what is no run the
    parameters are a dash.
    """
    lines = []
    for row in found.to_dict("records"):
        line = {"choice": row["choice"], "against": row["against"], "seeds": row["seeds"]}
        for split in ("dev", "eval"):
            line[f"{split} EER %"] = percent(row[f"{split}_first"])
            line[f"against, {split} %"] = percent(row[f"{split}_second"])
            line[f"{split} change"] = _change(row, split)
        differing = {"-"}
        if row["choice"] in runs and row["against"] in runs:
            one, other = (runs[row[name]]["parameters"] for name in ("choice", "against"))
            differing = {name for name in (one | other).keys() - _NO_CHOICE if one.get(name) != other.get(name)}
        lines.append(line | {"p, dev": f"{row['p']:.3f}", "differ in": ", ".join(sorted(differing))})
    return pd.DataFrame(lines)


def answer(asked, row):
    """A row of `choices` as a sentence that answers what was asked: decided on dev, with eval beside it."""
    word = "better" if row["dev_difference"] < 0 else "worse"
    if row["p"] >= 1 - LEVEL:
        furthest = max(abs(row["dev_low"]), abs(row["dev_high"]))
        word = f"not told apart (by no more than {percent(furthest)} points)"
    seeds = f"{row['seeds']} seeds" if row["seeds"] > 1 else "one seed"
    dev, final = (
        f"{percent(row[f'{split}_first'])} against {percent(row[f'{split}_second'])} %, change {_change(row, split)}"
        for split in ("dev", "eval")
    )
    return (
        f"{asked} **{row['choice']}** against {row['against']}, {seeds}: "
        f"dev EER {dev} points: {word}. Eval: {final} points."
    )


def _change(row, split):
    return ranged(*(row[f"{split}_{end}"] for end in ("difference", "low", "high")))
