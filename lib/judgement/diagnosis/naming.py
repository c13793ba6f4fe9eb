"""From figures to a named cause and what cures it."""

from dataclasses import dataclass

from lib.judgement.diagnosis import rules
from lib.judgement.diagnosis.evidence import figures

HEALTHY, UNDECIDED = "healthy", "undecided"

# In the order of the decision table: rule, and what cures the cause.
_CAUSES = {
    "input out of range": (
        rules.input_out_of_range,
        "Scale the inputs to the range that the backbone was trained on and train again; what follows may be "
        "a consequence.",
    ),
    "never learned": (
        rules.never_learned,
        "Train again with smaller inputs (0-1), with batch normalisation, or with another learning rate.",
    ),
    "moving statistics lag": (
        rules.moving_statistics_lag,
        "Refresh the moving statistics forward only (lib.systems.batchnorm.refresh); nothing has to be trained "
        "again. In a new training a momentum of 0.9, or more steps, has the same effect.",
    ),
    "labels misaligned": (
        rules.labels_misaligned,
        "Join scores and labels by the trial's name; look for a shuffled pass over the split where scores are made.",
    ),
    "polarity": (
        rules.polarity,
        "Find where the sign turns: a higher score has to mean genuine, and 1 = genuine (lib.corpus).",
    ),
    "overfitting": (
        rules.overfitting,
        "Stop at the lowest dev loss, augment, or take a smaller model; more speakers and recording situations "
        "help most.",
    ),
    "one class always": (
        rules.one_class_always,
        "Choose the threshold on dev, or weight the classes in training; the order of the scores is not the fault "
        "when the AUC is high.",
    ),
}
CAUSES = (*_CAUSES, HEALTHY, UNDECIDED)


@dataclass(frozen=True)
class Diagnosis:
    """What the doctor says of a training.

    Attributes
    ----------
    cause : str
        One of `CAUSES`.
    others : tuple of str
        Further causes whose signs are there too.
    findings : tuple of str
        A sentence with its figures for the cause and for each of the others.
    figures : dict of str to float
        See `lib.judgement.diagnosis.evidence.figures`.
    advice : str
        What cures the cause.
    """

    cause: str
    others: tuple
    findings: tuple
    figures: dict
    advice: str


def diagnose(evidence):
    """Name the cause.

    Parameters
    ----------
    evidence : Evidence

    Returns
    -------
    Diagnosis

    Raises
    ------
    InputError
        See `lib.judgement.diagnosis.evidence.figures`.
    """
    measured = figures(evidence)
    found = {name: sentence for name, (rule, _) in _CAUSES.items() if (sentence := rule(measured))}
    if not found:
        return _nothing_found(measured)
    cause, *others = found
    return Diagnosis(cause, tuple(others), tuple(found.values()), measured, _CAUSES[cause][1])


def describe(diagnosis):
    """A diagnosis as a paragraph of Markdown, for a page's top.

    Returns
    -------
    str
    """
    also = f" (also: {', '.join(diagnosis.others)})" if diagnosis.others else ""
    return f"**Diagnosis: {diagnosis.cause}**{also}. {' '.join(diagnosis.findings)} *{diagnosis.advice}*"


def _nothing_found(f):
    text = f"None of the known causes is seen: AUC {f['train_auc']:.3f} on train, {f['dev_auc']:.3f} on dev."
    low, high = f["dev_auc_shuffled_low"], f["dev_auc_shuffled_high"]
    if f["dev_auc"] > high:
        return Diagnosis(HEALTHY, (), (text,), f, "Nothing to cure.")
    trials = f"{f['dev_n_genuine']:.0f} genuine and {f['dev_n_spoof']:.0f} spoof trials"
    text += f" The {trials} of dev do not tell it from chance (shuffled labels {low:.3f} to {high:.3f})."
    return Diagnosis(UNDECIDED, (), (text,), f, "Train for longer, or measure on more trials.")
