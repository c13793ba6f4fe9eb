"""A support vector machine whose kernel is the mean of one kernel for each view of the spectral statistics."""

import numpy as np
from sklearn.base import clone

from lib.features.statistics import other_device, view
from lib.systems.estimators import Kept


class Views(Kept):
    """Support vectors by several views, each standardised on train and brought to unit length.

    The kernel of two recordings is the mean over views of exp(-gamma |a - b|^2), after M. Gönen
    and E. Alpaydın, "Multiple kernel learning algorithms", Journal of Machine Learning Research
    12, 2011 (fixed rules, section 3.1).

    The machine is an `sklearn.svm.SVC` with ``kernel="precomputed"``, `views` are those of
    `lib.features.statistics.view`, `bins` the first bin of the spectrum that is seen and the first
    that no longer is (None for the end), `copies` those of each training recording that
    `lib.features.statistics.other_device` makes.
    """

    def __init__(self, machine, views, *, gamma=0.5, bins=(0, None), copies=0):
        self.machine, self.views, self.gamma, self.bins, self.copies = machine, tuple(views), gamma, tuple(bins), copies
        self.fitted = {}

    def fit(self, fed, *, seed, on_epoch=None, state=None):
        labels, rng = fed.labels["train"], np.random.default_rng(seed)
        recorded = np.stack(fed.load("train", range(len(labels)))[0])
        values = np.concatenate([recorded, *(other_device(recorded, rng) for _ in range(self.copies))])
        for name in self.views:
            seen = self._seen(name, values)
            self.fitted |= {f"{name} center": seen.mean(axis=0), f"{name} scale": seen.std(axis=0) + 1e-6}
        vectors = self._vectors(values)
        machine = clone(self.machine).fit(self._kernel(vectors, vectors), np.tile(labels, self.copies + 1))
        self.fitted |= {f"{name} vectors": part[machine.support_] for name, part in vectors.items()}
        self.fitted |= {"weights": machine.dual_coef_[0], "offset": machine.intercept_}

    def score(self, matrices):
        """Distances from the border of some recordings, statistics [bins, 6]; higher = more genuine."""
        support = {name: self.fitted[f"{name} vectors"] for name in self.views}
        kernel = self._kernel(self._vectors(np.stack(matrices)), support)
        return kernel @ self.fitted["weights"] + self.fitted["offset"][0]

    def _seen(self, name, values):
        return view(name, values[:, slice(*self.bins)])

    def _vectors(self, values):
        found = {}
        for name in self.views:
            seen = (self._seen(name, values) - self.fitted[f"{name} center"]) / self.fitted[f"{name} scale"]
            found[name] = (seen / (np.linalg.norm(seen, axis=1, keepdims=True) + 1e-9)).astype(np.float64)
        return found

    def _kernel(self, first, second):
        total = 0.0
        for name in self.views:  # in place: with thousands of recordings each takes a gigabyte
            part = first[name] @ second[name].T
            part -= 1
            part *= 2 * self.gamma
            total += np.exp(part, out=part)
        return total / len(self.views)
