"""scikit-learn's estimators as systems."""

import warnings
from pathlib import Path

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from lib.errors import InputError
from lib.inputs import BLOCK


class Estimator:
    """A classifier on one vector a recording: what it is fed, flattened.

    Parameters
    ----------
    estimator : sklearn.base.ClassifierMixin
        With `decision_function` or `predict_proba`, a pipeline too.

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

    def scores(self, fed, split):
        """Scores of every trial of a split, float64, in protocol order."""
        return _in_blocks(self, fed, split)

    def score(self, *arrays):
        """Scores of some recordings, higher = more genuine."""
        x = _vectors(arrays)
        if hasattr(self.estimator, "decision_function"):
            return np.asarray(self.estimator.decision_function(x), dtype=np.float64)
        spoof, genuine = self.estimator.predict_log_proba(x).T
        return np.asarray(genuine - spoof, dtype=np.float64)

    def first(self):
        """Nothing: `restore` makes a new one."""

    def restore(self, first):
        """Undo a fit."""
        self.estimator = clone(self.estimator)

    def save(self, folder):
        """Keep the estimator, without pickle."""
        _dump(self.estimator, Path(folder) / "estimator.skops")

    @classmethod
    def load(cls, folder):
        """The estimator that `save` kept."""
        return cls(_read(Path(folder) / "estimator.skops"))


class Mixtures:
    """Two generative models of frames, one a label: a score is their mean log-likelihood ratio.

    Parameters
    ----------
    mixture : sklearn.mixture.GaussianMixture
        Unfitted; one copy is fitted to the frames of each label.

    References
    ----------
    The ASVspoof 2017 baseline: M. Todisco, H. Delgado, N. Evans, "Constant Q cepstral
    coefficients", Computer Speech & Language 45, 2017 (512 components, EM).
    """

    packages = ("scikit-learn", "numpy", "scipy")
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
            with warnings.catch_warnings():  # a fixed number of iterations is what was asked for
                warnings.simplefilter("ignore", ConvergenceWarning)
                self.fitted[name] = clone(self.mixture).set_params(random_state=seed).fit(_frames(matrices))

    def scores(self, fed, split):
        """Mean log-likelihood ratios of every trial of a split, float64, in protocol order."""
        return _in_blocks(self, fed, split)

    def score(self, matrices):
        """Mean log-likelihood ratio a frame of some recordings, float32 matrices [rows, frames]."""
        return np.array([self._ratio(matrix) for matrix in matrices], dtype=np.float64)

    def _ratio(self, matrix):
        spoof, genuine = (self.fitted[name].score_samples(matrix.T).mean(dtype=np.float64) for name in self._LABELS)
        return genuine - spoof

    def first(self):
        """Nothing: `restore` forgets the fit."""

    def restore(self, first):
        """Undo a fit."""
        self.fitted = {}

    def save(self, folder):
        """Keep both mixtures, without pickle."""
        for name, mixture in self.fitted.items():
            _dump(mixture, Path(folder) / f"{name}.skops")

    @classmethod
    def load(cls, folder):
        """The mixtures that `save` kept."""
        found = cls(None)
        found.fitted = {name: _read(Path(folder) / f"{name}.skops") for name in cls._LABELS}
        return found


def _in_blocks(system, fed, split):
    count = len(fed.labels[split])
    parts = [range(start, min(start + BLOCK, count)) for start in range(0, count, BLOCK)]
    return np.concatenate([system.score(*fed.load(split, part)) for part in parts])


def _vectors(arrays):
    return np.concatenate([np.reshape(array, (len(array), -1)) for array in arrays], axis=1)


def _frames(matrices):
    return np.concatenate([matrix.T for matrix in matrices])


def _count(estimator):
    """Numbers that were fitted; those that a mixture derives from its variances are not counted again."""
    if hasattr(estimator, "steps"):
        return sum(_count(part) for _, part in estimator.steps)
    fitted = {name: value for name, value in vars(estimator).items() if not name.startswith("precisions")}
    return sum(value.size for value in fitted.values() if isinstance(value, np.ndarray) and value.dtype.kind == "f")


def _dump(estimator, path):
    from skops import io

    io.dump(estimator, path)


def _read(path):
    from skops import io

    try:
        return io.load(path, trusted=None)  # refuses every type that is not scikit-learn's or NumPy's own
    except Exception as error:  # a broken file raises whatever its reader raises
        raise InputError(f"{path}: the estimator cannot be read ({str(error)[:200]})") from None
