"""What printed reports prove: the ten reports of the course report, and made ones."""

import json
import time

import numpy as np
import pytest
from sklearn.metrics import classification_report

from lib import metrics
from lib.errors import InputError
from lib.judgement.verdict import describe_verdict, verdict

# Figure, class order, then as printed: precision, recall, f1 of genuine and of spoof, accuracy, macro and
# weighted averages. Facts of the report; support 1,507 + 1,507 (train) and 1,298 + 12,008 (test).
FIGURES = {
    "3.2": ("gs", "0.83 0.75 0.79", "0.77 0.84 0.81", "0.80", "0.80 0.80 0.80", "0.80 0.80 0.80"),
    "3.3": ("gs", "0.11 0.54 0.19", "0.92 0.54 0.68", "0.54", "0.52 0.54 0.44", "0.84 0.54 0.64"),
    "3.4": ("gs", "0.77 0.61 0.68", "0.68 0.82 0.74", "0.71", "0.72 0.71 0.71", "0.72 0.71 0.71"),
    "3.5": ("gs", "0.13 0.40 0.20", "0.92 0.72 0.80", "0.69", "0.52 0.56 0.50", "0.84 0.69 0.75"),
    "4.1": ("gs", "0.83 0.81 0.82", "0.81 0.84 0.82", "0.82", "0.82 0.82 0.82", "0.82 0.82 0.82"),
    "4.2": ("gs", "0.13 0.73 0.23", "0.94 0.49 0.64", "0.51", "0.54 0.61 0.43", "0.86 0.51 0.60"),
    "5.1": ("sg", "0.50 1.00 0.67", "0.00 0.00 0.00", "0.50", "0.25 0.50 0.33", "0.25 0.50 0.33"),
    "5.2": ("sg", "0.10 1.00 0.18", "0.00 0.00 0.00", "0.10", "0.05 0.50 0.09", "0.01 0.10 0.02"),
    "6.1": ("sg", "0.97 0.02 0.05", "0.51 1.00 0.67", "0.51", "0.74 0.51 0.36", "0.74 0.51 0.36"),
    "6.2": ("sg", "0.13 0.04 0.06", "0.90 0.97 0.94", "0.88", "0.51 0.50 0.50", "0.83 0.88 0.85"),
}
TRAIN = ("3.2", "3.4", "4.1", "5.1", "6.1")


def figure(number, between="\t"):
    """A report as the course report prints it."""
    order, genuine, spoof, accuracy, macro, weighted = FIGURES[number]
    support = {"g": 1507, "s": 1507} if number in TRAIN else {"g": 1298, "s": 12008}
    names = ("Genuine", "Spoof") if order == "gs" else ("genuine", "spoof")
    rows = {"g": (names[0], genuine), "s": (names[1], spoof)}
    total = sum(support.values())
    lines = [["", "precision", "recall", "f1-score", "support"]]
    lines += [[rows[key][0], *rows[key][1].split(), str(support[key])] for key in order]
    lines += [["accuracy", "", "", accuracy, str(total)]]
    lines += [["macro avg", *macro.split(), str(total)], ["weighted avg", *weighted.split(), str(total)]]
    return "\n".join(between.join(line) for line in lines)


def from_scikit_learn(matrix, digits=2, zero_division=0):
    names = {"labels": [0, 1], "target_names": ["spoof", "genuine"]}
    weights = np.ravel(matrix)  # floats make it print supports such as 760.0
    return classification_report(
        [0, 0, 1, 1], [0, 1, 0, 1], sample_weight=weights, digits=digits, zero_division=zero_division, **names
    )


@pytest.mark.parametrize("number", FIGURES)
def test_verdict_every_figure_of_the_report_is_consistent(number):
    result = verdict(figure(number))
    assert result["consistent"] and result["candidates"] > 0 and not result["contradictions"]
    counts = np.array(result["matrix"])
    assert counts.sum(1).tolist() == ([1507, 1507] if number in TRAIN else [12008, 1298])
    again = verdict(from_scikit_learn(result["matrix"]))
    assert again["matrix"] == result["matrix"]
    json.dumps(result, allow_nan=False)


def test_verdict_one_class_for_all_is_named():
    for number in ("5.1", "5.2"):
        result = verdict(figure(number))
        assert result["balanced_accuracy"] == 0.5 and result["mcc"] == 0 and result["eer_bracket"] == [0, 1]
        assert any("classifies every trial as genuine" in finding for finding in result["findings"])


@pytest.mark.parametrize("between", ["\t", "  ", "      ", " | "])
def test_verdict_spacing_and_case_change_nothing(between):
    expected = verdict(figure("3.5"))
    assert verdict(figure("3.5", between)) == expected
    assert verdict(figure("3.5", between).upper()) == expected
    framed = "```\n=== Classification Report - Test ===\n```\n\n" + figure("3.5") + "\n\nFigure 3.5\nResults"
    assert verdict(framed) == expected


def test_verdict_class_order_changes_nothing():
    lines = figure("3.5").splitlines()
    lines[1], lines[2] = lines[2], lines[1]
    assert verdict("\n".join(lines)) == verdict(figure("3.5"))


def test_verdict_of_scikit_learn_reports_finds_the_true_counts(rng):
    for _ in range(15):
        n_spoof, n_genuine = rng.integers(5, 400, 2)
        ss, gg = int(rng.integers(0, n_spoof + 1)), int(rng.integers(0, n_genuine + 1))
        truth = [[ss, int(n_spoof) - ss], [int(n_genuine) - gg, gg]]
        result = verdict(from_scikit_learn(truth))
        assert result["consistent"], truth
        errors = truth[0][1] / n_spoof, truth[1][0] / n_genuine
        assert result["eer_bracket"][0] <= min(errors) and max(errors) <= result["eer_bracket"][1]
        low, high = result["ranges"]["mcc"]
        exact = verdict(from_scikit_learn(truth, digits=6))
        assert exact["candidates"] == 1 and exact["matrix"] == truth
        assert low - 1e-12 <= exact["mcc"] <= high + 1e-12


def test_verdict_finds_every_pair_of_counts_that_prints_the_same():
    pairs = [(a, g) for a in range(9) for g in range(6)]
    printed = {(a, g): from_scikit_learn([[a, 8 - a], [5 - g, g]]) for a, g in pairs}
    for text in set(printed.values()):
        result, accuracies = verdict(text), [(a + g) / 13 for a, g in pairs if printed[a, g] == text]
        assert result["candidates"] >= len(accuracies)  # half-way between two prints either is a right one
        low, high = result["ranges"]["accuracy"]
        assert low <= min(accuracies) and max(accuracies) <= high


@pytest.mark.parametrize("zero_division", [0, 1, np.nan])
def test_verdict_of_a_class_never_decided_for_is_read_in_every_convention(zero_division):
    for matrix in ([[0, 760], [0, 950]], [[760, 0], [950, 0]]):
        result = verdict(from_scikit_learn(matrix, 4, zero_division))
        assert result["consistent"] and result["matrix"] == matrix


def test_verdict_of_a_million_trials_takes_under_two_seconds():
    text = from_scikit_learn([[900_000, 100_000], [300_000, 700_000]])
    start = time.process_time()
    assert verdict(text)["consistent"] and not verdict(text.replace("0.75", "0.57", 1))["consistent"]
    assert time.process_time() - start < 2
    with pytest.raises(InputError, match="'99999999999.*' is not a number of trials"):
        verdict(text.replace("1000000", "99999999999"))


@pytest.mark.parametrize(
    ("old", "new", "blamed"),
    [
        ("0.13", "0.31", "precision of genuine 0.31"),
        ("accuracy\t\t\t0.69", "accuracy\t\t\t0.96", "accuracy 0.96"),
        ("macro avg\t0.52\t0.56", "macro avg\t0.52\t0.65", "recall of macro avg 0.65"),
    ],
)
def test_verdict_a_false_number_is_found_and_blamed(old, new, blamed):
    text = figure("3.5")
    assert old in text
    result = verdict(text.replace(old, new, 1))
    assert not result["consistent"] and result["candidates"] == 0
    assert result["contradictions"] == [blamed]
    assert "No counts give all printed numbers" in result["findings"][0]
    assert result["eer_bracket"] == pytest.approx(verdict(text)["eer_bracket"], abs=0.02)  # the rest is believed


@pytest.mark.parametrize(("old", "new"), [("0.92\t0.72", "0.92\t0.95"), ("0.13\t0.40", "0.13\t0.90")])
def test_verdict_a_false_recall_is_left_out_of_what_follows(old, new):
    text, right = figure("3.5").replace(old, new, 1), verdict(figure("3.5"))
    result = verdict(text)
    assert result["contradictions"] == [f"recall of {'spoof' if '0.92' in old else 'genuine'} {new[-4:]}"]
    assert result["findings"][0].endswith("the rest fits, and what follows is from the rest.")
    low, high = result["ranges"]["balanced_accuracy"]
    assert low <= right["balanced_accuracy"] <= high and high - low < 0.02


def test_verdict_several_false_numbers_prove_nothing():
    text = figure("3.5").replace("0.92\t0.72", "0.92\t0.95").replace("accuracy\t\t\t0.69", "accuracy\t\t\t0.30")
    result = verdict(text)
    assert result["findings"][0].startswith("No counts give all printed numbers, whichever is left out")
    assert result["findings"][-1].startswith("If the recalls are right, the EER lies between")


def test_verdict_totals_that_do_not_add_up_are_found():
    result = verdict(figure("3.5").replace("13306", "13305"))
    assert not result["consistent"]
    assert "13,305" in result["findings"][0] and "13,306" in result["findings"][0]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("macro avg\t0.52\t0.56\t0.50\t13360", "support of the averages 13,360, of the classes 13,306"),
        ("accuracy\t\t\t0.70\t13306", "a second accuracy 0.70"),
        ("Accuracy: 0.96", "a second accuracy 0.96"),
        ("accuracy = 96.2 %", "a second accuracy 0.962"),
        ("micro avg\t0.69\t0.96\t0.69\t13306", "a second accuracy 0.96"),
        ("accuracy\t\t\t0.69\t13307", "support of the averages 13,307, of the classes 13,306"),
        ("weighted avg\t0.84\t0.69\t0.75\t13206", "support of the averages 13,206, of the classes 13,306"),
        ("Genuine", "support of the averages 13,306, of the classes 13,406"),
    ],
)
def test_verdict_a_wrong_total_or_second_row_is_found(row, said):
    text = figure("3.5")
    text = text.replace("1298", "1398") if row == "Genuine" else f"{text}\n{row}"
    result = verdict(text)
    assert not result["consistent"] and said in result["contradictions"]


def test_verdict_supports_are_read_as_they_are_printed():
    expected = verdict(figure("3.5"))
    for written in ("12008.0", "12,008", "12'008", "12_008.00", "12\u202f008", "12008 (90.2 %)", "12008. (90%)"):
        assert verdict(figure("3.5").replace("12008", written)) == expected
    shares = figure("3.5").replace("\t0.72\t", "\t72%\t").replace("13306", "13306 (100 %)") + "\nAccuracy: 69 %"
    assert verdict(shares) == expected


def test_verdict_mutated_reports_are_refused_or_judged_and_nothing_else(rng):
    texts = [from_scikit_learn([[80, 20], [7, 13]]), "[[80 20]\n [ 7 13]]", figure("6.1")]
    pieces = [
        *"0123456789.,%-−+e[]()| \n\t\u00a0\u0660\x00é",
        "9" * 30,
        "nan",
        "inf",
        "[[" * 40,
        '{"a": 1}',
        "micro avg",
    ]
    refused = 0
    for n in range(300):
        text = texts[n % 3]
        for place in rng.integers(0, len(text), rng.integers(1, 5)):
            text = text[:place] + pieces[rng.integers(len(pieces))] + text[place + rng.integers(0, 3) :]
        try:
            json.dumps(verdict(text), allow_nan=False)
        except InputError as error:
            assert len(str(error).splitlines()) == 1 and len(str(error)) < 500
            refused += 1
    assert 30 < refused < 270


@pytest.mark.parametrize(
    "text",
    ["[[" * 50_000, "[[1" + " " * 100_000, "9" * 100_000, "spoof " * 20_000, "[" * 10**5 + "1", "labels-" * 15_000],
)
def test_verdict_of_a_hundred_thousand_odd_characters_is_refused_at_once(text):
    start = time.process_time()
    with pytest.raises(InputError, match="no row of a class"):
        verdict(text)
    assert time.process_time() - start < 1


def test_verdict_class_rows_alone_are_enough():
    rows = [line for line in figure("3.5").splitlines() if line.startswith(("Genuine", "Spoof"))]
    result = verdict("\n".join(rows))
    assert result["consistent"] and result["candidates"] >= verdict(figure("3.5"))["candidates"]
    assert "All 6 printed numbers" in result["findings"][0]


MATRIX = [[8, 2], [1, 3]]


@pytest.mark.parametrize(
    "text",
    [
        "spoof genuine\nspoof 8 2\ngenuine 1 3",
        "\tGenuine\tSpoof\nGenuine\t3\t1\nSpoof\t2\t8\n",
        "| | said spoof | said bonafide |\n|---|---|---|\n| true spoof | 8 | 2 |\n| true bonafide | 1 | 3 |",
        json.dumps({"labels": ["spoof", "genuine"], "rows": "truth", "matrix": [[8, 2], [1, 3]]}),
        json.dumps({"labels": ["genuine", "spoof"], "matrix": [[3, 1], [2, 8]]}),
        "spoof genuine\nspoof 8 (80 %) 2 (20%)\ngenuine 1 (25.0%) 3 (75.0%)",
        "[[ 8  2]\n [ 1  3]]",
        "labels: genuine, spoof\n[[ 3  1]\n [ 2  8]]",
        "Classes: bonafide, fake\n[[ 3  1]\n [ 2  8]]",
        "true labels in rows, predicted ones in columns\n[[ 8  2]\n [ 1  3]]",
        "Rows are true labels and columns predicted ones.\nlabels: genuine, spoof\n[[ 3  1]\n [ 2  8]]",
        "Number of classes: 2\nConfusion matrix, without labels:\n[[ 8  2]\n [ 1  3]]",
        "confusion = array([[8., 2.],\n       [1., 3.]])\n",
        "[[8, 2], [1, 3]]",
    ],
    ids=[
        "plain",
        "genuine first",
        "markdown",
        "json",
        "json genuine first",
        "percent",
        "numpy",
        "numpy genuine first",
        "classes",
        "labels in prose",
        "labels in prose and stated",
        "number of classes",
        "array",
        "list",
    ],
)
def test_verdict_of_a_matrix_in_any_writing_is_the_same(text):
    result = verdict(text)
    assert (result["kind"], result["matrix"], result["candidates"]) == ("matrix", MATRIX, 1)
    assert result["accuracy"] == pytest.approx(11 / 14)
    assert result["constant_accuracy"] == pytest.approx(10 / 14)
    assert result["balanced_accuracy"] == pytest.approx((0.8 + 0.75) / 2)
    assert result["mcc"] == pytest.approx(22 / np.sqrt(10 * 4 * 9 * 5))
    assert result["eer_bracket"] == pytest.approx([0.2, 0.25])


def test_verdict_without_class_names_says_which_order_it_took():
    bare = verdict("[[8 2]\n [1 3]]")
    assert "0 (spoof) and 1 (genuine)" in bare["findings"][0]
    numbered = from_scikit_learn(MATRIX).replace("  spoof", "      0").replace("genuine", "      1")
    named, found = verdict(from_scikit_learn(MATRIX)), verdict(numbered)
    assert found["findings"] == [bare["findings"][0], *named["findings"]]


def test_verdict_a_report_beside_a_matrix_is_checked_against_it():
    report = from_scikit_learn(MATRIX)
    for matrix in ("[[8 2]\n [1 3]]", "spoof genuine\nspoof 8 (80 %) 2 (20 %)\ngenuine 1 3"):
        assert verdict(f"{matrix}\n{report}")["consistent"]
        other = verdict(matrix.replace("8", "7").replace("2", "3") + "\n" + report)
        assert "recall of spoof 0.80" in other["contradictions"] and other["matrix"] == [[7, 3], [1, 3]]
        more = verdict(matrix.replace("8", "80") + "\n" + report)
        assert "supports [10, 4] beside a matrix of [82, 4]" in more["contradictions"]
    assert not verdict("[[8 2]\n [1 3]]\naccuracy: 0.97")["consistent"]


def test_verdict_bracket_holds_the_eer_of_any_scores_with_that_matrix(rng):
    for _ in range(50):
        labels = rng.integers(0, 2, 40)
        labels[:2] = 0, 1
        scores = np.round(rng.normal(size=40) + rng.normal() * labels, 1)
        matrix = metrics.confusion(scores, labels, rng.normal())
        result = verdict(json.dumps({"labels": ["spoof", "genuine"], "matrix": matrix.tolist()}))
        low, high = result["eer_bracket"]
        assert low - 1e-12 <= metrics.eer(scores, labels)[0] <= high + 1e-12


def test_verdict_swapped_classes_are_suspected():
    result = verdict("spoof genuine\nspoof 20 80\ngenuine 80 20")
    assert result["balanced_accuracy"] == pytest.approx(0.2)
    assert any("swapped" in finding for finding in result["findings"])


@pytest.mark.parametrize(
    ("matrix", "accuracy", "larger", "said"),
    [
        ([[80, 20], [40, 60]], "70.0 % beats", "spoof, 50.0", "better than"),
        ([[60, 40], [42, 58]], "59.0 % beats", "spoof, 50.0", "slightly better than"),
        ([[53, 47], [47, 53]], "53.0 % beats", "spoof, 50.0", "indistinguishable from"),
        ([[20, 80], [60, 40]], "30.0 % lies below", "spoof, 50.0", "worse than"),
        ([[0, 9], [0, 91]], "91.0 % equals", "genuine, 91.0", "indistinguishable from"),
        ([[8, 2], [2, 28]], "90.0 % beats", "genuine, 75.0", "better than"),
    ],
)
def test_verdict_says_how_accuracy_stands_to_the_baseline_and_balanced_accuracy_to_guessing(
    matrix, accuracy, larger, said
):
    findings = verdict(json.dumps(matrix))["findings"]
    assert f"Accuracy {accuracy} the majority-class baseline (always {larger} %)." in findings
    assert any(text.startswith("Balanced") and f"]: {said} guessing" in text for text in findings)


def test_verdict_interval_of_balanced_accuracy_is_newcombes():
    # The rates are 20 of 100 and 1 of 10: their own exact limits are 12.7 to 29.2 and 0.3 to 44.5 %.
    (found,) = (text for text in verdict("[[80 20]\n [1 9]]")["findings"] if text.startswith("Balanced"))
    far, frr = metrics.rate_interval(20, 100), metrics.rate_interval(1, 10)
    low, high = 0.85 - np.hypot(far[1] - 0.2, frr[1] - 0.1) / 2, 0.85 + np.hypot(0.2 - far[0], 0.1 - frr[0]) / 2
    assert found.startswith(f"Balanced accuracy 85.0 % [{100 * low:.1f}, {100 * high:.1f}]: better")


def test_verdict_one_class_within_the_rounding_says_that_it_is_rounded():
    for matrix, digits, rounded in (([[9999, 1], [1, 0]], 2, True), ([[30, 0], [10, 0]], 2, False)):
        findings = verdict(from_scikit_learn(matrix, digits))["findings"]
        assert any("every trial as spoof, as far as the rounding shows" in text for text in findings) == rounded


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no row of a class"),
        ("hello\nworld", "no row of a class"),
        ("[[8 2 0]\n [1 3 0]\n [0 0 1]]", "no row of a class"),
        ("[[0.8 0.2]\n [0.25 0.75]]", "'0.8' is not a number of trials"),
        ("[[8 2]\n [1 3]]\n[[8 2]\n [1 4]]", "mine.txt: a second row for spoof"),
        ("spoof genuine\nspoof 8e5 2\ngenuine 1 3", "line 2: '8e5' is not a number of trials"),
        ("spoof genuine\nspoof −8 2\ngenuine 1 3", "line 2: '−8' is not a number of trials"),
        ("spoof genuine\nspoof 1,29 2\ngenuine 1 3", "line 2: '1,29' is not a number of trials"),
        (figure("3.2") + "\nother 0.1 0.2 0.3 5", "line 7: a row for 'other'"),
        ("genuine 0.1 0.2 0.3 5", r"only a row for genuine; expected"),
        ("genuine 0.1 0.2 5\nspoof 0.1 0.2 0.3 5", "line 1: 3 numbers"),
        ("genuine 0.1 0.2 0.3 5\nspoof 0.1 1.2 0.3 5", "line 2: '1.2' is not a fraction"),
        ("genuine 10 20 30 5\nspoof 0.1 0.2 0.3 5", "line 1: '10' is not a fraction"),
        ("genuine 101% 20% 30% 5\nspoof 0.1 0.2 0.3 5", "line 1: '101%' is not a fraction"),
        ("genuine 0.1 0.2 0.3 0.5\nspoof 0.1 0.2 0.3 5", "line 1: '0.5' is not a number of trials"),
        ("genuine 0.1 0.2 0.3 0\nspoof 0.1 0.2 0.3 5", "line 1: '0' is not a number of trials"),
        (figure("3.2") + "\n\n" + figure("3.3"), "line 9: a second row for 'Genuine': expected one report"),
        ("spoof genuine\nspoof 8 2", "only a row for spoof"),
        ("spoof genuine\nspoof 0.8 0.2\ngenuine 1 3", "line 2: '0.8' is not a number of trials"),
        ("spoof genuine\nspoof 0 0\ngenuine 1 3", "row of spoof"),
        ("spoof genuine\nspoof 8 2\nspoof 1 3", "line 3: a second row for spoof"),
        ('{"labels": ["spoof", "genuine"], "matrix": [[1, 2]]}', "no row of a class"),
        ("[1, 2]", "no row of a class"),
        ("labels: human, spoof\n[[12000 8] [1200 98]]", "'labels: human, spoof' does not tell the order: expected"),
        ("Classes = genuine\n[[12000 8] [1200 98]]", "'classes = genuine' does not tell the order"),
        ("labels: genuine (1), spoof (0)\n[[12000 8] [1200 98]]", "does not tell the order"),
    ],
)
def test_verdict_unreadable_text_names_place_and_rule(text, said):
    with pytest.raises(InputError, match=said) as error:
        verdict(text, source="mine.txt")
    assert str(error.value).startswith("mine.txt")
    assert len(str(error.value).splitlines()) == 1


def test_describe_verdict_shows_matrix_numbers_and_findings():
    result = verdict(figure("6.2"))
    text = describe_verdict(result)
    assert all(len(line) <= 120 for line in text.splitlines())
    for part in ("11,647", "87.92 %", "90.25 %", "50.50 %", "within the rounding", *result["findings"]):
        assert part in text
    assert "within the rounding" not in describe_verdict(verdict("spoof genuine\nspoof 8 2\ngenuine 1 3"))
