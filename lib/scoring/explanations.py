"""Where in seconds and hertz a run decided on one recording, and whether that can be trusted.

Any system is explained by occlusion: how far the score changes without a part (M. Zeiler and R. Fergus, ECCV 2014);
a Keras network on images or matrices by its activations too (Grad-CAM, `lib.systems.networks`). A map is believed only
if it predicts what deleting several parts together does (U. Bhatt, A. Weller and J. Moura, IJCAI 2020), and, of a
network, if shuffled weights give another map (J. Adebayo et al., NeurIPS 2018). Numbers and limits are our choice.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from scipy.stats import spearmanr, ttest_1samp

from lib import inputs, metrics
from lib.audio.interventions import parts, taken_out
from lib.features import row_hertz
from lib.inputs import Image, Matrix
from lib.scoring.systems import log_odds

AXES = ("seconds", "hertz")
PARTS = 16  # of each axis
_NAMED = 5  # parts that a map names: those which support the answer most
_DRAWS = 19  # sets of as many parts by chance
_SHUFFLES = 3  # orders of a network's weights
_ALIKE = 0.5  # rank correlation with the maps of shuffled weights from which on a map shows no training
_FINE = 2048  # points at which an activation map is read
_ALPHA = 0.05
_AGREED = 0.38  # agreement that has this p for the 20 sets of one recording; less on average is no more to rely on


@dataclass(frozen=True)
class Explanation:
    """What the parts of a recording say to a system, along one axis."""

    method: str  # occlusion, or Grad-CAM of one input
    axis: str  # seconds or hertz
    edges: np.ndarray  # of the parts [shape=(PARTS + 1,)]
    support: np.ndarray  # of each part, positive for genuine; of occlusion in log-odds
    named: np.ndarray  # parts that support the answer most
    gain: float  # log-odds that the answer loses without the named parts, beyond what it loses without parts by chance
    agreement: float  # rank correlation of what the map predicts of each deletion with what it does; NaN: nothing
    p: float  # that they do not agree, one side
    alike: float | None  # rank correlation with the maps of shuffled weights, the mean; None without a network
    doubts: list  # why it should not be trusted; empty where both checks hold


def explain(system, y):
    """Every `Explanation` of an open `lib.scoring.System` and one recording at its rate; about 70 scores of it."""
    sr, rng, found = system.sr, np.random.default_rng(0), []
    edges = {axis: parts(y, sr, axis, PARTS) for axis in AXES}
    clips = [y, *(y + change for axis in AXES for change in taken_out(y, sr, axis, edges[axis], 0))]
    maps = partial(_maps, system, clips, edges, inputs.prepared(system.inputs, clips))
    trained, score = maps()
    alike = _alike(system.system, trained, maps) if "keras" in system.system.packages else {}
    answer = 1 if score >= system.run.threshold else -1
    for axis in AXES:
        again = taken_out(y, sr, axis, edges[axis], 1)  # other noise than the maps were made with
        keys = [key for key in trained if key[1] == axis]
        named = [np.argsort(-answer * trained[key])[:_NAMED] for key in keys]
        drawn = [rng.choice(PARTS, _NAMED, replace=False) for _ in range(_DRAWS)]
        falls = score - log_odds([system], [y + again[some].sum(axis=0) for some in (*drawn, *named)])[0]
        for key, best, fall in zip(keys, named, falls[_DRAWS:], strict=True):
            foretold, came = [trained[key][some].sum() for some in (*drawn, best)], [*falls[:_DRAWS], fall]
            differ = np.ptp(foretold) and np.ptp(came)
            agreed = spearmanr(foretold, came, alternative="greater") if differ else (np.nan, np.nan)
            gain = float(answer * (fall - falls[:_DRAWS].mean()))
            checked = *agreed, alike.get(key), _doubts(agreed[1] < _ALPHA, alike.get(key))
            found.append(Explanation(*key, edges[axis], trained[key], best, gain, *checked))
    return found


def trusted(explained):
    """Whether the maps of runs hold over many recordings: a row for each run, method and axis.

    `explained` has for each run what `explain` gave of each recording. Columns are `run`, `method`, `axis`; means of
    `gain`, `agreement` and `alike` (NaN without a network); `held`, the share of recordings without doubts; `p` that
    there is no agreement (t over recordings, one side, Holm); `doubts` in words, empty where a map holds.
    """
    every = [(run, e) for run, recordings in explained.items() for several in recordings for e in several]
    every = pd.DataFrame([{"run": run, **vars(e), "held": not e.doubts} for run, e in every])
    every["agreement"] = every["agreement"].fillna(0.0)  # there is nothing to agree on
    rows = every.astype({"alike": float}).groupby(["run", "method", "axis"], sort=False)
    p = rows["agreement"].agg(lambda found: ttest_1samp(found, 0, alternative="greater").pvalue if np.ptp(found) else 1)
    table = rows[["gain", "agreement", "held", "alike"]].mean().assign(p=p).reset_index()
    table["p"] = metrics.holm(table["p"])
    agreed = (table["p"] < _ALPHA) & (table["agreement"] >= _AGREED)
    return table.assign(doubts=["; ".join(_doubts(*both)) for both in zip(agreed, table["alike"], strict=True)])


def _doubts(agreed, alike):
    said = {
        "it does not predict what deletion does": not agreed,
        "shuffled weights give much the same map": alike is not None and alike > _ALIKE,
    }
    return [text for text, holds in said.items() if holds]


def _maps(system, clips, edges, arrays):
    """(method, axis) -> support of the parts, and the recording's score, of the system as it is now."""
    scores = inputs.scores(system.system, system.inputs, clips, arrays=arrays)
    changes = (scores[0] - scores[1:]).reshape(len(AXES), PARTS)
    found = {("occlusion", axis): change for axis, change in zip(AXES, changes, strict=True)}
    if "keras" not in system.system.packages:  # which is imported with the systems that need it
        return found, scores[0]
    from lib.systems.networks import activation_maps

    fed = [item.shown(arrays[item.wanted][:1]) for item in system.inputs]
    for item, seen in zip(system.inputs, activation_maps(system.system.model, fed), strict=True):
        for axis, place, support in _placed(item, seen, clips[0]) if seen is not None else ():
            part = np.searchsorted(edges[axis][1:-1], place, side="right")
            mean = np.bincount(part, support, PARTS) / np.maximum(np.bincount(part, minlength=PARTS), 1)
            found[f"Grad-CAM, {item.feature}", axis] = mean
    return found, scores[0]


def _placed(item, seen, y):
    """An activation map along its axes: (axis, where each of many points lies on it, its values)."""
    settings, points = item.settings, (np.arange(_FINE) + 0.5) / _FINE
    down, across = (
        np.interp(points, (np.arange(n) + 0.5) / n, seen.mean(axis=1 - k)) for k, n in enumerate(seen.shape)
    )
    if item.feature == "fft":  # levels over hertz
        yield "hertz", points * settings.sr / 2, across
        return
    frames = 1 + len(y) // settings.hop_length
    shown = item.frames if isinstance(item, Matrix) else frames  # a matrix repeats a recording or cuts it
    yield "seconds", points * shown % frames * settings.hop_length / settings.sr, across
    hertz = row_hertz(item.feature, settings)
    if hertz is not None and not getattr(item, "deltas", 0):
        # An image has its low frequencies at the bottom.
        yield "hertz", hertz[(points * len(hertz)).astype(int)], down[::-1] if isinstance(item, Image) else down


def _alike(network, trained, maps):
    """How far the maps of shuffled weights resemble those of the trained ones: mean correlation of the parts' ranks."""
    from lib.systems.networks import shuffled

    found = {key: [] for key in trained}
    for number in range(_SHUFFLES):
        with shuffled(network, number):
            for key, support in maps()[0].items():
                pair = pd.DataFrame({"trained": trained[key], "shuffled": support}).abs()
                seen = pair[pair.any(axis=1)]  # a network that cuts recordings sees no change in what it cuts off
                found[key].append(seen.corr("spearman").iloc[0, 1])  # NaN where all parts are alike
    return {key: float(np.nan_to_num(values).mean()) for key, values in found.items()}
