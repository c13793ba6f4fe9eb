"""A support vector machine whose kernel is the mean of one kernel for each view of the spectral statistics."""

import json
from pathlib import Path

import numpy as np
from sklearn.base import clone

from lib.features.statistics import other_device, view
from lib.systems import System
from lib.systems.estimators import Estimator


class Views(System):
    """Support vectors by several views, each standardised on train and brought to unit length.

    The kernel of two recordings is the mean over views of exp(-gamma |a - b|^2).

    Parameters
    ----------
    machine : sklearn.svm.SVC
        With ``kernel="precomputed"``.
    views : sequence of str
        See `lib.features.statistics.view`.
    gamma : float > 0
    bins : (int, int)
        First bin of the spectrum that is seen, and the first that no longer is; None for the end.
    copies : int
        Copies of each training recording as another device might have made it, see
        `lib.features.statistics.other_device`.

    References
    ----------
    M. Gönen and E. Alpaydın, "Multiple kernel learning algorithms", Journal of Machine
    Learning Research 12, 2011 (fixed rules, section 3.1).
    """

    packages = ("scikit-learn", "numpy", "scipy")

    def __init__(self, machine, views, *, gamma=0.5, bins=(0, None), copies=0):
        self.machine, self.views, self.gamma, self.bins, self.copies = machine, tuple(views), gamma, tuple(bins), copies
        self.state = {}

    @property
    def parameters(self):
        """How many numbers the fitted machine keeps."""
        return sum(value.size for value in self.state.values())

    def identity(self):
        """Class and parameters of the machine, and what it is fed."""
        return Estimator(self.machine).identity() | self._settings()

    def _settings(self):
        return {"views": list(self.views), "gamma": self.gamma, "bins": list(self.bins), "copies": self.copies}

    def fit(self, fed, *, seed, on_epoch=None, state=None):
        """Fit to the statistics of the training split, in place; there is no history."""
        labels, rng = fed.labels["train"], np.random.default_rng(seed)
        recorded = np.stack(fed.load("train", range(len(labels)))[0])
        values = np.concatenate([recorded, *(other_device(recorded, rng) for _ in range(self.copies))])
        self.state = {}
        for name in self.views:
            seen = view(name, values[:, slice(*self.bins)])
            self.state |= {f"{name} center": seen.mean(axis=0), f"{name} scale": seen.std(axis=0) + 1e-6}
        vectors = self._vectors(values)
        kernel = self._kernel(vectors, vectors)
        machine = clone(self.machine).fit(kernel, np.tile(labels, self.copies + 1))
        for name, part in zip(self.views, vectors, strict=True):
            self.state[f"{name} vectors"] = part[machine.support_]
        self.state |= {"weights": machine.dual_coef_[0], "offset": machine.intercept_}

    def score(self, matrices):
        """Distances from the border of some recordings, statistics [bins, 6]; higher = more genuine."""
        support = [self.state[f"{name} vectors"] for name in self.views]
        kernel = self._kernel(self._vectors(np.stack(matrices)), support)
        return kernel @ self.state["weights"] + self.state["offset"][0]

    def _vectors(self, values):
        found = []
        for name in self.views:
            center, scale = self.state[f"{name} center"], self.state[f"{name} scale"]
            seen = (view(name, values[:, slice(*self.bins)]) - center) / scale
            found.append((seen / (np.linalg.norm(seen, axis=1, keepdims=True) + 1e-9)).astype(np.float64))
        return found

    def _kernel(self, first, second):
        total = np.zeros((len(first[0]), len(second[0])))
        for a, b in zip(first, second, strict=True):  # in place: with thousands of recordings each takes a gigabyte
            part = a @ b.T
            part -= 1
            part *= 2 * self.gamma
            total += np.exp(part, out=part)
        return total / len(first)

    def restore(self, first):
        """Undo a fit."""
        self.state = {}

    def save(self, folder):
        """Keep the support vectors as arrays, and what the machine is fed."""
        np.savez(Path(folder) / "machine.npz", **self.state)
        (Path(folder) / "machine.json").write_text(json.dumps(self._settings()), encoding="utf-8")

    @classmethod
    def load(cls, folder):
        """The machine that `save` kept."""
        found = cls(None, **json.loads((Path(folder) / "machine.json").read_text(encoding="utf-8")))
        with np.load(Path(folder) / "machine.npz") as arrays:
            found.state = dict(arrays)
        return found
