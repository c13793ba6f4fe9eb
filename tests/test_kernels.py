"""A support vector machine on views of the spectral statistics."""

import numpy as np
import pytest
from sklearn.svm import SVC
from test_store import SETTINGS

from lib.corpus import SPLITS
from lib.features.statistics import view
from lib.inputs import Matrix, opened
from lib.systems import kept
from lib.systems.estimators import Views

TWO = ("shape mean", "lift5 fall")


@pytest.fixture(scope="module")
def fed(corpus, tmp_path_factory):
    return opened(
        [Matrix("statistics", settings=SETTINGS)], corpus, store_url=str(tmp_path_factory.mktemp("s")), jobs=1
    )


def machine(views=TWO, **given):
    return Views(SVC(kernel="precomputed", class_weight="balanced"), views, **given)


def test_views_of_one_view_is_the_usual_machine_on_vectors_of_unit_length(fed):
    system = machine(("shape mean",), gamma=0.7)
    system.fit(fed, seed=0)
    unit = {}
    for split in ("train", "eval"):
        unit[split] = view("shape mean", np.stack(fed.load(split, range(len(fed.labels[split])))[0]))
    center, scale = unit["train"].mean(axis=0), unit["train"].std(axis=0) + 1e-6
    unit = {s: (v - center) / scale for s, v in unit.items()}
    unit = {s: v / (np.linalg.norm(v, axis=1, keepdims=True) + 1e-9) for s, v in unit.items()}
    usual = SVC(kernel="rbf", gamma=0.7, class_weight="balanced").fit(unit["train"], fed.labels["train"])
    assert np.allclose(system.scores(fed, "eval"), usual.decision_function(unit["eval"]), atol=1e-3)


def test_views_learn_what_tells_the_classes_apart(fed):
    system = machine()
    system.fit(fed, seed=0)
    scores, labels = system.scores(fed, "train"), fed.labels["train"]
    assert scores[labels == 1].min() > scores[labels == 0].max()


def test_views_are_kept_with_their_scores_and_found_by_what_decides_them(fed, tmp_path, monkeypatch):
    monkeypatch.setattr(kept, "STATES", tmp_path / "states")
    monkeypatch.delenv(kept.FORCE, raising=False)

    def fit(system, seed=0):
        return kept.fit(system, fed, {}, seed=seed, store=str(tmp_path))

    system = machine(copies=1)
    made, again = fit(system), fit(machine(copies=1))
    assert again.found and not made.found and not system.fitted
    assert all(np.array_equal(made.scores[split], again.scores[split]) for split in SPLITS)
    assert np.allclose(again.system.score(*fed.load("eval", [2, 0])), made.scores["eval"][[2, 0]], rtol=1e-12)
    assert again.system.parameters == made.system.parameters > 0
    others = [machine(), machine(copies=1, gamma=0.4), machine(TWO[:1], copies=1)]
    assert not any(fit(other).found for other in others)
    assert not np.array_equal(fit(machine(copies=1), seed=1).scores["dev"], made.scores["dev"])
