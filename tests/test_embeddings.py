"""Embeddings: the same vector in any batch, resumable, never stale, weights by name."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import put
from transformers import Wav2Vec2Config, Wav2Vec2Model

from lib import audio, inputs
from lib.corpus import open_corpus
from lib.errors import InputError
from lib.features import embeddings, encoder, store
from lib.systems.training import of_split

TINY = {
    "conv_dim": (16,) * 7,
    "hidden_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 3,  # of fewer than 16 channels oneDNN 3.12 computes nonsense in bfloat16 with AMX
}
NORMS = {"group": {}, "layer": {"feat_extract_norm": "layer", "do_stable_layer_norm": True, "conv_bias": True}}
HOW = {"precision": "float32", "batch_seconds": 10.0}


@pytest.fixture(autouse=True)
def tiny_untrained(monkeypatch):
    monkeypatch.setitem(embeddings.UNTRAINED, "random", TINY)
    monkeypatch.setattr(store, "CHUNK", 5)
    encoder.load.cache_clear()
    yield
    encoder.load.cache_clear()


@pytest.fixture
def corpus(corpus_folder):
    return open_corpus("tiny", corpus_folder, "asvspoof2017_v2")


@pytest.fixture
def clips(rng):
    """Recordings of 0.1 s to 0.9 s, in no order."""
    return [rng.normal(size=n).astype(np.float32) for n in (8000, 1600, 14_400, 8001, 3000, 9999)]


@pytest.fixture
def folder(tmp_path):
    """Weights as save_pretrained writes them."""
    return saved(tmp_path / "weights")


def saved(folder, seed=3, **changes):
    torch.manual_seed(seed)
    Wav2Vec2Model(Wav2Vec2Config(**TINY, **changes)).save_pretrained(folder)
    return folder


def extract(corpus, place, name="random", **how):
    jobs = how.pop("jobs", 1)
    item = inputs.Embedding(str(name), **{"precision": "float32", **how})
    return store.extract(corpus, [item], store=str(place), jobs=jobs)[0][item]


def everything(stored):
    return {split: stored.batch(split, range(count)) for split, count in stored.sizes.items()}


def one_by_one(model, clips):
    """The model's own call on each recording alone, without any mask."""
    scaled = [(y - y.mean()) / np.sqrt(y.var() + 1e-7) for y in clips]
    with torch.no_grad():
        return torch.stack([model(torch.from_numpy(y)[None]).last_hidden_state[0].mean(0) for y in scaled]).numpy()


@pytest.mark.parametrize("norm", NORMS)
def test_embed_batch_equals_the_models_own_call_on_each_clip(norm, clips, tmp_path):
    model = encoder.load(embeddings.find(str(saved(tmp_path, **NORMS[norm]))))
    together = encoder.embed(model, clips, precision="float32", batch_seconds=100.0)
    expected = one_by_one(model, clips)
    assert together.shape == (6, 48) and together.dtype == np.float32
    np.testing.assert_allclose(together, expected, atol=1e-5)
    assert np.abs(expected - expected.mean(axis=0)).max() > 1e-2  # the tolerance is far below what tells clips apart


def test_embed_alone_equals_batched(clips):
    model = encoder.load(embeddings.find("random"))
    alone, batched = (encoder.embed(model, clips, precision="float32", batch_seconds=s) for s in (0.0, 100.0))
    np.testing.assert_allclose(alone, batched, atol=1e-5)


def test_embed_plain_padding_would_change_the_vector(clips):
    """What the separate convolutions are for: padding reaches the group norm's statistics."""
    model = encoder.load(embeddings.find("random"))
    padded = [np.pad(clips[0], (0, 4000))]
    right = encoder.embed(model, clips[:1], **HOW)
    assert np.abs(one_by_one(model, padded) - right).max() > 1e-3


def test_embed_bfloat16_is_near_float32_and_not_the_same(clips):
    model = encoder.load(embeddings.find("random"))
    exact, rounded = (encoder.embed(model, clips, precision=p, batch_seconds=9.0) for p in ("float32", "bfloat16"))
    assert rounded.dtype == np.float32
    difference = np.linalg.norm(rounded - exact) / np.linalg.norm(exact)
    assert 0 < difference < 0.02


def test_embed_level_and_offset_change_nothing(clips):
    model = encoder.load(embeddings.find("random"))
    changed = [0.1 * y + np.float32(0.3) for y in clips]
    np.testing.assert_allclose(encoder.embed(model, changed, **HOW), encoder.embed(model, clips, **HOW), atol=1e-3)


def test_batches_hold_each_clip_once_within_the_limit():
    lengths = [50, 10, 30, 10, 200, 30]
    found = list(encoder.batches(lengths, 85))
    assert found == [[1, 3], [2, 5], [0], [4]]
    assert list(encoder.batches([], 85)) == []


def test_load_untrained_does_not_depend_on_the_callers_seed(clips):
    results = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        before = torch.get_rng_state()
        results.append(encoder.embed(encoder.load(embeddings.find("random")), clips, **HOW))
        assert torch.equal(torch.get_rng_state(), before)
        encoder.load.cache_clear()
    np.testing.assert_array_equal(*results)


def test_extract_vectors_are_those_of_each_recording(corpus, tmp_path):
    stored = extract(corpus, tmp_path)
    paths = corpus.split("dev")["path"]
    clips = [audio.read(paths[i])[0] for i in (3, 0, 13)]
    expected = one_by_one(encoder.load(embeddings.find("random")), clips)
    np.testing.assert_allclose(stored.batch("dev", [3, 0, 13]), expected, atol=1e-5)


def test_extract_stopped_goes_on_where_it_was_bit_for_bit(corpus, tmp_path, monkeypatch):
    whole = everything(extract(corpus, tmp_path / "whole"))
    read, seen = audio.read, []

    def stopping(path, **how):
        seen.append(path)
        if len(seen) == 13:
            raise KeyboardInterrupt
        return read(path, **how)

    monkeypatch.setattr(audio, "read", stopping)
    with pytest.raises(KeyboardInterrupt):
        extract(corpus, tmp_path / "part")
    assert len(list((tmp_path / "part").rglob("*.npy"))) == 2
    part = everything(extract(corpus, tmp_path / "part"))
    assert len(seen) == 13 + len(corpus.trials) - 10  # the ten stored recordings are not read again
    for split, vectors in whole.items():
        np.testing.assert_array_equal(part[split], vectors)


def test_extract_again_needs_no_encoder(corpus, tmp_path, monkeypatch):
    first = everything(extract(corpus, tmp_path))
    monkeypatch.setattr(embeddings, "_encoder", lambda: pytest.fail("PyTorch was asked for"))
    again = everything(extract(corpus, tmp_path))
    np.testing.assert_array_equal(again["eval"], first["eval"])


def test_extract_of_a_corpus_at_a_url_equals_the_folders(corpus, memory, tmp_path):
    there = open_corpus("tiny", put(Path(corpus.folder), memory), "asvspoof2017_v2")
    here, there = extract(corpus, tmp_path / "here"), extract(there, tmp_path / "there")
    assert there.url.rpartition("/")[2] == here.url.rpartition("/")[2]
    np.testing.assert_equal(everything(there), everything(here))


@pytest.mark.slow  # each process imports PyTorch
def test_extract_two_processes_equal_one(corpus, folder, tmp_path):
    one, two = (everything(extract(corpus, tmp_path / str(jobs), folder, jobs=jobs)) for jobs in (1, 2))
    for split, vectors in one.items():
        np.testing.assert_array_equal(two[split], vectors)


def test_extract_key_follows_weights_precision_and_corpus(corpus, folder, tmp_path):
    other = saved(tmp_path / "other", seed=4)
    place = tmp_path / "store"
    urls = [
        extract(corpus, place).url,
        extract(corpus, place, folder).url,
        extract(corpus, place, other).url,
        extract(corpus, place, precision="bfloat16").url,
        extract(dataclasses.replace(corpus, digest="0" * 16), place).url,
    ]
    assert len(set(urls)) == len(urls)


def test_extract_key_does_not_follow_where_the_weights_stand(corpus, folder, tmp_path):
    moved = saved(tmp_path / "moved")
    assert extract(corpus, tmp_path / "store", folder).url == extract(corpus, tmp_path / "store", moved).url


def test_extract_folder_of_weights_gives_its_models_vectors(corpus, folder, tmp_path):
    stored = extract(corpus, tmp_path / "store", folder)
    clip = audio.read(corpus.split("train")["path"][0])[0]
    expected = one_by_one(Wav2Vec2Model.from_pretrained(folder).eval(), [clip])
    np.testing.assert_allclose(stored.batch("train", [0]), expected, atol=1e-5)
    assert np.abs(extract(corpus, tmp_path / "store").batch("train", [0]) - expected).max() > 1e-2


def test_extract_refuses_wrong_settings(corpus, tmp_path):
    with pytest.raises(InputError, match="sr must be 16000 Hz, .* got 8000"):
        extract(corpus, tmp_path, sr=8000)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="file/store: the store cannot be written"):
        extract(corpus, tmp_path / "file" / "store")


def test_resolved_auto_is_what_the_machine_has(monkeypatch):
    assert embeddings.resolved("auto") in ("float32", "bfloat16")
    assert embeddings.resolved("float32") == "float32"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for has, expected in (({}, "float32"), ({"avx512_bf16": True}, "bfloat16"), ({"amx_bf16": True}, "bfloat16")):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda has=has: has)
        assert embeddings.resolved("auto") == expected


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("/no/such/folder", "no such folder"),
        ("./weights", "no such folder"),
        ("a/b/c", "no such folder"),
        ("nobody/no-such-model", "hf download nobody/no-such-model --local-dir DIR"),
        ("not a name!", "wav2vec_weights = not a name!"),
    ],
)
def test_find_weights_that_cannot_be_had_says_how_to_get_them(name, words, monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(InputError) as error:
        embeddings.find(name)
    assert name in str(error.value) and words in str(error.value)
    assert str(error.value).count("\n") < 2


def test_find_hub_name_in_the_local_cache_is_used_without_the_hub(tmp_path, monkeypatch):
    cache = tmp_path / "models--some--model"
    saved(cache / "snapshots" / "abc123")
    (cache / "refs").mkdir()
    (cache / "refs" / "main").write_text("abc123")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.HfApi.model_info", lambda *_, **__: pytest.fail("the hub was asked"))
    found = embeddings.find("some/model")
    assert found.digest == embeddings.find(str(cache / "snapshots" / "abc123")).digest
    assert embeddings.described("some/model") == f"some/model, digest {found.digest}"


def test_described_untrained_says_so():
    assert embeddings.described("random") == embeddings.described("random-base") == "untrained"


def test_find_folder_without_weights_names_what_it_lacks(tmp_path):
    with pytest.raises(InputError, match="has no config.json with model.safetensors or pytorch_model.bin"):
        embeddings.find(str(tmp_path))


def test_load_broken_or_other_weights_are_refused(folder):
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(InputError, match="the weights cannot be read"):
        encoder.load(embeddings.find(str(folder)))
    file.unlink()
    torch.save({"some.layer.weight": torch.zeros(3)}, folder / "pytorch_model.bin")
    with pytest.raises(InputError, match="not the weights of a wav2vec 2.0 encoder"):
        encoder.load(embeddings.find(str(folder)))


@pytest.fixture
def fed(corpus, tmp_path):
    return inputs.opened([inputs.Embedding("random", "float32")], corpus, store_url=str(tmp_path), jobs=1)


def test_training_batches_visit_each_vector_once_a_pass(fed):
    taken = of_split(fed, "train", batch_size=6, seed=1).take(4)
    x, y = (np.concatenate(part) for part in zip(*[(x.numpy(), y.numpy()) for x, y in taken], strict=True))
    assert x.shape == (24, 48, 1) and y.shape == (24, 1)
    stored = fed.kept[0].batch("train", range(24))
    stood = [int(np.flatnonzero((stored == v[:, 0]).all(axis=1))[0]) for v in x]
    assert sorted(stood) == list(range(24)) != stood
    np.testing.assert_array_equal(y[:, 0], fed.labels["train"][stood])


def test_batches_in_order_keep_protocol_order(fed):
    found = [(x.numpy(), y.numpy()) for x, y in of_split(fed, "eval", batch_size=8)]
    assert [len(x) for x, _ in found] == [8, 8, 4]
    np.testing.assert_array_equal(np.concatenate([x for x, _ in found])[:, :, 0], everything(fed.kept[0])["eval"])
    np.testing.assert_array_equal(np.concatenate([y for _, y in found])[:, 0], fed.labels["eval"])
