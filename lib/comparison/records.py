"""What the runs recorded, read back; `row` is one of `lib.tracking.query.compare`."""

import json

import pandas as pd

from lib import scores
from lib.tracking.client import artifact


def confusion(row, split):
    """The confusion matrix that a run recorded, rows truth, columns answer, spoof first."""
    with artifact(row["run_id"], f"confusion_matrix/{split}.json") as path:
        return json.loads(path.read_text(encoding="utf-8"))["matrix"]


def recorded_scores(row, split):
    """The scores table that a run recorded: `trial`, `score`, `label`."""
    with artifact(row["run_id"], f"scores/{split}.tsv") as path:
        return scores.read_scores(path)


def metrics_of(row, split):
    """A row's metrics of one split, without the split's name."""
    return {name.partition("/")[2]: value for name, value in row.items() if name.startswith(f"{split}/")}


def ladder(row):
    """The ladder of repairs that a run recorded, one line a rung (pandas.DataFrame), or None without any."""
    if not any(name.startswith("ladder/1/") for name in row):
        return None
    with artifact(row["run_id"], "ladder.csv") as path:
        return pd.read_csv(path, dtype=str)
