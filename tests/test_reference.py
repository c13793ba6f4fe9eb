"""The report's printed figures: what they prove, and that none was mistyped."""

import re

import pytest

from lib.judgement import verdict
from lib.judgement.reference import PRINTED, REPORT

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
