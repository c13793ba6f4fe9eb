"""Whether the band that dev chose keeps its promise."""

import numpy as np
import pandas as pd

from lib import metrics
from lib.metrics import decisions


def table(rng, count, distance, shift=0.0):
    labels = np.repeat([1, 0], count)
    return pd.DataFrame({"score": rng.normal(size=2 * count) + distance * labels + shift, "label": labels})


def test_kept_counts_both_classes_inside_and_outside():
    found = decisions.kept(
        (-1, 1), {"dev": pd.DataFrame({"score": [2, 0, -2, -3, 1, -1.0], "label": [1, 1, 1, 1, 0, 0]})}
    )
    shares = {name.removeprefix("dev/"): value for name, value in found.items() if "_ci" not in name}
    assert shares == {
        "band_low": -1, "band_high": 1, "wrong_spoof": 0.5, "unsure_spoof": 0.5, "wrong_genuine": 0.5,
        "unsure_genuine": 0.25,
    }  # fmt: skip


def test_kept_no_error_of_twenty_is_no_promise_of_none():
    found = decisions.kept(
        (0, 0), {"dev": pd.DataFrame({"score": [1.0] * 20 + [-1.0] * 20, "label": [1] * 20 + [0] * 20})}
    )
    assert found["dev/wrong_spoof"] == found["dev/wrong_spoof_ci_low"] == 0
    assert found["dev/wrong_spoof_ci_high"] == metrics.rate_interval(0, 20)[1] > 0.1


def test_caution_says_where_the_promise_breaks(rng):
    dev = table(rng, 300, 3.0)
    same, worse = ({"dev": dev, "eval": table(rng, 300, 3.0, shift)} for shift in (0.0, 1.5))
    assert decisions.caution(decisions.for_even_costs(same)).endswith("expect eval's rates.")
    found = decisions.for_even_costs(worse)
    said = decisions.caution(found)
    assert said.endswith("dev's promise does not hold.")
    assert f"on eval {100 * found['eval/wrong_spoof']:.1f} [" in said
    card = metrics.threshold_card(dev["score"], dev["label"], costs=decisions.EVEN)
    assert [found["dev/band_low"], found["dev/band_high"]] == card["band"]


def test_scores_without_order_have_no_band_and_no_caution(rng):
    inverted = table(rng, 30, -2.0)
    assert decisions.for_even_costs({"dev": inverted, "eval": inverted}) == {}
    assert decisions.caution({}) == ""
