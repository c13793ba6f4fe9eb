"""scikit-learn's estimators as systems."""

import warnings
from pathlib import Path

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from lib.errors import InputError
from lib.systems import System

# Beside scikit-learn's and NumPy's own types these, and no other, are read from a file.
_OURS = [f"lib.systems.{kind}" for kind in ("estimators.Estimator", "estimators.Mixtures")]
_OURS += ["lib.systems.kernels.Views", "lib.systems.fusion.Fusion"]


class Kept(System):
    """A system of numbers, arrays, scikit-learn's estimators and others of its kind, kept as it is, without pickle."""

    packages = ("scikit-learn", "numpy", "scipy")

    @property
    def parameters(self):
        return _count(list(vars(self).values()))

    def identity(self):
        return {name: _described(value) for name, value in vars(self).items()}

    def save(self, folder):
        from skops import io  # brings PyTorch, which takes two seconds

        io.dump(self, Path(folder) / "system.skops")

    @classmethod
    def load(cls, folder):
        from skops import io

        found = io.load(Path(folder) / "system.skops", trusted=_OURS)
        if type(found) is not cls:
            raise InputError(f"{folder}: holds a system of kind {type(found).__name__}, expected {cls.__name__}")
        return found


class Estimator(Kept):
    """A classifier, or a pipeline with one, on one vector a recording: what it is fed, flattened."""

    def __init__(self, estimator):
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

    A copy of the unfitted `sklearn.mixture.GaussianMixture` is fitted to the frames of each label,
    as in the ASVspoof 2017 baseline: M. Todisco, H. Delgado, N. Evans, "Constant Q cepstral
    coefficients", Computer Speech & Language 45, 2017 (512 components, EM).
    """

    def __init__(self, mixture):
        self.mixture, self.fitted = mixture, {}

    def fit(self, fed, *, seed, on_epoch=None, state=None):
        for label, name in enumerate(("spoof", "genuine")):
            (matrices,) = fed.load("train", np.flatnonzero(fed.labels["train"] == label))
            frames = np.concatenate([matrix.T for matrix in matrices])
            with warnings.catch_warnings():  # a fixed number of iterations is what was asked for
                warnings.simplefilter("ignore", ConvergenceWarning)
                self.fitted[name] = clone(self.mixture).set_params(random_state=seed).fit(frames)

    def score(self, matrices):
        """Mean log-likelihood ratio a frame of some recordings, float32 matrices [rows, frames]."""
        means = {
            name: np.array([mixture.score_samples(matrix.T).mean(dtype=np.float64) for matrix in matrices])
            for name, mixture in self.fitted.items()
        }
        return means["genuine"] - means["spoof"]


def _described(value):
    """An attribute as JSON takes it; of an estimator class and parameters."""
    if isinstance(value, list):
        return [_described(part) for part in value]
    if isinstance(value, System):
        return {"kind": type(value).__name__, **value.identity()}
    if hasattr(value, "get_params"):
        parameters = {name: repr(parameter) for name, parameter in sorted(value.get_params().items())}
        return {"class": type(value).__name__, "parameters": parameters}
    return repr(value)


def _count(value):
    """Numbers that were fitted; those that a mixture derives from its variances are not counted again."""
    if isinstance(value, np.ndarray):
        return value.size if value.dtype.kind == "f" else 0
    if isinstance(value, System):
        return value.parameters
    if hasattr(value, "get_params"):
        value = {name: part for name, part in vars(value).items() if not name.startswith("precisions")}
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()
    return sum(_count(part) for part in parts)


def _vectors(arrays):
    return np.concatenate([np.reshape(array, (len(array), -1)) for array in arrays], axis=1)
