"""Batches: which trials, in which order, which copy, and where they start."""

import numpy as np
import pytest
from test_store import SETTINGS

from lib.features.images import coloured
from lib.inputs import Image, opened
from lib.systems.training import batches, of_split

COUNT = 10
LABELS = np.arange(COUNT) % 2
ENDLESS = {"batch_size": 4, "seed": 1}


def told(positions, copy):
    """A source that says what it was asked for: trial and copy."""
    return (np.stack([positions, np.full(len(positions), copy)], axis=1).astype(np.float32),)


def seen(count, load=told, **how):
    """The first batches, each as (trials, copies, labels)."""
    taken = [(x.numpy(), y.numpy()) for x, y in batches(load, LABELS, **how).take(count)]
    assert all(y.shape == (len(x), 1) and y.dtype == np.float32 for x, y in taken)
    return [(x[:, 0].astype(int).tolist(), x[:, 1].astype(int).tolist(), y[:, 0].tolist()) for x, y in taken]


def trials(found):
    return [part for part, _, _ in found]


def flat(parts):
    return [number for part in parts for number in part]


# -- one pass ------------------------------------------------------------------------------


def test_one_pass_is_in_protocol_order_and_ends():
    assert trials(seen(99, batch_size=4)) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


def test_one_pass_in_an_order_of_its_own_may_ask_for_a_trial_twice():
    found = seen(99, batch_size=3, order=[7, 2, 2, 9])
    assert trials(found) == [[7, 2, 2], [9]]
    assert flat(labels for _, _, labels in found) == [1, 0, 0, 1]


# -- endless -------------------------------------------------------------------------------


def test_endless_across_passes_fills_every_batch_and_visits_each_trial_once_a_pass():
    found = trials(seen(10, **ENDLESS))
    assert {len(part) for part in found} == {4}
    passes = [flat(found)[k : k + COUNT] for k in range(0, 40, COUNT)]
    assert all(sorted(one) == list(range(COUNT)) for one in passes)
    assert len({tuple(one) for one in passes}) == 4  # another order each time


def test_endless_within_passes_ends_each_pass_with_a_short_batch():
    found = trials(seen(6, across=False, **ENDLESS))
    assert [len(part) for part in found] == [4, 4, 2, 4, 4, 2]
    passes = flat(found[:3]), flat(found[3:])
    assert all(sorted(one) == list(range(COUNT)) for one in passes)
    assert passes[0] != passes[1]


@pytest.mark.parametrize("across", [True, False])
def test_endless_order_is_the_seeds(across):
    first, second = (seen(6, across=across, **ENDLESS) for _ in range(2))
    assert first == second
    assert first != seen(6, across=across, batch_size=4, seed=2)


@pytest.mark.parametrize("how", [{}, {"across": False, "copies": 3}])
@pytest.mark.parametrize("start", [1, 3, 7])
def test_start_skips_exactly_so_many_batches_and_loads_none_of_them(how, start):
    asked = []

    def load(positions, copy):
        asked.append(positions.tolist())
        return told(positions, copy)

    whole = seen(9, **ENDLESS, **how)
    assert seen(9 - start, load, start=start, **ENDLESS, **how) == whole[start:]
    skipped = [part for part in trials(whole[:start]) if part not in trials(whole[start:])]
    assert asked and not any(part in asked for part in skipped)


# -- copies and labels ---------------------------------------------------------------------


def test_each_pass_asks_for_the_next_copy():
    found = seen(9, across=False, copies=2, **ENDLESS)
    assert [set(copies) for _, copies, _ in found] == [{0}] * 3 + [{1}] * 3 + [{0}] * 3


def test_without_copies_every_pass_asks_for_the_first():
    assert {copy for _, copies, _ in seen(9, across=False, **ENDLESS) for copy in copies} == {0}


@pytest.mark.parametrize("how", [{"batch_size": 4}, ENDLESS, {"across": False, **ENDLESS}])
def test_labels_follow_their_trials(how):
    for positions, _, labels in seen(6, **how):
        assert labels == LABELS[positions].tolist()


def test_several_inputs_come_as_a_tuple_of_the_same_trials():
    def load(positions, copy):
        first = np.repeat(positions[:, None], 3, axis=1).astype(np.float32)
        return first, 10 * first[:, :2]

    made = batches(load, LABELS, **ENDLESS)
    assert [part.shape for part in made.element_spec[0]] == [(None, 3), (None, 2)]
    for (one, two), y in made.take(3):
        np.testing.assert_array_equal(10 * one[:, :2], two)
        np.testing.assert_array_equal(y[:, 0], LABELS[one.numpy()[:, 0].astype(int)])


# -- of a corpus ---------------------------------------------------------------------------


@pytest.fixture
def fed(corpus, tmp_path):
    return opened([Image("spectrogram", "magma", "0-1", 24, SETTINGS)], corpus, store_url=str(tmp_path), jobs=1)


def test_of_split_gives_the_coloured_images_in_protocol_order(fed):
    found = list(of_split(fed, "train", batch_size=7))
    x, y = (np.concatenate(parts) for parts in zip(*found, strict=True))
    expected = coloured(fed.kept[0].batch("train", range(24)), "magma") / 255
    np.testing.assert_allclose(x, expected, atol=1e-6)
    np.testing.assert_array_equal(y[:, 0], fed.labels["train"])
    assert [len(x) for x, _ in found] == [7, 7, 7, 3]


def test_of_split_endless_visits_each_image_once_a_pass_with_its_label(fed):
    taken = list(of_split(fed, "train", batch_size=8, seed=1).take(3))
    x, y = (np.concatenate(parts) for parts in zip(*taken, strict=True))
    (everything,) = fed.load("train", range(24))
    stood = [int(np.abs(everything - image).sum(axis=(1, 2, 3)).argmin()) for image in x]
    assert sorted(stood) == list(range(24)) != stood
    np.testing.assert_array_equal(x, everything[stood])
    np.testing.assert_array_equal(y[:, 0], fed.labels["train"][stood])
