"""An ablation from the report's settings to a run's own, one change at a time; each step keeps those before it."""

from typing import NamedTuple

from lib import metrics

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


def threshold(choice, dev):
    """The threshold (log-odds) of a setting: ``0.5``, a probability, or ``dev-eer``, where FAR = FRR on dev."""
    return {"0.5": 0.0, "dev-eer": metrics.eer(dev["score"].to_numpy(), dev["label"].to_numpy())[1]}[choice]


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
