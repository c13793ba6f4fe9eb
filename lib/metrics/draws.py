"""Resamples of trials, and of clusters of trials, as weights.

Two ways of drawing:

- **Trials**, within each class: the counts of genuine and spoof trials stay.
- **Clusters** (speakers, phrases, replay configurations): whole clusters, so that what
  trials of one speaker share is not taken for evidence. Clusters that hold both classes,
  only genuine and only spoof trials are three strata, each resampled on its own; so both
  classes are always there. Of K clusters K - 1 are drawn, which makes the variance
  unbiased. A stratum of one cluster stays as it is. Trials of an unknown cluster (``-``)
  are clusters of their own.

Eight speakers say little about how much speakers vary: intervals over clusters end at
the wider percentiles that Student's t with K - 1 degrees of freedom asks for.

References
----------
J. N. K. Rao and C. F. J. Wu, "Resampling inference with complex survey data", Journal of
the American Statistical Association 83, 1988 (K - 1 of K clusters).
T. C. Hesterberg, "What teachers should know about the bootstrap", The American
Statistician 69, 2015, section 5.3 (expanded percentiles).
"""

import numpy as np

from lib.corpus.protocol import GENUINE, SPOOF, UNKNOWN
from lib.errors import InputError

_BLOCK = 1_000_000  # weights held at a time, 8 MB an array


def units_of(labels, clusters):
    """A number for each cluster; trials of an unknown cluster have one each."""
    if clusters is None:
        return np.arange(len(labels))
    names = np.asarray(clusters).astype(str)
    if names.shape != labels.shape:
        raise InputError(f"clusters of shape {names.shape} for {len(labels)} trials; one a trial is wanted")
    _, units = np.unique(names, return_inverse=True)
    alone = names == UNKNOWN
    units[alone] = units.max() + 1 + np.arange(alone.sum())
    if all(len(members) < 2 for members in _strata(labels, np.unique(units, return_inverse=True)[1])):
        raise InputError(f"all {len(labels)} trials are of one cluster, {str(names[0])!r}; at least 2 are wanted")
    return units


def _strata(labels, index):
    """Clusters that hold only genuine, only spoof, and both kinds of trials."""
    genuine = np.bincount(index, labels == GENUINE) > 0
    spoof = np.bincount(index, labels == SPOOF) > 0
    return [np.flatnonzero(which) for which in (genuine & ~spoof, spoof & ~genuine, genuine & spoof)]


def freedom_of(labels, clusters):
    """Degrees of freedom of the variance over clusters; infinite over trials."""
    if clusters is None:
        return np.inf
    index = np.unique(units_of(labels, clusters), return_inverse=True)[1]
    return min(len(stratum) - 1 for stratum in _strata(labels, index) if len(stratum) > 1)


def reach(freedom, level=0.95):
    """Standard deviations from the middle of an interval to its end: Student's t, or the normal distribution.

    Parameters
    ----------
    freedom : float
        From `freedom_of`.
    level : float, 0 to 1
    """
    from scipy.special import ndtri, stdtrit

    end = (1 + level) / 2
    return float(ndtri(end) if np.isinf(freedom) else stdtrit(freedom, end))


def interval(values, freedom, level=0.95):
    """Where the middle of resampled values lies.

    Parameters
    ----------
    values : numpy.ndarray [shape=(resamples,)]
    freedom, level : float
        As for `reach`.

    Returns
    -------
    low, high : float
    """
    from scipy.special import ndtr

    end = ndtr(-reach(freedom, level))
    low, high = np.quantile(values, [end, 1 - end])
    return float(low), float(high)


def draws(labels, clusters, resamples, seed):
    """Blocks of weights [shape=(rows, n)], trials in their given order."""
    rng = np.random.default_rng(seed)
    units, index = np.unique(units_of(labels, clusters), return_inverse=True)
    strata = _strata(labels, index)
    rows = max(1, _BLOCK // len(labels))
    for start in range(0, resamples, rows):
        count = min(rows, resamples - start)
        weights = np.ones((count, len(units)))
        for members in strata:
            drawn = len(members) if clusters is None else len(members) - 1
            if drawn < 1:
                continue  # one cluster stays as it is
            picks = rng.integers(0, len(members), (count, drawn))
            picks += len(members) * np.arange(count)[:, np.newaxis]
            times = np.bincount(picks.ravel(), minlength=count * len(members)).reshape(count, -1)
            weights[:, members] = times * (len(members) / drawn)
        yield weights if clusters is None else weights[:, index]
