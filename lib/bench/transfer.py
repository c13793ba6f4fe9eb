"""Epochs of training on a frozen backbone, with and without its outputs kept."""

import time

from lib.systems import training
from lib.systems.transfer import passed


def epoch_ways(network, top, cut, train, dev, labels, *, batch_size):
    """One epoch through the whole model, and one on outputs of the frozen part that were computed once.

    Parameters
    ----------
    network : lib.systems.transfer.Transfer
        Of one backbone; compiled and trained here.
    top : int >= 0
        Layers of the backbone that are trained.
    cut : str
        Layer of the backbone whose outputs are kept.
    train, dev : callable (positions, copy) -> tuple of float32 [trials, size, size, 3]
        See `lib.inputs.Fed.load`.
    labels : dict of str to array of int
        Of ``train`` and ``dev``; as many trials as there are labels are used.
    batch_size : int > 0

    Returns
    -------
    ways : dict of str to callable () -> int
        For `lib.bench.side_by_side`: each trains one epoch with its dev pass and
        returns the number of training images.
    seconds : float
        What computing the frozen part once took, for one copy of train and dev.
    """
    network.unfreeze(top)
    network.part(cut)
    kept = loads = {"train": train, "dev": dev}
    started = time.perf_counter()
    for models in (network.belows, network.betweens, *([] if top else [network.uppers])):
        kept = {split: passed(models, load, len(labels[split]), 1) for split, load in kept.items()}
    seconds = time.perf_counter() - started
    ways = {
        "whole model": _epoch(network.model, loads, labels, batch_size),
        "kept outputs": _epoch(network.above if top else network.head, kept, labels, batch_size),
    }
    return ways, seconds


def _epoch(model, loads, labels, batch_size):
    """As `lib.systems.transfer.Transfer.fit` trains: in passes, dev kept in memory."""
    count = len(labels["train"])
    passes = training.batches(loads["train"], labels["train"], batch_size=batch_size, seed=0, across=False)
    checked = training.batches(loads["dev"], labels["dev"]).cache()
    training.compile_binary(model, learning_rate=1e-5)

    def once():
        model.fit(passes, validation_data=checked, steps_per_epoch=-(-count // batch_size), verbose=0, shuffle=False)
        return count

    return once
