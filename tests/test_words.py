"""The first screen of a comparison."""

import numpy as np
import pandas as pd
import pytest

from lib import comparison
from lib.comparison import tables, words

LABELS = np.repeat([1, 0], 200)
AUDIT = {"shortcut/flagged": 0.0, "shortcut/level/eval_eer": 0.41, "shortcut/mfcc/eval_eer": 0.35}


def turned(run="a", change="click", **given):
    """What `lib.judgement.shortcuts.sensitivity` says of a run that stays as it is, unless another is `given`."""
    row = {"run": run, "intervention": change, "far_moved": False, "far_change": 0.0}
    still = {"frr_moved": False, "frr_change": 0.0, "eer_moved": False, "eer_change": 0.0}
    return pd.DataFrame([row | still | given])


STEADY = turned()


def row(run, apart, **given):
    """A run of which `apart` says how far its classes lie from each other."""
    values = {"run": run, "seed": 0, "run_id": run, "weights": "none", "apart": apart, "eval/constant_accuracy": 0.9}
    values |= {f"{split}/eer{end}": 0.2 for split in ("dev", "eval") for end in ("", "_ci_low", "_ci_high")}
    return values | given


def scores(found, split):
    """What a run recorded: of 24 speakers, who differ in nothing."""
    noise = np.random.default_rng(0).normal(size=len(LABELS))
    apart = found["apart"][split] if isinstance(found["apart"], dict) else found["apart"]
    columns = {"trial": np.arange(400), "label": LABELS, "speaker": [f"M{k % 24}" for k in range(400)]}
    return pd.DataFrame(columns | {"score": noise + apart * LABELS})


@pytest.fixture(autouse=True)
def recorded(monkeypatch):
    monkeypatch.setattr(words, "recorded_scores", scores)
    monkeypatch.setattr(tables, "recorded_scores", lambda row, split, trials: scores(row, split))


def screen(rows, **looked):
    best = words.chosen_by_dev(rows, looked.get("turned"))
    best = best and best | {"scores": scores(best, "eval")}
    return comparison.first_screen(best, comparison.with_scores(rows, None), [], **looked)


def test_dev_chooses_although_eval_is_worse():
    rows = [row("a", {"dev": 9, "eval": 1}), row("b", {"dev": 7, "eval": 3})]  # both have a dev EER of 0
    assert words.chosen_by_dev(rows)["run"] == "a"
    shown = screen(rows)
    assert shown["best system, chosen on dev"].startswith("a, seed 0: eval EER 20.0")
    assert shown["lower on eval, though not dev's choice"] == "b"


@pytest.mark.parametrize(
    "flaw",
    [{"weights": "untrained: random"}, {"diverged": True}, {"changed": "epochs=2"}, {"dev/eer_ci_high": 0.5}],
)
def test_untrained_diverged_changed_and_chance_are_never_chosen(flaw):
    assert words.chosen_by_dev([row("a", 9, **flaw), row("b", 2)])["run"] == "b"
    alone = screen([row("a", 9, **flaw)], audit=AUDIT, turned=STEADY)
    assert alone["best system, chosen on dev"] == "none is above chance on dev"
    assert alone["may the number be trusted?"].startswith("no")


def test_a_system_that_needs_the_edge_of_the_band_is_not_chosen_while_another_is_steady():
    edge = pd.concat([STEADY, turned("b"), turned("a", "lowpassed", frr_moved=True, frr_change=0.4)])
    by_chance = pd.concat([STEADY, turned("a", "lowpassed", frr_change=0.4)])
    rows = [row("a", 9), row("b", 2)]
    assert words.chosen_by_dev(rows)["run"] == "a"
    assert words.chosen_by_dev(rows, edge)["run"] == "b"
    assert words.chosen_by_dev(rows, by_chance)["run"] == "a"
    by_eer = pd.concat([STEADY, turned("a", "lowpassed", eer_moved=True, eer_change=0.6)])
    assert words.chosen_by_dev(rows, by_eer)["run"] == "b"
    assert words.chosen_by_dev(rows, by_eer.assign(needed=16, n_genuine=15, n_spoof=99))["run"] == "b"
    assert words.chosen_by_dev(rows[:1], edge)["run"] == "a"
    shown = screen(rows, audit=AUDIT, turned=edge)
    assert shown["not chosen, since they need what lies above 7 kHz"] == "a, seed 0"
    shown = screen(rows[:1], audit=AUDIT, turned=edge)
    assert "not chosen, since they need what lies above 7 kHz" not in shown


def test_what_turns_answers_is_found_where_there_are_several_seeds():
    edge = pd.concat([turned("a seed 1", "lowpassed", frr_moved=True, frr_change=0.4), turned("b seed 1")])
    rows = [row("a", 9, seed=1), row("b", 2, seed=1)]
    assert words.chosen_by_dev(rows, edge)["run"] == "b"
    assert words.trust(rows[0], 24, [], audit=AUDIT, turned=edge) == ("no", ["decisions change with lowpassed"])
    assert words.trust(rows[0] | {"seed": 0}, 24, [], audit=AUDIT, turned=edge)[0] == "unknown"


def test_runs_that_eval_does_not_tell_apart_are_named():
    rows = [row("a", 3.0), row("b", 2.99), row("c", 0.5)]
    assert screen(rows)["not told apart from it on eval"] == "b"


def test_trust_is_yes_only_when_everything_was_looked_at_and_nothing_found():
    best = row("a", 3)
    looked = {"audit": AUDIT, "turned": STEADY}
    assert words.trust(best, 24, [], **looked) == ("yes", [])
    assert words.trust(best, 24, [])[0] == "unknown"
    assert words.trust(best, 19, [], **looked) == ("unknown", ["eval has 19 speakers"])
    assert words.trust(best, 20, [], **looked)[0] == "yes"
    assert words.trust(best, 0, [], **looked)[1] == ["eval has no known speakers"]
    assert words.trust(best, 24, ["made"], **looked)[0] == "unknown"
    assert words.trust(best, 24, [], audit=AUDIT | {"shortcut/flagged": 1.0}, turned=STEADY)[0] == "no"
    click = {"far_moved": True, "far_change": 0.2}
    assert words.trust(best, 24, [], audit=AUDIT, turned=turned(**click)) == ("no", ["decisions change with click"])
    assert words.trust(best, 24, [], audit=AUDIT, turned=turned("b", **click))[0] == "unknown"
    assert words.trust(best, 24, [], audit=AUDIT, turned=turned(needed=16, n_genuine=15, n_spoof=99))[0] == "unknown"


def test_plain_baselines_are_the_majority_class_and_the_best_cheap_cue():
    shown = screen([row("a", 3)], audit=AUDIT)
    assert (
        shown["plain baselines"]
        == "one class always: accuracy 90.0 %, EER 50 %; lowest of 2 classifiers of 01_corpus on plain "
        "cues, chosen on eval: mfcc, EER 35.0 %"
    )
