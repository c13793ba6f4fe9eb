"""All metrics of a score file against its protocol, and what is suspicious about them: ``study evaluate``."""

import numpy as np

from lib.audio import duration, find_recordings
from lib.corpus.protocol import LABEL_NAMES, read_protocol
from lib.errors import InputError
from lib.files import places
from lib.metrics import decisions
from lib.metrics.clusters import breakdown, decided, spreads
from lib.metrics.measures import ASVSPOOF5, bayes_threshold, eer, evaluate
from lib.metrics.resampling import LEVEL, shuffled_auc
from lib.metrics.tables import percent
from lib.params import read_table
from lib.scores import match, read_scores

_ALARMS = read_table("alarms")
_FEW = 100  # below so many trials of a class an error rate of 5 % rests on fewer than five errors
_LARGE_DESIGN_EFFECT = 3


def read_tables(
    scores_path, protocol_path=None, dev_scores=None, dev_protocol=None, allow_missing=False, *, column=None,
    recordings=None,
):  # fmt: skip
    """Join score files of any system with their protocols (local files or URLs), or with their own labels.

    `allow_missing` takes the trials that scores and protocol share, `column` is as for
    `lib.scores.read_scores`. `recordings`, a folder or URL of the scored recordings, adds their
    `duration`, s. Returns the tables of `lib.scores.match`, that of dev None without its files.
    """
    if dev_scores is None and dev_protocol is not None:
        raise InputError("dev scores and dev protocol go together: the scores are missing")

    def joined(scores, protocol):
        listed = None if protocol is None else read_protocol(protocol)
        return match(read_scores(scores, column), listed, allow_missing=allow_missing)

    table = joined(scores_path, protocol_path)
    if recordings is not None:
        table["duration"] = list(places.each(duration, find_recordings(recordings, table.get("file", table["trial"]))))
    return table, None if dev_scores is None else joined(dev_scores, dev_protocol)


def evaluate_table(table, dev=None, *, by=(), costs=ASVSPOOF5, c_unsure=None, resamples=1000):
    """Measure a table of scores, labels and protocol columns (`lib.scores.match`), thresholds chosen on `dev`.

    `by` are columns to break the EER down by, such as ``environment`` or ``duration``; `costs`
    and `c_unsure` are those of `lib.metrics.threshold_card`.

    Returns plain values, ready for JSON; fractions: those of `lib.metrics.evaluate`, at threshold
    0.5 (0 log-odds), and of `lib.metrics.clusters.spreads`; `eer_threshold`; `shuffled_auc` [low, high];
    `thresholds` (``0.5``, ``bayes``, with dev ``dev-eer``), each with its metrics and their widest
    intervals; `breakdown`; with dev `dev` (EER with its widest interval, calibration, threshold card) and
    `band` (`decisions.kept`); `n_missing`, `n_extra`; `costs`, `level`, `resamples`; `warnings`, sentences.
    """
    scores, labels = table["score"].to_numpy(), table["label"].to_numpy()
    result = evaluate(scores, labels, costs=costs)
    result |= spreads(table, result, costs=costs, resamples=resamples)
    result["eer_threshold"] = eer(scores, labels)[1]
    result["shuffled_auc"] = list(shuffled_auc(scores, labels))
    result["breakdown"] = {column: breakdown(table, column, resamples=resamples) for column in by}
    cuts = {"0.5": (0.0, "probability 0.5"), "bayes": (bayes_threshold(costs), "costs, scores as they are")}
    if dev is not None:
        dev_scores, dev_labels = dev["score"].to_numpy(), dev["label"].to_numpy()
        rate, threshold = eer(dev_scores, dev_labels)
        line = decisions.calibrate(dev_scores, dev_labels)
        spread = spreads(dev, {"eer": rate}, metrics=("eer",), resamples=resamples)
        ends = {name: spread[name] for name in ("eer_ci", "interval_over")}
        result["dev"] = {"eer": rate, **ends, "calibration": line._asdict()}
        source = f"EER of dev, {percent(rate, spread['eer_ci'], digits=2)} %"
        cuts = {"0.5": cuts["0.5"], "dev-eer": (threshold, source)}
        if line.slope > 0:
            card = decisions.threshold_card(dev_scores, dev_labels, costs=costs, c_unsure=c_unsure)
            cuts["bayes"] = (card["threshold"], "costs, calibrated on dev")
            result["dev"]["card"] = card
            result["band"] = decisions.kept(card["band"], {"dev": dev, "eval": table})
    how = {"costs": costs, "resamples": resamples}
    result["thresholds"] = {
        name: {"threshold": float(cut), "source": source, **decided(table, scores >= cut, **how)}
        for name, (cut, source) in cuts.items()
    }
    few = [part["why"] for part in result["clusters"].values() if "why" in part]
    warnings = [*table.attrs.get("notes", ()), *few, *alarms(scores, result)]
    if dev is not None:
        warnings += _about_dev(table, dev, result)
    result |= {f"n_{name}": len(table.attrs.get(name, ())) for name in ("missing", "extra")}
    return result | {"costs": costs._asdict(), "level": LEVEL, "resamples": resamples, "warnings": warnings}


def _about_dev(table, dev, result):
    found = [f"dev: {note}" for note in dev.attrs.get("notes", ())]
    if "card" not in result["dev"]:
        found.append(_ALARMS["dev without order"])
    if shared := len(set(table["trial"]) & set(dev["trial"])):
        found.append(_ALARMS["dev shared"].format(shared=shared))
    band = result.get("band", {})
    return found + [decisions.caution(band)] * decisions.is_broken(band)


def alarms(scores, result, *, threshold=0.0):
    """What is suspicious about scores and their result before anybody believes it: sentences of params/alarms.yaml.

    `result` is that of `lib.metrics.evaluate` at the same `threshold` (log-odds) with `shuffled_auc` and, of
    `spreads`, `trials`, `clusters`, `single`.
    """
    different, accepted, (low, high) = len(np.unique(scores)), scores >= threshold, result["shuffled_auc"]
    holds = {
        "constant": different == 1,
        "few scores": 1 < different < min(10, len(scores)),
        "probabilities": different > 1 and scores.min() >= 0 and scores.max() <= 1,
        "inverted": result["auc"] < low,
        "chance": low <= result["auc"] <= high,
        "one decision": accepted.all() or not accepted.any(),
        "majority": result["accuracy"] <= result["constant_accuracy"],
        "misleading": result["cllr"] > 1,
    }
    figures = {name: 100 * result[name] for name in ("accuracy", "constant_accuracy", "eer")}
    figures |= {name: result[name] for name in ("auc", "cllr")} | {"low": low, "high": high}
    figures |= {"score": scores[0], "different": different, "decided": LABEL_NAMES[int(accepted[0])]}
    figures["threshold"] = f"{threshold:.3g} (score)" if threshold else "0.5"
    figures["larger"] = LABEL_NAMES[int(result["n_genuine"] > result["n_spoof"])]
    found = [_ALARMS[name].format(**figures) for name, shown in holds.items() if shown]
    for label in LABEL_NAMES:
        if (count := result[f"n_{label}"]) < _FEW:
            found.append(_ALARMS["few trials"].format(count=count, label=label, share=100 / count))
    found += [_ALARMS["single"].format(label=label, name=name) for label, name in result["single"]]
    low, high = result["trials"]["eer_ci"]
    for name, part in result["clusters"].items():
        (cluster, without), effect = part["most"].values(), part["design_effect"]
        if effect is not None and effect > _LARGE_DESIGN_EFFECT:
            ends = " to ".join(f"{100 * end:.1f}" for end in part["eer_ci"])
            found.append(_ALARMS["correlated"].format(name=name, ends=ends, **part))
        if without is not None and not low <= without <= high:
            figures |= {"cluster": cluster, "without": 100 * without}
            found.append(_ALARMS["one dominates"].format(name=name, **figures))
    return found
