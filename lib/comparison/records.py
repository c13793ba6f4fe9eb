"""What the runs recorded, read back; `row` is one of `lib.tracking.query.compare`."""

import json
from collections import Counter
from fnmatch import fnmatch

import pandas as pd

from lib import scores
from lib.errors import InputError
from lib.tracking import query
from lib.tracking.client import artifact


def confusion(row, split):
    """The confusion matrix that a run recorded, rows truth, columns answer, spoof first."""
    with artifact(row["run_id"], f"confusion_matrix/{split}.json") as path:
        return json.loads(path.read_text(encoding="utf-8"))["matrix"]


def recorded_scores(row, split, trials=None):
    """The scores table that a run recorded: `trial`, `score`, `label`, and the columns of `trials`, the protocol's."""
    with artifact(row["run_id"], f"scores/{split}.tsv") as path:
        found = scores.read_scores(path)
    return found if trials is None else scores.match(found, trials)


def metrics_of(row, split):
    """A row's metrics of one split, without the split's name."""
    return {name.partition("/")[2]: value for name, value in row.items() if name.startswith(f"{split}/")}


def ladder(row):
    """The ladder of repairs that a run recorded, one line a rung (pandas.DataFrame), or None without any."""
    if row["parameters"].get("ladder") != "True":
        return None
    with artifact(row["run_id"], "ladder.csv") as path:
        return pd.read_csv(path, dtype=str)


def selected(study, corpus, patterns):
    """The finished runs of a study on this version of a corpus that a page asks again, one of each name and seed.

    `patterns` are of the runs' names, as ``14_*``. Returns name, with the seed where there are several -> row: the
    newest with the study's own parameters, or with others where it has none. InputError where there is none at all.
    """
    rows, _ = query.compare(study, corpus.name, digest=corpus.digest)
    first = {}
    for row in rows:
        if row["status"] == "FINISHED" and any(fnmatch(row["run"], pattern) for pattern in patterns):
            first.setdefault((row["run"], row["seed"]), row)
    if not first:
        raise InputError(
            f"study {study}: no finished run of a model on corpus {corpus.name}, digest {corpus.digest}, is called "
            f"{' or '.join(patterns)}; `study run` makes them"
        )
    seeds = Counter(run for run, _ in first)
    return {run + (f" seed {seed}" if seeds[run] > 1 else ""): row for (run, seed), row in first.items()}
