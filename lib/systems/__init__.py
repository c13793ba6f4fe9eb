"""Systems: anything that can be fitted and can score, and fits that are kept (`lib.systems.kept`)."""

import copy

import numpy as np

from lib.inputs import BLOCK


class System:
    """What all systems have.

    Beside what stands here: `packages` (the libraries that compute), `parameters` (how many
    numbers it keeps), `identity()` (what decides its fit, besides inputs and arguments),
    `fit(fed, *, seed, ..., on_epoch, state)` in place, which returns its history if it has
    one, `score(*arrays)` (scores of some recordings), `save(folder)` and `load(folder)` (a Path).
    """

    def scores(self, fed, split):
        """Scores of every trial of a split, float64, higher = more genuine, in protocol order."""
        count = len(fed.labels[split])
        parts = [range(start, min(start + BLOCK, count)) for start in range(0, count, BLOCK)]
        return np.concatenate([self.score(*fed.load(split, part)) for part in parts])

    def first(self):
        """What `restore` needs to undo a fit."""
        return copy.deepcopy(vars(self))

    def restore(self, first):
        vars(self).update(first)


def wrapped(system):
    """A Keras model, a PyTorch module or a scikit-learn classifier as a system; a system as it is."""
    if hasattr(system, "scores") and hasattr(system, "identity"):
        return system
    if hasattr(system, "predict_on_batch"):
        from lib.systems.networks import Network

        return Network(system)
    if hasattr(system, "state_dict"):
        from lib.systems.modules import Module

        return Module(system)
    from lib.systems.estimators import Estimator

    return Estimator(system)


def spread(count, most):
    """Numbers of trials spread evenly over a split, all of a small one."""
    return np.linspace(0, count - 1, min(count, most)).round().astype(int)
