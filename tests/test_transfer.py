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


@pytest.fixture(autouse=True)
def store(tmp_path, monkeypatch):
    monkeypatch.setattr(Noise, "store", str(tmp_path))
    return tmp_path


class Noise:
    """Stands in for `lib.inputs.Fed`: noise, brighter for genuine; copies differ."""

    labels = {"train": np.arange(22) % 2, "dev": np.arange(10) % 2}
    store, augmentation, seed, copies = "", "noise", 0, 0

    def __init__(self, inputs):
        self.branches = range(inputs)
        self.noise = {
            split: np.random.default_rng(number).normal(size=(inputs, COPIES, len(labels), SIZE, SIZE, 3))
            for number, (split, labels) in enumerate(self.labels.items())
        }

    def load(self, split, positions, copy=0):
        brightness, noise = self.labels[split][positions, None, None, None] * 0.5, self.noise[split]
        return tuple((noise[n][copy, positions] * 0.1 + brightness).astype(np.float32) for n in self.branches)

    def only(self, number):
        found = Noise(len(self.branches))
        found.branches = [number]
        return found

    def identity(self):
        return list(self.branches)


def trained(build, inputs, *, batch_norm="inference", whole=False, **changes):
    training.prepare(3)
    system, fed = build(batch_norm), Noise(inputs)
    if whole:  # the frozen part too, in every epoch
        system.head = system.model
        system.part = lambda cut: vars(system).update(above=system.model, scorer=None, betweens=[], uppers=[])
        system.kept = lambda fed, split, copies=1: partial(fed.load, split)
    with pytest.MonkeyPatch.context() as patch:
        if whole:
            patch.setattr("lib.systems.transfer.passed", lambda models, load, *_, **how: load)
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
    ("cut", "words"),
    [
        ("block_99", "not a layer of"),
        ("block_16_project", "lies among the top 20 layers"),
        ("block_14_expand", "lies within a block"),
    ],
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


@pytest.mark.parametrize("cut", ["block_14_add", "block_15_add"])
def test_scores_start_from_the_outputs_that_are_kept_bit_for_bit(monkeypatch, cut):
    _, whole, system = trained(partial(dual_mobilenet, backbone=small_backbone), 2, top_layers=4, cut=cut)
    monkeypatch.setattr(Noise, "load", lambda *_: pytest.fail("an image was passed through the frozen part again"))
    np.testing.assert_array_equal(system.scores(Noise(2), "dev"), whole)


def test_what_is_kept_serves_a_fit_with_other_settings_above_the_cut(store):
    build = partial(mobilenet, backbone=small_backbone)
    trained(build, 1, top_layers=4)
    kept = {path: path.stat().st_mtime_ns for path in store.rglob("*.npy")}
    trained(build, 1, top_layers=4, top_learning_rate=1e-2, cut="block_15_add", batch_norm="training", head_epochs=0)
    assert {path: path.stat().st_mtime_ns for path in store.rglob("*.npy")} == kept
    assert len({path.parent.parent for path in kept}) == COPIES  # one folder a copy, dev beside the unchanged


@pytest.mark.parametrize("change", [{"augmentation": "none"}, {"seed": 1}])
def test_what_is_kept_of_changed_copies_follows_their_augmentation_and_seed(store, monkeypatch, change):
    build, how = partial(mobilenet, backbone=small_backbone), {"top_layers": 4, "head_epochs": 1, "top_epochs": 0}
    trained(build, 1, **how)
    before = {path.parent.parent for path in store.rglob("*.npy")}
    for name, value in change.items():
        monkeypatch.setattr(Noise, name, value)
    trained(build, 1, **how)
    after = {path.parent.parent for path in store.rglob("*.npy")}
    assert len(after - before) == COPIES - 1  # the recordings themselves are found


def test_what_is_kept_follows_the_weights(store):
    build, how = partial(mobilenet, backbone=small_backbone), {"top_layers": 4, "head_epochs": 1, "top_epochs": 0}
    trained(build, 1, **how)
    before = len({path.parent for path in store.rglob("*.npy")})
    system, fed = build(), Noise(1)
    first = system.first()
    first[0] = first[0] + 0.01
    system.restore(first)
    system.fit(fed, seed=3, **PHASES | how)
    assert len({path.parent for path in store.rglob("*.npy")}) == 2 * before
