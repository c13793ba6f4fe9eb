"""What the runs recorded, read back, and tables of it, the report's and others' figures beside ours.

`row` and `rows` are those of `lib.tracking.query.compare`; every table for a page is a pandas.DataFrame of text.
"""

import json
from collections import Counter
from contextlib import suppress
from fnmatch import fnmatch
from functools import partial

import pandas as pd

from lib import metrics, scores
from lib.corpus import LABEL_NAMES, read_trials
from lib.errors import InputError
from lib.judgement.reference import BASE_PAPER_ACCURACY, REPORT
from lib.metrics.tables import percent, with_interval
from lib.params import read_table
from lib.tracking import query
from lib.tracking.client import read

PUBLISHED = read_table("published")
_SHOWN = {
    "eval/eer": "eval EER %",
    "eval/balanced_accuracy": "eval bal. acc. %",
    "eval/accuracy": "eval accuracy %",
}


def confusion(row, split):
    """The confusion matrix that a run recorded, rows truth, columns answer, spoof first."""
    return read(row["run_id"], f"confusion_matrix/{split}.json", lambda path: json.loads(path.read_bytes())["matrix"])


def recorded_scores(row, split, trials=None):
    """The scores table that a run recorded: `trial`, `score`, `label`, and the columns of `trials`, the protocol's."""
    found = read(row["run_id"], f"scores/{split}.tsv", scores.read_scores)
    return found if trials is None else scores.match(found, trials)


def metrics_of(row, split):
    """A row's metrics of one split, without the split's name."""
    return {name.partition("/")[2]: value for name, value in row.items() if name.startswith(f"{split}/")}


def ladder(row):
    """The ladder of repairs that a run recorded, one line a rung (pandas.DataFrame), or None without any."""
    if row["parameters"].get("ladder") != "True":
        return None
    return read(row["run_id"], "ladder.csv", partial(pd.read_csv, dtype=str))


def kept_table(corpus, digest, notebook, name, **how):
    """A table (CSV) of the newest finished run of a notebook on a version of a corpus; None without such a run."""
    page = query.newest(corpus, notebook, corpus_digest=digest)
    return page and read(page.run_id, name, partial(pd.read_csv, **how))


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


def with_scores(rows, trials):
    """The rows of finished runs, each with its recorded scores of eval's `trials` in ``scores``."""
    return [row | {"scores": recorded_scores(row, "eval", trials)} for row in rows]


def systems(rows):
    """System -> seed -> recorded scores of rows from `with_scores`."""
    found = {}
    for row in rows:
        found.setdefault(named(row), {})[row["seed"]] = row["scores"]
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


def table(rows):
    """One line a run: EER, accuracies with intervals, diagnosis; last the majority-class baseline.

    With a column `status` unless all have finished, and `stale` where any is.
    """
    shares = [row["eval/constant_accuracy"] for row in rows if "eval/constant_accuracy" in row]
    if shares:
        always = {"run": "one class always", "seed": None, "status": "FINISHED", "parameters": {"threshold": "-"}}
        always |= dict.fromkeys(("eval/eer", "eval/balanced_accuracy", "dev/eer"), 0.5)
        rows = [*rows, always | dict.fromkeys(("eval/accuracy", "eval/constant_accuracy"), shares[0])]
    found = pd.DataFrame(
        {
            "run": named(row),
            "seed": "-" if row["seed"] is None else row["seed"],
            **{title: with_interval(row, name) for name, title in _SHOWN.items()},
            "majority %": percent(row["eval/constant_accuracy"]) if "eval/accuracy" in row else "-",
            "dev EER %": with_interval(row, "dev/eer"),
            "threshold": row.get("parameters", {}).get("threshold", "0.5"),
            "diagnosis": row.get("diagnosis") or "-",
            "status": "diverged" if row.get("diverged") else row["status"].lower(),
            "stale": row.get("stale", ""),
        }
        for row in rows
    )
    usual = {"status": "finished", "stale": ""}
    return found.drop(columns=[name for name, value in usual.items() if len(found) and (found[name] == value).all()])


def matrix(table, columns, value, star):
    """Fractions of runs and of what `columns` names in a long table, in percent: a Styler, with a star where `star`."""
    order = table["run"].unique(), table[columns].unique()
    shades, stars = (table.pivot(index="run", columns=columns, values=name).loc[*order] for name in (value, star))
    texts = ((100 * shades).round(1) + 0.0).map("{:.1f}".format, na_action="ignore")  # no -0.0
    texts += stars.replace({True: "*", False: ""})
    most = shades.abs().max(axis=None) or 1.0
    shown = texts.style.format(na_rep="-", escape="html").format_index(escape="html")
    return shown.background_gradient("PuOr_r", gmap=shades, axis=None, vmin=-most, vmax=most)


def counts(rows):
    """Trials of each split that the numbers stand on, as a sentence."""
    row = next((row for row in rows if "eval/n_genuine" in row), None)
    if row is None:
        return "No run has finished."
    said = "{} {:,.0f} genuine + {:,.0f} spoof"
    parts = (said.format(s, row[f"{s}/n_genuine"], row[f"{s}/n_spoof"]) for s in ("train", "dev", "eval"))
    return f"Trials: {', '.join(parts)}."


def rank(tables):
    """Systems in the order of what their eval EERs tell apart, on the same trials, best first; one row a system.

    `tables` is from `systems`. Equal ranks are in no sure order over what the trials come in and over seeds (Holm over
    all pairs); the EER is the mean over seeds, intervals are of 95 %.
    """
    return pd.DataFrame(
        {
            "rank": row["rank"],
            "run": row["system"],
            "eval EER %": percent(row["eer"], (row["low"], row["high"])),
            "more than the best, points": percent(row["difference"], (row["difference_low"], row["difference_high"]))
            if k
            else "-",
            "seeds": row["seeds"],
            "s.d. between seeds": percent(row["seed_sd"]),
        }
        for k, row in enumerate(metrics.ranking(tables).to_dict("records"))
    )


def ranks_in_words(rows, others, data=None):
    """What eval tells apart of runs and of `others` (name -> scores): a sentence, or none where scores are gone."""
    values, trials = rows[0]["parameters"], None
    with suppress(InputError, KeyError):  # the corpus is elsewhere, or nobody noted where it was
        trials = read_trials(data or values["data"], values["layout"]).query("split == 'eval'")
    try:
        rows = with_scores(rows, trials)
        found = systems(rows) | {name: {None: table} for name, table in others.items()}
        ranks = metrics.ranking(found).groupby("rank")["system"]
    except InputError:
        return []
    said = "; ".join(f"{rank}: {', '.join(names)}" for rank, names in ranks)
    return [f"Ranks by eval EER, over {metrics.over(rows[0]['scores'])} and seeds: {said}."]


def beside_report(name, split, values, matrix):
    """Ours, the report's and the difference, row by row; no row for what the report does not say.

    `name` is a run's; `values` are our metrics of the split (``train`` or ``eval``) with intervals, `matrix`
    [shape=(2, 2)] our confusion matrix, rows truth, columns answer, spoof first.
    """
    theirs, ours = [], dict(values)
    if reported := REPORT.get(name, {}).get(split):
        measures = ("accuracy", "balanced_accuracy", "recall_genuine", "recall_spoof")
        theirs = [(name, reported[name], reported["figure"]) for name in measures if name in reported]
        if split == "eval" and name in BASE_PAPER_ACCURACY:
            theirs.append(("accuracy", BASE_PAPER_ACCURACY[name], "base paper, Table 2"))
    for truth, answers in enumerate(matrix):
        recall, hits, total = f"recall_{LABEL_NAMES[truth]}", answers[truth], sum(answers)
        low, high = metrics.rate_interval(hits, total)
        ours |= {recall: hits / total, f"{recall}_ci_low": low, f"{recall}_ci_high": high}
    lines = [
        {
            "measure": f"{split} {measure.replace('_', ' ')} ({source})",
            "ours %": with_interval(ours, measure),
            "report %": percent(value),
            "difference, points": f"{100 * (ours[measure] - value):+.1f}",
        }
        for measure, value, source in theirs
    ]
    return pd.DataFrame(lines, columns=["measure", "ours %", "report %", "difference, points"])


def beside_published(rows, kind=None):
    """Eval EERs of others on ASVspoof 2017 Version 2.0, the lowest first, and of our runs of their kind.

    With `kind`, a run's name, only the figures of systems of its kind.
    """
    lines = []
    for figure in sorted(PUBLISHED, key=lambda figure: figure["eer"]):
        ours = [
            f"{label(row)}: {with_interval(row, 'eval/eer_hull')} ({with_interval(row, 'eval/eer')})"
            for row in rows
            if row["run"] in figure["beside"]
        ]
        line = {"system": figure["system"], "published eval EER %": f"{figure['eer']:.2f}"}
        line |= {"trained on": figure["trained_on"], "source": figure["source"], "how sure": figure["sure"]}
        if kind is None or kind in figure["beside"]:
            lines.append(line | {"ours, eval EER % on the convex hull (plain)": "; ".join(ours) or "-"})
    return pd.DataFrame(lines)
