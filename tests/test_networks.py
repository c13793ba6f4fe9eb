"""The notebooks' networks against the report's layer tables, row by row."""

import numpy as np
import pytest
from networks import built, paper_cnn

from lib.errors import InputError
from lib.judgement import reference
from lib.systems import training, transfer
from lib.systems.backend import keras
from lib.systems.networks import layer_table
from lib.systems.transfer import Transfer


def rows(table):
    return list(table.itertuples(index=False, name=None))


def mobilenet(weights="random", size=32):
    return built("14_mobilenet", backbone_weights=weights, image_size=size)


def dual_mobilenet(size=32):
    return built("15_dual_mobilenet", backbone_weights="random", image_size=size)


# -- figures -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("notebook", "how", "figure", "parameters"),
    [
        ("11_paper_cnn", {}, "Figure 3.1", 1_617),
        ("12_wav2vec_cnn", {"train": np.empty((1, 768))}, "Figure 4.0", 465),
        ("13_modified_cnn", {}, "Figure 5.0", 4_430_817),
        ("14_mobilenet", {"backbone_weights": "random"}, "Figure 6.0", 2_340_033),
        ("15_dual_mobilenet", {"backbone_weights": "random"}, "Figure 7.0", 5_978_369),
    ],
)
def test_network_equals_its_figure(notebook, how, figure, parameters):
    found = built(notebook, **how)
    table, named = found.shown
    expected = [tuple(row) for row in reference.LAYERS[figure]]
    assert rows(table) == expected
    assert named == figure
    assert found.model.count_params() == parameters == sum(count for _, _, count in expected)


@pytest.mark.parametrize("notebook", ["11_paper_cnn", "13_modified_cnn", "14_mobilenet"])
def test_network_first_weights_are_the_seeds(notebook):
    how = {"image_size": 32} | ({"backbone_weights": "random"} if notebook == "14_mobilenet" else {})
    first, second, third = (built(notebook, seed=seed, **how).model.get_weights() for seed in (3, 3, 4))
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(first, third, strict=True))


# -- outputs -------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [32, 200])
def test_paper_cnn_gives_one_unbounded_number_an_image(size, rng):
    model = paper_cnn(size)
    scores = model.predict_on_batch(rng.uniform(0, 255, (4, size, size, 3)).astype(np.float32))
    assert scores.shape == (4, 1)
    assert np.abs(scores).max() > 1  # a sigmoid at the end would hold it below 1


def test_wav2vec_cnn_gives_one_unbounded_number_an_embedding(rng):
    model = built("12_wav2vec_cnn", train=np.empty((1, 1024))).model
    scores = model.predict_on_batch(rng.normal(scale=50, size=(4, 1024, 1)).astype(np.float32))
    assert scores.shape == (4, 1)
    assert np.abs(scores).max() > 1  # a sigmoid at the end would hold it below 1


def test_dual_mobilenet_each_input_reaches_its_own_backbone(rng):
    training.prepare(0)
    found = dual_mobilenet()
    system = Transfer(found.model, backbones=[base.name for base in found.bases], head="concatenated_features")
    assert system.backbones == found.bases
    one, two = rng.uniform(-1, 1, (2, 2, 32, 32, 3)).astype(np.float32)
    pooled = [b.predict_on_batch(x) for b, x in zip(system.backbones, (one, two), strict=True)]
    np.testing.assert_allclose(
        system.model.predict_on_batch([one, two]), system.head.predict_on_batch(pooled), rtol=1e-5, atol=1e-6
    )


def test_dual_mobilenet_gate_weighs_each_trial_by_both_branches(rng):
    training.prepare(0)
    found = built("15_dual_mobilenet", backbone_weights="random", image_size=32, attention=True)
    table, figure = found.shown
    assert {row[0] for row in reference.LAYERS[figure]} <= set(
        table["Layer (type)"]
    )  # the report's layers are all there
    outputs = [found.model.get_layer(name).output for name in ("gate", "projected", "weighted_sum")]
    inside = keras.Model(found.pooled, outputs)
    pooled = rng.uniform(0, 2, (2, 6, 1280)).astype(np.float32)
    weights, each, together = inside.predict_on_batch(list(pooled))
    np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=1e-5)
    assert np.ptp(weights[:, 0]) > 1e-3  # of each trial its own
    np.testing.assert_allclose((weights * each).sum(axis=1), together, rtol=1e-4, atol=1e-5)
    for branch in (0, 1):  # a branch reaches its own projection and no other
        changed = list(pooled)
        changed[branch] = changed[branch] + 1
        moved = np.abs(inside.predict_on_batch(changed)[1] - each).max(axis=(0, 2)) > 0
        assert moved.tolist() == [branch == 0, branch == 1]


def test_wav2vec_cnn_permuted_sees_the_same_values_in_the_seeds_order(rng):
    vectors = rng.normal(size=(4, 64, 1)).astype(np.float32)
    plain, one, other = (
        built("12_wav2vec_cnn", train=np.empty((1, 64)), seed=3, permuted=permuted) for permuted in (False, True, True)
    )
    assert one.order == other.order and sorted(one.order) == list(range(64)) != one.order
    assert one.model.count_params() == plain.model.count_params()
    scores = one.model.predict_on_batch(vectors)
    np.testing.assert_array_equal(scores, plain.model.predict_on_batch(vectors[:, one.order]))
    assert not np.array_equal(scores, plain.model.predict_on_batch(vectors))


@pytest.mark.parametrize("rows_of_feature", [20, 128])
def test_paper_cnn_plain_takes_one_channel_of_any_feature(rng, rows_of_feature):
    model = built("11_paper_cnn", plain=True, frames=32).model
    assert model.predict_on_batch(rng.normal(size=(4, rows_of_feature, 32, 1)).astype(np.float32)).shape == (4, 1)
    assert model.count_params() == 1_617 - 2 * 16 * 9  # two channels less in the first layer


# -- weights of backbones ------------------------------------------------------------------


def test_backbone_file_gives_the_weights_in_it(tmp_path):
    training.prepare(5)
    kept = mobilenet().base
    file = tmp_path / "own.weights.h5"
    kept.save_weights(file)
    loaded = mobilenet(str(file), size=40).base
    for ours, theirs in zip(loaded.get_weights(), kept.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert transfer.described(str(file)).startswith("own.weights.h5, sha256 ")
    assert transfer.described("random") == "untrained"


def test_backbone_real_weights_are_loaded(shared):
    (file,) = (shared / "data" / "weights").glob("*.h5")
    base = mobilenet(str(file), size=200).base
    assert np.ptp(base.get_layer("Conv_1").get_weights()[0]) > 0.1


@pytest.mark.parametrize(
    ("content", "words"), [(None, "no such file; expected `imagenet`, `random`"), (b"x", "no weights of")]
)
def test_backbone_weights_that_cannot_be_had_are_named(tmp_path, content, words):
    file = tmp_path / "own.weights.h5"
    if content:
        file.write_bytes(content)
    with pytest.raises(InputError, match=f"own.weights.h5: {words}"):
        mobilenet(str(file))


def test_backbone_imagenet_without_network_says_how_to_get_it(monkeypatch):
    def offline(*_, weights=None, **__):
        raise Exception("URL fetch failure on somewhere")

    monkeypatch.setattr("lib.systems.transfer.keras.applications.MobileNetV2", offline)
    with pytest.raises(InputError, match="backbone_weights = imagenet: .* name a file of such weights"):
        mobilenet("imagenet")


def test_transfer_unknown_batch_norm_is_refused():
    found = mobilenet()
    with pytest.raises(InputError, match="batch_norm = 'frozen': must be inference or training"):
        Transfer(found.model, backbones=[found.base.name], head="dense", batch_norm="frozen")


# -- tables --------------------------------------------------------------------------------


def test_layer_table_counts_every_parameter_once():
    model = paper_cnn(32)
    assert layer_table(model)["Param #"].sum() == model.count_params()
