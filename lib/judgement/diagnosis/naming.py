"""From figures to a named cause and its remedy."""

from dataclasses import dataclass

from lib.judgement.diagnosis import rules
from lib.judgement.diagnosis.evidence import figures

HEALTHY, UNDECIDED = "healthy", "undecided"

# In the order of the decision table: rule, and remedy.
_CAUSES = {
    "input out of range": (
        rules.input_out_of_range,
        "Scale the inputs to the range that the backbone was trained on and train again; other symptoms may be "
        "consequences.",
    ),
    "never learned": (
        rules.never_learned,
        "Train again with smaller inputs (0-1), with batch normalisation, or with another learning rate.",
    ),
    "moving statistics lag": (
        rules.moving_statistics_lag,
        "Refresh the moving statistics by forward passes (lib.systems.batchnorm.refresh); no retraining is needed. "
        "In a new training a momentum of 0.9, or more steps, has the same effect.",
    ),
    "labels misaligned": (
        rules.labels_misaligned,
        "Join scores and labels by trial name; look for a shuffled pass over the split where scores are made.",
    ),
    "polarity": (
        rules.polarity,
        "Find where the sign is inverted: a higher score must mean genuine, and 1 = genuine (lib.corpus).",
    ),
    "overfitting": (
        rules.overfitting,
        "Stop at the lowest dev loss, augment, or use a smaller model; more speakers and recording situations "
        "help most.",
    ),
    "one class always": (
        rules.one_class_always,
        "Choose the threshold on dev, or weight the classes in training; if the AUC is high, the order of the scores "
        "is not at fault.",
    ),
}
CAUSES = (*_CAUSES, HEALTHY, UNDECIDED)


@dataclass(frozen=True)
class Diagnosis:
    """The diagnosis of a training.

    `cause` is one of `CAUSES`, `others` further causes whose rules hold; `findings` has a
    sentence with its figures for each, `figures` all figures (see `evidence.figures`), and
    `advice` is the remedy.
    """

    cause: str
    others: tuple
    findings: tuple
    figures: dict
    advice: str


def diagnose(evidence):
    """Name the cause of the `Evidence` of a training; a `Diagnosis`. InputError as for `figures`.

    Examples
    --------
    ``print(describe(diagnose(Evidence(scored["train"], scored["dev"], history))))``
    """
    f = figures(evidence)
    found = {name: sentence for name, (rule, _) in _CAUSES.items() if (sentence := rule(f))}
    if found:
        cause, *others = found
        return Diagnosis(cause, tuple(others), tuple(found.values()), f, _CAUSES[cause][1])
    text = f"No known cause applies: AUC {f['train_auc']:.3f} on train, {f['dev_auc']:.3f} on dev."
    low, high = f["dev_auc_shuffled_low"], f["dev_auc_shuffled_high"]
    if f["dev_auc"] > high:
        return Diagnosis(HEALTHY, (), (text,), f, "No remedy is needed.")
    trials = f"{f['dev_n_genuine']:.0f} genuine and {f['dev_n_spoof']:.0f} spoof trials"
    text += f" With {trials} dev is indistinguishable from chance (shuffled labels {low:.3f} to {high:.3f})."
    return Diagnosis(UNDECIDED, (), (text,), f, "Train longer, or measure on more trials.")


def describe(diagnosis):
    """A diagnosis as a paragraph of Markdown."""
    also = f" (also: {', '.join(diagnosis.others)})" if diagnosis.others else ""
    return f"**Diagnosis: {diagnosis.cause}**{also}. {' '.join(diagnosis.findings)} *{diagnosis.advice}*"
