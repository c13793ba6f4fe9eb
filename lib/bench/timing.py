"""Times of several ways, taken so that a busy machine disturbs all of them alike."""

import time

import numpy as np
import pandas as pd
from matplotlib.ticker import LogLocator, NullFormatter

from lib.errors import InputError
from lib.plots import forest, page


def side_by_side(ways, repeats, *, clock=time.perf_counter):
    """Time several ways of doing the same work, in turn.

    Each round calls every way once, so a load that comes and goes falls on all of
    them; ratios are taken within a round. A round before the first is not counted:
    in it imports, caches and worker processes come to be.

    Parameters
    ----------
    ways : dict of str to callable () -> int
        Does the work and returns how many items it did. Slow ways may do fewer. The
        first is what the others are compared with.
    repeats : int > 0
        Rounds.
    clock : callable () -> float
        `time.process_time` for ways of one thread in this process: what other work
        takes of the core then does not count, nor does waiting for a disk.

    Returns
    -------
    pandas.DataFrame
        Index: the ways. Columns: `items`; `seconds`, median of a call;
        `per_second`, median of items/s; `ratio`, median over rounds of items/s by the
        first way's; `ratio_low` and `ratio_high`, its least and greatest.

    Raises
    ------
    InputError
        `repeats` is not positive.
    """
    if repeats < 1:
        raise InputError(f"repeats must be positive, got {repeats}")
    items = {name: way() for name, way in ways.items()}
    seconds = np.array([[_seconds(way, clock) for way in ways.values()] for _ in range(repeats)])
    rates = np.array(list(items.values())) / seconds
    ratios = rates / rates[:, :1]
    columns = {
        "items": items.values(),
        "seconds": np.median(seconds, axis=0),
        "per_second": np.median(rates, axis=0),
        "ratio": np.median(ratios, axis=0),
        "ratio_low": ratios.min(axis=0),
        "ratio_high": ratios.max(axis=0),
    }
    return pd.DataFrame(columns, index=pd.Index(items, name="way"))


def ratios(ways, baseline):
    """Speed of several ways relative to `baseline`; name -> `ratio`, `ratio_low`, `ratio_high` of `side_by_side`."""
    figure, axes = page(8, 1.1 + 0.45 * len(ways))
    values, lows, highs = ([row[f"ratio{end}"] for row in ways.values()] for end in ("", "_low", "_high"))
    forest(axes, list(ways), values, lows, highs, at=1)
    for place, (value, high) in enumerate(zip(values, highs, strict=True)):
        end = max(value, high), place
        axes.annotate(f"{value:,.3g} x", end, (6, 0), textcoords="offset points", va="center")
    axes.set(xscale="log", xlabel=f"times as fast as: {baseline} (median; line: least to greatest)")
    axes.set_xlim(min(0.8, 0.8 * min(lows)), 2.5 * max(highs))
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter("{x:,g}")
    axes.xaxis.set_minor_formatter(NullFormatter())
    return figure


def _seconds(way, clock):
    started = clock()
    way()
    return clock() - started
