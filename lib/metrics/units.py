"""What trials come in: speakers, phrases and replay configurations."""

import numpy as np

from lib.corpus.protocol import UNKNOWN

CONFIGURATION = ("environment", "playback", "recorder")


def configurations(table):
    """Environment, playback device and recorder of each trial as ``E01/P02/R03``; ``-`` if there is none."""
    first, *others = (table[name] for name in CONFIGURATION)
    joined = first.str.cat(others, sep="/")
    return joined.where(joined != "/".join([UNKNOWN] * len(CONFIGURATION)), UNKNOWN)


def units_of(table, columns=("speaker",)):
    """Kind -> the name of each trial's unit: of `columns` and ``configuration`` those that the table knows."""
    kinds = {name: table[name].to_numpy() for name in columns if name in table}
    if set(CONFIGURATION) <= set(table):
        kinds["configuration"] = configurations(table).to_numpy()
    return {kind: names for kind, names in kinds.items() if (names != UNKNOWN).any()}


def numbered(names):
    """A number from 0 for each trial's unit; a trial whose unit is unknown (``-``) is one of its own."""
    names = np.asarray(names).astype(str)
    _, units = np.unique(names, return_inverse=True)
    alone = names == UNKNOWN
    units[alone] = units.max() + 1 + np.arange(alone.sum())
    return np.unique(units, return_inverse=True)[1]
