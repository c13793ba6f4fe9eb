"""Scores of tiny systems, and what is measured of scores, are those that are kept as text.

Every other test asks whether two ways agree, or whether a seed repeats itself; this one also sees
a change of both, over months and versions. Where such a change is meant, the file is made anew,
in the project's folder: ``python tests/test_golden.py > tests/golden.tsv``
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import normal, write_corpus
from networks import paper_cnn
from sklearn.mixture import GaussianMixture
from sklearn.svm import SVC

from lib import metrics
from lib.corpus import open_corpus
from lib.features import FeatureSettings
from lib.inputs import Image, Matrix, opened
from lib.systems import training
from lib.systems.estimators import Mixtures, Views
from lib.systems.networks import Network

GOLDEN = Path(__file__).with_name("golden.tsv")
SETTINGS = FeatureSettings(n_fft=512, win_length=512, hop_length=256)
# Relative, and absolute near 0. Sums of float32 end in other digits on other processors, which training carries on;
# logarithms and exponentials of float64 end in another last one.
TOLERANCES = {"mixture": 1e-3, "support vectors": 1e-4, "paper CNN": 1e-3, "evaluate": 1e-12, "interval": 1e-9}


def made(folder):
    """A row (kind, name, value) for each score of dev and each measure."""
    corpus = open_corpus("tiny", write_corpus(folder / "tiny"), "asvspoof2017_v2")
    inputs = [Matrix("lfcc", settings=SETTINGS), Matrix("statistics", settings=SETTINGS)]
    inputs.append(Image("spectrogram", "magma", "-1-1", 24, SETTINGS))
    fed = opened(inputs, corpus, store_url=str(folder / "store"), jobs=1)
    training.prepare(0)
    mixture = GaussianMixture(4, covariance_type="diag", max_iter=5, reg_covar=1e-3, init_params="k-means++")
    machine = SVC(C=3.0, kernel="precomputed", class_weight="balanced")
    batches = {"epochs": 2, "steps_per_epoch": 3, "batch_size": 8, "learning_rate": 1e-3}
    systems = {
        "mixture": (Mixtures(mixture), {}),
        "support vectors": (Views(machine, ["lift16 mean"]), {}),
        "paper CNN": (Network(paper_cnn(24)), batches),
    }
    for number, (kind, (system, how)) in enumerate(systems.items()):
        system.fit(fed.only(number), seed=0, **how)
        scores = system.scores(fed.only(number), "dev")
        yield from zip([kind] * len(scores), corpus.split("dev")["trial"], scores, strict=True)
    scores, labels = normal(np.random.default_rng(0), 30, 70)
    for name, value in metrics.evaluate(scores, labels).items():
        yield "evaluate", name, value
    for name, ends in metrics.bootstrap(scores, labels, metrics=("eer", "auc", "balanced_accuracy", "cllr")).items():
        yield from (("interval", f"{name} {end}", value) for end, value in zip(("low", "high"), ends, strict=True))


@pytest.mark.executes
def test_scores_and_measures_are_those_that_were_kept(tmp_path):
    kept = pd.read_csv(GOLDEN, sep="\t", float_precision="round_trip")
    found = pd.DataFrame(made(tmp_path), columns=kept.columns)
    assert set(kept["kind"]) == TOLERANCES.keys()
    assert found[["kind", "name"]].equals(kept[["kind", "name"]])
    for (_, name, value), (kind, _, expected) in zip(found.values, kept.values, strict=True):
        assert value == pytest.approx(expected, rel=TOLERANCES[kind], abs=TOLERANCES[kind]), f"{kind}: {name}"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        table = pd.DataFrame(made(Path(place)), columns=["kind", "name", "value"])
        table.to_csv(sys.stdout, sep="\t", index=False)
