"""From the store to scores: pipeline, determinism, and that training learns."""

import subprocess
import sys

import numpy as np
import pytest
from test_store import SETTINGS

from lib.corpus import open_corpus
from lib.errors import InputError
from lib.features import images, store
from lib.params import ROOT
from lib.systems import dataset, models, training

LOOK = {"colours": "magma", "pixel_range": "0-1"}
SIZE = 24


@pytest.fixture
def data(corpus_folder, tmp_path):
    corpus = open_corpus("tiny", corpus_folder, "asvspoof2017_v2")
    image = store.Drawn("spectrogram", SETTINGS, SIZE)
    stored, _ = store.extract(corpus, [image], store=str(tmp_path / "store"), jobs=1, progress=False)
    return stored[image], {s: corpus.split(s)["label"].to_numpy() for s in ("train", "dev", "eval")}


def scores_of_a_training(data, seed, epochs=3):
    pictures, labels = data
    training.prepare(seed)
    model = models.paper_cnn(SIZE)
    training.compile_binary(model, learning_rate=0.01)
    history = training.fit(
        model,
        dataset.training_batches(pictures, labels["train"], batch_size=8, seed=seed, **LOOK),
        dataset.ordered_batches(pictures, "dev", labels["dev"], **LOOK),
        epochs=epochs,
        steps_per_epoch=4,
    )
    return training.log_odds(model, dataset.ordered_batches(pictures, "eval", labels["eval"], **LOOK)), history


def test_ordered_batches_are_the_coloured_pictures_in_protocol_order(data):
    pictures, labels = data
    batches = list(dataset.ordered_batches(pictures, "train", labels["train"], batch_size=7, **LOOK))
    x = np.concatenate([x for x, _ in batches])
    y = np.concatenate([y for _, y in batches])
    expected = images.coloured(pictures.batch("train", range(24)), "magma") / 255
    np.testing.assert_allclose(x, expected, atol=1e-6)
    np.testing.assert_array_equal(y[:, 0], labels["train"])
    assert [len(x) for x, _ in batches] == [7, 7, 7, 3]


@pytest.mark.parametrize(("name", "low", "high"), [("0-255", 0, 255), ("0-1", 0, 1), ("-1-1", -1, 1)])
def test_pixel_ranges_are_what_they_say(data, name, low, high):
    pictures, labels = data
    look = {"colours": "gray", "pixel_range": name}
    x = np.concatenate([x for x, _ in dataset.ordered_batches(pictures, "train", labels["train"], **look)])
    assert x.min() == pytest.approx(low, abs=1e-6)
    assert x.max() == pytest.approx(high, abs=1e-6)


def test_pixel_range_unknown_is_named(data):
    pictures, labels = data
    with pytest.raises(InputError, match="pixel_range = '0-2': one of 0-255, 0-1, -1-1"):
        dataset.ordered_batches(pictures, "dev", labels["dev"], colours="gray", pixel_range="0-2")


def test_training_batches_visit_each_trial_once_a_pass_with_its_label(data):
    pictures, labels = data
    batches = dataset.training_batches(pictures, labels["train"], batch_size=8, seed=1, **LOOK)
    x, y = (np.concatenate(parts) for parts in zip(*[(x, y) for x, y in batches.take(3)], strict=True))
    everything = images.coloured(pictures.batch("train", range(24)), "magma").astype(np.float32) / 255
    found = [int(np.abs(everything - picture).sum(axis=(1, 2, 3)).argmin()) for picture in x]
    assert sorted(found) == list(range(24))
    assert found != list(range(24))
    np.testing.assert_array_equal(y[:, 0], labels["train"][found])


def test_same_seed_same_scores_bit_for_bit_other_seed_others(data):
    first, _ = scores_of_a_training(data, seed=0)
    second, _ = scores_of_a_training(data, seed=0)
    third, _ = scores_of_a_training(data, seed=1)
    assert first.tobytes() == second.tobytes()
    assert first.tobytes() != third.tobytes()


def test_training_learns_an_easy_difference(data):
    scores, history = scores_of_a_training(data, seed=0, epochs=25)
    labels = data[1]["eval"]
    assert history.shape == (25, 4)
    assert history.index.tolist() == list(range(1, 26))
    assert history["loss"].iloc[-1] < 0.7 * history["loss"].iloc[0]
    assert scores[labels == 1].min() > scores[labels == 0].max()  # genuine scores higher: the sign is right


_ON_DEVICES = """
import sys
import numpy as np
from lib.systems.backend import tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * int(sys.argv[1]))
from lib.systems import models, training
training.prepare(3)
training.spread_over(tf.config.list_logical_devices("CPU"))
x = np.random.default_rng(0).uniform(0, 255, (32, 32, 32, 3)).astype(np.float32)
y = (x.mean(axis=(1, 2, 3)) > 127.5).astype(np.float32)[:, None]
batches = tf.data.Dataset.from_tensor_slices((x, y)).batch(16)
model = models.paper_cnn(32)
training.compile_binary(model, learning_rate=1e-3)
history = training.fit(model, batches.repeat(), batches, epochs=2, steps_per_epoch=2)
print(tf.distribute.get_strategy().num_replicas_in_sync, *history["loss"], *history["val_loss"])
"""


def test_spread_over_two_devices_has_the_losses_of_one():
    found = []
    for devices in ("1", "2"):
        result = subprocess.run(
            [sys.executable, "-c", _ON_DEVICES, devices], cwd=ROOT, capture_output=True, text=True, check=True
        )
        replicas, *losses = result.stdout.split()
        assert replicas == devices
        found.append([float(loss) for loss in losses])
    np.testing.assert_allclose(found[0], found[1], rtol=1e-4)
