"""Several systems as one: fitted apart, their scores weighed on dev."""

import json
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression

from lib.systems import System, kept, wrapped


class Fusion(System):
    """Systems side by side, system *k* fed with input *k*; the score is a weighted sum of theirs.

    Parameters
    ----------
    systems : sequence
        scikit-learn classifiers, or systems of `lib.systems` that need no arguments to be fitted.
    strength : float > 0
        Of the weights' L2 prior: dev is small. scikit-learn's C.

    References
    ----------
    Linear logistic regression on the scores of a development set: N. Brümmer et al., "Fusion
    of heterogeneous speaker recognition systems in the STBU submission for the NIST speaker
    recognition evaluation 2006", IEEE Transactions on Audio, Speech, and Language Processing
    15, 2007.

    Examples
    --------
    >>> from sklearn.naive_bayes import GaussianNB
    >>> Fusion([GaussianNB(), GaussianNB()]).parameters  # three of the fusion, none fitted
    3
    """

    def __init__(self, systems, strength=1.0):
        self.systems, self.strength = [wrapped(system) for system in systems], strength
        self.weights, self.offset = np.zeros(len(self.systems)), 0.0  # log-odds a unit of score, log-odds

    @property
    def packages(self):
        """Of all systems."""
        return tuple(sorted({name for system in self.systems for name in system.packages}))

    @property
    def parameters(self):
        """Numbers of all systems, their weights and the offset."""
        return sum(system.parameters for system in self.systems) + len(self.weights) + 1

    def identity(self):
        """Of all systems, and the prior."""
        parts = [{"kind": type(system).__name__, **system.identity()} for system in self.systems]
        return {"systems": parts, "strength": self.strength}

    def fit(self, fed, *, seed, on_epoch=None, state=None):
        """Fit each system to the training split, in place, and the weights to dev; there is no history."""
        columns = []
        for number, system in enumerate(self.systems):
            own = fed.only(number)
            system.fit(own, seed=seed)
            columns.append(system.scores(own, "dev"))
        scores = np.stack(columns, axis=1)
        center, scale = scores.mean(axis=0), scores.std(axis=0)
        scale[scale == 0] = 1
        line = LogisticRegression(C=self.strength, class_weight="balanced")
        line.fit((scores - center) / scale, fed.labels["dev"])
        self.weights = line.coef_[0] / scale
        self.offset = float(line.intercept_[0] - self.weights @ center)

    def score(self, *arrays):
        """Log-odds of some recordings."""
        parts = [system.score(array) for system, array in zip(self.systems, arrays, strict=True)]
        return np.stack(parts, axis=1) @ self.weights + self.offset

    def first(self):
        """What each system was before its fit."""
        return [system.first() for system in self.systems]

    def restore(self, first):
        """Undo a fit."""
        for system, before in zip(self.systems, first, strict=True):
            system.restore(before)
        self.weights, self.offset = np.zeros(len(self.systems)), 0.0

    def save(self, folder):
        """Keep each system in a folder of its own, and the weights."""
        folder = Path(folder)
        for number, system in enumerate(self.systems):
            kept.save(system, folder / str(number))
        values = {"weights": self.weights.tolist(), "offset": self.offset, "strength": self.strength}
        (folder / "fusion.json").write_text(json.dumps(values), encoding="utf-8")

    @classmethod
    def load(cls, folder):
        """The fusion that `save` kept."""
        folder = Path(folder)
        values = json.loads((folder / "fusion.json").read_text(encoding="utf-8"))
        found = cls([kept.load(folder / str(number)) for number in range(len(values["weights"]))], values["strength"])
        found.weights, found.offset = np.array(values["weights"]), values["offset"]
        return found
