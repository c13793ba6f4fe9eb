"""Pictures of an evaluation: right numbers in them, nothing cut off, nothing left open."""

import io
import os
import subprocess
import sys

import numpy as np
import pytest
from IPython.core.formatters import DisplayFormatter
from matplotlib import pyplot

from lib import metrics
from lib.params import ROOT
from lib.plots import evaluation

MATRIX = [[8344, 3664], [207, 1091]]


@pytest.fixture
def trials(rng):
    labels = np.r_[np.ones(80, int), np.zeros(120, int)]
    return rng.normal(size=200) + 1.5 * labels, labels


def texts(figure):
    """Everything that is written in a figure."""
    from matplotlib.text import Text

    return [t.get_text() for t in figure.findobj(Text) if t.get_text()]


def figures(trials):
    scores, labels = trials
    curves = {
        "a long name of a run/variant, seed 0": trials,
        "other": (-scores, labels),
        "constant": (0 * scores, labels),
    }
    return {
        "confusion_grid": evaluation.confusion_grid({f"run {k}": MATRIX for k in range(5)}),
        "det": evaluation.det(curves, "DET"),
        "score_histogram": evaluation.score_histogram(scores, labels, 0.0, "eval"),
    }


def test_every_figure_names_its_axes_lies_inside_its_page_and_leaves_no_state(trials):
    before = pyplot.get_fignums()
    for name, figure in figures(trials).items():
        figure.savefig(io.BytesIO(), format="png")
        width, height = figure.get_size_inches()
        box = figure.get_tightbbox()
        assert box.x0 >= -0.02 and box.y0 >= -0.02 and box.x1 <= width + 0.02 and box.y1 <= height + 0.02, name
        assert height <= 11.7, name
        assert all(not axes.axison or (axes.get_xlabel() and axes.get_ylabel()) for axes in figure.axes), name
    assert pyplot.get_fignums() == before


def test_confusion_matrix_writes_counts_and_percent_of_the_row():
    written = texts(evaluation.confusion_grid({"eval": MATRIX}))
    for cell in ("8,344\n69.5 %", "3,664\n30.5 %", "207\n15.9 %", "1,091\n84.1 %"):
        assert cell in written
    assert {"eval", "truth (% of its row)", "decision", "genuine", "spoof"} <= set(written)


def test_confusion_matrix_of_an_empty_row_is_drawn(recwarn):
    assert "0\n0.0 %" in texts(evaluation.confusion_grid({"eval": [[0, 0], [3, 1]]}))
    assert not [w for w in recwarn if issubclass(w.category, RuntimeWarning)]


def test_confusion_grid_has_a_matrix_for_each_name():
    figure = evaluation.confusion_grid({"a": MATRIX, "b": MATRIX, "c": MATRIX, "d": MATRIX})
    assert [axes.get_title() for axes in figure.axes if axes.axison] == ["a", "b", "c", "d"]


def test_det_names_and_marks_the_eer(trials):
    from scipy.stats import norm

    rate = metrics.eer(*trials)[0]
    figure = evaluation.det({"run": trials}, "DET")
    assert f"run: EER {100 * rate:.1f} %" in texts(figure)
    marks = [line for line in figure.axes[0].lines if line.get_marker() == "o"]
    assert [tuple(np.ravel(line.get_data())) for line in marks] == [pytest.approx((norm.ppf(rate),) * 2)]


def test_det_of_perfect_and_inverted_scores_is_finite():
    labels = np.array([1, 1, 0, 0])
    figure = evaluation.det({"perfect": (labels * 1.0, labels), "inverted": (-labels * 1.0, labels)}, "DET")
    for line in figure.axes[0].lines:
        assert np.isfinite(np.asarray(line.get_data(), dtype=float)).all()


def test_curves_of_many_runs_the_best_are_coloured_and_named_the_others_grey(rng):
    labels = np.tile([1, 0], 60)
    curves = {f"run {k}": (rng.normal(size=120) + 0.3 * k * labels, labels) for k in range(10)}
    figure = evaluation.det(curves, "DET")
    rates = {name: metrics.eer(*trials)[0] for name, trials in curves.items()}
    best = sorted(rates, key=rates.get)[:6]
    named = [text.get_text() for text in figure.legends[0].get_texts()]
    assert [text.partition(":")[0] for text in named] == [*best, "4 others"]
    lines = [line for line in figure.axes[0].lines if len(line.get_xdata()) > 2]
    looks = [(line.get_color(), line.get_linestyle()) for line in lines if line.get_color() != "0.8"]
    assert len(lines) == 10 and len(set(looks)) == 6


def test_alternative_text_names_title_axes_rows_and_curves(trials):
    written = evaluation.det({"run": trials}, "eval: DET").alternative().split("; ")
    assert written[0] == "eval: DET" and written[-1].startswith("run: EER ")
    axes = {"FAR: spoof trials accepted", "FRR: genuine trials rejected"}
    assert set(written[1:-1]) == axes  # and no number of an axis
    rows = [{"run": name, "seed": None} | dict.fromkeys(("eer", "eer_ci_low", "eer_ci_high"), 0.1) for name in "ab"]
    figure = evaluation.intervals(rows, "eer", "eval EER, %")
    assert figure.alternative() == "chance; eval EER, %; a; b"
    data, metadata = DisplayFormatter().format(figure)
    assert "image/png" in data and metadata["image/png"]["alt"] == figure.alternative()


def test_score_histogram_bars_of_each_class_sum_to_all_of_it(trials):
    scores, labels = trials
    scores = np.append(scores, 1e6)  # beyond the axis, in the last bar
    figure = evaluation.score_histogram(scores, np.append(labels, 1), 0.25, "eval")
    heights = [sum(bar.get_height() for bar in bars) for bars in figure.axes[0].containers if len(bars) > 1]
    assert heights == pytest.approx([100, 100])
    written = texts(figure)
    assert {"spoof (120 trials)", "genuine (81 trials)", "threshold 0.25"} <= set(written)


def test_score_histogram_of_constant_scores_is_drawn():
    figure = evaluation.score_histogram(np.zeros(6), [1, 0, 1, 0, 1, 0], 0.0, "constant")
    assert np.ptp(figure.axes[0].get_xlim()) > 0


@pytest.mark.parametrize("content", [b"text.usetex: True\n", b"font.family: M\xfcller\n"], ids=["LaTeX", "Latin-1"])
def test_figures_do_not_follow_the_users_settings(tmp_path, content):
    (tmp_path / "matplotlibrc").write_bytes(content)
    code = "import lib, matplotlib as m; print(m.rcParams['text.usetex'], m.rcParams['font.family'], m.get_backend())"
    environment = os.environ | {"MATPLOTLIBRC": str(tmp_path), "MPLBACKEND": "foo"}
    found = subprocess.run([sys.executable, "-c", code], env=environment, cwd=ROOT, capture_output=True, text=True)
    assert found.stdout == "False ['sans-serif'] agg\n", found.stderr
