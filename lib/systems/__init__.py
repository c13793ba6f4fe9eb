"""Systems: anything that can be fitted and can score, and fits that are kept (`lib.systems.kept`)."""

import copy
import re

import numpy as np

from lib.inputs import BLOCK


class System:
    """What all systems have.

    Beside it: `packages` (libraries that compute), `parameters` (how many numbers it keeps), `identity()` (what decides
    its fit, besides inputs and arguments), `fit(fed, *, seed, ..., on_epoch, state)` in place, which returns a history
    if there is one, `score(*arrays)` (of some recordings), `save(folder)` and `load(folder)` (a Path).
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


_VERSIONED = ("builtins", "keras", "lib", "torch")  # whose code stands in a fit's key already


def written(kind):
    """Code of the methods of a class that a user wrote, by name, as plain values for a fit's key."""
    kinds = [known for known in kind.__mro__ if known.__module__.partition(".")[0] not in _VERSIONED]
    return [
        (name, plain(value)) for known in kinds for name, value in vars(known).items() if hasattr(value, "__code__")
    ]


def plain(value):
    """A setting or the code of a function as plain values that are the same in another process."""
    if hasattr(value, "__code__"):
        return plain(value.__code__)
    if hasattr(value, "co_code"):
        return value.co_code.hex(), value.co_names, [plain(constant) for constant in value.co_consts]
    if isinstance(value, (set, frozenset)):
        return sorted(map(repr, value))
    return re.sub(r" at 0x[0-9a-f]+", "", repr(value))


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
