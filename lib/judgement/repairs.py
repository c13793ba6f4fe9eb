"""A ladder from the report's settings to a run's own, one change at a time.

Each rung keeps what the rungs before it changed, so the difference between two rungs
is what the one change did, on the same trials.
"""

from dataclasses import dataclass

from lib import metrics
from lib.errors import InputError

THRESHOLDS = ("0.5", "dev-eer")

# Changes to a trained model and to its answers; every other change trains again.
_AFTER_TRAINING = ("refresh_batch_norm", "threshold")


@dataclass(frozen=True)
class Rung:
    """One rung.

    Attributes
    ----------
    name : str
        What it changed, in words.
    settings : dict
        All parameters of the rung.
    trains : bool
        Whether a model has to be trained for it; otherwise the last one serves on.
    scores : bool
        Whether its scores are other than the last rung's.
    own : bool
        Whether its training is the one whose model the run keeps.
    """

    name: str
    settings: dict
    trains: bool = True
    scores: bool = True
    own: bool = True


def rungs(settings, reported, *, ladder):
    """The rungs of a run.

    Parameters
    ----------
    settings : dict
        The run's own parameters; the last rung has exactly these.
    reported : dict
        Parameter -> value as the report has it, in the order of the changes.
    ladder : bool
        Without, the run's own settings are the only rung.

    Returns
    -------
    list of Rung
    """
    if not ladder:
        return [Rung("this run", settings)]
    changes = [key for key, value in reported.items() if settings[key] != value]
    to_train = sum(key not in _AFTER_TRAINING for key in changes)
    found = [Rung("as reported", {**settings, **reported}, own=to_train == 0)]
    for key in changes:
        trains = key not in _AFTER_TRAINING
        to_train -= trains
        found.append(
            Rung(
                f"+ {key.replace('_', ' ')}: {reported[key]} → {settings[key]}",
                {**found[-1].settings, key: settings[key]},
                trains=trains,
                scores=key != "threshold",
                own=to_train == 0,
            )
        )
    return found


def threshold(choice, dev):
    """The threshold that a setting stands for, chosen on dev or on nothing.

    Parameters
    ----------
    choice : str
        ``0.5``: a probability of 0.5. ``dev-eer``: where dev's false accepts equal its
        false rejects.
    dev : pandas.DataFrame
        `score` and `label` of the dev trials.

    Returns
    -------
    float, log-odds

    Raises
    ------
    InputError
        Another choice.
    """
    if choice not in THRESHOLDS:
        raise InputError(f"threshold = {choice!r}: one of {', '.join(THRESHOLDS)} is wanted")
    return 0.0 if choice == "0.5" else metrics.eer(dev["score"].to_numpy(), dev["label"].to_numpy())[1]


def measures(dev, final, cut):
    """What a rung reached, as numbers.

    Parameters
    ----------
    dev, final : pandas.DataFrame
        `score` and `label` of the trials of dev and eval.
    cut : float, log-odds
        Threshold of the accuracies.

    Returns
    -------
    dict of str to float
        Fractions: `dev_eer`, `eval_eer`, `eval_balanced_accuracy`, each with
        ``_ci_low`` and ``_ci_high``, and `eval_says_genuine`.
    """
    found = {}
    for split, table, names in (("dev", dev, ["eer"]), ("eval", final, ["eer", "balanced_accuracy"])):
        scores, labels = table["score"].to_numpy(), table["label"].to_numpy()
        measured = metrics.evaluate(scores, labels, threshold=cut)
        for name, (low, high) in metrics.bootstrap(scores, labels, metrics=names, threshold=cut).items():
            found |= {f"{split}_{name}": measured[name], f"{split}_{name}_ci_low": low, f"{split}_{name}_ci_high": high}
    return found | {"eval_says_genuine": float((final["score"] >= cut).mean())}


def logged(reached):
    """The ladder's numbers under their MLflow names, ``ladder/<rung>/<measure>``.

    Parameters
    ----------
    reached : list of (Rung, dict)
        From bottom to top, with `measures`.
    """
    return {f"ladder/{n}/{name}": value for n, (_, found) in enumerate(reached) for name, value in found.items()}
