"""The ladder of repairs: one change a rung, and thresholds from dev only."""

import numpy as np
import pandas as pd

from lib.judgement import repairs

REPORTED = {"refresh_batch_norm": False, "pixel_range": "0-255", "threshold": "0.5"}
OWN = {"refresh_batch_norm": True, "pixel_range": "0-1", "threshold": "dev-eer", "seed": 3}


def table(genuine, spoof):
    scores = np.array([*genuine, *spoof], float)
    return pd.DataFrame({"score": scores, "label": [1] * len(genuine) + [0] * len(spoof)})


def test_rungs_change_one_thing_each_and_end_at_the_run():
    found = repairs.rungs(OWN, REPORTED, ladder=True)
    assert found[0].settings == {**OWN, **REPORTED}
    assert found[-1].settings == OWN
    for before, after in zip(found, found[1:], strict=False):
        assert sum(before.settings[key] != after.settings[key] for key in OWN) == 1
    assert [rung.own for rung in found] == [False, False, True, True]
    assert found[2].name == "+ pixel range: 0-255 → 0-1"


def test_rungs_without_a_ladder_are_the_run_alone():
    (rung,) = repairs.rungs(OWN, REPORTED, ladder=False)
    assert rung.settings == OWN and rung.own


def test_rungs_what_is_as_reported_already_is_no_rung():
    found = repairs.rungs({**OWN, "pixel_range": "0-255"}, REPORTED, ladder=True)
    assert [rung.name for rung in found] == [
        "as reported",
        "+ refresh batch norm: False → True",
        "+ threshold: 0.5 → dev-eer",
    ]
    assert all(rung.own for rung in found)


def test_threshold_dev_eer_splits_the_dev_scores():
    dev = table([5, 6, 7], [1, 2, 3])
    assert 3 < repairs.threshold("dev-eer", dev) <= 5
    assert repairs.threshold("0.5", dev) == 0.0


def test_measures_one_class_always_is_seen():
    dev, final = table([5, 6, 7], [1, 2, 3]), table([5, 6, 7, 8], [0.5, 1, 2, 3])
    always = repairs.measures(dev, final, 0.0)
    assert (always["eval_says_genuine"], always["eval_balanced_accuracy"], always["eval_eer"]) == (1.0, 0.5, 0.0)
    split = repairs.measures(dev, final, repairs.threshold("dev-eer", dev))
    assert (split["eval_says_genuine"], split["eval_balanced_accuracy"]) == (0.5, 1.0)
