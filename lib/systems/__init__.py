"""Systems: anything that can be fitted and can score.

A system has `identity` (what decides its fit, besides inputs and arguments), `packages`
(the libraries that compute), `parameters` (how many numbers it keeps), `fit(fed, *, seed,
..., on_epoch, state)`, `scores(fed, split)`, `score(*arrays)`, `first` and `restore` (undo a
fit), `save(folder)` and `load(folder)`.

- `lib.systems.networks` Keras models
- `lib.systems.estimators` scikit-learn's classifiers and mixtures
- `lib.systems.modules` PyTorch modules
- `lib.systems.kept` fits that are kept
"""


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
