"""PyTorch modules as systems: they learn, are restored, and score the same when they are read back."""

import numpy as np
import pytest
import torch

from lib.errors import InputError
from lib.systems import kept, wrapped

SPLITS = ("train", "dev", "eval")
ARGUMENTS = {"seed": 0, "epochs": 4, "steps_per_epoch": 5, "batch_size": 8, "learning_rate": 0.01}


class Noise:
    """Stands in for `lib.inputs.Fed`: noise that is higher for genuine trials."""

    labels = {split: np.arange(30) % 2 for split in SPLITS}

    def load(self, split, positions, copy=0):
        rng = np.random.default_rng(SPLITS.index(split))
        values = rng.normal(size=(30, 1, 8, 8)) + 0.6 * self.labels[split][:, None, None, None]
        return (values[np.asarray(positions)].astype(np.float32),)


@pytest.fixture
def system():
    torch.manual_seed(0)
    layers = [torch.nn.Conv2d(1, 4, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Dropout(0.2)]
    return wrapped(torch.nn.Sequential(*layers, torch.nn.Linear(144, 1)))


def test_fit_learns_an_easy_difference_and_restore_undoes_it(system):
    before, first = system.identity(), system.first()
    history = system.fit(Noise(), **ARGUMENTS)
    scores, labels = system.scores(Noise(), "eval"), Noise.labels["eval"]
    assert history.index.tolist() == [1, 2, 3, 4]
    assert list(history) == ["loss", "accuracy", "val_loss", "val_accuracy"]
    assert history["loss"].iloc[-1] < 0.7 * history["loss"].iloc[0]
    assert scores[labels == 1].mean() > scores[labels == 0].mean() + 1
    assert system.identity() != before
    system.restore(first)
    assert system.identity() == before


def test_fit_again_with_the_same_seed_has_the_same_scores_bit_for_bit(system):
    first, found = system.first(), []
    for seed in (0, 0, 1):
        system.fit(Noise(), **{**ARGUMENTS, "seed": seed})
        found.append(system.scores(Noise(), "dev").tobytes())
        system.restore(first)
    assert found[0] == found[1] != found[2]


def test_module_of_another_shape_than_one_score_a_recording_is_refused():
    with pytest.raises(InputError, match=r"log-odds of the shape \[batch, 1\], got \[8, 144\]"):
        wrapped(torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.Flatten())).fit(Noise(), **ARGUMENTS)


def test_identity_follows_settings_that_layers_do_not_print_and_a_users_own_code():
    def of(*layers):
        torch.manual_seed(0)
        return wrapped(torch.nn.Sequential(*(make() for make in layers))).identity()

    def attention(**how):
        return lambda: torch.nn.TransformerEncoderLayer(8, **{"nhead": 2, "dim_feedforward": 8, **how})

    def own(reduce):
        return type("Own", (torch.nn.Module,), {"forward": reduce})

    found = [attention(), attention(nhead=4), attention(norm_first=True), attention(activation="gelu")]
    found += [own(lambda self, x: x.mean(1)), own(lambda self, x: x.amax(1)), own(lambda self, x: x.amax(2))]
    digests = [of(make)["settings"] for make in found]
    assert len(set(digests)) == len(found)
    assert digests == [of(make)["settings"] for make in found]
    training = wrapped(found[0]())
    before = training.identity()["settings"]
    training.module.eval()
    assert training.identity()["settings"] == before


def test_load_what_was_saved_scores_the_same_whatever_the_number_of_recordings(system, tmp_path):
    system.fit(Noise(), **ARGUMENTS)
    expected = system.scores(Noise(), "dev")
    kept.save(system, tmp_path / "a")
    again = kept.load(tmp_path / "a")
    np.testing.assert_array_equal(again.scores(Noise(), "dev"), expected)
    kept.save(again, tmp_path / "b")
    one = kept.load(tmp_path / "b").score(*Noise().load("dev", [3]))
    np.testing.assert_allclose(one, expected[3:4], rtol=1e-6)


def test_load_of_a_damaged_module_is_named(system, tmp_path):
    system.fit(Noise(), **ARGUMENTS)
    kept.save(system, tmp_path)
    (tmp_path / "module.pt2").write_bytes(b"PK")
    with pytest.raises(InputError, match="the model cannot be read"):
        kept.load(tmp_path)
