"""What a run records of the scores of one split: numbers, intervals, alarms."""

from lib import metrics
from lib.corpus import UNKNOWN
from lib.metrics import alarms
from lib.metrics.evaluation import over_clusters
from lib.metrics.resampling import intervals, resample

LOGGED = (
    "eer", "auc", "accuracy", "balanced_accuracy", "min_dcf", "cllr", "constant_accuracy", "n_genuine", "n_spoof"
)  # fmt: skip
INTERVALS = ("eer", "auc", "accuracy", "balanced_accuracy")
ENOUGH_SPEAKERS = 5  # fewer say nothing of how much speakers vary


def measure(table, *, threshold=0.0):
    """The numbers of one split by name, and its alarms, for answers at a probability of 0.5.

    `table` holds `score`, `label` and, where it is known, `speaker`. The numbers are those of
    `LOGGED`; ``<name>_ci_low`` and ``_high``, the 95 % bootstrap interval over trials, of
    `INTERVALS`; what shuffled labels give, ``auc_shuffled_low`` and ``_high``; with five
    speakers or more ``eer_speaker_ci_low``, ``_high`` and `design_effect`.
    """
    scores, labels = table["score"].to_numpy(), table["label"].to_numpy()
    measured = metrics.evaluate(scores, labels, threshold=threshold)
    over_trials = resample(scores, labels, metrics=INTERVALS, threshold=threshold)
    ends = intervals(over_trials, measured, labels)
    speakers = _over_speakers(table, over_trials["eer"].var())
    shuffled = metrics.shuffled_auc(scores, labels)

    values = {name: measured[name] for name in LOGGED}
    for name, (low, high) in ends.items():
        values |= {f"{name}_ci_low": low, f"{name}_ci_high": high}
    values |= {"auc_shuffled_low": shuffled[0], "auc_shuffled_high": shuffled[1]}
    if speakers:
        values |= {"eer_speaker_ci_low": speakers["eer_ci"][0], "eer_speaker_ci_high": speakers["eer_ci"][1]}
        if speakers["design_effect"] is not None:
            values["design_effect"] = speakers["design_effect"]

    plain = metrics.evaluate(scores, labels)
    spoof, genuine = metrics.confusion(scores, labels, 0.0)
    plain |= {"thresholds": {"0.5": {"far": spoof[1] / spoof.sum(), "frr": genuine[0] / genuine.sum()}}}
    plain |= {"shuffled_auc": shuffled, "eer_ci": ends["eer"], "clusters": {"speaker": speakers} if speakers else {}}
    return values, alarms.of_scores(scores) + alarms.of_result(plain)


def _over_speakers(table, variance):
    """As a cluster of `lib.metrics.evaluate_table`; None without enough speakers."""
    known = set(table.get("speaker", ())) - {UNKNOWN}
    if len(known) < ENOUGH_SPEAKERS:
        return None
    scores, labels, speakers = (table[name].to_numpy() for name in ("score", "label", "speaker"))
    return over_clusters(scores, labels, speakers, variance, metrics=("eer",))
