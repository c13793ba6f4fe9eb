"""Inputs: the same from the store as from samples, as values that a run keeps."""

import dataclasses
import json

import numpy as np
import pytest
from test_store import SETTINGS

from lib import audio, features, inputs
from lib.audio.augmentation import AUGMENTATIONS
from lib.corpus import SPLITS
from lib.errors import InputError
from lib.features.images import augmented, coloured
from lib.inputs import Embedding, Image, Matrix, Waveform

SIZE = 24
TINY = {
    "conv_dim": (16,) * 7, "hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
    "intermediate_size": 64, "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 2,
}  # fmt: skip
SPECTROGRAM = Image("spectrogram", "magma", "0-1", SIZE, SETTINGS)
KINDS = {
    "image": SPECTROGRAM,
    "mfcc image": Image("mfcc", "coolwarm", "-1-1", SIZE, SETTINGS),
    "whole matrix": Matrix("lfcc", "cmvn", settings=SETTINGS),
    "matrix with deltas": Matrix("mfcc", "mean", deltas=9, settings=SETTINGS),
    "matrix of a length": Matrix("spectrogram", frames=37, settings=SETTINGS),
    "matrix of other lengths": Matrix("lfcc", lengths=(512, 320, 160)).resolved({"n_linear": 30}),
    "embedding": Embedding("random", "float32"),
    "whole waveform": Waveform(),
    "waveform of a length": Waveform(0.25),
}


@pytest.fixture(autouse=True)
def tiny_untrained(monkeypatch):
    monkeypatch.setitem(features.embeddings.UNTRAINED, "random", TINY)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A store that the tests share."""
    return str(tmp_path_factory.mktemp("store"))


def opened(corpus, folder, *wanted):
    return inputs.opened(wanted, corpus, store_url=folder, jobs=1)


def clips_of(corpus, split, positions):
    return [audio.read(corpus.split(split)["path"][p])[0] for p in positions]


class Told:
    """A system that scores by its first input's first value, and tells what it was given."""

    def __init__(self):
        self.given = []

    def score(self, *arrays):
        self.given.append(arrays)
        return np.array([np.ravel(part)[0] for part in arrays[0]], dtype=np.float64)


# -- from the store and from samples -------------------------------------------------------


@pytest.mark.parametrize("item", KINDS.values(), ids=KINDS)
def test_input_from_the_store_is_the_same_from_samples(item, corpus, folder):
    fed = opened(corpus, folder, item)
    positions = [3, 0, 13]
    (stored,) = fed.load("dev", positions)
    clips = clips_of(corpus, "dev", positions)
    made = item.shown(inputs.prepared([item], clips)[item.wanted])
    system = Told()
    scores = inputs.scores(system, [item], clips)
    ((scored,),) = system.given
    assert len(stored) == len(made) == len(scored) == len(scores) == 3
    exact = not isinstance(item, Embedding)  # a batch of other recordings moves its last digits
    for one, two, three in zip(stored, made, scored, strict=True):
        assert one.dtype == two.dtype == np.float32
        np.testing.assert_array_equal(two, three)
        np.testing.assert_allclose(one, two, rtol=0, atol=0 if exact else 1e-5)
    assert not np.array_equal(np.ravel(stored[0])[:20], np.ravel(stored[1])[:20])


def test_scores_in_blocks_give_each_system_its_inputs_in_order(corpus, monkeypatch):
    monkeypatch.setattr(inputs, "BLOCK", 2)
    pair = [KINDS["image"], KINDS["mfcc image"]]
    clips, system = clips_of(corpus, "dev", range(5)), Told()
    scores = inputs.scores(system, pair, clips)
    assert [len(one) for one, _ in system.given] == [2, 2, 1]
    expected = inputs.prepared(pair, clips)
    for k, item in enumerate(pair):
        found = np.concatenate([arrays[k] for arrays in system.given])
        np.testing.assert_array_equal(found, item.shown(expected[item.wanted]))
    assert scores.shape == (5,) and scores.dtype == np.float64


def test_prepared_of_inputs_that_share_a_feature_computes_it_once(corpus, monkeypatch):
    dark, light = SPECTROGRAM, dataclasses.replace(SPECTROGRAM, colours="gray", pixel_range="0-255")
    found = inputs.prepared([dark, light], clips_of(corpus, "dev", [0]))
    assert list(found) == [dark.wanted] == [light.wanted]
    (image,) = found[dark.wanted]
    np.testing.assert_array_equal(light.shown(image[None])[0], coloured(image[None], "gray")[0])


def test_load_of_several_inputs_comes_in_their_order(corpus, folder):
    pair = KINDS["image"], KINDS["matrix of a length"]
    images, matrices = opened(corpus, folder, *pair).load("eval", [1, 2])
    assert images.shape == (2, SIZE, SIZE, 3)
    assert matrices.shape == (2, 257, 37, 1)
    turned = opened(corpus, folder, *pair[::-1]).load("eval", [1, 2])
    np.testing.assert_array_equal(turned[0], matrices)
    np.testing.assert_array_equal(turned[1], images)


def test_labels_are_those_of_the_protocol(corpus, folder):
    fed = opened(corpus, folder, SPECTROGRAM)
    for split in SPLITS:
        np.testing.assert_array_equal(fed.labels[split], corpus.split(split)["label"])


# -- what each kind looks like -------------------------------------------------------------


@pytest.mark.parametrize(("name", "low", "high"), [("0-255", 0, 255), ("0-1", 0, 1), ("-1-1", -1, 1)])
def test_pixel_ranges_are_what_they_say(corpus, folder, name, low, high):
    fed = opened(corpus, folder, dataclasses.replace(SPECTROGRAM, colours="gray", pixel_range=name))
    (x,) = fed.load("train", range(24))
    assert x.min() == pytest.approx(low, abs=1e-6)
    assert x.max() == pytest.approx(high, abs=1e-6)


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (lambda: Image("mel", pixel_range="0-2"), "Image: pixel_range must be one of 0-255, 0-1, -1-1, got '0-2'"),
        (lambda: Image("mfc"), "Image: feature must be one of spectrogram, mel, .*, got 'mfc'; did you mean mfcc"),
        (lambda: Image("mel", "magna"), "Image: colours must be one of .*, got 'magna'; did you mean magma"),
        (lambda: Image("mel", size=20_000), "Image: image_size must be at most 2048, got 20000"),
        (lambda: Matrix("mel", "cmn"), "Matrix: normalisation must be one of none, mean, cmvn, got 'cmn'"),
        (lambda: Matrix("mel", frames=-1), "Matrix: frames must be at least 0, got -1"),
        (
            lambda: Embedding("random", "half"),
            "Embedding: precision must be one of auto, float32, bfloat16, got 'half'",
        ),
    ],
)
def test_input_with_a_wrong_value_is_refused(made, words):
    with pytest.raises(InputError, match=words):
        made()


def test_matrix_whole_keeps_each_recording_and_of_a_length_repeats_or_cuts_it(corpus, folder):
    whole = opened(corpus, folder, Matrix("lfcc", settings=SETTINGS)).load("train", range(24))[0]
    lengths = [matrix.shape[1] for matrix in whole]
    assert len(set(lengths)) > 5
    frames = sorted(lengths)[12]
    (cut,) = opened(corpus, folder, Matrix("lfcc", frames=frames, settings=SETTINGS)).load("train", range(24))
    assert cut.shape == (24, whole[0].shape[0], frames, 1)
    assert min(lengths) < frames < max(lengths)
    for matrix, found in zip(whole, cut[..., 0], strict=True):
        np.testing.assert_array_equal(np.concatenate([matrix, matrix], axis=1)[:, :frames], found)


def test_matrix_is_the_feature_of_its_recording(corpus, folder):
    (matrix,) = opened(corpus, folder, Matrix("mfcc", settings=SETTINGS)).load("dev", [4])[0]
    expected = features.compute(clips_of(corpus, "dev", [4])[0], ["mfcc"], SETTINGS)["mfcc"]
    np.testing.assert_allclose(matrix, expected, rtol=1e-3, atol=1e-3)  # the store transforms in float32


@pytest.mark.parametrize(("how", "mean", "spread"), [("mean", 0, None), ("cmvn", 0, 1), ("none", None, None)])
def test_matrix_normalisation_is_over_the_frames_of_each_recording(corpus, folder, how, mean, spread):
    for matrix in opened(corpus, folder, Matrix("lfcc", how, settings=SETTINGS)).load("dev", range(4))[0]:
        means, spreads = matrix.mean(axis=1), matrix.std(axis=1)
        assert np.allclose(means, 0, atol=1e-3) == (mean == 0)
        assert np.allclose(spreads, 1, atol=1e-3) == (spread == 1)


def test_waveform_of_a_length_begins_as_the_recording_does(corpus, folder):
    (whole,) = opened(corpus, folder, Waveform()).load("eval", [2, 3])
    (short,) = opened(corpus, folder, Waveform(0.25)).load("eval", [2, 3])
    assert short.shape == (2, 4000)
    for recording, found in zip(whole, short, strict=True):
        np.testing.assert_array_equal(recording[:4000], found)


# -- changed copies ------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["audio", "image"])
def test_copies_are_of_training_images_only(corpus, folder, kind):
    fed = opened(corpus, folder, SPECTROGRAM)
    changed = fed.changed(augmentation=kind, seed=5)
    for split in SPLITS:
        plain, first, second = (f.load(split, [1, 2], copy)[0] for f, copy in ((fed, 0), (changed, 0), (changed, 1)))
        np.testing.assert_array_equal(plain, first)  # copy 0 is the image itself
        assert np.array_equal(plain, second) == (split != "train")
    stored = fed.kept[0].batch("train", [1, 2])
    expected = SPECTROGRAM.shown(augmented(stored, [1, 2], kind, copy=1, seed=5))
    np.testing.assert_array_equal(changed.load("train", [1, 2], 1)[0], expected)


def test_copies_follow_the_seed_and_without_augmentation_there_are_none(corpus, folder):
    fed = opened(corpus, folder, SPECTROGRAM)
    one, two = (fed.changed(augmentation="audio", seed=seed).load("train", range(4), 1)[0] for seed in (1, 2))
    assert not np.array_equal(one, two)
    np.testing.assert_array_equal(fed.load("train", range(4), 1)[0], fed.load("train", range(4), 0)[0])


def test_matrices_have_no_copies(corpus, folder):
    fed = opened(corpus, folder, KINDS["matrix of a length"]).changed(augmentation="audio")
    np.testing.assert_array_equal(fed.load("train", [0], 1)[0], fed.load("train", [0], 0)[0])


def test_changed_reaches_every_input_and_leaves_the_first_as_it_was(corpus, folder):
    fed = opened(corpus, folder, KINDS["image"], KINDS["mfcc image"])
    other = fed.changed(pixel_range="0-255", augmentation="image")
    assert [item.pixel_range for item in other.inputs] == ["0-255"] * 2
    assert [item.pixel_range for item in fed.inputs] == ["0-1", "-1-1"]
    assert (fed.augmentation, other.augmentation) == ("none", "image")


# -- values --------------------------------------------------------------------------------


@pytest.mark.parametrize("item", KINDS.values(), ids=KINDS)
def test_from_json_gives_back_what_as_json_wrote(item):
    resolved = item.resolved({}) if isinstance(item, Embedding) else item
    assert inputs.from_json(json.loads(json.dumps(inputs.as_json([resolved])))) == (resolved,)


def test_from_json_of_several_keeps_their_order():
    pair = KINDS["image"], KINDS["mfcc image"]
    assert inputs.from_json(inputs.as_json(pair)) == pair


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"kind": "Picture"}, "unknown kind of input; there are Image, Matrix, Embedding, Waveform"),
        ({"feature": "qcc"}, "feature must be one of spectrogram, mel, .*, got 'qcc'"),
    ],
)
def test_from_json_unknown_kind_or_feature_is_refused(changes, words):
    (described,) = inputs.as_json([SPECTROGRAM])
    with pytest.raises(InputError, match=words):
        inputs.from_json([described | changes])


def test_from_json_of_weights_that_are_others_now_is_refused():
    (described,) = inputs.as_json([Embedding("random", "float32").resolved({})])
    with pytest.raises(InputError, match="wav2vec_weights = random: their digest is now .*, expected 0000"):
        inputs.from_json([described | {"digest": "0000"}])


@pytest.mark.parametrize("kind", [Image, Matrix])
def test_resolved_takes_the_settings_of_a_run(kind):
    values = vars(SETTINGS) | {"image_size": 32, "seed": 1}
    found = kind("mfcc").resolved(values)
    assert found.settings == SETTINGS
    assert getattr(found, "size", 32) == 32


def test_resolved_matrix_keeps_lengths_of_its_own():
    found = Matrix("lfcc", lengths=(512, 320, 160)).resolved(vars(SETTINGS) | {"n_lfcc": 13})
    expected = dataclasses.replace(SETTINGS, n_fft=512, win_length=320, hop_length=160, n_lfcc=13)
    assert found.settings == expected
    assert inputs.from_json(json.loads(json.dumps(inputs.as_json([found])))) == (found,)
    with pytest.raises(InputError, match="win_length must be at most n_fft"):
        Matrix("lfcc", lengths=(256, 320, 160)).resolved({})


@pytest.mark.parametrize("item", KINDS.values(), ids=KINDS)
def test_rate_is_that_of_the_recordings(item):
    assert inputs.rate([item]) == 16_000
    if isinstance(item, (Image, Matrix)):
        other = dataclasses.replace(item, settings=dataclasses.replace(SETTINGS, sr=8000, fmax=4000.0))
    else:
        other = dataclasses.replace(item, sr=8000)
    assert inputs.rate([other]) == 8000


def test_identity_follows_corpus_inputs_and_what_is_stored(corpus, folder):
    fed = opened(corpus, folder, SPECTROGRAM)
    others = [
        fed.changed(pixel_range="-1-1"),
        fed.changed(colours="gray"),
        opened(corpus, folder, dataclasses.replace(SPECTROGRAM, size=16)),
        opened(corpus, folder, dataclasses.replace(SPECTROGRAM, settings=dataclasses.replace(SETTINGS, n_fft=1024))),
        opened(corpus, folder, Image("mel", "magma", "0-1", SIZE, SETTINGS)),
        opened(corpus, folder, KINDS["matrix of a length"]),
        opened(dataclasses.replace(corpus, digest="0" * 16), folder, SPECTROGRAM),
        opened(corpus, folder, SPECTROGRAM, SPECTROGRAM),
    ]
    found = [json.dumps(f.identity(), sort_keys=True) for f in [fed, *others]]
    assert len(set(found)) == len(found)
    assert opened(corpus, folder, SPECTROGRAM).identity() == fed.identity()


def test_copied_changed_copies_stand_behind_the_training_recordings(corpus, folder):
    wanted = [SPECTROGRAM, KINDS["whole matrix"], KINDS["whole waveform"]]
    plain = opened(corpus, folder, *wanted)
    fed, count = plain.copied(["noise", "crop"], copies=2), len(plain.labels["train"])
    assert fed.labels["train"].tolist() == plain.labels["train"].tolist() * 3
    assert [len(fed.labels[split]) for split in ("dev", "eval")] == [len(plain.labels[s]) for s in ("dev", "eval")]
    second = 2 * count + 1  # the second copy of the second recording
    found, same = fed.load("train", [second, 1]), plain.load("train", [1])
    rng = np.random.default_rng((0, 2, 1))
    y = AUGMENTATIONS[("noise", "crop")[rng.integers(2)]](clips_of(corpus, "train", [1])[0], 16_000, rng)
    ready = inputs.prepared(fed.inputs, [y])
    for item, own, original in zip(fed.inputs, found, same, strict=True):
        assert np.array_equal(own[0], item.shown(ready[item.wanted])[0])
        assert np.array_equal(own[1], original[0])
    for split in ("dev", "eval"):
        assert np.array_equal(fed.load(split, [0])[0], plain.load(split, [0])[0])
    assert dataclasses.replace(fed, copies=0).kept == plain.kept
    assert fed.identity() != plain.identity() == dataclasses.replace(fed, copies=0).identity()
