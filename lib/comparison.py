"""A study's runs side by side, and beside the report's figures.

Works on the rows of `lib.tracking.query.compare`; every number keeps its interval.
"""

import json

import pandas as pd
from scipy.stats import binomtest

from lib import scores
from lib.metrics import paired
from lib.reference import REPORT
from lib.tracking.runs import connect

_SHOWN = {
    "eval/eer": "eval EER %",
    "eval/auc": "eval AUC %",
    "eval/balanced_accuracy": "eval bal. acc. %",
    "eval/accuracy": "eval accuracy %",
}


def percent(value):
    """A fraction as a percentage with one digit."""
    return f"{100 * value:.1f}"


def with_interval(values, name):
    """``12.3 [10.1, 14.5]``: a metric and its 95 % interval, in percent."""
    if name not in values:
        return "-"
    if f"{name}_ci_low" not in values:
        return percent(values[name])
    low, high = values[f"{name}_ci_low"], values[f"{name}_ci_high"]
    return f"{percent(values[name])} [{percent(low)}, {percent(high)}]"


def table(rows):
    """One line a run: EER, AUC, accuracies with intervals, the constant answer's accuracy.

    Parameters
    ----------
    rows : list of dict
        From `lib.tracking.query.compare`.

    Returns
    -------
    pandas.DataFrame [one row a run]
    """
    lines = []
    for row in rows:
        line = {"run": row["run"], "seed": "-" if row["seed"] is None else row["seed"]}
        line |= {title: with_interval(row, name) for name, title in _SHOWN.items()}
        line["constant %"] = percent(row["eval/constant_accuracy"]) if "eval/accuracy" in row else "-"
        line["dev EER %"] = with_interval(row, "dev/eer")
        line["diagnosis"] = row.get("diagnosis") or "-"
        line["status"] = "finished" if row["status"] == "FINISHED" else row["status"].lower()
        lines.append(line)
    return pd.DataFrame(lines)


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
        Run name, a key of `lib.reference.REPORT`; without an entry the table is empty.
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
    for measure in ("accuracy", "balanced_accuracy", "recall_genuine", "recall_spoof"):
        theirs = getattr(reported, measure)
        if theirs is None:
            continue
        lines.append(
            {
                "measure": f"{split} {measure.replace('_', ' ')} ({reported.figure})",
                "ours %": with_interval(ours, measure),
                "report %": percent(theirs),
                "difference": f"{100 * (ours[measure] - theirs):+.1f}",
            }
        )
    return pd.DataFrame(lines)


def _recall(name, hits, row):
    """Part of a class that was answered rightly, with its Wilson interval (scipy)."""
    result = binomtest(int(hits), int(sum(row)))
    low, high = result.proportion_ci(method="wilson")
    return {name: result.statistic, f"{name}_ci_low": low, f"{name}_ci_high": high}


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


def label(row):
    """A run's name on a page: name, and seed when it has one."""
    return row["run"] + ("" if row["seed"] is None else f", seed {row['seed']}")


def reading(name, measured, provenance, *, threshold="0.5"):
    """What a run's numbers say, in Markdown, computed from them.

    Parameters
    ----------
    name : str
        Run name.
    measured : dict of str to dict
        Split -> metrics with intervals.
    provenance : list of str
        Which corpus this is, from `lib.audit.provenance`.
    threshold : str
        Where the threshold of the accuracies came from.
    """
    final = measured["eval"]
    sentences = [
        f"**{name}**: eval EER {with_interval(final, 'eer')} % on {final['n_genuine']:,.0f} genuine and "
        f"{final['n_spoof']:,.0f} spoof trials (train {percent(measured['train']['eer'])} %, "
        f"dev {percent(measured['dev']['eer'])} %)."
    ]
    accuracy, constant = final["accuracy"], final["constant_accuracy"]
    relation = "below" if accuracy < constant else "no lower than"
    sentences.append(
        f"Its eval accuracy at threshold {threshold}, {with_interval(final, 'accuracy')} %, lies {relation} the "
        f"{percent(constant)} % of the constant answer; balanced accuracy is "
        f"{with_interval(final, 'balanced_accuracy')} %."
    )
    if final["auc"] < 0.5:
        sentences.append("The AUC lies below 50 %: the scores point the wrong way.")
    elif final["eer_ci_high"] >= 0.5 >= final["eer_ci_low"]:
        sentences.append("The interval of the EER holds 50 %: this is not told apart from chance.")
    return " ".join(sentences + provenance)


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


def ledger(looks):
    """How often eval was opened, one line a run name.

    Parameters
    ----------
    looks : list of dict
        From `lib.tracking.query.looks`.

    Returns
    -------
    pandas.DataFrame [one row a run name, in the order of their first look]
        `run`, `runs` (how many of that name), `looks` (of all of them), `first` and
        `last`, when those runs were started (UTC).
    """
    table = pd.DataFrame(looks, columns=["run", "started", "looks"])
    table["started"] = pd.to_datetime(table["started"], unit="ms").dt.strftime("%Y-%m-%d %H:%M")
    grouped = table.groupby("run", sort=False)
    found = grouped.agg(
        runs=("looks", "size"), looks=("looks", "sum"), first=("started", "min"), last=("started", "max")
    )
    return found.reset_index()


def reading_ledger(looks, best=""):
    """How often eval was opened before the choice was made, as a sentence.

    Parameters
    ----------
    looks : list of dict
        From `lib.tracking.query.looks`.
    best : str
        Id of the run that the comparison puts first.
    """
    if not looks:
        return "Eval of this corpus has not been opened."
    total = sum(row["looks"] for row in looks)
    text = f"Eval of this corpus was opened {_times(total)} by {len(looks)} run{'s' * (len(looks) > 1)} up to now"
    chosen = next((row for row in looks if row["run_id"] == best), None)
    if chosen:
        before = sum(row["looks"] for row in looks if row["started"] < chosen["started"])
        text += f", {_times(before)} before the run that stands first, {chosen['run']}, was started"
    return f"{text}. The lowest of many EERs is low by luck too: a choice by dev is safe from that, one by eval is not."


def _times(number):
    return "once" if number == 1 else f"{number:,} times"


def reading_study(study, rows, ranks, provenance):
    """What a study's runs say together, in Markdown, computed from them.

    Parameters
    ----------
    study : str
    rows : list of dict
        From `lib.tracking.query.compare`.
    ranks : pandas.DataFrame
        From `rank`, of the finished runs.
    provenance : list of str
        Which corpus this is.
    """
    finished = [row for row in rows if "eval/eer" in row and row["status"] == "FINISHED"]
    if not finished:
        return f"No run of study {study} has finished. " + " ".join(provenance)
    best = ranks.iloc[0]
    sentences = [f"Lowest eval EER: {best['run']}, {best['eval EER %']} %."]
    equal = ranks["run"][ranks["rank"] == 1].iloc[1:]
    if len(equal):
        sentences.append(f"On these trials it is not told apart from {', '.join(equal)}.")
    below = [label(row) for row in finished if row["eval/accuracy"] < row["eval/constant_accuracy"]]
    if below:
        sentences.append(f"Accuracy below the constant answer's: {', '.join(below)}.")
    failed = [label(row) for row in rows if row["status"] != "FINISHED"]
    if failed:
        sentences.append(f"Not finished: {', '.join(failed)}.")
    return " ".join(sentences + provenance)
