"""The report's own figures (params/report.yaml), and the ablation from its settings to a run's own.

The figures are all on ASVspoof 2017 Version 2.0, threshold 0.5, printed with two digits. An ablation makes one change
at a time, and each step keeps those before it.
"""

from typing import NamedTuple

from lib import metrics
from lib.corpus.protocol import GENUINE, SPOOF
from lib.judgement.printed import read
from lib.metrics.clusters import spreads
from lib.params import read_table

_REPORT = read_table("report")


def _printed(figure, about):
    """What is told about a printed report, with the fractions that it gives."""
    numbers = read(about["text"], figure).numbers
    genuine, spoof = (float(numbers["recall", label]) for label in (GENUINE, SPOOF))
    recalls = {"recall_genuine": genuine, "recall_spoof": spoof, "balanced_accuracy": (genuine + spoof) / 2}
    return {**about, "figure": figure, "accuracy": float(numbers["accuracy", "accuracy"]), **recalls}


# Figure -> `system`, `split`, `text`, `figure`, `accuracy`, `balanced_accuracy`, `recall_genuine`, `recall_spoof`.
PRINTED = {figure: _printed(figure, about) for figure, about in _REPORT["printed"].items()}
# Run -> split -> the same of that run, or only what the report's text says.
REPORT = {
    run: {
        split: PRINTED.get(place) or {"figure": place.partition(" (")[0], **_REPORT["text"][place]}
        for split, place in splits.items()
    }
    for run, splits in _REPORT["runs"].items()
}
# Run -> the base paper's accuracy on unseen data.
BASE_PAPER_ACCURACY = _REPORT["base_paper_accuracy"]
# Parameter -> value as reported, in the order in which the ablation changes them.
MODIFIED_CNN_SETTINGS, MOBILENET_SETTINGS = (_REPORT["settings"][name] for name in ("modified_cnn", "mobilenet"))
# Figure -> layer (type), output shape and parameters of each layer.
LAYERS = _REPORT["layers"]
# Changes to a trained model and to its decisions; every other change trains again.
_AFTER_TRAINING = ("refresh_batch_norm", "threshold")


class Rung(NamedTuple):
    """One ablation step: the change in words, all its parameters, and whether the run keeps its training's model."""

    name: str
    settings: dict
    own: bool = True


def rungs(settings, reported, *, ladder):
    """The `Rung`s from parameter -> value as reported to the run's own `settings`; without `ladder` the last alone."""
    if not ladder:
        return [Rung("this run", settings)]
    changes = [key for key, value in reported.items() if settings[key] != value]
    steps = [("as reported", {**settings, **reported})]
    for key in changes:
        name = f"+ {key.replace('_', ' ')}: {reported[key]} → {settings[key]}"
        steps.append((name, {**steps[-1][1], key: settings[key]}))
    last = max((n for n, key in enumerate(changes, 1) if key not in _AFTER_TRAINING), default=0)
    return [Rung(name, changed, own=n >= last) for n, (name, changed) in enumerate(steps)]


def measures(dev, final, cut):
    """Metrics of an ablation step with the intervals of a run, from tables of dev and eval and a threshold."""
    found = {}
    for split, table, names in (("dev", dev, ["eer"]), ("eval", final, ["eer", "balanced_accuracy"])):
        measured = metrics.evaluate(table["score"].to_numpy(), table["label"].to_numpy(), threshold=cut)
        spread = spreads(table.drop(columns="phrase", errors="ignore"), measured, metrics=names, threshold=cut)
        for name in names:
            found[f"{split}_{name}"], ends = measured[name], spread[f"{name}_ci"]
            found |= dict(zip((f"{split}_{name}_ci_low", f"{split}_{name}_ci_high"), ends or (), strict=False))
    return found | {"eval_says_genuine": float((final["score"] >= cut).mean())}
