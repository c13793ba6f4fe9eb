"""The report's printed figures: what they prove, and that none was mistyped; the steps from its settings to ours."""

import re

import numpy as np
import pandas as pd
import pytest

from lib.judgement import reference, verdict
from lib.judgement.reference import PRINTED, REPORT
from lib.metrics import decisions

EVAL = {  # balanced accuracy and bracket of the EER, percent
    "Figure 3.3": (54.0, 46, 46),
    "Figure 3.5": (56.0, 28, 60),
    "Figure 4.2": (61.0, 27, 51),
    "Figure 5.2": (50.0, 0, 100),
    "Figure 6.2": (50.5, 3, 96),
}


@pytest.mark.parametrize("figure", PRINTED)
def test_printed_report_is_consistent_arithmetic(figure):
    found = verdict.verdict(PRINTED[figure]["text"], source=figure)
    assert found["consistent"], found["contradictions"]
    assert found["accuracy"] == pytest.approx(PRINTED[figure]["accuracy"], abs=0.0051)


@pytest.mark.parametrize(("figure", "expected"), EVAL.items())
def test_printed_eval_reports_prove_what_their_accuracy_hides(figure, expected):
    found = verdict.verdict(PRINTED[figure]["text"], source=figure)
    assert 100 * found["balanced_accuracy"] == pytest.approx(expected[0], abs=0.3)
    assert [100 * end for end in found["eer_bracket"]] == pytest.approx(expected[1:], abs=1)
    assert found["constant_accuracy"] == pytest.approx(0.9025, abs=1e-4)
    assert found["accuracy"] < found["constant_accuracy"]


def test_ranking_by_balanced_accuracy_is_that_by_accuracy_turned_round():
    figures = [figure for figure in EVAL if figure != "Figure 5.2"]
    by_accuracy = sorted(figures, key=lambda figure: PRINTED[figure]["accuracy"])
    balanced = {f: verdict.verdict(PRINTED[f]["text"])["balanced_accuracy"] for f in figures}
    assert max(balanced, key=balanced.get) == by_accuracy[0] == "Figure 4.2"
    assert min(balanced, key=balanced.get) == by_accuracy[-1] == "Figure 6.2"


def test_printed_numbers_are_those_of_the_report_itself(shared):
    text = (shared / "report.txt").read_text(encoding="utf-8")
    rows = re.findall(r"^\s*(?:genuine|spoof|accuracy|macro avg|weighted avg)(?:\s+[\d.]+){2,4}$", text, re.M | re.I)
    theirs = [verdict.verdict("\n".join(rows[k : k + 5])) for k in range(0, len(rows), 5)]
    ours = [verdict.verdict(report["text"]) for report in PRINTED.values()]
    assert len(ours) == len(theirs) == 10
    for mine, other in zip(ours, theirs, strict=True):
        assert mine["matrix"] == other["matrix"] and mine["candidates"] == other["candidates"]


def test_reported_figures_are_the_printed_ones():
    mfcc = REPORT["11_paper_cnn/mfcc"]["eval"]
    figures = [mfcc[name] for name in ("figure", "accuracy", "recall_genuine", "recall_spoof")]
    assert figures == ["Figure 3.5", 0.69, 0.40, 0.72]
    assert REPORT["13_modified_cnn/as_reported"]["eval"]["recall_spoof"] == 0.0


# -- the ablation: one change a step, and thresholds from dev only ---------------------------


REPORTED = {"refresh_batch_norm": False, "pixel_range": "0-255", "threshold": "0.5"}
OWN = {"refresh_batch_norm": True, "pixel_range": "0-1", "threshold": "dev-eer", "seed": 3}


def table(genuine, spoof):
    scores = np.array([*genuine, *spoof], float)
    return pd.DataFrame({"score": scores, "label": [1] * len(genuine) + [0] * len(spoof)})


def test_rungs_change_one_thing_each_and_end_at_the_run():
    found = reference.rungs(OWN, REPORTED, ladder=True)
    assert found[0].settings == {**OWN, **REPORTED}
    assert found[-1].settings == OWN
    for before, after in zip(found, found[1:], strict=False):
        assert sum(before.settings[key] != after.settings[key] for key in OWN) == 1
    assert [rung.own for rung in found] == [False, False, True, True]
    assert found[2].name == "+ pixel range: 0-255 → 0-1"


def test_rungs_without_a_ladder_are_the_run_alone():
    (rung,) = reference.rungs(OWN, REPORTED, ladder=False)
    assert rung.settings == OWN and rung.own


def test_rungs_what_is_as_reported_already_is_no_rung():
    found = reference.rungs({**OWN, "pixel_range": "0-255"}, REPORTED, ladder=True)
    assert [rung.name for rung in found] == [
        "as reported",
        "+ refresh batch norm: False → True",
        "+ threshold: 0.5 → dev-eer",
    ]
    assert all(rung.own for rung in found)


def test_threshold_dev_eer_splits_the_dev_scores():
    dev = table([5, 6, 7], [1, 2, 3])
    assert 3 < decisions.threshold("dev-eer", dev) <= 5
    assert decisions.threshold("0.5", dev) == 0.0


def test_measures_one_class_always_is_seen():
    dev, final = table([5, 6, 7], [1, 2, 3]), table([5, 6, 7, 8], [0.5, 1, 2, 3])
    always = reference.measures(dev, final, 0.0)
    assert (always["eval_says_genuine"], always["eval_balanced_accuracy"], always["eval_eer"]) == (1.0, 0.5, 0.0)
    split = reference.measures(dev, final, decisions.threshold("dev-eer", dev))
    assert (split["eval_says_genuine"], split["eval_balanced_accuracy"]) == (0.5, 1.0)
