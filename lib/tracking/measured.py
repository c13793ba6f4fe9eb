"""What a run records of the scores of one split: numbers, intervals, alarms."""

from lib import metrics
from lib.metrics.clusters import spreads
from lib.metrics.evaluation import alarms
from lib.scores import match, read_scores

LOGGED = (
    "eer", "eer_hull", "auc", "accuracy", "balanced_accuracy", "min_dcf", "cllr", "constant_accuracy", "n_genuine",
    "n_spoof",
)  # fmt: skip
INTERVALS = ("eer", "auc", "accuracy", "balanced_accuracy")


def measure(table, *, threshold=0.0):
    """The numbers of one split by name, and its alarms; `table` holds `score`, `label` and what the protocol knows.

    The numbers are those of `LOGGED`; ``<name>_ci_low`` and ``_high``, the 95 % interval of `INTERVALS` over trials,
    speakers or replay configurations, whichever is widest; what shuffled labels give, ``auc_shuffled_low`` and
    ``_high``; with enough speakers ``eer_speaker_ci_low``, ``_high`` and `design_effect`.
    """
    scores, labels = table["score"].to_numpy(), table["label"].to_numpy()
    measured = metrics.evaluate(scores, labels, threshold=threshold)
    found = spreads(table.drop(columns="phrase", errors="ignore"), measured, metrics=INTERVALS, threshold=threshold)
    speakers = found["clusters"].get("speaker", {})
    shuffled = metrics.shuffled_auc(scores, labels)

    values = {name: measured[name] for name in LOGGED}
    for name in INTERVALS:
        values[f"{name}_ci_low"], values[f"{name}_ci_high"] = found[f"{name}_ci"]
    values |= {"auc_shuffled_low": shuffled[0], "auc_shuffled_high": shuffled[1]}
    if speakers.get("eer_ci"):
        values["eer_speaker_ci_low"], values["eer_speaker_ci_high"] = speakers["eer_ci"]
        if speakers["design_effect"] is not None:
            values["design_effect"] = speakers["design_effect"]

    spoof, genuine = metrics.confusion(scores, labels, 0.0)
    plain = {"thresholds": {"0.5": {"far": spoof[1] / spoof.sum(), "frr": genuine[0] / genuine.sum()}}}
    plain |= {"shuffled_auc": shuffled, "trials": found["trials"]}
    plain["clusters"] = {"speaker": speakers} if speakers else {}
    return values, alarms(scores, metrics.evaluate(scores, labels) | plain)


def of_scores(name, file, trials):
    """A row such as `lib.tracking.query.compare` has, of another system's scores of these trials."""
    values, _ = measure(match(read_scores(file), trials))
    row = {"run": f"{name} (scores of another system)", "seed": None, "run_id": "", "status": "FINISHED"}
    return row | {"parameters": {}, **{f"eval/{key}": value for key, value in values.items()}}
