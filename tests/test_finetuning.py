"""Fine-tuning on the CPU with a tiny untrained encoder: it learns, is kept, goes on after a cut, and is found again."""

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_limits
from transformers import Wav2Vec2Config, Wav2Vec2Model

from lib.corpus import open_corpus
from lib.errors import InputError
from lib.features import embeddings
from lib.features import encoder as pretrained
from lib.inputs import Waveform, opened, scores
from lib.systems import finetuning, kept, training, wrapped

TINY = {
    "conv_dim": (32,) * 7, "hidden_size": 48, "num_hidden_layers": 3, "num_attention_heads": 4, "intermediate_size": 96,
    "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 4,
}  # fmt: skip
ARGUMENTS = {
    "epochs": 3, "steps_per_epoch": 4, "batch_size": 6, "crop_seconds": 0.3, "encoder_learning_rate": 1e-3,
    "head_learning_rate": 1e-2, "warm_up": 0.1,
}  # fmt: skip


class Clips:
    """Stands in for `lib.inputs.Fed`: 20 chords, in every split, whose labels follow no rule and have to be learned."""

    inputs = (Waveform(),)
    labels = dict.fromkeys(("train", "dev", "eval"), np.arange(20) % 2)

    def load(self, split, positions, copy=0):
        return ([self.chord(np.random.default_rng(position)) for position in positions],)

    @staticmethod
    def chord(rng):
        t = np.arange(rng.integers(4000, 5000)) / 16_000
        tones = np.sin(2 * np.pi * rng.uniform(100, 5000, (4, 1)) * t).sum(0)
        return (tones + 0.1 * rng.normal(size=len(t))).astype(np.float32)


@pytest.fixture(autouse=True)
def tiny_untrained(monkeypatch):
    monkeypatch.setitem(embeddings.UNTRAINED, "random", TINY)
    pretrained.load.cache_clear()
    with threadpool_limits(1):  # small steps: a second thread would mostly wait
        yield
    pretrained.load.cache_clear()


@pytest.fixture
def fed(corpus_folder):
    corpus = open_corpus("tiny", corpus_folder, "asvspoof2017_v2")
    return opened([Waveform()], corpus, store_url="nowhere")


def made(name="random", unfrozen_layers=2, attentive=True, dropout=0.1):
    torch.manual_seed(0)
    encoder = finetuning.Encoder(str(name), unfrozen_layers=unfrozen_layers, precision="float32")
    pooled = finetuning.Pooling(encoder.width, attentive=attentive)
    first = [finetuning.LayerMean(encoder.layers), pooled, torch.nn.Linear(pooled.width, 16), torch.nn.ReLU()]
    head = torch.nn.Sequential(*first, torch.nn.Dropout(dropout), torch.nn.Linear(16, 1))
    return finetuning.FineTuned(encoder, head)


def values(system):
    return {name: tensor.detach().clone() for name, tensor in system.module.state_dict().items()}


def changed(before, after):
    return {name for name in before if not torch.equal(before[name], after[name])}


def saved(folder, seed=3, **changes):
    """Weights as save_pretrained writes them."""
    torch.manual_seed(seed)
    Wav2Vec2Model(Wav2Vec2Config(**TINY, **changes)).save_pretrained(folder)
    return folder


def test_fit_overfits_20_clips_whose_labels_follow_no_rule(monkeypatch):
    none = {"hidden_dropout": 0.0, "attention_dropout": 0.0, "activation_dropout": 0.0}
    monkeypatch.setitem(embeddings.UNTRAINED, "random", {**TINY, **none})
    system = made(unfrozen_layers=3, dropout=0.0)
    how = {"epochs": 6, "steps_per_epoch": 80, "batch_size": 20, "crop_seconds": 0.25, "warm_up": 0.1}
    history = system.fit(Clips(), seed=0, encoder_learning_rate=3e-3, head_learning_rate=3e-3, **how)
    assert ((system.scores(Clips(), "train") > 0) == Clips.labels["train"]).all()
    assert history["loss"].iloc[0] > 0.5 and history["loss"].iloc[-1] < 0.1


def test_fit_trains_the_top_and_the_head_and_nothing_else():
    system = made(unfrozen_layers=1)
    before = values(system)
    system.fit(Clips(), seed=0, **ARGUMENTS)
    moved = changed(before, values(system))
    tuned = {name for name in moved if name.startswith("0.")}
    assert moved - tuned == {name for name in before if name.startswith("1.")}
    assert tuned and all(name.startswith("0.model.encoder.layers.2.") for name in tuned)


def test_fit_with_a_frozen_encoder_trains_the_head_alone():
    system = made(unfrozen_layers=0, attentive=False)
    before = values(system)
    system.fit(Clips(), seed=0, **ARGUMENTS)
    assert changed(before, values(system)) == {name for name in before if name.startswith("1.")}


def test_fit_ends_with_the_epoch_of_the_lowest_dev_loss():
    system = made()
    history = system.fit(Clips(), seed=0, **{**ARGUMENTS, "epochs": 5, "head_learning_rate": 0.3})
    assert history["val_loss"].idxmin() < 5  # at such a rate it gets worse again
    scores, labels = system.scores(Clips(), "dev"), Clips.labels["dev"]
    assert np.logaddexp(0, np.where(labels == 1, -scores, scores)).mean() == history["val_loss"].min()


def test_restore_undoes_a_fit_and_leaves_the_shared_encoder_alone():
    system = made()
    before, first, shared = values(system), system.first(), pretrained.load(system.encoder.weights).state_dict()
    kept_shared = {name: tensor.clone() for name, tensor in shared.items()}
    system.fit(Clips(), seed=0, **ARGUMENTS)
    assert changed(before, values(system))
    system.restore(first)
    assert not changed(before, values(system)) and not changed(kept_shared, shared)


class Cut(Exception):
    pass


def test_fit_that_was_cut_off_goes_on_with_the_same_result(tmp_path, monkeypatch):
    monkeypatch.setattr(training, "SECONDS", 0.0)
    whole, told = made(), []
    expected = whole.fit(Clips(), seed=3, **ARGUMENTS)

    def cut(epoch, row):
        if epoch == 2:
            raise Cut

    state = tmp_path / "states" / "state.npz"
    with pytest.raises(Cut):
        made().fit(Clips(), seed=3, **ARGUMENTS, on_epoch=cut, state=state)
    again = made()
    history = again.fit(Clips(), seed=3, **ARGUMENTS, on_epoch=lambda epoch, row: told.append(epoch), state=state)
    assert told == [1, 2, 3]
    assert history.equals(expected)
    np.testing.assert_array_equal(again.scores(Clips(), "dev"), whole.scores(Clips(), "dev"))
    ended = made()  # cut off after its last epoch, while it scored
    assert ended.fit(Clips(), seed=3, **ARGUMENTS, state=state).equals(expected)
    np.testing.assert_array_equal(ended.scores(Clips(), "dev"), whole.scores(Clips(), "dev"))


def test_fit_begins_anew_after_a_damaged_state(tmp_path):
    state = tmp_path / "state.npz"
    state.write_bytes(b"PK")
    assert made().fit(Clips(), seed=3, **ARGUMENTS, state=state).equals(made().fit(Clips(), seed=3, **ARGUMENTS))


def test_fit_depends_on_the_seed():
    found = [made().fit(Clips(), seed=seed, **ARGUMENTS)["loss"].tolist() for seed in (0, 1)]
    assert found[0] != found[1]


def test_kept_fit_is_found_and_scores_samples_as_the_run_did(fed, tmp_path, monkeypatch):
    monkeypatch.setattr(kept, "STATES", tmp_path / "states")
    system = made()
    fits = [kept.fit(wrapped(system), fed, ARGUMENTS, seed=0, store=str(tmp_path)) for _ in range(2)]
    assert [fit.found for fit in fits] == [False, True]
    assert list(fits[0].history) == ["loss", "accuracy", "val_loss", "val_accuracy"]
    clips = fed.load("dev", range(len(fed.labels["dev"])))[0]
    np.testing.assert_array_equal(scores(fits[1].system, fed.inputs, clips), fits[0].scores["dev"])
    assert fits[0].key != kept.fit(made(unfrozen_layers=1), fed, ARGUMENTS, seed=0, store=str(tmp_path)).key


@pytest.mark.parametrize("unfrozen_layers", [0, 2])
def test_load_what_was_saved_again_has_the_same_scores_and_layer_weights(tmp_path, unfrozen_layers):
    system = made(unfrozen_layers=unfrozen_layers)
    system.fit(Clips(), seed=0, **ARGUMENTS)
    for folder in ("a", "b"):
        kept.save(system, tmp_path / folder)
        again = kept.load(tmp_path / folder)
        np.testing.assert_array_equal(again.scores(Clips(), "dev"), system.scores(Clips(), "dev"))
        np.testing.assert_array_equal(again.layer_weights, system.layer_weights)
        assert again.parameters == system.parameters
        system = again
    assert system.layer_weights.sum() == pytest.approx(1) and system.layer_weights.std() > 0


def test_save_leaves_a_system_that_scores_and_trains_as_before(tmp_path):
    system, other = made(), made()
    kept.save(system, tmp_path)
    np.testing.assert_array_equal(system.scores(Clips(), "dev"), other.scores(Clips(), "dev"))
    assert system.fit(Clips(), seed=0, **ARGUMENTS).equals(other.fit(Clips(), seed=0, **ARGUMENTS))


def test_load_needs_the_weights_that_were_tuned(tmp_path):
    folder = saved(tmp_path / "weights")
    kept.save(made(folder), tmp_path / "system")
    assert kept.load(tmp_path / "system").encoder.weights.folder == str(folder)
    saved(folder, seed=4)
    with pytest.raises(InputError, match="their digest is"):
        kept.load(tmp_path / "system")


def test_load_of_a_damaged_system_is_named(tmp_path):
    kept.save(made(), tmp_path)
    (tmp_path / "head.pt2").write_bytes(b"PK")
    with pytest.raises(InputError, match="the model cannot be read"):
        kept.load(tmp_path)


def test_all_layers_of_a_shallow_encoder_are_trained_and_another_rate_is_refused(fed):
    assert made(unfrozen_layers=9).identity() == made(unfrozen_layers=3).identity()
    with pytest.raises(InputError, match="sr must be 16000 Hz.*got 8000"):
        made().fit(fed.changed(sr=8000), seed=0, **ARGUMENTS)


@pytest.mark.parametrize("norm", [{}, {"feat_extract_norm": "layer", "do_stable_layer_norm": True, "conv_bias": True}])
def test_encoder_gives_every_layer_and_the_last_is_what_embeddings_are_made_of(tmp_path, norm, rng):
    encoder = finetuning.Encoder(str(saved(tmp_path / "weights", **norm)), unfrozen_layers=1, precision="float32")
    wave = (3 * rng.normal(size=8000) + 1).astype(np.float32)  # neither level nor offset matters
    with torch.no_grad():
        means = encoder.eval()(torch.from_numpy(wave)[None])[0].mean(1).numpy()
    assert means.shape == (4, 48) and encoder.layers == 4
    embedded = pretrained.embed(encoder.model.eval(), [wave], precision="float32", batch_seconds=10)
    np.testing.assert_allclose(means[-1:], embedded, atol=1e-5)


def test_layer_means_are_of_trials_spread_over_a_split(fed):
    encoder = made().encoder
    (train, labels), (dev, asked) = (finetuning.layer_means(encoder, fed, split, 12) for split in ("train", "dev"))
    assert train.shape == (4, 12, 48) and dev.shape == (4, 12, 48)
    assert labels.tolist() == [1] * 6 + [0] * 6 and asked.sum() in (5, 6)


def test_encoder_that_bfloat16_computes_wrongly_is_refused():
    with pytest.raises(
        InputError, match="has 12 channels a group, .*; must be at least 16, or set precision to float32"
    ):
        finetuning.Encoder("random", unfrozen_layers=1, precision="bfloat16")
    finetuning.Encoder("random", unfrozen_layers=1, precision="float32")
    with pytest.raises(InputError, match="has 12 channels a group"):
        embeddings.of_clips(
            [Clips.chord(np.random.default_rng(0))], weights=embeddings.find("random"), precision="bfloat16"
        )


def test_bfloat16_scores_nearly_the_same(monkeypatch):
    monkeypatch.setitem(embeddings.UNTRAINED, "random", TINY | {"num_conv_pos_embedding_groups": 3})
    system = made()
    exact = system.scores(Clips(), "dev")
    system.encoder.precision = "bfloat16"
    assert 0 < np.abs(system.scores(Clips(), "dev") - exact).max() < 0.1


def test_layer_mean_and_pooling_of_known_numbers():
    hidden = torch.tensor([[[[1.0, -1.0]], [[-3.0, 3.0]]]])  # two layers, one frame, alike but for scale and sign
    mean = finetuning.LayerMean(2)
    torch.testing.assert_close(mean(hidden), torch.zeros(1, 1, 2))
    mean.layer_logits.data[0] = np.log(3) / mean.GAIN
    torch.testing.assert_close(mean(hidden), torch.tensor([[[0.5, -0.5]]]), rtol=0, atol=1e-4)
    frames, pooled = torch.tensor([[[1.0], [3.0]]]), finetuning.Pooling(1, attentive=True)
    torch.nn.init.zeros_(pooled.attention[2].weight)  # all frames alike
    torch.testing.assert_close(pooled(frames), torch.tensor([[2.0, 1.0]]), rtol=0, atol=1e-4)
    torch.testing.assert_close(finetuning.Pooling(1, attentive=False)(frames), torch.tensor([[2.0]]))


def test_crops_stand_inside_their_recording_and_short_ones_are_repeated():
    waves = [np.arange(100, dtype=np.float32), np.arange(3, dtype=np.float32)]
    found = np.stack([finetuning.crops(waves, 5, [0, step]) for step in range(300)])
    assert (np.diff(found[:, 0]) == 1).all()
    assert {found[:, 0, 0].min(), found[:, 0, 0].max()} == {0, 95}
    assert (found[:, 1] == [0, 1, 2, 0, 1]).all()


@pytest.mark.parametrize(
    ("share", "warm_up", "expected"), [(0.05, 0.1, 0.5), (0.3, 0.1, 1), (0.75, 0.1, 0.5), (0, 0, 1)]
)
def test_rate_rises_stays_and_falls(share, warm_up, expected):
    assert finetuning.rate_at(share, warm_up) == expected
