"""The report's conclusions and their answers."""

import numpy as np
import pandas as pd
import pytest
import yaml

from lib import comparison
from lib.comparison import claims
from lib.params import PARAMS

CLAIMS = yaml.safe_load((PARAMS / "claims.yaml").read_text(encoding="utf-8"))
LABELS = np.repeat([1, 0], 200)


def row(run, *, seed=0, weights="none", **metrics):
    return {"run": run, "seed": seed, "run_id": f"{run} {seed}", "weights": weights, "changed": "", **metrics}


def answered(monkeypatch, rows, claim, *, spread=None, matrices=None):
    """The answer to one claim; `spread`: run -> how far its classes lie apart; `matrices`: split -> counts."""
    noise = np.random.default_rng(0).normal(size=len(LABELS))
    for entry in rows if spread else ():
        scores = noise + LABELS * spread[entry["run"]]
        entry["scores"] = pd.DataFrame({"trial": range(400), "label": LABELS, "score": scores})
    monkeypatch.setattr(claims, "confusion", lambda found, split: matrices[split])
    return claims._answer(next(entry for entry in CLAIMS if entry["claim"] == claim), rows)


MFCC = "MFCC images serve the paper's CNN better than spectrograms"
PAIR = [row("11_paper_cnn/mfcc"), row("11_paper_cnn/spectrogram")]


@pytest.mark.parametrize(("mfcc", "answer"), [(3, claims.HOLDS), (0.5, claims.FAILS), (1.5, claims.OPEN)])
def test_better_needs_an_interval_on_one_side_of_zero(monkeypatch, mfcc, answer):
    spread = {"11_paper_cnn/mfcc": mfcc, "11_paper_cnn/spectrogram": 1.5}
    found, evidence = answered(monkeypatch, PAIR, MFCC, spread=spread)
    assert found == answer
    assert "eval EER" in evidence and "[" in evidence


def test_missing_changed_and_untrained_runs_answer_nothing(monkeypatch):
    wav2vec = "wav2vec embeddings are no sound strategy, MFCC and spectrograms are better"
    pair = [PAIR[0], row("12_wav2vec_cnn/base", weights="untrained: random")]
    assert answered(monkeypatch, [], MFCC)[1] == "not run: 11_paper_cnn/mfcc, 11_paper_cnn/spectrogram"
    assert answered(monkeypatch, [PAIR[0], {**PAIR[1], "changed": "epochs=1"}], MFCC) == (
        claims.OPEN,
        "not run: 11_paper_cnn/spectrogram",
    )
    apart = [PAIR[0], {**PAIR[1], "seed": 1}]
    assert answered(monkeypatch, apart, MFCC) == (claims.OPEN, "not run with a seed in common")
    assert answered(monkeypatch, pair, wav2vec) == (
        claims.OPEN,
        "the pretrained part is untrained here: 12_wav2vec_cnn/base",
    )


@pytest.mark.parametrize(
    ("train", "final", "answer"),
    [((0.9, 0.95), (0.6, 0.7), claims.HOLDS), ((0.70, 0.72), (0.69, 0.73), claims.FAILS),
     ((0.6, 0.9), (0.5, 0.8), claims.OPEN)],
)  # fmt: skip
def test_overfits_needs_a_gap_that_is_sure(monkeypatch, train, final, answer):
    values = {}
    for split, (low, high) in {"train": train, "eval": final}.items():
        name = f"{split}/balanced_accuracy"
        values |= {name: (low + high) / 2, f"{name}_ci_low": low, f"{name}_ci_high": high}
    rows = [row("11_paper_cnn/mfcc", **values), row("11_paper_cnn/spectrogram", **values)]
    spread = {"11_paper_cnn/mfcc": 1, "11_paper_cnn/spectrogram": 1}
    assert answered(monkeypatch, rows, "The CNN on spectrograms overfits", spread=spread)[0] == answer
    opposite = {claims.HOLDS: claims.FAILS, claims.FAILS: claims.HOLDS}.get(answer, claims.OPEN)
    assert answered(monkeypatch, rows, "The CNN on MFCC hardly overfits", spread=spread)[0] == opposite


@pytest.mark.parametrize(
    ("train", "final", "answer"),
    [([[0, 100], [1, 99]], [[3, 997], [0, 100]], claims.HOLDS),
     ([[100, 0], [100, 0]], [[0, 50], [0, 50]], claims.FAILS),
     ([[100, 0], [0, 100]], [[100, 0], [0, 100]], claims.FAILS)],
)  # fmt: skip
def test_one_class_is_the_same_on_train_and_eval(monkeypatch, train, final, answer):
    rows = [row("13_modified_cnn/as_reported", diagnosis="moving statistics lag")]
    matrices = {"train": train, "eval": final}
    claim, why = "The modified CNN gives one class always", "It does so because it did not learn"
    assert answered(monkeypatch, rows, claim, matrices=matrices)[0] == answer
    found = answered(monkeypatch, rows, why, matrices=matrices)
    assert found == (claims.FAILS, "diagnosis from train and dev: moving statistics lag")


@pytest.mark.parametrize(
    ("accuracy", "ends", "answer"),
    [(0.95, (0.93, 0.97), claims.FAILS), (0.91, (0.88, 0.94), claims.HOLDS), (0.95, None, claims.OPEN),
     (0.85, None, claims.HOLDS)],
)  # fmt: skip
def test_majority_needs_an_interval_only_where_accuracy_is_above_it(monkeypatch, accuracy, ends, answer):
    values = {"eval/accuracy": accuracy, "eval/constant_accuracy": 0.9, "eval/balanced_accuracy": 0.5}
    if ends:
        values |= {"eval/accuracy_ci_low": ends[0], "eval/accuracy_ci_high": ends[1]}
    claim = "MobileNetV2's accuracy of 88 % comes from the majority class"
    assert answered(monkeypatch, [row("14_mobilenet/as_reported", **values)], claim)[0] == answer


def test_seeds_must_agree(monkeypatch):
    matrices = {"train": [[0, 9], [0, 9]], "eval": [[0, 9], [0, 9]]}
    rows = [row("13_modified_cnn/as_reported", seed=s, diagnosis=d) for s, d in enumerate(["never learned", "healthy"])]
    answer, evidence = answered(monkeypatch, rows, "It does so because it did not learn", matrices=matrices)
    assert answer == claims.OPEN and evidence.startswith("seeds disagree")


@pytest.mark.parametrize(
    ("first", "second", "answer"),
    [((-0.2, -0.1), (-0.1, 0.1), claims.HOLDS), ((0.1, 0.2), (-0.1, 0.1), claims.FAILS),
     ((0.1, 0.2), (-0.2, -0.1), claims.OPEN), ((-0.1, 0.1), (-0.1, 0.1), claims.OPEN)],
)  # fmt: skip
def test_helps_needs_one_system_that_is_surely_helped_and_none_that_is_hurt(first, second, answer):
    changes = pd.DataFrame([first, second], columns=["low", "high"]).assign(difference=0.0)
    changes.index = pd.MultiIndex.from_tuples([("one", "cllr", "pitch"), ("two", "cllr", "pitch")])
    found = claims.report_claims([], changes).set_index("claim")
    pitch = found.loc["Training on recordings of changed pitch helps"]
    assert pitch["answer"] == answer and pitch["evidence"].startswith("change of dev Cllr, bits: one ")
    parts = found.loc["Training on several parts of each recording helps"]
    assert (parts["answer"], parts["evidence"]) == (claims.OPEN, "not run: 31_augmentation")


def test_claims_name_known_tests_and_runs():
    assert {claim["test"] for claim in CLAIMS} <= {*claims._TESTS, "helps"}
    assert all(("change" in claim) == (claim["test"] == "helps") for claim in CLAIMS)
    assert len({claim["claim"] for claim in CLAIMS}) == len(CLAIMS)
    assert all(("cause" in claim) == (claim["test"] == "cause") for claim in CLAIMS)
    assert comparison.report_claims([]).shape[0] == len(CLAIMS)
