"""What the runs recorded, read back, and how it is written on a page; `row` is one of `lib.tracking.query.compare`."""

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


def kept_table(corpus, digest, notebook, name, **how):
    """A table (CSV) of the newest finished run of a notebook on a version of a corpus; None without such a run."""
    page = query.newest(corpus, notebook, corpus_digest=digest)
    if page is None:
        return None
    with artifact(page.run_id, name) as path:
        return pd.read_csv(path, **how)


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


def systems(rows, recorded):
    """System -> seed -> recorded scores; `recorded` maps run ids to tables of `recorded_scores`."""
    found = {}
    for row in rows:
        found.setdefault(named(row), {})[row["seed"]] = recorded[row["run_id"]]
    return found


def label(row):
    """A run's name on a page: `named`, and its seed when it has one."""
    return named(row) + ("" if row["seed"] is None else f", seed {row['seed']}")


def named(row):
    """A run's name, with a word where its pretrained part is untrained, and with parameters other than the study's."""
    said = row["run"].endswith("/untrained") or not is_untrained(row)
    return row["run"] + ("" if said else " (untrained)") + (f", {row['changed']}" if row.get("changed") else "")


def is_untrained(row):
    """Whether its pretrained part has only its first weights."""
    return row.get("weights", "").startswith("untrained")
