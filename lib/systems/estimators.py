"""scikit-learn's estimators as systems."""

import warnings
from pathlib import Path

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from skops import io

from lib.errors import InputError
from lib.systems import System


class Estimator(System):
    """A classifier, or a pipeline with one, on one vector a recording: what it is fed, flattened.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> Estimator(LogisticRegression()).identity()["class"]
    'LogisticRegression'
    """

    packages = ("scikit-learn", "numpy", "scipy")

    def __init__(self, estimator):
        self.estimator = estimator

    @property
    def parameters(self):
        """How many numbers the fitted estimator keeps."""
        return _count(self.estimator)

    def identity(self):
        """Class and parameters."""
        values = {name: repr(value) for name, value in sorted(self.estimator.get_params().items())}
        return {"class": type(self.estimator).__name__, "parameters": values}

    def fit(self, fed, *, seed, on_epoch=None, state=None):
        """Fit to the training split, in place; there is no history."""
        self.estimator.fit(_vectors(fed.load("train", range(len(fed.labels["train"])))), fed.labels["train"])

    def score(self, *arrays):
        """Scores of some recordings, higher = more genuine."""
        x = _vectors(arrays)
        if hasattr(self.estimator, "decision_function"):
            return np.asarray(self.estimator.decision_function(x), dtype=np.float64)
        spoof, genuine = self.estimator.predict_log_proba(x).T
        return np.asarray(genuine - spoof, dtype=np.float64)

    def restore(self, first):
        """Undo a fit."""
        self.estimator = clone(self.estimator)

    def save(self, folder):
        """Keep the estimator, without pickle."""
        io.dump(self.estimator, Path(folder) / "estimator.skops")

    @classmethod
    def load(cls, folder):
        """The estimator that `save` kept."""
        return cls(_read(Path(folder) / "estimator.skops"))


class Mixtures(System):
    """Two generative models of frames, one a label: a score is their mean log-likelihood ratio.

    A copy of the unfitted `sklearn.mixture.GaussianMixture` is fitted to the frames of each label.

    References
    ----------
    The ASVspoof 2017 baseline: M. Todisco, H. Delgado, N. Evans, "Constant Q cepstral
    coefficients", Computer Speech & Language 45, 2017 (512 components, EM).
    """

    packages = Estimator.packages
    _LABELS = ("spoof", "genuine")  # 0 and 1

    def __init__(self, mixture):
        self.mixture = mixture
        self.fitted = {}

    @property
    def parameters(self):
        """How many numbers both mixtures keep: weights, means, variances."""
        return sum(_count(mixture) for mixture in self.fitted.values())

    def identity(self):
        """Class and parameters of the mixture."""
        return Estimator(self.mixture).identity() | {"mixtures": list(self._LABELS)}

    def fit(self, fed, *, seed, on_epoch=None, state=None):
        """Fit one mixture a label to the frames of the training split, in place; there is no history."""
        for label, name in enumerate(self._LABELS):
            (matrices,) = fed.load("train", np.flatnonzero(fed.labels["train"] == label))
            frames = np.concatenate([matrix.T for matrix in matrices])
            with warnings.catch_warnings():  # a fixed number of iterations is what was asked for
                warnings.simplefilter("ignore", ConvergenceWarning)
                self.fitted[name] = clone(self.mixture).set_params(random_state=seed).fit(frames)

    def score(self, matrices):
        """Mean log-likelihood ratio a frame of some recordings, float32 matrices [rows, frames]."""
        return np.array([self._ratio(matrix) for matrix in matrices], dtype=np.float64)

    def _ratio(self, matrix):
        spoof, genuine = (self.fitted[name].score_samples(matrix.T).mean(dtype=np.float64) for name in self._LABELS)
        return genuine - spoof

    def restore(self, first):
        """Undo a fit."""
        self.fitted = {}

    def save(self, folder):
        """Keep both mixtures, without pickle."""
        for name, mixture in self.fitted.items():
            io.dump(mixture, Path(folder) / f"{name}.skops")

    @classmethod
    def load(cls, folder):
        """The mixtures that `save` kept."""
        found = cls(None)
        found.fitted = {name: _read(Path(folder) / f"{name}.skops") for name in cls._LABELS}
        return found


def _vectors(arrays):
    return np.concatenate([np.reshape(array, (len(array), -1)) for array in arrays], axis=1)


def _count(estimator):
    """Numbers that were fitted; those that a mixture derives from its variances are not counted again."""
    if hasattr(estimator, "steps"):
        return sum(_count(part) for _, part in estimator.steps)
    fitted = {name: value for name, value in vars(estimator).items() if not name.startswith("precisions")}
    return sum(value.size for value in fitted.values() if isinstance(value, np.ndarray) and value.dtype.kind == "f")


def _read(path):
    try:
        return io.load(path, trusted=None)  # refuses every type that is not scikit-learn's or NumPy's own
    except Exception as error:  # a broken file raises whatever its reader raises
        raise InputError(f"{path}: the estimator cannot be read ({str(error)[:200]})") from None
