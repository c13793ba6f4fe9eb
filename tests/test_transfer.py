"""Transfer learning: the frozen part computed once changes nothing but the time."""

from functools import partial

import numpy as np
import pytest
from networks import built

from lib.errors import InputError
from lib.systems import training, transfer
from lib.systems.networks import Transfer
from lib.systems.transfer import Phase

SIZE, COPIES = 32, 3
PHASES = [Phase("head", 0, 2, 1e-2), Phase("top", 20, 2, 1e-3)]


def mobilenet(batch_norm="inference"):
    found = built("14_mobilenet", backbone_weights="random", image_size=SIZE, seed=3)
    return Transfer(found.model, backbones=[found.base.name], head="dense", batch_norm=batch_norm)


def dual_mobilenet(batch_norm="inference", attention=False):
    found = built("15_dual_mobilenet", backbone_weights="random", image_size=SIZE, seed=3, attention=attention)
    names = [base.name for base in found.bases]
    return Transfer(found.model, backbones=names, head="concatenated_features", batch_norm=batch_norm)


def source(seed, brightness):
    """Images that stand in for a store: noise, brighter for genuine; copies differ."""
    noise = np.random.default_rng(seed).normal(size=(COPIES, len(brightness), SIZE, SIZE, 3)).astype(np.float32)
    return lambda positions, copy: noise[copy, positions] * 0.1 + brightness[positions, None, None, None] * 0.5


def trained(build, inputs, *, cut="block_14_add", phases=PHASES, batch_norm="inference", patience=5):
    training.prepare(3)
    system = build(batch_norm)
    labels = {"train": np.arange(22) % 2, "dev": np.arange(10) % 2}
    train = [source(k, labels["train"].astype(np.float32)) for k in range(inputs)]
    dev = [source(9 + k, labels["dev"].astype(np.float32)) for k in range(inputs)]
    how = {"cut": cut, "copies": COPIES, "batch_size": 8, "patience": patience, "seed": 3}
    history = transfer.train(system, phases, train, dev, labels, **how)
    scores = system.model.predict_on_batch(
        [s(np.arange(10), 0) for s in dev] if inputs > 1 else dev[0](np.arange(10), 0)
    )
    return history, scores, system


@pytest.mark.parametrize("batch_norm", ["inference", "training"])
def test_train_with_the_frozen_part_kept_has_the_same_losses(batch_norm):
    kept, scores_kept, _ = trained(mobilenet, 1, batch_norm=batch_norm)
    naive, scores_naive, _ = trained(mobilenet, 1, cut="", batch_norm=batch_norm)
    assert kept["phase"].tolist() == ["head", "head", "top", "top"]
    np.testing.assert_allclose(kept[["loss", "val_loss"]], naive[["loss", "val_loss"]], rtol=2e-4)
    np.testing.assert_allclose(scores_kept, scores_naive, rtol=2e-3, atol=2e-3)
    assert np.ptp(kept["loss"]) > 1e-4  # something was learned at all


@pytest.mark.parametrize("attention", [False, True])
def test_train_two_backbones_with_the_frozen_part_kept_has_the_same_losses(attention):
    phases = [Phase("head", 0, 1, 1e-2), Phase("top", 10, 1, 1e-3)]
    build = partial(dual_mobilenet, attention=attention)
    kept, scores_kept, _ = trained(build, 2, cut="block_15_add", phases=phases)
    naive, scores_naive, _ = trained(build, 2, cut="", phases=phases)
    np.testing.assert_allclose(kept[["loss", "val_loss"]], naive[["loss", "val_loss"]], rtol=2e-4)
    np.testing.assert_allclose(scores_kept, scores_naive, rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("batch_norm", ["inference", "training"])
def test_train_changes_only_the_layers_that_are_unfrozen(batch_norm):
    training.prepare(3)
    before = mobilenet().backbones[0]
    phases = [Phase("top", 20, 1, 1e-3)]
    _, _, system = trained(mobilenet, 1, phases=phases, batch_norm=batch_norm)
    after = system.backbones[0]
    changed = {
        layer.name
        for old, layer in zip(before.layers, after.layers, strict=True)
        if any(not np.array_equal(a, b) for a, b in zip(old.get_weights(), layer.get_weights(), strict=True))
    }
    top = {layer.name for layer in after.layers[-20:] if layer.weights}
    normalising = {name for name in top if name.lower().endswith("_bn")}
    assert "Conv_1" in changed
    assert changed <= top
    assert bool(changed & normalising) == (batch_norm == "training")


def test_train_stops_early_and_restores_the_best():
    phases = [Phase("head", 0, 30, 1.0)]  # a rate at which dev loss soon rises
    history, scores, _ = trained(mobilenet, 1, phases=phases, patience=2)
    assert len(history) < 30
    assert history["val_loss"].idxmin() == len(history) - 2
    labels = np.arange(10) % 2
    loss = np.mean(np.logaddexp(0, np.where(labels == 1, -1, 1) * scores[:, 0]))
    np.testing.assert_allclose(loss, history["val_loss"].min(), rtol=1e-3)


@pytest.mark.parametrize(
    ("cut", "words"), [("block_99", "not a layer of"), ("block_16_project", "lies among the top 20 layers")]
)
def test_train_impossible_cut_is_refused(cut, words):
    with pytest.raises(InputError, match=words):
        trained(mobilenet, 1, cut=cut)
