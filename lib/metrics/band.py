"""Whether the band of scores that get no answer keeps on eval what it promises on dev.

The band is chosen on dev's trials (`lib.metrics.threshold_card`), so dev flatters it, and eval
has other speakers and devices.
"""

import numpy as np

from lib.corpus.protocol import GENUINE, LABEL_NAMES
from lib.errors import InputError
from lib.metrics.calibration import threshold_card
from lib.metrics.clusters import decided
from lib.metrics.measures import Costs

EVEN = Costs(p_spoof=0.5, c_miss=1, c_fa=1)  # both labels as likely, both errors as bad


def kept(band, tables):
    """What a band (low, high) answers on `tables`, split (``dev``, ``eval``) -> `score`, `label`, under MLflow names.

    ``dev/band_low``, ``dev/band_high``; ``<split>/wrong_genuine``, ``wrong_spoof``, the share of the
    class that is answered wrongly outside the band; ``unsure_genuine``, ``unsure_spoof``, the share
    inside it; each share with ``_ci_low``, ``_ci_high``, the widest.
    """
    low, high = map(float, band)
    found = {"dev/band_low": low, "dev/band_high": high}
    for split, table in tables.items():
        scores, genuine = table["score"].to_numpy(), table["label"].to_numpy() == GENUINE
        sides = {"wrong": np.where(genuine, scores < low, scores >= high), "unsure": (scores >= low) & (scores < high)}
        for kind, those in sides.items():
            shares = decided(table, those != genuine)  # those decided wrongly are the ones asked for
            for error, name in (("far", "spoof"), ("frr", "genuine")):
                key = f"{split}/{kind}_{name}"
                found[key], (found[f"{key}_ci_low"], found[f"{key}_ci_high"]) = shares[error], shares[f"{error}_ci"]
    return found


def for_even_costs(tables):
    """What the band that dev chooses for even costs keeps, as `kept`; nothing where dev's scores have no order."""
    try:
        card = threshold_card(tables["dev"]["score"], tables["dev"]["label"], costs=EVEN)
    except InputError:
        return {}
    return kept(card["band"], {split: tables[split] for split in ("dev", "eval")})


def caution(found):
    """A sentence on what `kept` found, which every answer by such a band should carry; empty without one."""
    if "dev/band_low" not in found:
        return ""
    promised, came = (
        " and ".join(f"{text(found, f'{split}/wrong_{name}')} of {name}" for name in LABEL_NAMES)
        for split in ("dev", "eval")
    )
    broken = any(found[f"eval/wrong_{n}_ci_low"] > found[f"dev/wrong_{n}_ci_high"] for n in LABEL_NAMES)
    said = "dev's promise does not hold" if broken else "expect eval's rates"
    return f"Wrong outside the band of no answer, %: on dev, which chose it, {promised}; on eval {came}: {said}."


def text(found, name):
    """A share of `kept` and its interval, in percent."""
    return "{:.1f} [{:.1f}, {:.1f}]".format(*(100 * found[name + end] for end in ("", "_ci_low", "_ci_high")))
