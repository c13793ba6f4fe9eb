"""Side by side: rates, ratios within a round, and the ways compared."""

from pathlib import Path

import numpy as np
import pytest
from conftest import COUNTS, put
from networks import built

from lib import bench, features
from lib.bench import extraction
from lib.bench import training as ways
from lib.bench import transfer as transfer_ways
from lib.corpus import open_corpus
from lib.errors import InputError
from lib.features import images
from lib.systems.backend import keras, tf
from lib.systems.networks import Network

SETTINGS = features.FeatureSettings(n_fft=512, win_length=512, hop_length=160, n_mels=40)


@pytest.fixture
def corpus(corpus_folder):
    return open_corpus("tiny", corpus_folder, "asvspoof2017_v2")


def test_side_by_side_ratio_is_taken_within_a_round():
    readings = iter([0, 2, 2, 3, 3, 7, 7, 8, 8, 14, 14, 16])  # before and after slow and quick, three rounds
    table = bench.side_by_side({"slow": lambda: 10, "quick": lambda: 50}, 3, clock=lambda: next(readings))
    assert table["items"].tolist() == [10, 50]
    assert table["seconds"].tolist() == [4.0, 1.0]
    assert table["per_second"].tolist() == [2.5, 50.0]
    assert table["ratio"].tolist() == [1.0, 15.0]
    assert table.loc["quick", ["ratio_low", "ratio_high"]].tolist() == [10.0, 20.0]


def test_side_by_side_calls_each_way_in_turn_and_once_more_than_counted():
    calls = []
    ways = {name: lambda name=name: calls.append(name) or 1 for name in "ab"}
    bench.side_by_side(ways, 2)
    assert calls == ["a", "b"] * 3


def test_side_by_side_without_rounds_is_refused():
    with pytest.raises(InputError, match="repeats must be positive, got 0"):
        bench.side_by_side({"a": lambda: 1}, 0)


@pytest.mark.parametrize("recordings", [5, 150])
def test_sample_is_spread_over_the_corpus(corpus, recordings, tmp_path):
    trials = extraction.sample(corpus, recordings, tmp_path).split("train")
    assert len(trials) == recordings
    every = sum(map(sum, COUNTS.values()))
    assert trials["path"].nunique() == min(recordings, every)


def test_sample_of_a_url_is_copied_so_that_no_network_is_timed(corpus, memory, tmp_path):
    there = open_corpus("tiny", put(Path(corpus.folder), memory), "asvspoof2017_v2")
    here, copied = (extraction.sample(opened, 70, tmp_path).trials for opened in (corpus, there))
    assert copied["trial"].tolist() == here["trial"].tolist()
    pairs = zip(copied["path"], here["path"], strict=True)
    assert all(Path(one).parent == tmp_path and Path(one).read_bytes() == Path(two).read_bytes() for one, two in pairs)


@pytest.mark.parametrize(("count", "sizes"), [(1, [600]), (2, [400, 800]), (9, [200, 400, 600, 800, 1000])])
def test_spread_by_size_is_even(tmp_path, count, sizes):
    paths = [tmp_path / str(size) for size in (1000, 200, 600, 400, 800)]
    for path in paths:
        path.write_bytes(bytes(int(path.name)))
    assert [int(path.name) for path in extraction.spread_by_size(paths, count)] == sizes


def test_extracted_writes_a_store_of_its_own_each_time(corpus, tmp_path):
    part = extraction.sample(corpus, 6, tmp_path)
    for _ in range(2):
        assert extraction.extracted(part, ("mfcc",), SETTINGS, size=16, folder=tmp_path, jobs=1) == 6
    assert len(list(tmp_path.rglob("*.npy"))) == 2


def test_compared_ways_do_every_recording(corpus):
    paths = corpus.trials["path"].tolist()[:2]
    assert extraction.drawn_and_reopened(paths, SETTINGS, 32) == 2
    assert extraction.drawn_and_reopened(paths, SETTINGS, 32, figure=extraction.TUTORIAL) == 2
    assert extraction.librosa_features(paths, SETTINGS) == 2
    assert extraction.power_alone(paths, SETTINGS) == 2


def test_figure_reopened_has_the_images_size(rng):
    feature = rng.normal(size=(20, 30)).astype(np.float32)
    image = extraction._reopened(feature, SETTINGS, 48, title="MFCC", y_axis=None)
    assert image.shape == (48, 48, 3)
    assert image.std() > 10  # something is drawn
    assert images.to_index(feature, 48).shape == image.shape[:2]


def test_png_folders_hold_the_images_that_the_store_feeds(tmp_path, rng):
    indices = rng.integers(0, 256, size=(5, 32, 32)).astype(np.uint8)
    ways.png_folders(indices, [1, 1, 0, 1, 1], "magma", tmp_path)
    batches = ways.from_png(tmp_path, 32, 8)
    ((found, labels),) = [(x.numpy(), y.numpy()) for x, y in batches]
    expected = images.coloured(indices, "magma").astype(np.float32)
    assert sorted(part.tobytes() for part in found) == sorted(part.tobytes() for part in expected)
    (spoof,) = found[labels[:, 0] == 0]
    np.testing.assert_array_equal(spoof, expected[2])
    assert ways.once_through(batches)() == 5


@pytest.fixture
def small_cnn():
    keras.utils.set_random_seed(0)
    layers = keras.layers
    convolution = layers.Conv2D(4, 3, activation="relu")
    return keras.Sequential(
        [keras.Input((32, 32, 3)), convolution, layers.GlobalMaxPooling2D(), layers.Dense(1)], name="small"
    )


def pass_of(count, rng):
    """One pass over images, as `side_by_side`'s ways take them."""
    images, labels = rng.uniform(0, 255, (count, 32, 32, 3)).astype(np.float32), np.arange(count) % 2
    return tf.data.Dataset.from_tensor_slices((images, labels[:, None].astype(np.float32))).batch(4)


@pytest.mark.parametrize("options", [{}, {"precision": "mixed_bfloat16", "steps_per_execution": 2}])
def test_epoch_and_scoring_do_every_image_and_leave_the_model(small_cnn, rng, options):
    before = [value.copy() for value in small_cnn.get_weights()]
    batches = pass_of(6, rng)
    assert ways.epoch(small_cnn, batches, 6, **options)() == 6
    assert ways.scoring(small_cnn, batches, precision=options.get("precision", "float32"))() == 6
    for old, new in zip(before, small_cnn.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert keras.config.dtype_policy().name == "float32"


@pytest.mark.parametrize(("precision", "dtype"), [("float32", "float32"), ("mixed_bfloat16", "bfloat16")])
def test_copied_has_the_weights_and_computes_in_the_precision(small_cnn, rng, precision, dtype):
    own = ways.copied(small_cnn, precision)
    assert own is not small_cnn
    assert {layer.compute_dtype for layer in own.layers} == {dtype}
    x = rng.uniform(0, 1, (3, 32, 32, 3)).astype(np.float32)
    np.testing.assert_allclose(np.asarray(own(x), np.float32), small_cnn(x), atol=0 if dtype == "float32" else 0.05)


@pytest.mark.parametrize("top", [0, 20])
def test_epoch_ways_train_the_same_images(top, rng):
    images = rng.normal(size=(6, 32, 32, 3)).astype(np.float32)
    labels = {"train": np.array([0, 1, 0, 1, 0, 1]), "dev": np.array([0, 1, 1])}
    network = built("83_bench_transfer", backbone_weights="random", size=32).network

    def source(positions, copy):
        return (images[positions],)

    found, seconds = transfer_ways.epoch_ways(network, top, "block_14_add", source, source, labels, batch_size=4)
    assert list(found) == ["whole model", "kept outputs"]
    assert [way() for way in found.values()] == [6, 6]
    assert seconds > 0


@pytest.mark.parametrize(
    ("bench_notebook", "notebook"), [("83_bench_transfer", "14_mobilenet"), ("84_bench_training", "11_paper_cnn")]
)
def test_networks_of_the_benchmarks_are_those_of_the_model_notebooks(bench_notebook, notebook):
    one = built(bench_notebook, backbone_weights="random", size=32).model
    other = built(notebook, backbone_weights="random", image_size=32, seed=0).model
    assert Network(one).identity() == Network(other).identity()
