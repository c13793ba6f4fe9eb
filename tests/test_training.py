"""From the store to scores: determinism, a fit that goes on, and that training learns."""

import numpy as np
import pytest
from networks import paper_cnn
from test_store import SETTINGS

from lib.inputs import Image, opened
from lib.systems import training
from lib.systems.networks import Network
from lib.systems.training import of_split

SIZE = 24


@pytest.fixture(scope="module")
def fed(corpus, tmp_path_factory):
    store = str(tmp_path_factory.mktemp("training"))
    return opened([Image("spectrogram", "magma", "0-1", SIZE, SETTINGS)], corpus, store_url=store, jobs=1)


def scores_of_a_training(fed, seed, epochs=3, **how):
    training.prepare(seed)
    system = Network(paper_cnn(SIZE, seed))
    history = system.fit(fed, seed=seed, epochs=epochs, steps_per_epoch=4, batch_size=8, learning_rate=0.01, **how)
    return system.scores(fed, "eval"), history


def test_same_seed_same_scores_bit_for_bit_other_seed_others(fed):
    first, _ = scores_of_a_training(fed, seed=0)
    second, _ = scores_of_a_training(fed, seed=0)
    third, _ = scores_of_a_training(fed, seed=1)
    assert first.tobytes() == second.tobytes()
    assert first.tobytes() != third.tobytes()


def test_training_learns_an_easy_difference(fed):
    scores, history = scores_of_a_training(fed, seed=0, epochs=25)
    labels = fed.labels["eval"]
    assert history.shape == (25, 4)
    assert history.index.tolist() == list(range(1, 26))
    assert history["loss"].iloc[-1] < 0.7 * history["loss"].iloc[0]
    assert scores[labels == 1].min() > scores[labels == 0].max()  # genuine scores higher: the sign is right


def test_on_epoch_is_told_each_epoch_of_the_history(fed):
    told = []
    _, history = scores_of_a_training(fed, seed=0, on_epoch=lambda epoch, values: told.append((epoch, dict(values))))
    assert told == [(epoch, row) for epoch, row in history.to_dict("index").items()]


def test_log_odds_are_those_of_each_trial_in_protocol_order(fed):
    model = paper_cnn(SIZE)
    (images,) = fed.load("eval", range(20))
    alone = [model.predict_on_batch(image[None])[0, 0] for image in images]
    found = training.log_odds(model, of_split(fed, "eval", batch_size=8))
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, alone, rtol=1e-5, atol=1e-6)
    assert np.ptp(found) > 1e-3


def test_state_is_written_by_long_fits_only_and_changes_nothing(fed, tmp_path, monkeypatch):
    file = tmp_path / "state" / "fit.npz"
    scores_of_a_training(fed, seed=0, state=file)
    assert not file.parent.exists()  # a fit of less than a few seconds is made again sooner than found
    monkeypatch.setattr(training, "SECONDS", 0)
    plain, _ = scores_of_a_training(fed, seed=0)
    kept, _ = scores_of_a_training(fed, seed=0, state=file)
    assert [path.name for path in file.parent.iterdir()] == ["fit.npz"]
    assert kept.tobytes() == plain.tobytes()
