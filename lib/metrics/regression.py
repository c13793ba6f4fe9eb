"""How much of a quantity is read from something else."""

import numpy as np

from lib.errors import InputError
from lib.metrics.resampling import interval


def determination(true, guess, *, resamples=1000, seed=0):
    """R², the share of a quantity's variance that a guess explains: 1 is exact, 0 no better than the mean.

    Parameters
    ----------
    true, guess : array_like [shape=(n,)]
    resamples : int > 0
    seed : int

    Returns
    -------
    dict
        `r2` with its 95 % bootstrap interval over trials, `r2_ci_low` and `r2_ci_high`, and
        `error`, the root mean squared error in the quantity's unit.

    Raises
    ------
    InputError
        The lengths differ, or the quantity is the same everywhere.

    Examples
    --------
    >>> determination([1.0, 2.0, 3.0], [2.0, 2.0, 2.0])["r2"]
    0.0
    """
    true, guess = np.asarray(true, dtype=np.float64), np.asarray(guess, dtype=np.float64)
    if true.shape != guess.shape:
        raise InputError(f"{len(guess):,} guesses for {len(true):,} trials: expected one per trial")
    if np.ptp(true) == 0:
        raise InputError(f"the quantity is {true[0]:g} in every trial: there is no variance to explain")
    squared = (true - guess) ** 2
    drawn = np.random.default_rng(seed).integers(0, len(true), (resamples, len(true)))
    spread = true[drawn].var(axis=1)
    some = spread > 0  # a resample of one value says nothing
    low, high = interval(1 - squared[drawn][some].mean(axis=1) / spread[some])
    found = {"r2": 1 - squared.mean() / true.var(), "r2_ci_low": low, "r2_ci_high": high}
    return {name: float(value) for name, value in (found | {"error": np.sqrt(squared.mean())}).items()}
