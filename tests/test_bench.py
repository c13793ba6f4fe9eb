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
from lib.judgement import reference
from lib.systems.backbone import layer_table
from lib.systems.backend import keras
from lib.systems.networks import Transfer

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
    assert ways.scoring(batches, 32)() == 5
    assert ways.epoch(batches, 5, 32, precision="mixed_bfloat16", steps_per_execution=2)() == 5
    assert keras.config.dtype_policy().name == "float32"


@pytest.mark.parametrize("top", [0, 20])
def test_epoch_ways_train_the_same_images(top, rng):
    images = rng.normal(size=(6, 32, 32, 3)).astype(np.float32)
    labels = {"train": np.array([0, 1, 0, 1, 0, 1]), "dev": np.array([0, 1, 1])}
    found = built("14_mobilenet", backbone_weights="random", image_size=32)
    system = Transfer(found.model, backbones=[found.base.name], head="dense")

    def source(positions, copy):
        return images[positions]

    found, seconds = transfer_ways.epoch_ways(system, top, "block_14_add", source, source, labels, batch_size=4)
    assert [way() for way in found.values()] == [6, 6]
    assert seconds > 0


def test_paper_cnn_of_the_benchmark_is_that_of_the_report():
    assert list(layer_table(ways.paper_cnn(200)).itertuples(index=False, name=None)) == reference.PAPER_CNN_TABLE
    assert ways.paper_cnn(32, "mixed_bfloat16").dtype_policy.name == "mixed_bfloat16"
    assert keras.config.dtype_policy().name == "float32"
