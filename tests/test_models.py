"""The report's layer tables, row by row."""

import numpy as np
import pytest

from lib.errors import InputError
from lib.judgement import reference
from lib.systems import models, training


def test_paper_cnn_equals_figure_3_1():
    table = models.layer_table(models.paper_cnn())
    ours = list(table.itertuples(index=False, name=None))
    assert ours == reference.PAPER_CNN_TABLE
    assert table["Param #"].sum() == models.paper_cnn().count_params() == 1617


@pytest.mark.parametrize("size", [32, 200])
def test_paper_cnn_gives_one_unbounded_number_a_picture(size, rng):
    model = models.paper_cnn(size)
    pictures = rng.uniform(0, 255, (4, size, size, 3)).astype(np.float32)
    scores = model.predict_on_batch(pictures)
    assert scores.shape == (4, 1)
    assert np.abs(scores).max() > 1  # a sigmoid at the end would hold it below 1


def rows(table):
    return list(table.itertuples(index=False, name=None))


def test_wav2vec_cnn_equals_figure_4_0():
    model = models.wav2vec_cnn()
    assert rows(models.layer_table(model)) == reference.WAV2VEC_CNN_TABLE
    assert model.count_params() == 465


def test_wav2vec_cnn_gives_one_unbounded_number_an_embedding(rng):
    model = models.wav2vec_cnn(1024)
    scores = model.predict_on_batch(rng.normal(scale=50, size=(4, 1024, 1)).astype(np.float32))
    assert scores.shape == (4, 1)
    assert np.abs(scores).max() > 1  # a sigmoid at the end would hold it below 1


def test_modified_cnn_equals_figure_5_0():
    model = models.modified_cnn()
    assert rows(models.layer_table(model)) == reference.MODIFIED_CNN_TABLE
    assert model.count_params() == 4_430_817


def test_mobilenet_equals_figure_6_0():
    system = models.mobilenet("random")
    assert rows(models.layer_table(system.model)) == reference.MOBILENET_TABLE
    assert system.model.count_params() == 2_340_033


def test_dual_mobilenet_equals_figure_7_0():
    system = models.dual_mobilenet("random")
    assert rows(models.layer_table(system.model)) == reference.DUAL_MOBILENET_TABLE
    assert system.model.count_params() == 5_978_369


def test_dual_mobilenet_each_input_reaches_its_own_backbone(rng):
    training.prepare(0)
    system = models.dual_mobilenet("random", size=32)
    one, two = rng.uniform(-1, 1, (2, 2, 32, 32, 3)).astype(np.float32)
    pooled = [b.predict_on_batch(x) for b, x in zip(system.backbones, (one, two), strict=True)]
    np.testing.assert_allclose(
        system.model.predict_on_batch([one, two]), system.head.predict_on_batch(pooled), rtol=1e-5, atol=1e-6
    )


def test_backbone_file_gives_the_weights_in_it(tmp_path):
    training.prepare(5)
    kept = models.mobilenet("random", size=32).backbones[0]
    file = tmp_path / "own.weights.h5"
    kept.save_weights(file)
    loaded = models.mobilenet(str(file), size=40).backbones[0]
    for ours, theirs in zip(loaded.get_weights(), kept.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert models.described(str(file)).startswith("own.weights.h5, sha256 ")
    assert models.described("random") == "untrained"


def test_backbone_real_weights_are_loaded_and_seen_to_be_folded(shared):
    (file,) = (shared / "data" / "weights").glob("*.h5")
    backbone = models.mobilenet(str(file)).backbones[0]
    assert models.placeholder_statistics(backbone)
    assert np.ptp(backbone.get_layer("Conv_1").get_weights()[0]) > 0.1


def test_placeholder_statistics_are_not_those_that_training_left():
    backbone = models.mobilenet("random", size=32).backbones[0]
    assert models.placeholder_statistics(backbone)
    backbone.get_layer("Conv_1_bn").moving_mean.assign(np.ones(1280))
    assert not models.placeholder_statistics(backbone)


@pytest.mark.parametrize(("content", "words"), [(None, "no such file; `imagenet`, `random`"), (b"x", "no weights of")])
def test_backbone_weights_that_cannot_be_had_are_named(tmp_path, content, words):
    file = tmp_path / "own.weights.h5"
    if content:
        file.write_bytes(content)
    with pytest.raises(InputError, match=f"own.weights.h5: {words}"):
        models.mobilenet(str(file), size=32)


def test_backbone_imagenet_without_network_says_how_to_get_it(monkeypatch):
    def offline(*_, weights=None, **__):
        raise Exception("URL fetch failure on somewhere")

    monkeypatch.setattr("lib.systems.models.backbone.keras.applications.MobileNetV2", offline)
    with pytest.raises(InputError, match="backbone_weights = imagenet: .* name a file of such weights"):
        models.mobilenet("imagenet", size=32)


def test_mobilenet_unknown_batch_norm_is_refused():
    with pytest.raises(InputError, match="batch_norm = 'frozen': one of inference, training"):
        models.mobilenet("random", size=32, batch_norm="frozen")
