"""What one choice changes: pairs of runs that differ in it, on the same trials, over the seeds that both have."""

import pandas as pd

from lib import metrics
from lib.comparison.tables import percent, ranged
from lib.metrics.resampling import LEVEL
from lib.params import PARAMS


def question(run):
    """What a variant asks: the first line of its parameter file."""
    first = (PARAMS / f"{run}.yaml").read_text(encoding="utf-8").partition("\n")[0]
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


def answer(asked, row):
    """A row of `choices` as a sentence that answers what was asked: decided on dev, with eval beside it."""
    word = "better" if row["dev_difference"] < 0 else "worse"
    if row["p"] >= 1 - LEVEL:
        furthest = max(abs(row["dev_low"]), abs(row["dev_high"]))
        word = f"not told apart (by no more than {percent(furthest)} points)"
    seeds = f"{row['seeds']} seeds" if row["seeds"] > 1 else "one seed"
    dev, final = (
        f"{percent(row[f'{split}_first'])} against {percent(row[f'{split}_second'])} %, change {change(row, split)}"
        for split in ("dev", "eval")
    )
    return (
        f"{asked} **{row['choice']}** against {row['against']}, {seeds}: "
        f"dev EER {dev} points: {word}. Eval: {final} points."
    )


def change(row, split):
    """The change of a row of `choices` with its 95 % interval, in percent."""
    return ranged(*(row[f"{split}_{end}"] for end in ("difference", "low", "high")))
