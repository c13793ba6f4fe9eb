"""Several systems as one: fitted apart, their scores weighed on dev."""

import numpy as np
from sklearn.linear_model import LogisticRegression

from lib.systems import wrapped
from lib.systems.estimators import Kept


class Fusion(Kept):
    """Systems side by side, system *k* fed with input *k*; the score is a weighted sum of theirs.

    Linear logistic regression on the scores of a development set, after N. Brümmer et al., "Fusion
    of heterogeneous speaker recognition systems in the STBU submission for the NIST speaker
    recognition evaluation 2006", IEEE Transactions on Audio, Speech, and Language Processing 15, 2007.
    The systems are scikit-learn classifiers, or systems of `lib.systems` that need no arguments to be
    fitted; dev is small, so the weights have an L2 prior of a `strength`, scikit-learn's C.
    """

    def __init__(self, systems, strength=1.0):
        self.systems, self.strength = [wrapped(system) for system in systems], strength
        self.weights, self.offset = np.zeros(len(self.systems)), np.zeros(1)  # log-odds a unit of score, log-odds

    def fit(self, fed, *, seed, on_epoch=None, state=None):
        """Fit each system to the training split, in place, and the weights to dev."""
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
        self.offset = line.intercept_ - self.weights @ center

    def score(self, *arrays):
        """Log-odds of some recordings."""
        parts = [system.score(array) for system, array in zip(self.systems, arrays, strict=True)]
        return np.stack(parts, axis=1) @ self.weights + self.offset
