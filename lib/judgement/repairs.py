"""An ablation from the report's settings to a run's own, one change at a time.

Each step keeps the changes before it, so the difference between two steps is the effect of
one change on the same trials.
"""

from typing import NamedTuple

from lib import metrics
from lib.errors import InputError

_THRESHOLDS = ("0.5", "dev-eer")
# Changes to a trained model and to its decisions; every other change trains again.
_AFTER_TRAINING = ("refresh_batch_norm", "threshold")


class Rung(NamedTuple):
    """One ablation step: the change in words, all its parameters, and whether the run keeps its training's model."""

    name: str
    settings: dict
    own: bool = True


def rungs(settings, reported, *, ladder):
    """The ablation steps of a run, a list of `Rung`, from parameter -> value as reported to the run's own `settings`.

    Without `ladder` the run's own are the only step.
    """
    if not ladder:
        return [Rung("this run", settings)]
    changes = [key for key, value in reported.items() if settings[key] != value]
    to_train = sum(key not in _AFTER_TRAINING for key in changes)
    found = [Rung("as reported", {**settings, **reported}, own=to_train == 0)]
    for key in changes:
        to_train -= key not in _AFTER_TRAINING
        name = f"+ {key.replace('_', ' ')}: {reported[key]} → {settings[key]}"
        found.append(Rung(name, {**found[-1].settings, key: settings[key]}, own=to_train == 0))
    return found


def threshold(choice, dev):
    """The threshold (log-odds) of a setting: ``0.5``, a probability, or ``dev-eer``, where FAR = FRR on dev."""
    if choice not in _THRESHOLDS:
        raise InputError(f"threshold = {choice!r}: expected one of {', '.join(_THRESHOLDS)}")
    return 0.0 if choice == "0.5" else metrics.eer(dev["score"].to_numpy(), dev["label"].to_numpy())[1]


def measures(dev, final, cut):
    """Metrics of an ablation step, from tables of `score` and `label` of dev and eval and a threshold (log-odds).

    Fractions `dev_eer`, `eval_eer`, `eval_balanced_accuracy`, each with ``_ci_low`` and
    ``_ci_high``, and `eval_says_genuine`, the share of eval classified as genuine.
    """
    found = {}
    for split, table, names in (("dev", dev, ["eer"]), ("eval", final, ["eer", "balanced_accuracy"])):
        scores, labels = table["score"].to_numpy(), table["label"].to_numpy()
        measured = metrics.evaluate(scores, labels, threshold=cut)
        for name, (low, high) in metrics.bootstrap(scores, labels, metrics=names, threshold=cut).items():
            found |= {f"{split}_{name}": measured[name], f"{split}_{name}_ci_low": low, f"{split}_{name}_ci_high": high}
    return found | {"eval_says_genuine": float((final["score"] >= cut).mean())}


def logged(reached):
    """Names ``ladder/<step>/<metric>`` of a list of (Rung, `measures`), first step first."""
    return {f"ladder/{n}/{name}": value for n, (_, found) in enumerate(reached) for name, value in found.items()}
