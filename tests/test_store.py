"""The store: same arrays however they were made, resumable, never stale."""

import dataclasses
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from conftest import put

from lib import audio, features
from lib.corpus import open_corpus
from lib.errors import InputError
from lib.features import FEATURES, FeatureSettings, images, store
from lib.files import places

SETTINGS = FeatureSettings(n_fft=512, win_length=512, hop_length=160, n_mels=40)
BOTH = ("spectrogram", "mfcc")
OTHER = dataclasses.replace(SETTINGS, n_mfcc=13)
SHORT = FeatureSettings(n_fft=512, win_length=320, hop_length=160)
MANY = [
    store.Wanted("mfcc", SETTINGS, 32),
    store.Wanted("mfcc", SETTINGS, 16),
    store.Wanted("fft", OTHER, 32),
    store.Wanted("mfcc", OTHER),
    store.Wanted("lfcc", SHORT),
    store.Wanted("spectrogram", SETTINGS),
]


@pytest.fixture
def corpus(corpus_folder):
    return open_corpus("tiny", corpus_folder, "asvspoof2017_v2")


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(store, "CHUNK", 5)


def made(corpus, folder, wanted, **how):
    return store.extract(corpus, wanted, store=str(folder), **{"jobs": 1, **how})


def extract(corpus, folder, names=BOTH, **how):
    stored, notes = made(corpus, folder, [store.Wanted(name, SETTINGS, 32) for name in names], **how)
    return {item.feature: images for item, images in stored.items()}, notes


def files(folder):
    return {path.relative_to(folder): path for path in folder.rglob("*.npy")}


def test_extract_images_are_those_of_each_recording(corpus, tmp_path):
    stored, notes = extract(corpus, tmp_path)
    dev = corpus.split("dev")
    for name in BOTH:
        batch = stored[name].batch("dev", [3, 0, 13])
        for k, position in enumerate([3, 0, 13]):
            y = audio.read(dev["path"][position])[0]
            expected = images.to_index(features.compute(y, [name], SETTINGS)[name], 32)
            np.testing.assert_array_equal(batch[k], expected)
    assert notes == {}


def test_extract_stores_each_cell_once(corpus, tmp_path):
    stored, _ = extract(corpus, tmp_path)
    y = audio.read(corpus.split("dev")["path"][3])[0]
    assert stored["mfcc"].arrays("dev", [3])[0].shape == (20, 32)  # of 20 coefficients and more frames than pixels
    assert 32 < 1 + len(y) // SETTINGS.hop_length
    assert sum(path.stat().st_size for path in files(tmp_path).values()) < len(corpus.trials) * 32 * (20 + 32) * 1.2


def test_extract_frames_are_the_feature_to_the_rounding_of_the_transform(corpus, tmp_path):
    wanted = [store.Wanted(name, SHORT) for name in ("spectrogram", "mfcc", "lfcc", "stft")]
    stored, _ = made(corpus, tmp_path, wanted)
    for position in (3, 0):
        y = audio.read(corpus.split("dev")["path"][position])[0]
        whole = features.compute(y, [item.feature for item in wanted], SHORT)
        for item in wanted:
            (found,) = stored[item].arrays("dev", [position])
            assert found.dtype == np.float32
            np.testing.assert_allclose(found, whole[item.feature], atol=1e-2)


def test_from_clips_is_byte_for_byte_what_the_store_holds(corpus, tmp_path):
    stored, _ = made(corpus, tmp_path, MANY)
    found = store.from_clips(MANY, [audio.read(path)[0] for path in corpus.split("dev")["path"]])
    assert list(found) == list(stored) == MANY
    for item in MANY:
        kept = stored[item].arrays("dev", range(14))
        assert [a.dtype for a in kept] == [np.uint8 if item.size else np.float32] * 14
        for one, other in zip(found[item], kept, strict=True):
            np.testing.assert_array_equal(one, other, strict=True)


def test_extract_together_equals_one_by_one_and_reads_once(corpus, tmp_path, monkeypatch):
    for item in MANY:
        made(corpus, tmp_path / "apart", [item])
    read, seen = audio.read, []
    monkeypatch.setattr(audio, "read", lambda path, **how: seen.append(path) or read(path, **how))
    made(corpus, tmp_path / "together", MANY)
    assert sorted(seen) == sorted(corpus.trials["path"])
    apart, together = files(tmp_path / "apart"), files(tmp_path / "together")
    assert apart.keys() == together.keys() and len({path.parts[0] for path in apart}) == len(MANY)
    assert all(apart[name].read_bytes() == together[name].read_bytes() for name in apart)


def test_extract_at_another_rate_notes_each_recording_and_two_rates_are_refused(corpus, tmp_path):
    slow = FeatureSettings(sr=8000, fmax=4000.0, n_fft=512, win_length=512)
    _, notes = made(corpus, tmp_path, [store.Wanted("stft", slow)])
    assert notes == {"resampled from 16000 Hz": len(corpus.trials)}
    with pytest.raises(InputError, match="sr must be the same for all, got 8000, 16000"):
        made(corpus, tmp_path, [store.Wanted("stft", SHORT), store.Wanted("stft", slow)])


def test_extract_again_makes_nothing(corpus, tmp_path):
    extract(corpus, tmp_path)
    before = {path: path.stat().st_mtime_ns for path in files(tmp_path).values()}
    extract(corpus, tmp_path)
    assert {path: path.stat().st_mtime_ns for path in files(tmp_path).values()} == before


def test_extract_stopped_goes_on_where_it_was(corpus, tmp_path, monkeypatch):
    whole, _ = extract(corpus, tmp_path / "whole")
    read, seen = audio.read, []

    def stopping(path, **how):
        seen.append(path)
        if len(seen) == 13:
            raise KeyboardInterrupt
        return read(path, **how)

    monkeypatch.setattr(audio, "read", stopping)
    monkeypatch.setattr(store, "LOCKS", tmp_path / "locks")
    with pytest.raises(KeyboardInterrupt):
        extract(corpus, tmp_path / "part")
    assert list(store.LOCKS.iterdir()) == []
    assert len(files(tmp_path / "part")) == 4  # two chunks of two features
    part, _ = extract(corpus, tmp_path / "part")
    assert len(seen) == 13 + len(corpus.trials) - 10  # the ten stored recordings are not read again
    for name in BOTH:
        for split, count in part[name].sizes.items():
            everything = range(count)
            np.testing.assert_array_equal(part[name].batch(split, everything), whole[name].batch(split, everything))


def test_extract_twice_at_once_makes_each_chunk_once(corpus, tmp_path, monkeypatch):
    make, made, both = store._make_chunk, [], threading.Barrier(2)

    def slow(sr, paths, targets):
        time.sleep(0.05)  # in which the other comes
        made.append(len(paths))
        return make(sr, paths, targets)

    def run(_):
        both.wait()
        return extract(corpus, tmp_path)[0]["mfcc"].batch("train", [0])

    monkeypatch.setattr(store, "_make_chunk", slow)
    monkeypatch.setattr(store, "LOCKS", tmp_path / "locks")
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(run, range(2))
    assert sum(made) == len(corpus.trials)
    np.testing.assert_array_equal(first, second)
    assert list(store.LOCKS.iterdir()) == []


def test_write_chunk_stopped_half_way_leaves_nothing(tmp_path, monkeypatch):
    def half(file, arrays):
        file.write(b"half of it")
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "save", half)
    with pytest.raises(KeyboardInterrupt):
        store.write_chunk(str(tmp_path / "train" / "00000.npy"), np.zeros(3))
    assert list((tmp_path / "train").iterdir()) == []


def zeros(chunk, _):
    with chunk.open("r+b") as file:
        file.seek(200)
        file.write(bytes(50))


DAMAGES = {
    "zeros": zeros,
    "empty": lambda chunk, _: chunk.write_bytes(b""),
    "cut": lambda chunk, _: chunk.write_bytes(chunk.read_bytes()[:-1]),
    "another split's": lambda chunk, other: chunk.write_bytes(other.read_bytes()),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_extract_makes_a_damaged_chunk_again_and_says_so(corpus, tmp_path, capsys, damage):
    stored, _ = extract(corpus, tmp_path, ["mfcc"])
    folder = Path(stored["mfcc"].url)
    before = {path: path.read_bytes() for path in folder.rglob("*.npy")}
    DAMAGES[damage](folder / "dev" / "00001.npy", folder / "eval" / "00001.npy")
    again, _ = extract(corpus, tmp_path, ["mfcc"])
    assert {path: path.read_bytes() for path in before} == before
    assert f"{tmp_path}: damaged and made again: 1 chunk\n" in capsys.readouterr().err
    assert again["mfcc"].batch("dev", range(14)).shape == (14, 32, 32)


def test_arrays_of_a_chunk_damaged_at_a_url_are_refused_and_it_is_removed(corpus, tmp_path, memory, monkeypatch):
    monkeypatch.setattr(store, "CACHE", tmp_path)
    stored, _ = extract(corpus, memory, ["mfcc"])
    place = f"{stored['mfcc'].url}/train/00000.npy"
    with places.whole_file(place) as file:
        file.write(b"no chunk")
    with pytest.raises(InputError, match="train/00000.npy: the chunk was damaged and is removed"):
        stored["mfcc"].arrays("train", [0])
    assert not places.exists(place)
    again, _ = extract(corpus, memory, ["mfcc"])
    (copy,) = again["mfcc"].arrays("train", [0]) and tmp_path.rglob("00000.npy")
    copy.write_bytes(b"a copy that was cut")
    assert again["mfcc"].batch("train", [0]).shape == (1, 32, 32)


def test_write_chunk_to_an_object_store_is_read_back(tmp_path, monkeypatch):
    arrays, sizes = [np.arange(n, dtype=np.uint8) for n in (3, 1, 4)], {"train": 3, "dev": 0, "eval": 0}
    store.write_chunk("memory://store/mfcc-1/train/00000.npy", arrays)
    assert store.pending("memory://store/mfcc-1", sizes) == {}
    monkeypatch.setattr(store, "CACHE", tmp_path)
    found = store.Stored("memory://store/mfcc-1", sizes).arrays("train", [2, 0, 1])
    assert [array.tolist() for array in found] == [[0, 1, 2, 3], [0, 1, 2], [0]]


@pytest.mark.parametrize("kind", ["folder", "memory"])
def test_derived_makes_what_is_missing_or_damaged_and_nothing_else(tmp_path, request, monkeypatch, kind):
    monkeypatch.setattr(store, "CACHE", tmp_path / "cache")
    place = str(tmp_path / "store") if kind == "folder" else request.getfixturevalue("memory")
    asked = []

    def squares(positions):
        asked.append(positions.tolist())
        return np.square(positions, dtype=np.float32)[:, None]

    def found():
        kept = store.derived(f"{place}/frozen-1", "eval", 12, squares, what="squares")
        return kept.batch("eval", [11, 0, 7])[:, 0].tolist(), [asked.pop(0) for _ in tuple(asked)]

    assert found() == ([121, 0, 49], [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9], [10, 11]])
    assert found() == ([121, 0, 49], [])
    places.remove(f"{place}/frozen-1/eval/00001.npy")
    assert found() == ([121, 0, 49], [[5, 6, 7, 8, 9]])
    if kind == "folder":  # at a URL it is told when it is read
        Path(place, "frozen-1/eval/00002.npy").write_bytes(b"cut")
        assert found() == ([121, 0, 49], [[10, 11]])


def test_extract_two_processes_equal_one(corpus, tmp_path):
    extract(corpus, tmp_path / "one")
    extract(corpus, tmp_path / "two", jobs=2)
    one, two = files(tmp_path / "one"), files(tmp_path / "two")
    assert one.keys() == two.keys() and one
    assert all(one[name].read_bytes() == two[name].read_bytes() for name in one)


@pytest.mark.parametrize("kind", ["memory", "bucket"])
def test_extract_of_a_corpus_at_a_url_equals_the_folders(corpus, tmp_path, request, kind):
    url = put(Path(corpus.folder), f"{request.getfixturevalue(kind)}/tiny")
    extract(corpus, tmp_path / "here")
    extract(open_corpus("tiny", url, "asvspoof2017_v2"), tmp_path / "there")
    here, there = files(tmp_path / "here"), files(tmp_path / "there")
    assert here.keys() == there.keys() and here
    assert all(here[name].read_bytes() == there[name].read_bytes() for name in here)


def test_extract_store_at_an_unknown_url_is_refused(corpus):
    with pytest.raises(InputError, match="nowhere://store/.*Protocol not known: nowhere"):
        extract(corpus, "nowhere://store")


def test_extract_feature_added_later_leaves_the_other(corpus, tmp_path):
    extract(corpus, tmp_path, ["mfcc"])
    before = {path: path.stat().st_mtime_ns for path in files(tmp_path).values()}
    stored, _ = extract(corpus, tmp_path)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert stored["spectrogram"].batch("train", [0]).shape == (1, 32, 32)


def test_extract_key_follows_kind_settings_size_and_corpus(corpus, tmp_path):
    wanted = [store.Wanted("mfcc", SETTINGS, 32), store.Wanted("mfcc", OTHER, 32), store.Wanted("mfcc", SETTINGS, 16)]
    wanted += [store.Wanted("mfcc", SETTINGS), store.Wanted("mfcc", OTHER)]
    stored, _ = made(corpus, tmp_path, wanted)
    changed, _ = made(dataclasses.replace(corpus, digest="0" * 16), tmp_path, wanted)
    assert len({part.url for part in (*stored.values(), *changed.values())}) == 10


def test_extract_key_does_not_follow_what_the_feature_does_not_depend_on(corpus, tmp_path):
    stored, _ = made(corpus, tmp_path, [store.Wanted("stft", SETTINGS), store.Wanted("stft", OTHER)])
    assert len({part.url for part in stored.values()}) == 1


def test_extract_broken_recording_is_named_and_the_rest_kept(corpus, tmp_path):
    trials = corpus.trials.copy()
    bad = tmp_path / "bad.wav"
    bad.write_bytes(b"")
    trials.loc[trials.index[-1], "path"] = str(bad)
    with pytest.raises(InputError, match="bad.wav: the file is empty"):
        extract(dataclasses.replace(corpus, trials=trials), tmp_path / "store")
    assert files(tmp_path / "store")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_extract_read_only_store_is_refused(corpus, tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match="the store cannot be written"):
        extract(corpus, tmp_path / "store")


def test_extract_store_below_a_file_is_refused(corpus, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="file/store: the store cannot be written"):
        extract(corpus, tmp_path / "file" / "store")


def test_extract_refuses_before_anything_is_written(corpus, tmp_path):
    words = f"unknown feature 'cqt'; there are {', '.join(FEATURES)}"
    with pytest.raises(InputError, match=words):
        made(corpus, tmp_path / "store", [store.Wanted("cqt", SETTINGS)])
    assert not (tmp_path / "store").exists()
