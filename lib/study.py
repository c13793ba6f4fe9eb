"""What a notebook does, call by call: begin, feed, fit, evaluate, finish; however it is executed."""

import inspect
import json
import os
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from IPython.display import Markdown, display

from lib import comparison, metrics, params
from lib.corpus import LABEL_NAMES, SPLITS, audit
from lib.errors import InputError
from lib.features import embeddings
from lib.features.images import augmented
from lib.inputs import opened, rate
from lib.judgement import diagnosis, domain, reference
from lib.metrics import decisions
from lib.plots import evaluation, signals
from lib.tracking import models, runs
from lib.tracking.client import PROGRESS

_SHOWN = ("eer", "auc", "accuracy", "balanced_accuracy")


def begin(notebook, namespace, *, takes=()):
    """Judge a notebook's parameters, open its corpus and begin its run in MLflow: a `Run`.

    `namespace` is the notebook's ``globals()`` after the parameters; `takes` names groups of further settings
    (params/settings.yaml), and is read from the notebook's text. InputError, and no run, when a parameter is unknown
    or wrong, or corpus or weights cannot be used.
    """
    pd.set_option("styler.format.escape", "html")  # names from outside stand in tables as they are written
    pd.set_option("display.max_colwidth", None)  # and none is cut
    settings = params.current(notebook, namespace)
    corpus = audit.usable(*(settings[n] for n in ("corpus", "data", "layout")), allow_partial=settings["allow_partial"])
    notes, weights = audit.provenance(corpus, settings["layout"]), "none"
    # What is imported below is slow, and pages over finished runs need none of it.
    if "wav2vec_weights" in settings:
        weights = embeddings.described(settings["wav2vec_weights"])
        notes.append(f"Encoder weights: {weights}.")
    elif "backbone_weights" in settings:
        from lib.systems import transfer

        weights = transfer.described(settings["backbone_weights"])
        notes.append(f"Backbone weights: {weights}.")
    if "seed" in settings:
        from lib.systems import training

        training.prepare(settings["seed"])
    record = runs.start(notebook, settings, corpus_digest=corpus.digest, weights=weights)
    models.log_corpus(record, corpus)
    return Run(f"{notebook}/{settings['variant']}", settings, corpus, record, weights, notes)


_REPLAYED = 0.01  # seconds; an epoch takes longer, but one that a fit had behind it when it was cut off


@dataclass
class Run:
    """A run under way."""

    name: str  # <notebook>/<variant>
    settings: dict  # every parameter, resolved
    corpus: object  # lib.corpus.Corpus
    record: runs.Run
    weights: str  # where pretrained weights came from; "none" without any
    notes: list  # sentences that every number of the run stands under: which corpus, which weights
    steps: list = field(default_factory=list)  # of an ablation: (step, what it reached)
    said: set = field(default_factory=set)  # how long fits are, as they were printed

    def doing(self, what):
        """Say what the run is doing now, for the command that waits for it (`lib.runner.progress`)."""
        with suppress(KeyError, OSError):  # nobody waits, or not on this machine
            Path(os.environ[PROGRESS], self.record.run_id).write_text(f"{self.name}: {what}", encoding="utf-8")

    def show_settings(self):
        """Every setting of the run, those that the notebook does not list included."""
        values = {name: str(value) for name, value in self.settings.items()}  # a table would round 1e-10 to 0
        return pd.Series(values, name="value").to_frame()

    def show_corpus(self):
        """Which corpus the numbers stand on, and how many trials it has."""
        display(Markdown("\n".join(f"> {sentence}" for sentence in self.notes)))
        return pd.DataFrame(self.corpus.counts()).T

    def inputs(self, *inputs, **changes):
        """What a system is fed, a `lib.inputs.Fed`, with the run's analysis settings; made where the store lacks it.

        `inputs` are of `lib.inputs`, in the system's order; `changes` may name the `augmentation` of training images.
        """
        self.doing("reading features, and making those that the store lacks")
        resolved = [item.resolved(self.settings) for item in inputs]
        fed = opened(resolved, self.corpus, store_url=self.settings["store_url"], jobs=self.settings["jobs"])
        return fed.changed(seed=self.settings.get("seed", 0), **changes)

    def show_images(self, fed):
        """The first genuine and the first spoof image of training, of each input."""
        labels = fed.labels["train"].tolist()
        for item, kept in zip(fed.inputs, fed.kept, strict=True):
            shown = kept.batch("train", [labels.index(1), labels.index(0)])
            display(signals.gallery(shown, ["genuine", "spoof"], title=item.feature, colours=item.colours))

    def show_matrices(self, fed):
        """Mean over time of each row, by label, over the first training trials of either."""
        (item,), labels = fed.inputs, fed.labels["train"]
        means = {}
        for label, name in enumerate(LABEL_NAMES):
            (found,) = fed.load("train", np.flatnonzero(labels == label)[:100])
            means[name] = np.stack([np.asarray(matrix).reshape(len(matrix), -1).mean(axis=1) for matrix in found])
        return signals.row_means(means, f"{item.feature}, mean over time, normalisation: {item.normalisation}")

    def show_copies(self, fed, copies):
        """Changed copies of the first genuine training image, by the run's augmentation and by the usual one."""
        item, first = fed.inputs[0], [fed.labels["train"].tolist().index(1)]
        names = [f"copy {copy}" for copy in range(copies)]
        original = fed.kept[0].batch("train", first)
        for kind in dict.fromkeys((fed.augmentation, "image")):
            shown = [augmented(original, first, kind, copy=copy, seed=fed.seed)[0] for copy in range(copies)]
            title = f"{item.feature}, augmentation: {kind}"
            display(signals.gallery(np.stack(shown), names, title=title, colours=item.colours))

    def fit(self, system, fed, *, seed=None, refresh_batch_norm=False, curves=True, **arguments):
        """Fit a system, or take the same fit that is kept: a `lib.systems.kept.Fitted`.

        The system (a Keras model, a PyTorch module, a classifier of scikit-learn or one of `lib.systems`) is left with
        its first weights. `seed` is the run's own unless it is given; `refresh_batch_norm` sets the moving statistics
        of batch normalisation after the fit, forward only; `curves` says whether the fit is the run's own, with curves
        in MLflow, or one beside it; `arguments` are those of the system's own `fit`.
        """
        from lib.systems import kept, wrapped

        where = {"seed": self.settings["seed"] if seed is None else seed, "store": self.settings["store_url"]}
        total = sum(value for name, value in arguments.items() if name.endswith("epochs"))
        begun, told = [0, time.monotonic()], [0, 0.0]  # epochs and time, at the start and when told of the last one

        def on_epoch(epoch, values):
            now = time.monotonic()
            if now - told[1] < _REPLAYED:  # an epoch of before a cut-off
                begun[:] = epoch, now
            told[:] = epoch, now
            left = (now - begun[1]) / max(epoch - begun[0], 1) * (total - epoch)
            self.doing(f"fitting, epoch {epoch} of {total} at most, {left:.0f} s left")
            if curves:
                runs.log_epoch(self.record, epoch, values)

        self.doing("fitting")
        if curves and "steps_per_epoch" in arguments:
            steps, size, count = arguments["steps_per_epoch"], arguments["batch_size"], len(fed.labels["train"])
            passes = f"{total * steps * size / count:.1f} passes over the {count:,} training recordings"
            said = f"{total} epochs of {steps} batches of {size}: {passes}"
            if said not in self.said:  # a ladder has several fits of the same length
                print(said)
            self.said.add(said)
        system = wrapped(system)
        if refresh_batch_norm and not hasattr(system, "batch_scores"):
            raise InputError(f"refresh_batch_norm goes with a Keras model, got {type(system).__name__}")
        taken = inspect.signature(system.fit).parameters.values()
        if not any(one.kind is one.VAR_KEYWORD for one in taken):
            for name in arguments.keys() - {one.name for one in taken}:
                raise InputError(f"{name}: the fit of {type(system).__name__} takes no such argument")
        scored = not refresh_batch_norm  # what is refreshed scores in the place of what was trained
        fitted = kept.fit(system, fed, arguments, on_epoch=on_epoch, scored=scored, **where)
        if curves and fitted.found and fitted.history is not None:
            for epoch, values in fitted.history.select_dtypes("number").iterrows():
                runs.log_epoch(self.record, epoch, values)
        if refresh_batch_norm:
            runs.note_fit(self.record, fitted)
            from lib.systems import networks

            size = {"batch_size": arguments["batch_size"]}
            fitted = kept.fit(networks.Refreshed(fitted), fed, size, **where)
        runs.note_fit(self.record, fitted)
        return fitted

    def show_layers(self, model, figure):
        """A Keras model's layers beside those of the report's figure, which may lack some."""
        from lib.systems.networks import layer_table

        table = layer_table(model)
        reported = {layer: f"{shape}, {count:,}" for layer, shape, count in reference.LAYERS[figure]}
        table[figure] = [reported.get(layer, "-") for layer in table["Layer (type)"]]
        return table

    def show_curves(self, fitted):
        """Loss and accuracy after each epoch, training and dev."""
        curves = signals.training_curves(fitted.history)
        runs.log_figure(self.record, curves, "training_curves.png")
        return curves

    def tables(self, fitted):
        """Split -> its trials with their scores."""
        return {split: self.corpus.split(split).assign(score=fitted.scores[split]) for split in SPLITS}

    def ablation(self, reported):
        """The steps from reported settings (name -> value) to the run's own, which are all without `ladder`."""
        return reference.rungs(self.settings, reported, ladder=self.settings["ladder"])

    def reached(self, step, fitted):
        """Note what a step of an ablation reached."""
        tables = self.tables(fitted)
        cut = decisions.threshold(step.settings["threshold"], tables["dev"])
        self.steps.append((step, reference.measures(tables["dev"], tables["eval"], cut)))

    def show_ablation(self):
        """What each step changed, one row a step; the last is this run."""
        columns = {"dev EER %": "dev_eer", "eval EER %": "eval_eer", "eval bal. acc. %": "eval_balanced_accuracy"}
        found = pd.DataFrame(
            {
                "change": step.name,
                **{title: comparison.with_interval(reached, name) for title, name in columns.items()},
                "called genuine %": comparison.percent(reached["eval_says_genuine"]),
            }
            for step, reached in self.steps
        )
        measured = enumerate(reached for _, reached in self.steps)
        ladder = {f"ladder/{n}/{name}": value for n, reached in measured for name, value in reached.items()}
        runs.keep_metrics(self.record, ladder)
        runs.log_text(self.record, found.to_csv(index=False), "ladder.csv")
        return found.style.hide(axis="index").set_properties(**{"white-space": "nowrap"})

    def evaluate(self, fitted, fed, *, threshold="0.5", expected_range=None):
        """Measure a fitted system on train, dev, then eval, diagnose its training, keep its model: a `Result`.

        `threshold` is ``0.5``, a probability, or ``dev-eer``, where dev's two errors are equal;
        `expected_range` (low, high) that of the values which a pretrained backbone expects.
        """
        self.doing("measuring")
        tables = self.tables(fitted)
        cut = decisions.threshold(threshold, tables["dev"])
        about = {name: scores for name, scores in fitted.scores.items() if name not in SPLITS}
        about |= {"expected_range": expected_range, "threshold": cut}
        first = fed.load("train", range(min(64, len(fed.labels["train"]))))
        if not any(isinstance(array, list) for array in first):  # as matrices of any length are
            about["input_range"] = min(float(part.min()) for part in first), max(float(part.max()) for part in first)
        evidence = diagnosis.Evidence(tables["train"], tables["dev"], fitted.history, **about)
        diagnosed = diagnosis.diagnose(evidence)
        # MLflow's page of several runs begins with the number that was logged first.
        logged = {split: runs.log_split(self.record, split, tables[split], threshold=cut) for split in SPLITS[::-1]}
        measured = {split: logged[split] for split in SPLITS}
        if len(self.steps) > 1:  # each was measured on eval too
            runs.count_looks(self.record, len(self.steps) - 1)
        kept = decisions.for_even_costs(tables)
        runs.log_metrics(self.record, {"model/parameters": fitted.system.parameters})
        runs.keep_metrics(self.record, kept)
        runs.log_diagnosis(self.record, diagnosed)
        models.log_system(self.record, fitted, fed)
        known = domain.of_corpus(self.corpus, rate(fed.inputs), store=self.settings["store_url"])
        scores = np.concatenate([fitted.scores[split] for split in domain.SPLITS])
        runs.log_text(self.record, json.dumps(domain.of_run(known, scores, self.notes)), domain.FILE)
        arrays = {split: (table["score"].to_numpy(), table["label"].to_numpy()) for split, table in tables.items()}
        matrices = {split: metrics.confusion(*pair, cut) for split, pair in arrays.items()}
        caution = decisions.caution(kept)
        return Result(self, tables, arrays, matrices, measured, threshold, cut, evidence, diagnosed, caution)

    def finish(self, result=None, text=""):
        """Close the run with what its numbers say, or with another text."""
        if result is not None:
            how = {"threshold": result.threshold, "diagnosis": result.diagnosed.cause}
            text = comparison.reading(self.name, result.measured, self.notes, **how)
        runs.finish(self.record, text)
        return Markdown(text)


@dataclass(frozen=True)
class Result:
    """What one run measured."""

    run: Run
    tables: dict  # split -> trials with `score` and `label`, pandas.DataFrame
    arrays: dict  # split -> scores and labels
    matrices: dict  # split -> confusion matrix, rows truth, columns answer, spoof first
    measured: dict  # split -> metrics with intervals, and `alarms`
    threshold: str  # where it came from
    cut: float  # log-odds; scores from here on are called genuine
    evidence: object  # see `lib.judgement.diagnosis`
    diagnosed: object
    caution: str  # about answers outside the band, see `lib.metrics.decisions`

    def show_table(self):
        """EER, AUC and accuracies of each split with their intervals, and what is suspicious about them."""
        rows = {s: {m: comparison.with_interval(v, m) for m in _SHOWN} for s, v in self.measured.items()}
        words = {"eer": "EER", "auc": "AUC"}
        found = pd.DataFrame(rows).T.rename(columns=lambda name: f"{words.get(name, name.replace('_', ' '))} %")
        found["majority class %"] = [comparison.percent(v["constant_accuracy"]) for v in self.measured.values()]
        found["threshold"] = f"{self.threshold} (score {self.cut:.3f})"
        alarms = [f"- {split}: {alarm}" for split, v in self.measured.items() for alarm in v["alarms"]]
        said = "\n".join(alarms) or "Nothing suspicious was found in these numbers."
        display(found, Markdown(f"{said}\n\n{self.caution}"))

    def show_diagnosis(self):
        """The cause that train and dev show, with its evidence."""
        figure = evaluation.evidence(self.evidence, self.diagnosed)
        runs.log_figure(self.run.record, figure, "diagnosis.png")
        display(Markdown(diagnosis.describe(self.diagnosed)), figure)

    def show_report(self):
        """The classification report of eval, as the report prints it, and the three confusion matrices."""
        print(metrics.report(*self.arrays["eval"], self.cut))
        return evaluation.confusion_grid(self.matrices)

    def show_scores(self):
        """How the scores of eval lie, and the errors at every threshold."""
        display(evaluation.score_histogram(*self.arrays["eval"], self.cut, f"eval, {self.run.name}"))
        return evaluation.det(self.arrays, f"DET curves, {self.run.name}")

    def beside_report(self):
        """Ours, the report's figure and the difference."""
        if self.run.weights.startswith("untrained"):
            return Markdown("The report's figures are of trained weights; those of this run are untrained.")
        name, matrices = self.run.name, self.matrices
        beside = [comparison.beside_report(name, s, self.measured[s], matrices[s]) for s in ("train", "eval")]
        found = pd.concat(beside, ignore_index=True)
        return found if len(found) else Markdown("The report has no figures for this variant.")

    def beside_published(self):
        """What others published of systems of this kind, ours beside it."""
        ours = {f"eval/{name}": value for name, value in self.measured["eval"].items()}
        found = comparison.beside_published([{"run": self.run.name, "seed": None, **ours}], self.run.name)
        none = "params/published.yaml lists no published figure of a system of this kind."
        return found.style.hide(axis="index") if len(found) else Markdown(none)
