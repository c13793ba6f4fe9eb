"""What one choice changes: pairs of runs that differ in it, on the same trials, over the seeds that both have."""

import pandas as pd

from lib import metrics, params
from lib.comparison.tables import percent, with_interval
from lib.metrics.resampling import LEVEL

_NO_CHOICE = params.PLACES | {"variant"}


def question(run):
    """What a variant asks: the first line of its parameter file."""
    first = (params.PARAMS / f"{run}.yaml").read_text(encoding="utf-8").partition("\n")[0]
    return first.removeprefix("# ").partition("? ")[0].removesuffix("?") + "?"


def choices(pairs, dev, final):
    """EERs of pairs of runs, (the choice, what it stands against), on dev and on eval.

    `dev` and `final` are run -> seed -> recorded scores (`recorded_scores`). One row a pair:
    `choice`, `against`, `seeds`; for ``dev`` and ``eval`` ``<split>_choice``, ``<split>_against``
    (mean EER over seeds), ``<split>_change`` (choice - against) with ``<split>_change_ci_low``,
    ``<split>_change_ci_high``; and `p` of no change on dev, Holm's correction over all pairs.
    """
    rows = []
    for choice, against in pairs:
        row = {"choice": choice, "against": against}
        for split, tables in (("dev", dev), ("eval", final)):
            found = metrics.compare_seeds(tables[choice], tables[against])
            row |= {
                "seeds": found["seeds"],
                f"{split}_choice": found["first"],
                f"{split}_against": found["second"],
                f"{split}_change": found["difference"],
                f"{split}_change_ci_low": found["low"],
                f"{split}_change_ci_high": found["high"],
                f"{split}_p": found["p"],
            }
        rows.append(row)
    table = pd.DataFrame(rows)
    return table.drop(columns="eval_p").rename(columns={"dev_p": "p"}).assign(p=metrics.holm(table["dev_p"]))


def choice_table(found, runs):
    """What `choices` found, as a page shows it, with the parameters in which the runs differ.

    `runs` maps a run's name to its row of `lib.tracking.query.compare`; for what is no run the
    parameters are a dash.
    """
    lines = []
    for row in found.to_dict("records"):
        line = {"choice": row["choice"], "against": row["against"], "seeds": row["seeds"]}
        for split in ("dev", "eval"):
            line[f"{split} EER %"] = percent(row[f"{split}_choice"])
            line[f"against, {split} %"] = percent(row[f"{split}_against"])
            line[f"{split} change"] = with_interval(row, f"{split}_change")
        differing = {"-": None}
        if row["choice"] in runs and row["against"] in runs:
            one, other = (runs[row[name]]["parameters"] for name in ("choice", "against"))
            differing = {name for name in (one | other).keys() - _NO_CHOICE if one.get(name) != other.get(name)}
        lines.append(line | {"p, dev": f"{row['p']:.3f}", "differ in": ", ".join(sorted(differing))})
    return pd.DataFrame(lines)


def answer(asked, row):
    """A row of `choices` as a sentence that answers what was asked: decided on dev, with eval beside it."""
    word = "not told apart"
    if row["p"] < 1 - LEVEL:
        word = "better" if row["dev_change"] < 0 else "worse"
    seeds = f"{row['seeds']} seeds" if row["seeds"] > 1 else "one seed"
    furthest = max(abs(row["dev_change_ci_low"]), abs(row["dev_change_ci_high"]))
    bound = f" (by no more than {100 * furthest:.1f} points)" if word == "not told apart" else ""
    return (
        f"{asked} **{row['choice']}** against {row['against']}, {seeds}: dev EER {100 * row['dev_choice']:.1f} against "
        f"{100 * row['dev_against']:.1f} %, change {with_interval(row, 'dev_change')} points: {word}{bound}. "
        f"Eval: {100 * row['eval_choice']:.1f} against {100 * row['eval_against']:.1f} %, "
        f"change {with_interval(row, 'eval_change')} points."
    )
