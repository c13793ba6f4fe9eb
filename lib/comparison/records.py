"""What the runs recorded, read back."""

import json

import pandas as pd

from lib import scores
from lib.tracking.client import connect


def confusion(row, split):
    """The confusion matrix that a run recorded, rows truth, columns answer, spoof first."""
    text = connect().download_artifacts(row["run_id"], f"confusion_matrix/{split}.json")
    with open(text, encoding="utf-8") as file:
        return json.load(file)["matrix"]


def recorded_scores(row, split):
    """The scores table that a run recorded: `trial`, `score`, `label`."""
    return scores.read_scores(connect().download_artifacts(row["run_id"], f"scores/{split}.tsv"))


def metrics_of(row, split):
    """A row's metrics of one split, without the split's name."""
    return {name.partition("/")[2]: value for name, value in row.items() if name.startswith(f"{split}/")}


def ladder(row):
    """The ladder of repairs that a run recorded, or None.

    Returns
    -------
    pandas.DataFrame or None
        One line a rung, as the run's own page shows it.
    """
    if not any(name.startswith("ladder/1/") for name in row):
        return None
    return pd.read_csv(connect().download_artifacts(row["run_id"], "ladder.csv"), dtype=str)
