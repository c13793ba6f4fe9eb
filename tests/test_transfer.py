"""Transfer learning: the frozen part computed once changes nothing but the time."""

from functools import partial

import numpy as np
import pytest
from networks import built, small_backbone

from lib.errors import InputError
from lib.systems import training
from lib.systems.transfer import Transfer

SIZE, COPIES = 32, 3
PHASES = {
    "cut": "block_14_add", "copies": COPIES, "batch_size": 8, "patience": 5, "head_epochs": 2,
    "head_learning_rate": 1e-2, "top_layers": 20, "top_epochs": 2, "top_learning_rate": 1e-3,
}  # fmt: skip


def mobilenet(batch_norm="inference", **changes):
    found = built("14_mobilenet", backbone_weights="random", image_size=SIZE, seed=3, **changes)
    return Transfer(found.model, backbones=[found.base.name], head="dense", batch_norm=batch_norm)


def dual_mobilenet(batch_norm="inference", **changes):
    found = built("15_dual_mobilenet", backbone_weights="random", image_size=SIZE, seed=3, **changes)
    names = [base.name for base in found.bases]
    return Transfer(found.model, backbones=names, head="concatenated_features", batch_norm=batch_norm)


class Noise:
    """Stands in for `lib.inputs.Fed`: noise, brighter for genuine; copies differ."""

    labels = {"train": np.arange(22) % 2, "dev": np.arange(10) % 2}

    def __init__(self, inputs):
        self.noise = {
            split: np.random.default_rng(number).normal(size=(inputs, COPIES, len(labels), SIZE, SIZE, 3))
            for number, (split, labels) in enumerate(self.labels.items())
        }

    def load(self, split, positions, copy=0):
        brightness = self.labels[split][positions, None, None, None] * 0.5
        return tuple((part[copy, positions] * 0.1 + brightness).astype(np.float32) for part in self.noise[split])


def trained(build, inputs, *, batch_norm="inference", whole=False, **changes):
    training.prepare(3)
    system, fed = build(batch_norm), Noise(inputs)
    if whole:  # the frozen part too, in every epoch
        loads = {split: partial(fed.load, split) for split in fed.labels}
        system.activations, system.shortened = lambda *_: None, lambda *_: (system.model, loads)
    history = system.fit(fed, seed=3, **PHASES | changes)
    return history, system.score(*fed.load("dev", np.arange(10))), system


def test_train_with_the_frozen_part_kept_has_the_same_losses():
    kept, scores_kept, _ = trained(mobilenet, 1, batch_norm="training")
    naive, scores_naive, _ = trained(mobilenet, 1, whole=True, batch_norm="training")
    assert kept["phase"].tolist() == ["head", "head", "top layers", "top layers"]
    np.testing.assert_allclose(kept[["loss", "val_loss"]], naive[["loss", "val_loss"]], rtol=2e-4)
    np.testing.assert_allclose(scores_kept, scores_naive, rtol=2e-3, atol=2e-3)
    assert np.ptp(kept["loss"]) > 1e-4  # something was learned at all


def test_train_two_backbones_with_the_frozen_part_kept_has_the_same_losses():
    how = {"head_epochs": 1, "top_layers": 4, "top_epochs": 1}
    build = partial(dual_mobilenet, attention=True, backbone=small_backbone)
    kept, scores_kept, _ = trained(build, 2, cut="block_15_add", **how)
    naive, scores_naive, _ = trained(build, 2, cut="block_15_add", whole=True, **how)
    np.testing.assert_allclose(kept[["loss", "val_loss"]], naive[["loss", "val_loss"]], rtol=2e-4)
    np.testing.assert_allclose(scores_kept, scores_naive, rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("batch_norm", ["inference", "training"])
def test_train_changes_only_the_layers_that_are_unfrozen(batch_norm):
    training.prepare(3)
    before = mobilenet().backbones[0]
    _, _, system = trained(mobilenet, 1, head_epochs=0, top_epochs=1, batch_norm=batch_norm)
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
    how = {"head_epochs": 30, "head_learning_rate": 1.0, "top_epochs": 0}  # a rate at which dev loss soon rises
    history, scores, _ = trained(partial(mobilenet, backbone=small_backbone), 1, patience=2, top_layers=8, **how)
    assert len(history) < 30
    assert history["val_loss"].idxmin() == len(history) - 2
    labels = np.arange(10) % 2
    loss = np.mean(np.logaddexp(0, np.where(labels == 1, -1, 1) * scores))
    np.testing.assert_allclose(loss, history["val_loss"].min(), rtol=1e-3)


@pytest.mark.parametrize(
    ("cut", "words"), [("block_99", "not a layer of"), ("block_16_project", "lies among the top 20 layers")]
)
def test_train_impossible_cut_is_refused(cut, words):
    with pytest.raises(InputError, match=words):
        trained(mobilenet, 1, cut=cut)


def test_train_again_on_the_same_untrained_backbone_has_the_same_result():
    """As the steps of a ladder do: what an earlier fit has frozen makes no difference."""
    system, found = mobilenet("training", backbone=small_backbone), []
    system.untrained = True
    fed, first = Noise(1), system.first()
    for _ in range(2):
        training.prepare(3)
        history = system.fit(fed, seed=3, **PHASES | {"head_epochs": 1, "top_layers": 8, "top_epochs": 1})
        found.append((history["loss"].tolist(), system.score(*fed.load("dev", np.arange(10))).tolist()))
        system.restore(first)
    assert found[0] == found[1]
