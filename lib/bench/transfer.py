"""Epochs of training on a frozen backbone, with and without its answers kept."""

import time

from lib.systems import training, transfer
from lib.systems.batches import batches


def epoch_ways(system, top, cut, train, dev, labels, *, batch_size):
    """One epoch through the whole model, and one on what the frozen part answered once.

    Parameters
    ----------
    system : lib.systems.networks.Transfer
        Of one backbone; compiled and trained here.
    top : int >= 0
        Layers of the backbone that are trained.
    cut, train, dev, labels, batch_size
        As `lib.systems.transfer.train` takes them; `train` and `dev` are one source each.

    Returns
    -------
    ways : dict of str to callable () -> int
        For `lib.bench.side_by_side`: each trains one epoch with its dev pass and
        returns the number of training images.
    seconds : float
        What computing the frozen part once took, for one copy of train and dev.
    """
    transfer.unfreeze(system, top)
    started = time.perf_counter()
    kept = [
        transfer.activations(system.backbones[0], cut, s, len(labels[n]), 1)
        for n, s in (("train", train), ("dev", dev))
    ]
    if top == 0:
        kept = [transfer.pooled(system.backbones[0], cut, part) for part in kept]
    seconds = time.perf_counter() - started
    short = system.head if top == 0 else transfer.above(system, cut)
    from_kept = [transfer.lookup(part) for part in kept]
    ways = {
        "whole model": _epoch(system.model, train, dev, labels, batch_size),
        "kept answers": _epoch(short, *from_kept, labels, batch_size),
    }
    return ways, seconds


def _epoch(model, train, dev, labels, batch_size):
    count = len(labels["train"])
    endless = batches(transfer.joined([train]), labels["train"], batch_size=batch_size, seed=0, across=False)
    checked = batches(transfer.joined([dev]), labels["dev"])
    training.compile_binary(model, learning_rate=1e-5)

    def once():
        model.fit(endless, validation_data=checked, steps_per_epoch=-(-count // batch_size), verbose=0, shuffle=False)
        return count

    return once
