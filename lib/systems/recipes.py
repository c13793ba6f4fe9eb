"""Training and scoring as more than one notebook does it, from a run's parameters."""

from dataclasses import dataclass

import numpy as np

from lib.corpus import SPLITS
from lib.features.store import Images
from lib.systems import batchnorm, dataset, training, transfer

_NORMALISED = 128  # training pictures that the statistics of an untrained backbone are taken from


@dataclass(frozen=True)
class View:
    """One picture of each trial, as a model sees it.

    Attributes
    ----------
    feature : str
    pictures : lib.features.store.Images
    colours : str
        A matplotlib colormap.
    """

    feature: str
    pictures: Images
    colours: str


def labels_of(corpus):
    """Split -> labels in protocol order, 1 = genuine.

    Returns
    -------
    dict of str to numpy.ndarray [shape=(trials,), int]
    """
    return {split: corpus.split(split)["label"].to_numpy() for split in SPLITS}


def two_phases(build, views, corpus, settings, *, on_epoch=None):
    """Build a network on MobileNetV2 backbones and train it in the report's two phases.

    Parameters
    ----------
    build : callable
        `lib.systems.models.mobilenet` or `lib.systems.models.dual_mobilenet`.
    views : sequence of View
        One for each input of the network.
    corpus : lib.corpus.Corpus
    settings : dict
        Parameters of a notebook: `seed`, `backbone_weights`, `image_size`, `batch_norm`,
        `pixel_range`, `augmentation`, `copies`, `cut`, `batch_size`, `patience`, and
        epochs, learning rate and unfrozen layers of both phases.
    on_epoch : callable (int, dict) -> None, optional

    Returns
    -------
    system : lib.systems.models.Transfer
    history : pandas.DataFrame
        See `lib.systems.transfer.train`.
    """
    training.prepare(settings["seed"])
    system = build(settings["backbone_weights"], size=settings["image_size"], batch_norm=settings["batch_norm"])
    sources = {
        split: [
            dataset.pictures_of(
                view.pictures,
                split,
                colours=view.colours,
                pixel_range=settings["pixel_range"],
                augmentation=settings["augmentation"],
                seed=settings["seed"],
            )
            for view in views
        ]
        for split in ("train", "dev")
    }
    if settings["backbone_weights"] == "random":
        _normalise(system, sources["train"], len(corpus.split("train")), settings["batch_size"])
    phases = [
        transfer.Phase("head", 0, settings["head_epochs"], settings["head_learning_rate"]),
        transfer.Phase("top layers", settings["top_layers"], settings["top_epochs"], settings["top_learning_rate"]),
    ]
    history = transfer.train(
        system,
        phases,
        sources["train"],
        sources["dev"],
        labels_of(corpus),
        on_epoch=on_epoch,
        **{name: settings[name] for name in ("cut", "copies", "batch_size", "patience", "seed")},
    )
    return system, history


def steps(model, view, corpus, settings, *, on_epoch=None):
    """Train a model for epochs of so many batches, as the report trains its own CNNs.

    Parameters
    ----------
    model : keras.Model
    view : View
    corpus : lib.corpus.Corpus
    settings : dict
        `seed`, `pixel_range`, `learning_rate`, `epochs`, `steps_per_epoch`, `batch_size`.
    on_epoch : callable (int, dict) -> None, optional

    Returns
    -------
    pandas.DataFrame
        See `lib.systems.training.fit`.
    """
    labels = labels_of(corpus)
    look = {"colours": view.colours, "pixel_range": settings["pixel_range"]}
    training.compile_binary(model, learning_rate=settings["learning_rate"])
    return training.fit(
        model,
        training_batches(view, corpus, settings),
        dataset.ordered_batches(view.pictures, "dev", labels["dev"], **look),
        epochs=settings["epochs"],
        steps_per_epoch=settings["steps_per_epoch"],
        on_epoch=on_epoch,
    )


def training_batches(view, corpus, settings):
    """The batches that `steps` trains on."""
    return dataset.training_batches(
        view.pictures,
        labels_of(corpus)["train"],
        colours=view.colours,
        pixel_range=settings["pixel_range"],
        batch_size=settings["batch_size"],
        seed=settings["seed"],
    )


def refresh(model, view, corpus, settings):
    """Set a model's moving statistics by one pass over its training batches, in place."""
    count = -(-len(corpus.split("train")) // settings["batch_size"])
    batchnorm.refresh(model, training_batches(view, corpus, settings).take(count))


def _normalise(system, sources, count, batch_size):
    """Set the moving statistics of untrained backbones, in place.

    Fresh ones (mean 0, variance 1) fit no signal: in inference mode 17 blocks of them
    shrink every picture to the same nothing.
    """
    positions = np.random.default_rng(0).permutation(count)[:_NORMALISED]
    starts = range(0, len(positions), batch_size)
    for backbone, source in zip(system.backbones, sources, strict=True):
        batchnorm.refresh(backbone, [(source(positions[s : s + batch_size], 0), None) for s in starts])


def scored(model, views, corpus, pixel_range):
    """The scores of every trial of every split.

    Parameters
    ----------
    model : keras.Model
        Pictures, one for each view -> log-odds.
    views : sequence of View
    corpus : lib.corpus.Corpus
    pixel_range : str
        As `lib.systems.dataset.ordered_batches` takes it.

    Returns
    -------
    dict of str to pandas.DataFrame
        Split -> its trials with a column `score`, log-odds.
    """
    tables = {}
    for split, labels in labels_of(corpus).items():
        passes = [
            dataset.ordered_batches(view.pictures, split, labels, colours=view.colours, pixel_range=pixel_range)
            for view in views
        ]
        batches = passes[0] if len(passes) == 1 else dataset.paired(*passes)
        tables[split] = corpus.split(split).assign(score=training.log_odds(model, batches))
    return tables


def batch_statistics(model, views, corpus, settings):
    """Scores of train and dev with the statistics of their batch, as evidence of a lag.

    Batches are mixed and full, as in training: protocols list all genuine trials first,
    and a batch of one class loses what tells it from the other.

    Parameters
    ----------
    model, views, corpus
        As for `scored`.
    settings : dict
        `seed`, `pixel_range`, `batch_size`.

    Returns
    -------
    dict of str to numpy.ndarray [shape=(trials,)]
        `train_batch`, `dev_batch` of `lib.judgement.diagnosis.Evidence`; empty for a model that
        never uses batch statistics.
    """
    if not batchnorm.layers(model):
        return {}
    found = {}
    for split in ("train", "dev"):
        labels, size = labels_of(corpus)[split], settings["batch_size"]
        order = np.random.default_rng(settings["seed"]).permutation(len(labels))
        order = np.resize(order, -(-len(order) // size) * size)  # the last batch is filled from the start
        passes = [
            dataset.ordered_batches(
                view.pictures,
                split,
                labels,
                colours=view.colours,
                pixel_range=settings["pixel_range"],
                batch_size=size,
                order=order,
            )
            for view in views
        ]
        scores = np.empty(len(labels))
        scores[order] = batchnorm.batch_log_odds(model, passes[0] if len(passes) == 1 else dataset.paired(*passes))
        found[f"{split}_batch"] = scores
    return found


def input_range(views, pixel_range):
    """Smallest and largest value in the first 64 training pictures of each view.

    Returns
    -------
    float, float
    """
    ends = []
    for view in views:
        first = np.arange(min(64, view.pictures.sizes["train"]))
        pictures = dataset.pictures_of(view.pictures, "train", colours=view.colours, pixel_range=pixel_range)(first, 0)
        ends += [float(pictures.min()), float(pictures.max())]
    return min(ends), max(ends)
