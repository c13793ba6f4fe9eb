"""Notebooks executed by raw papermill on the tiny corpus: those that the command does not execute in test_notebooks."""

import pandas as pd
import pytest
from test_notebooks import RUNS, by_hand, place  # noqa: F401
from test_tracking import artifacts

from lib import params

BY_COMMAND = {name.partition("/")[0] for name in RUNS}
ALONE = [name for name in params.notebooks() if int(name[:2]) < 90 and name not in BY_COMMAND]


FEWER = {
    "32_coverage": {"corpora": ["10+10"], "clusters": ["5x0"], "simulations": 2, "resamples": 20},
    "33_causes": {"repeats": 1, "trials": 80},
}


@pytest.mark.parametrize("notebook", ALONE)
def test_raw_papermill_runs_each_notebook(place, notebook):  # noqa: F811
    by_hand(place, notebook, **FEWER.get(notebook, {}))


@pytest.mark.parametrize(("notebook", "variant"), [("11_paper_cnn", "mfcc_plain"), ("12_wav2vec_cnn", "permuted")])
def test_raw_papermill_runs_the_other_design(place, notebook, variant):  # noqa: F811
    by_hand(place, notebook, variant)


def test_raw_papermill_attention_keeps_the_weights_of_its_gate(place):  # noqa: F811
    run = by_hand(place, "15_dual_mobilenet", "attention", top_epochs=0)  # test_transfer trains the top too
    assert "gate.csv" in artifacts(place.client, run.info.run_id)
    with open(place.client.download_artifacts(run.info.run_id, "gate.csv"), encoding="utf-8") as file:
        weights = pd.read_csv(file)["weight"]
    assert len(weights) == 14 and weights.between(0, 1).all()
