"""Several systems as one."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.mixture import GaussianMixture
from test_store import SETTINGS

from lib.inputs import Matrix, opened
from lib.metrics import eer
from lib.systems import kept
from lib.systems.estimators import Estimator, Fusion, Mixtures


@pytest.fixture(scope="module")
def fed(corpus, tmp_path_factory):
    wanted = [Matrix("mfcc", frames=20, settings=SETTINGS), Matrix("lfcc", settings=SETTINGS)]
    return opened(wanted, corpus, store_url=str(tmp_path_factory.mktemp("store")), jobs=1)


def fusion(**given):
    return Fusion([LogisticRegression(max_iter=200), Mixtures(GaussianMixture(2, covariance_type="diag"))], **given)


def test_fusion_weighs_the_scores_that_its_systems_have_alone(fed):
    system = fusion()
    system.fit(fed, seed=0)
    alone = Estimator(LogisticRegression(max_iter=200)), Mixtures(GaussianMixture(2, covariance_type="diag"))
    total = system.offset
    for number, (single, weight) in enumerate(zip(alone, system.weights, strict=True)):
        single.fit(fed.only(number), seed=0)
        total = total + weight * single.scores(fed.only(number), "eval")
    assert np.allclose(system.scores(fed, "eval"), total)
    assert (system.weights != 0).all()


def test_fusion_weak_prior_fits_dev_better_and_weights_grow(fed):
    found = {}
    for strength in (1e-4, 1.0):
        system = fusion(strength=strength)
        system.fit(fed, seed=0)
        found[strength] = system
    assert np.abs(found[1e-4].weights).max() < np.abs(found[1.0].weights).max()
    assert eer(found[1.0].scores(fed, "dev"), fed.labels["dev"])[0] <= 0.5


def test_fusion_is_kept_and_found_with_the_same_scores(fed, tmp_path, monkeypatch):
    monkeypatch.setattr(kept, "STATES", tmp_path / "states")
    monkeypatch.delenv(kept.FORCE, raising=False)
    system = fusion()
    made = kept.fit(system, fed, {}, seed=0, store=str(tmp_path))
    again = kept.fit(fusion(), fed, {}, seed=0, store=str(tmp_path))
    other = kept.fit(fusion(strength=0.1), fed, {}, seed=0, store=str(tmp_path))
    assert (made.found, again.found, other.found) == (False, True, False)
    assert all(np.array_equal(made.scores[split], again.scores[split]) for split in made.scores)
    assert system.offset == 0 and not system.weights.any()  # left as it was
    assert np.array_equal(again.system.scores(fed, "dev"), made.scores["dev"])
    assert again.system.parameters == made.system.parameters > 3
