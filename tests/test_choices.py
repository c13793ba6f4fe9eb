"""What one choice changes: pairs of runs, over trials and seeds."""

import numpy as np
import pandas as pd
import pytest

from lib import comparison, metrics, params
from lib.plots import evaluation

LABELS = np.repeat([1, 0], [60, 140])


def table(separation, noise, labels=LABELS):
    """Scores that separate the labels by so much; another noise is another training."""
    rng = np.random.default_rng(noise)
    scores = separation * labels + rng.normal(size=len(labels))
    return pd.DataFrame({"trial": [f"T_{k}" for k in range(len(labels))], "score": scores, "label": labels})


def seeds(separation, first, count=3):
    return {seed: table(separation, first + seed) for seed in range(count)}


# -- tables and sentences ------------------------------------------------------------------


@pytest.fixture
def recorded():
    split = {"a": seeds(1.0, 0), "b": seeds(3.0, 100), "c": {s: t.copy() for s, t in seeds(1.0, 0).items()}}
    return {"dev": split, "eval": split}


def test_choices_corrects_for_all_pairs(recorded):
    found = comparison.choices([("b", "a"), ("a", "c")], recorded)
    assert found.index.tolist() == [(s, pair) for s in ("dev", "eval") for pair in ("b against a", "a against c")]
    assert (found["seeds"] == 3).all()
    better, same = found.loc["dev", "b against a"], found.loc["eval", "a against c"]
    assert better["difference"] < -0.15 and better["high"] < 0 == same["difference"]
    alone = metrics.compare_seeds(recorded["dev"]["b"], recorded["dev"]["a"])["p"]
    assert [better["p"], same["p"]] == pytest.approx([2 * alone, 1.0])


@pytest.mark.parametrize(
    ("pair", "word"), [(("b", "a"), "helps"), (("a", "b"), "hurts"), (("a", "c"), "not told apart")]
)
def test_answer_says_what_the_numbers_say(recorded, pair, word):
    said = comparison.answer("Does it?", " against ".join(pair), comparison.choices([pair], recorded))
    assert said.startswith(f"Does it? **{pair[0]} against {pair[1]}**, seeds: 3: dev EER ")
    assert "; eval EER " in said and said.endswith(f" points. On dev: {word}.")


def test_question_is_the_first_line_of_the_variants_file():
    asked = {f"{path.parent.name}/{path.stem}" for path in params.PARAMS.glob("1*/*.yaml")}
    assert len(asked) > 15
    assert all(comparison.question(run).endswith("?") for run in asked)
    assert comparison.question("12_wav2vec_cnn/permuted") == "Does the 1-D convolution use the order of the 768 values?"


def test_default_pairs_are_runs_of_the_report_study():
    values = params.flat_yaml(params.PARAMS / "93_choices" / "default.yaml")
    listed = set(params.read_yaml(params.PARAMS / "studies" / "report.yaml")["runs"]) | {"score fusion"}
    named = [name for pair in values["pairs"] for name in pair.split(" against ")]
    assert len(named) == 2 * len(values["pairs"])
    assert {*named, *values["fused"]} <= listed


def test_changes_figure_has_both_splits_of_every_pair(recorded):
    figure = evaluation.changes(comparison.choices([("b", "a"), ("a", "c")], recorded), "points")
    assert [axes.get_title() for axes in figure.axes] == ["dev", "eval"]
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == ["b against a", "a against c"]
