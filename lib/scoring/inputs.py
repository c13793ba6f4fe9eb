"""What the model of a run is fed, as its parameters say, and making it from samples."""

from typing import NamedTuple

import numpy as np

from lib.errors import InputError
from lib.features import FEATURES, embeddings, images, settings_from
from lib.features.store import Drawn, from_clips
from lib.features.store.chunks import CHUNK
from lib.systems.dataset import colour_values

_BATCH = 64  # as `lib.systems.dataset.ordered_batches` cuts a split when a run scores its own trials


class Embedded(NamedTuple):
    """An embedding of a recording: which encoder makes it, and how precisely."""

    weights: embeddings.Weights
    precision: str


class Input(NamedTuple):
    """One input of a model: what it is made from, and for pictures how that is shown."""

    source: Drawn | Embedded
    colours: str = ""
    pixel_range: str = ""


def of_run(run):
    """The inputs of a run's model, in its order.

    Parameters
    ----------
    run : lib.tracking.trained.Trained

    Returns
    -------
    tuple of Input

    Raises
    ------
    InputError
        The parameters name nothing that is known here, or other weights than the run
        had stand under their name.
    """
    try:
        return _embedded(run) if "wav2vec_weights" in run.settings else _drawn(run)
    except KeyError as error:
        raise InputError(f"run {run.name}: has no parameter {error}, without which its model cannot be fed") from None


def prepared(inputs, clips):
    """What inputs are made from, each computed once.

    Parameters
    ----------
    inputs : iterable of Input
    clips : sequence of numpy.ndarray [shape=(samples,), float32]

    Returns
    -------
    dict of Drawn or Embedded to numpy.ndarray [shape=(clips, ...)]
        Pictures uint8 ``[clips, size, size]``, embeddings float32 ``[clips, values]``.
    """
    sources = {item.source for item in inputs}
    drawn = [source for source in sources if isinstance(source, Drawn)]
    arrays = {
        source: np.stack([images.stretched(cells, source.size) for cells in made])
        for source, made in from_clips(drawn, clips).items()
    }
    for source in sources.difference(drawn):
        parts = [clips[start : start + CHUNK] for start in range(0, len(clips), CHUNK)]
        arrays[source] = np.concatenate([embeddings.of_clips(part, **source._asdict()) for part in parts])
    return arrays


def batches(inputs, arrays, count):
    """What a model with these inputs is fed, as `lib.systems.training.log_odds` takes it.

    Yields
    ------
    tuple
        The input or the tuple of inputs, and None for the labels.
    """
    for start in range(0, count, _BATCH):
        shown = tuple(_shown(item, arrays[item.source][start : start + _BATCH]) for item in inputs)
        yield (shown if len(shown) > 1 else shown[0]), None


def _shown(item, array):
    if isinstance(item.source, Embedded):
        return array[..., None]
    return colour_values(item.colours, item.pixel_range).take(array, axis=0)


def _embedded(run):
    name, recorded = run.settings["wav2vec_weights"], run.tags["weights"]
    there = embeddings.described(name)
    if there != recorded:
        raise InputError(f"run {run.name}: wav2vec_weights = {name} are now {there}; the run had {recorded}")
    return (Input(Embedded(embeddings.find(name), embeddings.resolved(run.settings["precision"]))),)


def _drawn(run):
    values = run.settings
    if "feature" in values:
        views = {values["feature"]: values["colours"]}
    else:  # in the order of the notebook's parameters, which is that of the model's inputs
        views = {key.removesuffix("_colours"): value for key, value in values.items() if key.endswith("_colours")}
    unknown = views.keys() - set(FEATURES)
    if unknown or not views:
        said = f"feature {', '.join(sorted(unknown))}" if unknown else "no feature"
        raise InputError(f"run {run.name}: its parameters name {said}; there are {', '.join(FEATURES)} and wav2vec")
    settings, size = settings_from(values), values["image_size"]
    return tuple(Input(Drawn(name, settings, size), look, values["pixel_range"]) for name, look in views.items())
