"""Recording one run. MLflow is told the numbers that are set side by side; ``metrics.json`` holds every one."""

import json
import math
import os
import time
from dataclasses import dataclass, field

import yaml
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag

from lib import metrics, scores
from lib.corpus import LABEL_NAMES
from lib.judgement.diagnosis import describe
from lib.metrics.clusters import spreads
from lib.metrics.evaluation import alarms
from lib.metrics.tables import with_interval
from lib.plots import evaluation
from lib.tracking.client import RUN_ID, connect, create
from lib.tracking.query import BY_HAND, METRICS, beat, owner
from lib.tracking.views import NOTE

_INTERVALS = ("eer", "auc", "accuracy", "balanced_accuracy")
_COMPARED = (*_INTERVALS, "min_dcf", "cllr", "n_genuine", "n_spoof")
_CI = ("", "_ci_low", "_ci_high")
# What is compared with its interval, and its tag in MLflow's table, whose metrics have 16 digits and no interval.
_ENDS = {
    "train": {"accuracy": None, "balanced_accuracy": None},
    "dev": {"eer": "dev EER"},
    "eval": {"eer": "eval EER", "accuracy": None, "balanced_accuracy": "eval bal. acc."},
}


@dataclass(frozen=True)
class Run:
    """A run that is being recorded."""

    client: MlflowClient
    run_id: str
    numbers: dict = field(default_factory=dict, repr=False)  # what ``metrics.json`` holds

    @property
    def known(self):
        return self.client.get_run(self.run_id).data

    def tag(self, **tags):
        self.client.log_batch(self.run_id, tags=[RunTag(name, str(value)) for name, value in tags.items()])


def start(notebook, settings, *, corpus_digest, weights="none"):
    """Open the record of a notebook's run, with all its resolved settings and where its weights came from."""
    client, run_id = connect(), os.environ.get(RUN_ID)  # the runner has begun the run, and will close it
    if not run_id:
        name, tags = f"{notebook}/{settings['variant']}", {"study": BY_HAND, "fingerprint": BY_HAND, **owner()}
        run_id = create(client, experiment=settings["corpus"], name=name, tags=tags)
        beat(client, run_id)
    run = Run(client, run_id)
    client.log_batch(run_id, params=[Param(key, str(value)) for key, value in settings.items()])
    run.tag(corpus_digest=corpus_digest, weights=weights, seed=settings.get("seed", "-"))
    log_text(run, yaml.safe_dump(settings, sort_keys=False), "params.yaml")
    return run


def log_text(run, text, name):
    """Keep a text as an artifact."""
    run.client.log_text(run.run_id, text, name)


def log_figure(run, figure, name):
    """Keep a matplotlib figure as an artifact."""
    run.client.log_figure(run.run_id, figure, name, save_kwargs={"dpi": 110})


def keep_metrics(run, values):
    """Keep numbers in ``metrics.json`` alone, null for one that is not finite."""
    values = {name: float(value) for name, value in values.items()}
    run.numbers.update({name: value if math.isfinite(value) else None for name, value in values.items()})
    log_text(run, json.dumps(run.numbers, indent=1), METRICS)


def log_metrics(run, values, *, step=0):
    """Keep numbers under their MLflow names, and in ``metrics.json``."""
    _compare(run, values, step)
    keep_metrics(run, values)


def log_epoch(run, epoch, values):
    """Keep one epoch's numbers as ``epoch/<name>``, for MLflow's curves."""
    _compare(run, {f"epoch/{name}": value for name, value in values.items()}, epoch)


def _compare(run, values, step=0):
    now = int(time.time() * 1000)
    run.client.log_batch(run.run_id, [Metric(name, float(v), now, step) for name, v in values.items()])


def note_fit(run, fitted):
    """Note which kept fit the run uses, in the tag `fits`, and how long it took when it was made."""
    known = run.known.tags.get("fits", "").split()
    if fitted.key not in known:
        run.tag(fits=" ".join([*known, fitted.key]))
    keep_metrics(run, {f"fit/{len(known)}/seconds": fitted.about["seconds"], f"fit/{len(known)}/found": fitted.found})


def measure(table, *, threshold=0.0):
    """The numbers of one split by name, and its alarms; `table` holds `score`, `label` and what the protocol knows.

    ``<name>_ci_low`` and ``_high`` are 95 % intervals, the widest of `lib.metrics.clusters.spreads`, if it has any.
    """
    values, labels = table["score"].to_numpy(), table["label"].to_numpy()
    measured = metrics.evaluate(values, labels, threshold=threshold)
    found = spreads(table.drop(columns="phrase", errors="ignore"), measured, metrics=_INTERVALS, threshold=threshold)
    speakers, shuffled = found["clusters"].get("speaker", {}), metrics.shuffled_auc(values, labels)
    result = {name: measured[name] for name in (*_COMPARED, "eer_hull", "constant_accuracy")}
    pairs = {f"{name}_ci": found[f"{name}_ci"] for name in _INTERVALS} | {"auc_shuffled": shuffled}
    if speakers.get("eer_ci"):
        pairs["eer_speaker_ci"] = speakers["eer_ci"]
        if speakers["design_effect"] is not None:
            result["design_effect"] = speakers["design_effect"]
    for name, ends in pairs.items():
        if ends:
            result[f"{name}_low"], result[f"{name}_high"] = ends

    known = {"shuffled_auc": shuffled, "clusters": {"speaker": speakers} if speakers else {}}
    known |= {name: found[name] for name in ("trials", "single")}
    return result, alarms(values, measured | known, threshold=threshold)


def of_scores(name, table):
    """A row such as `lib.tracking.query.compare` has, of another system's table of scores."""
    values, _ = measure(table)
    row = {"run": name, "seed": None, "run_id": "", "status": "FINISHED"}
    return row | {"parameters": {}, **{f"eval/{key}": value for key, value in values.items()}}


def log_split(run, split, table, *, threshold=0.0):
    """Measure one split's `trial`, `score` (log-odds), `label`; keep numbers and pictures; what `measure` says."""
    values, labels = table["score"].to_numpy(), table["label"].to_numpy()
    result, warnings = measure(table, threshold=threshold)
    names = [*_COMPARED, *(name + end for name in _ENDS[split] for end in _CI[1:])]
    names += ["constant_accuracy", "eer_hull"] if split == "eval" else []
    _compare(run, {f"{split}/{name}": result[name] for name in names if name in result})
    keep_metrics(run, {f"{split}/{name}": value for name, value in result.items()})
    tags = {f"alarms.{split}": "\n".join(warnings) or "none"}
    for name, title in _ENDS[split].items():
        if title:
            tags[title] = f"{with_interval(result, name)} %"
    run.tag(**tags)
    if split == "eval":
        count_looks(run, 1)

    matrix = metrics.confusion(values, labels, threshold)
    described = {"labels": list(LABEL_NAMES), "rows": "truth", "columns": "answer", "threshold": threshold}
    described["matrix"] = [[int(n) for n in row] for row in matrix]
    title = f"{split}, threshold {threshold:g} log-odds"
    log_figure(run, evaluation.confusion_grid({title: matrix}), f"confusion_matrix/{split}.png")
    log_text(run, json.dumps(described, indent=2), f"confusion_matrix/{split}.json")
    log_text(run, metrics.report(values, labels, threshold), f"classification_report/{split}.txt")
    log_figure(run, evaluation.det({split: (values, labels)}, f"{split}: DET curve"), f"det/{split}.png")
    log_text(run, scores.written(table["trial"], values, labels), f"scores/{split}.tsv")
    return result | {"alarms": warnings}


def count_looks(run, times):
    """Note in the eval ledger, ``eval/looks``, that eval was measured so often; `log_split` does so itself."""
    looks = int(run.known.metrics.get("eval/looks", 0)) + times
    log_metrics(run, {"eval/looks": looks}, step=looks)  # a step of its own: MLflow refuses two values at one


def log_diagnosis(run, diagnosis):
    """Keep what the doctor says, where a reader of the run sees it first: on top of its page."""
    run.tag(**{"diagnosis": diagnosis.cause, NOTE: describe(diagnosis)})
    keep_metrics(run, {f"diagnosis/{name}": value for name, value in diagnosis.figures.items()})


def finish(run, summary=""):
    """Close the record, unless the runner does; the summary heads the run's page, below a diagnosis."""
    if summary:
        known = run.known.tags.get(NOTE)
        run.tag(**{NOTE: f"{known}\n\n{summary}" if known else summary})
    if os.environ.get(RUN_ID) != run.run_id:
        run.client.set_terminated(run.run_id, "FINISHED")
