"""What one choice changes: pairs of runs, over trials and seeds."""

import numpy as np
import pandas as pd
import pytest

from lib import comparison, metrics, params
from lib.plots import comparisons

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
    return split, split


def test_choices_decides_on_dev_and_corrects_for_all_pairs(recorded):
    found = comparison.choices([("b", "a"), ("a", "c")], *recorded)
    assert found["choice"].tolist() == ["b", "a"] and found["seeds"].tolist() == [3, 3]
    assert found["dev_difference"][0] < -0.15 and found["dev_high"][0] < 0
    assert found["eval_difference"][1] == 0
    alone = metrics.compare_seeds(recorded[0]["b"], recorded[0]["a"])["p"]
    assert found["p"].tolist() == pytest.approx([2 * alone, 1.0])


@pytest.mark.parametrize(
    ("pair", "words"),
    [
        (("b", "a"), "points: better. Eval"),
        (("a", "b"), "points: worse. Eval"),
        (("a", "c"), "points: not told apart (by no more than 0.0 points). Eval"),
    ],
)
def test_answer_says_what_the_numbers_say(recorded, pair, words):
    (row,) = comparison.choices([pair], *recorded).to_dict("records")
    said = comparison.answer("Does it?", row)
    assert said.startswith(f"Does it? **{pair[0]}** against {pair[1]}, 3 seeds: dev EER ")
    assert words in said


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
    figure = comparisons.choices(comparison.choices([("b", "a"), ("a", "c")], *recorded), "made")
    (axes,) = figure.axes
    assert [text.get_text() for text in axes.get_yticklabels()] == ["b against a", "a against c"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["dev", "eval"]
