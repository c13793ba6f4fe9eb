"""What the same trials tell apart: runs by their ranks, seeds by their spread."""

import pandas as pd

from lib.comparison.tables import percent, with_interval
from lib.metrics import paired


def rank(tables):
    """Runs in the order of what their eval EERs tell apart, on the same trials.

    Parameters
    ----------
    tables : dict of str to pandas.DataFrame
        Run -> recorded scores, see `recorded_scores`.

    Returns
    -------
    pandas.DataFrame [one row a run, best first]
        `rank` (equal ranks are not told apart; paired bootstrap, Holm over all pairs),
        `run`, `eval EER %` and `more than the best, %`, both with 95 % intervals.
    """
    ranked = paired.ranking(tables)
    lines = []
    for row in ranked.to_dict("records"):
        eer = {"eer": row["eer"], "eer_ci_low": row["low"], "eer_ci_high": row["high"]}
        more = {"d": row["difference"], "d_ci_low": row["difference_low"], "d_ci_high": row["difference_high"]}
        lines.append(
            {
                "rank": row["rank"],
                "run": row["system"],
                "eval EER %": with_interval(eer, "eer"),
                "more than the best, %": with_interval(more, "d") if row["difference"] else "-",
            }
        )
    return pd.DataFrame(lines)


def seeds(tables):
    """How far the seeds of each run spread, beside how far its trials do.

    Parameters
    ----------
    tables : dict of (str, int) to pandas.DataFrame
        (run, seed) -> recorded scores, see `recorded_scores`.

    Returns
    -------
    pandas.DataFrame [one row a run that has several seeds]
        `run`, `seeds`, `mean eval EER %`, `lowest %`, `highest %`, and two standard
        deviations: `between seeds` and `over trials` (mean of each seed's bootstrap).
    """
    runs = {}
    for (run, seed), table in tables.items():
        runs.setdefault(run, {})[seed] = table
    lines = []
    for run, by_seed in runs.items():
        if len(by_seed) > 1:
            spread = paired.seed_spread(by_seed)
            lines.append(
                {
                    "run": run,
                    "seeds": spread["seeds"],
                    "mean eval EER %": percent(spread["mean"]),
                    "lowest %": percent(spread["lowest"]),
                    "highest %": percent(spread["highest"]),
                    "between seeds, s.d.": percent(spread["seed_sd"]),
                    "over trials, s.d.": percent(spread["sampling_sd"]),
                }
            )
    return pd.DataFrame(lines)
