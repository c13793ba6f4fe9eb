"""scikit-learn's estimators as systems, alone and several as one; kept as they are, without pickle."""

import sys
import warnings
from functools import cache
from pathlib import Path

import joblib
import numpy as np
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from lib.errors import InputError
from lib.features.statistics import other_device, view
from lib.systems import System, wrapped


@cache
def _skops():
    """What writes and reads estimators. It imports all of scikit-learn, but for what would import PyTorch."""
    torch = "sklearn.externals.array_api_compat.torch"
    hidden = sys.modules.setdefault(torch, None) is None
    from skops import io

    if hidden:
        del sys.modules[torch]
    return io


class Kept(System):
    """A system of numbers, arrays, scikit-learn's estimators and others of its kind."""

    packages = ("scikit-learn", "numpy", "scipy")

    @property
    def parameters(self):
        return _count(self)

    def __repr__(self):
        return f"{type(self).__name__}({vars(self)})"

    def identity(self):
        return {"settings": repr(self), "digest": joblib.hash(vars(self))}

    def save(self, folder):
        _skops().dump(self, Path(folder) / "system.skops")

    @classmethod
    def load(cls, folder):
        # Beside scikit-learn's and NumPy's own types these, and no other, are read from a file.
        ours = [f"{__name__}.{kind.__name__}" for kind in (Estimator, Mixtures, Views, Fusion)]
        found = _skops().load(Path(folder) / "system.skops", trusted=ours)
        if type(found) is not cls:
            raise InputError(f"{folder}: holds a system of kind {type(found).__name__}, expected {cls.__name__}")
        return found


class Estimator(Kept):
    """A classifier, or a pipeline with one, on one vector a recording: what it is fed, flattened."""

    def __init__(self, estimator):
        if not any(hasattr(estimator, name) for name in ("decision_function", "predict_log_proba")):
            kind = type(estimator).__name__
            raise InputError(
                f"{kind} has no decision_function and no predict_log_proba: expected a classifier with one"
            )
        self.estimator = estimator

    def fit(self, fed, *, seed, on_epoch=None, state=None):
        self.estimator.fit(_vectors(fed.load("train", range(len(fed.labels["train"])))), fed.labels["train"])

    def score(self, *arrays):
        x = _vectors(arrays)
        if hasattr(self.estimator, "decision_function"):
            return np.asarray(self.estimator.decision_function(x), dtype=np.float64)
        spoof, genuine = self.estimator.predict_log_proba(x).T
        return np.asarray(genuine - spoof, dtype=np.float64)


class Mixtures(Kept):
    """Two generative models of frames, one a label: a score is their mean log-likelihood ratio.

    Copies of an unfitted `sklearn.mixture.GaussianMixture` are fitted, as in the ASVspoof 2017 baseline
    (M. Todisco et al., Computer Speech & Language 45, 2017; 512 components).
    """

    def __init__(self, mixture):
        self.mixture, self.fitted = mixture, {}

    def fit(self, fed, *, seed, on_epoch=None, state=None):
        for label, name in enumerate(("spoof", "genuine")):
            (matrices,) = fed.load("train", np.flatnonzero(fed.labels["train"] == label))
            frames = np.concatenate([matrix.T for matrix in matrices])
            with warnings.catch_warnings():  # a fixed number of iterations is what was asked for
                warnings.simplefilter("ignore", ConvergenceWarning)
                mixture = clone(self.mixture).set_params(random_state=seed)
                try:
                    self.fitted[name] = mixture.fit(frames)
                except ValueError:  # in float32 variances of digital silence, whose frames are equal, fall below zero
                    self.fitted[name] = mixture.fit(frames.astype(np.float64))

    def score(self, matrices):
        spoof, genuine = (
            np.array([self.fitted[name].score_samples(matrix.T).mean(dtype=np.float64) for matrix in matrices])
            for name in ("spoof", "genuine")
        )
        return genuine - spoof


class Views(Kept):
    """Support vectors by several views of the long-term statistics, each standardised and brought to unit length.

    The kernel is the mean over views of exp(-gamma |a - b|^2) (M. Gönen and E. Alpaydın, Journal of Machine Learning
    Research 12, 2011, section 3.1), the machine an `sklearn.svm.SVC` with ``kernel="precomputed"``, `views` those of
    `lib.features.statistics.view`, `bins` the first bin that is seen and the first that no longer is (None for the
    end), `copies` how many `lib.features.statistics.other_device` makes of each training recording.
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


class Fusion(Kept):
    """Systems side by side, system *k* fed with input *k*; the score is a weighted sum of theirs, fitted to dev.

    Logistic regression (N. Brümmer et al., IEEE Transactions on Audio, Speech, and Language Processing 15, 2007), its
    `strength` scikit-learn's C. The systems are scikit-learn classifiers or others of this module.
    """

    def __init__(self, systems, strength=1.0):
        self.systems, self.strength = [wrapped(system) for system in systems], strength
        self.weights, self.offset = np.zeros(len(self.systems)), np.zeros(1)  # log-odds a unit of score, log-odds

    def fit(self, fed, *, seed, on_epoch=None, state=None):
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
        parts = [system.score(array) for system, array in zip(self.systems, arrays, strict=True)]
        return np.stack(parts, axis=1) @ self.weights + self.offset


def _count(value):
    """Numbers that were fitted; those that a mixture derives from its variances are not counted again."""
    if isinstance(value, np.ndarray):
        return value.size if value.dtype.kind == "f" else 0
    if isinstance(value, Kept) or hasattr(value, "get_params"):
        value = {name: part for name, part in vars(value).items() if not name.startswith("precisions")}
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()
    return sum(_count(part) for part in parts)


def _vectors(arrays):
    return np.concatenate([np.reshape(array, (len(array), -1)) for array in arrays], axis=1)
