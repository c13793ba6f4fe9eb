"""Figures that others published, and ours beside them."""

import pytest

from lib import comparison, params
from lib.comparison.tables import PUBLISHED

WORDS = ("system", "trained_on", "source", "sure")
ROW = {
    "run": "21_gmm/cqcc_cmvn", "seed": 0, "eval/eer_hull": 0.095, "eval/eer": 0.1, "eval/eer_ci_low": 0.08,
    "eval/eer_ci_high": 0.12,
}  # fmt: skip
OURS = "ours, eval EER % on the convex hull (plain)"


def test_beside_published_ours_stand_with_their_kind_and_interval():
    found = comparison.beside_published([ROW, ROW | {"seed": 1, "eval/eer": 0.11}])
    published = found["published eval EER %"].astype(float)
    assert published.is_monotonic_increasing and len(published) == len(PUBLISHED)
    own = found[found[OURS] != "-"]
    assert own["published eval EER %"].tolist() == ["12.24", "13.74"]
    ours = "21_gmm/cqcc_cmvn, seed 0: 9.5 (10.0 [8.0, 12.0]); 21_gmm/cqcc_cmvn, seed 1: 9.5 (11.0 [8.0, 12.0])"
    assert set(own[OURS]) == {ours}


def test_beside_published_of_one_kind_has_its_figures_alone():
    found = comparison.beside_published([ROW], "22_lcnn/spectrogram")
    assert found["system"].tolist() == ["light CNN, another implementation", "light CNN"]
    assert comparison.beside_published([ROW], "11_paper_cnn/mfcc").empty


@pytest.mark.parametrize("figure", PUBLISHED, ids=[f"{figure['system']} {figure['eer']}" for figure in PUBLISHED])
def test_published_figure_is_in_percent_says_its_source_and_names_runs_that_there_are(figure):
    assert set(figure) == {*WORDS, "eer", "beside"}
    assert all(figure[name] for name in WORDS)
    assert 5 < figure["eer"] < 30
    assert all((params.PARAMS / f"{run}.yaml").is_file() for run in figure["beside"])
