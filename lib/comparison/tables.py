"""Tables of runs, and the report's figures beside ours."""

import math

import pandas as pd

from lib.judgement.reference import BASE_PAPER_ACCURACY, REPORT
from lib.metrics import rate_interval

_SHOWN = {
    "eval/eer": "eval EER %",
    "eval/balanced_accuracy": "eval bal. acc. %",
    "eval/accuracy": "eval accuracy %",
}


def percent(value):
    """A fraction as a percentage with one digit; a dash for what is not a number."""
    return f"{100 * value:.1f}" if math.isfinite(value) else "-"


def with_interval(values, name):
    """``12.3 [10.1, 14.5]``: a metric and its 95 % interval, in percent."""
    if name not in values:
        return "-"
    if f"{name}_ci_low" not in values:
        return percent(values[name])
    low, high = values[f"{name}_ci_low"], values[f"{name}_ci_high"]
    return f"{percent(values[name])} [{percent(low)}, {percent(high)}]"


def label(row):
    """A run's name on a page: name, seed when it has one, and parameters other than the study's."""
    return named(row) + ("" if row["seed"] is None else f", seed {row['seed']}")


def named(row):
    """A run's name, with a word where its pretrained part is untrained, and with parameters other than the study's."""
    said = row["run"].endswith("/untrained") or not row.get("weights", "").startswith("untrained")
    return row["run"] + ("" if said else " (untrained)") + (f", {row['changed']}" if row.get("changed") else "")


def table(rows):
    """One line a run: EER, AUC, accuracies with intervals, the majority-class baseline.

    Parameters
    ----------
    rows : list of dict
        From `lib.tracking.query.compare`.

    Returns
    -------
    pandas.DataFrame [one row a run]
        With a column `status` unless all have finished, and `stale` where any is.
    """
    lines = []
    for row in rows:
        line = {"run": named(row), "seed": "-" if row["seed"] is None else row["seed"]}
        line |= {title: with_interval(row, name) for name, title in _SHOWN.items()}
        line["majority %"] = percent(row["eval/constant_accuracy"]) if "eval/accuracy" in row else "-"
        line["dev EER %"] = with_interval(row, "dev/eer")
        line["threshold"] = row.get("parameters", {}).get("threshold", "0.5")
        line["diagnosis"] = row.get("diagnosis") or "-"
        line["status"] = "diverged" if row.get("diverged") else row["status"].lower()
        line["stale"] = row.get("stale", "")
        lines.append(line)
    found = pd.DataFrame(lines)
    plain = {"status": "finished", "stale": ""}
    return found.drop(columns=[name for name, usual in plain.items() if len(found) and (found[name] == usual).all()])


def times(rows):
    """Where each run's time went, seconds; the longest first.

    Parameters
    ----------
    rows : list of dict
        From `lib.tracking.query.compare`; runs by hand or by raw papermill have no times.

    Returns
    -------
    pandas.DataFrame [one row a run]
    """
    timed = sorted((row for row in rows if "time/total" in row), key=lambda row: -row["time/total"])
    titles = {"total": "total s", "own": "own work s", "imports": "imports s", "around": "kernel and pages s"}
    return pd.DataFrame(
        {"run": label(row), **{title: f"{row[f'time/{name}']:.0f}" for name, title in titles.items()}}
        | {"longest section": row["longest"]}
        for row in timed
    )


def counts(rows):
    """Trials of dev and eval that the numbers stand on, as a sentence."""
    for row in rows:
        if "eval/n_genuine" in row:
            parts = [
                f"{split} {row[f'{split}/n_genuine']:,.0f} genuine + {row[f'{split}/n_spoof']:,.0f} spoof"
                for split in ("train", "dev", "eval")
            ]
            return "Trials: " + ", ".join(parts) + "."
    return "No run has finished."


def beside_report(name, split, values, matrix):
    """Ours, the report's and the difference, row by row.

    Parameters
    ----------
    name : str
        Run name, a key of `lib.judgement.reference.REPORT`; without an entry the table is empty.
    split : str
        ``train`` or ``eval``.
    values : dict
        Our metrics of that split, with intervals.
    matrix : array [shape=(2, 2)]
        Our confusion matrix, rows truth, columns answer, spoof first.

    Returns
    -------
    pandas.DataFrame
        Columns `measure`, `ours %`, `report %`, `difference`.
    """
    reported = REPORT.get(name, {}).get(split)
    if reported is None:
        return pd.DataFrame(columns=["measure", "ours %", "report %", "difference"])
    ours = {
        **values,
        **_recall("recall_genuine", matrix[1][1], matrix[1]),
        **_recall("recall_spoof", matrix[0][0], matrix[0]),
    }
    lines = []
    theirs = [
        (measure, getattr(reported, measure), reported.figure)
        for measure in ("accuracy", "balanced_accuracy", "recall_genuine", "recall_spoof")
    ]
    if split == "eval" and name in BASE_PAPER_ACCURACY:
        theirs.append(("accuracy", BASE_PAPER_ACCURACY[name], "base paper, Table 2"))
    for measure, value, source in theirs:
        if value is not None:
            lines.append(
                {
                    "measure": f"{split} {measure.replace('_', ' ')} ({source})",
                    "ours %": with_interval(ours, measure),
                    "report %": percent(value),
                    "difference": f"{100 * (ours[measure] - value):+.1f}",
                }
            )
    return pd.DataFrame(lines)


def _recall(name, hits, row):
    """Part of a class that was answered rightly, with its interval."""
    low, high = rate_interval(hits, sum(row))
    return {name: hits / sum(row), f"{name}_ci_low": low, f"{name}_ci_high": high}


def verdicts(printed, proved):
    """What printed classification reports prove, one line each.

    Parameters
    ----------
    printed : dict of str to lib.judgement.reference.Printed
        Figure -> report.
    proved : dict of str to dict
        Figure -> what `lib.judgement.verdict.verdict` found.

    Returns
    -------
    pandas.DataFrame [one row a figure]
    """
    lines = []
    for figure, found in proved.items():
        low, high = found["eer_bracket"]
        lines.append(
            {
                "figure": figure,
                "system": printed[figure].system,
                "split": printed[figure].split,
                "printed accuracy %": percent(printed[figure].accuracy),
                "majority %": percent(found["constant_accuracy"]),
                "bal. acc. %": percent(found["balanced_accuracy"]),
                "MCC": f"{found['mcc']:.2f}",
                "EER between %": f"{percent(low)} and {percent(high)}",
                "arithmetic": "consistent" if found["consistent"] else "contradicts itself",
            }
        )
    return pd.DataFrame(lines)
