"""Runs on recordings of other origin: what is drawn, what is measured, what is said."""

import numpy as np
import pytest
import soundfile
from conftest import SR, tone, write_corpus

from lib import comparison, scoring
from lib.comparison import elsewhere, with_interval
from lib.corpus import open_corpus
from lib.errors import InputError

LAYOUT = "asvspoof2017_v2"
LABELS = np.repeat([1, 0], 100)
ROW = {"run_id": "r", "eval/n_spoof": 400.0} | {
    f"eval/{rate}{end}": value
    for rate, values in (("eer", (0.1, 0.05, 0.15)), ("balanced_accuracy", (0.9, 0.85, 0.95)))
    for end, value in zip(("", "_ci_low", "_ci_high"), values, strict=True)
}


@pytest.fixture
def home(monkeypatch):
    """Lines of runs a and b at home: 10 % EER, 10 of 100 genuine trials rejected."""
    monkeypatch.setattr(elsewhere, "confusion", lambda row, split: [[360, 40], [10, 90]])
    return [elsewhere.at_home(name, ROW) for name in "ab"]


def scores(apart, seed=0):
    return np.random.default_rng(seed).normal(size=len(LABELS)) + apart * LABELS - apart / 2


# -- recordings ----------------------------------------------------------------------------


@pytest.fixture
def folders(tmp_path):
    """A corpus of 5 + 15 eval trials, and a folder of two genuine recordings."""
    write_corpus(tmp_path / "other", seed=8)
    (tmp_path / "voices" / "deeper").mkdir(parents=True)
    soundfile.write(tmp_path / "voices" / "a.wav", tone(), SR)
    soundfile.write(tmp_path / "voices" / "deeper" / "b.flac", tone(hz=300.0, sr=8000), 8000)
    return tmp_path


def drawn(corpora=(), genuine=(), most=10):
    return scoring.elsewhere([str(f) for f in corpora], [str(f) for f in genuine], layout=LAYOUT, most=most)


def test_elsewhere_of_a_corpus_draws_the_same_eval_trials_each_time(folders):
    corpus = open_corpus("other", folders / "other", LAYOUT)
    digest, trials = drawn([folders / "other"])["other"]
    assert digest == corpus.digest
    assert np.bincount(trials["label"]).tolist() == [10, 5]
    assert set(trials["path"]) < set(corpus.split("eval")["path"])
    assert trials.equals(drawn([folders / "other"])["other"][1])


def test_elsewhere_of_genuine_recordings_takes_those_below_the_folder(folders):
    digest, trials = drawn(genuine=[folders / "voices"])["voices"]
    assert digest == ""
    assert {path.removeprefix(f"{folders}/voices/") for path in trials["path"]} == {"a.wav", "deeper/b.flac"}
    assert trials["label"].tolist() == [1, 1] and trials["speaker"].tolist() == ["-", "-"]


def test_elsewhere_wrong_folder_is_named(folders):
    with pytest.raises(InputError, match="voices/protocol_V2/.*: no such protocol file"):
        drawn([folders / "other", folders / "voices"])
    with pytest.raises(InputError, match="nowhere: no such file or folder"):
        drawn([folders / "other"], [folders / "nowhere"])


def test_elsewhere_two_folders_of_one_name_are_refused(folders):
    write_corpus(folders / "deeper" / "voices")
    with pytest.raises(InputError, match="another folder is called voices too"):
        drawn([folders / "deeper" / "voices"], [folders / "voices"])


def test_elsewhere_name_is_one_that_mlflow_takes(folders):
    (folders / "voices").rename(folders / "voices, other (2)")
    assert list(drawn(genuine=[folders / "voices, other (2)"])) == ["voices__other__2_"]


# -- figures -------------------------------------------------------------------------------


def test_away_perfect_inverted_and_constant_scores():
    perfect, inverted = (elsewhere.away("a", "there", sign * (LABELS - 0.5), LABELS, 0.0) for sign in (1, -1))
    assert (perfect["eer"], perfect["balanced_accuracy"], perfect["rejected"]) == (0, 1, 0)
    assert (inverted["eer"], inverted["balanced_accuracy"], inverted["rejected"]) == (1, 0, 1)
    constant = elsewhere.away("a", "there", np.zeros(200), LABELS, 0.0)
    assert (constant["eer"], constant["balanced_accuracy"], constant["rejected"]) == (0.5, 0.5, 0)
    assert perfect["rejected_ci_high"] == pytest.approx(1 - 0.025 ** (1 / 100))  # (1 - p)^100 is 2.5 %
    assert (perfect["n_genuine"], perfect["n_spoof"]) == (100, 100)


def test_away_of_genuine_recordings_alone_has_rejections_only():
    line = elsewhere.away("a", "voices", np.array([-1.0, 0.0, 1.0, 2.0]), np.ones(4, int), 0.5)
    assert line["rejected"] == 0.5 and line["n_spoof"] == 0
    assert not {"eer", "balanced_accuracy"} & line.keys()


def test_table_marks_what_is_higher_than_at_home(home):
    lines = [elsewhere.away("a", "there", scores(0.5), LABELS, 0.0), elsewhere.away("b", "there", scores(3), LABELS, 0)]
    found = elsewhere.table([*home, *lines])
    assert found["eer_higher"].tolist() == [False, False, True, False]
    assert found["rejected_higher"].tolist() == [False, False, True, False]


def test_table_a_difference_within_both_intervals_is_not_higher(home):
    # 10 of 100 against 16 of 100: Newcombe's interval of the difference is -0.034 to 0.154.
    line = elsewhere.away("a", "voices", np.repeat([-1.0, 1.0], [16, 84]), np.ones(100, int), 0.0)
    assert not elsewhere.table([*home, line])["rejected_higher"].iloc[-1]
    line = elsewhere.away("a", "voices", np.repeat([-1.0, 1.0], [25, 75]), np.ones(100, int), 0.0)
    assert elsewhere.table([*home, line])["rejected_higher"].iloc[-1]


def test_table_takes_the_near_ends_of_intervals_that_are_not_symmetric(home):
    # 40 points apart: 50 to 60 % there, 10 to 45 % at home. Newcombe's limit is 0.4 - hypot(0.1, 0.35) > 0.
    ends = {"eer": 0.5, "eer_ci_low": 0.4, "eer_ci_high": 0.95, "place": "there"}
    at_home = home[0] | {"eer_ci_low": 0.0, "eer_ci_high": 0.45}
    assert elsewhere.table([at_home, at_home | ends])["eer_higher"].tolist() == [False, True]
    assert not elsewhere.table([at_home, at_home | ends | {"eer_ci_low": 0.05}])["eer_higher"].any()


def test_sentences_give_ranges_losses_and_thresholds(home):
    lines = [
        elsewhere.away("a", "there", scores(0.5), LABELS, 0.0),
        elsewhere.away("b", "there", scores(4) + 5, LABELS, 0.0),  # tells the labels apart and accepts everything
        *(elsewhere.away(name, "voices", np.ones(50), np.ones(50, int), 0.0) for name in "ab"),
    ]
    first, voices = elsewhere.sentences(elsewhere.table([*home, *lines]))
    assert first.startswith("**there** (100 genuine, 100 spoof): EER ")
    assert "% (b) to 4" in first and "Higher than on the own eval beyond chance: EER of a (10.0 → 4" in first
    assert first.endswith(" The threshold does not carry over: b (errs in 50.0 %, EER 1.0 %).")
    assert voices == (
        "**voices** (50 genuine, 0 spoof): genuine rejected 0.0 % (every run). "
        "Higher than on the own eval beyond chance: nothing."
    )


def test_sentences_name_chance_and_are_none_without_another_place(home):
    assert elsewhere.sentences(elsewhere.table(home)) == []
    lost = elsewhere.away("a", "there", scores(0.0), LABELS, 0.0)
    (said,) = elsewhere.sentences(elsewhere.table([*home, lost]))
    assert "Not better than chance: a." in said


def test_page_has_every_run_and_place(home):
    lines = [elsewhere.away(name, "there", scores(2), LABELS, 0.0) for name in "ab"]
    lines += [elsewhere.away(name, "voices", np.zeros(10), np.ones(10, int), 1.0) for name in "ab"]
    found = elsewhere.table([*home, *lines])
    assert [with_interval(line, "eer") for line in found.to_dict("records")][::5] == ["10.0 [5.0, 15.0]", "-"]
    shown = comparison.matrix(found.dropna(subset="eer"), "place", "eer", "eer_higher").data
    assert shown.index.tolist() == ["a", "b"] and shown.columns.tolist() == ["own eval", "there"]
    assert shown["own eval"].tolist() == ["10.0", "10.0"]
    rejected = comparison.matrix(found, "place", "rejected", "rejected_higher").data
    assert rejected["voices"].tolist() == ["100.0*", "100.0*"]
