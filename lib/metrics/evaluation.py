"""All metrics of a score file against its protocol: what ``study evaluate`` shows."""

import numpy as np
import pandas as pd

from lib.audio import duration, find_recordings
from lib.corpus.protocol import SPOOF, UNKNOWN, read_protocol
from lib.errors import InputError
from lib.files import places
from lib.metrics import alarms, band
from lib.metrics.breakdown import breakdown, configurations
from lib.metrics.calibration import calibrate, calibrated, raw_threshold, threshold_card
from lib.metrics.costs import ASVSPOOF5, act_dcf, bayes_threshold, cllr, dcf
from lib.metrics.curves import eer
from lib.metrics.measures import confusion, evaluate, from_counts, rate_interval
from lib.metrics.resampling import LEVEL, METRICS, bootstrap, interval, intervals, resample
from lib.scores import match, read_scores


def read_tables(
    scores_path, protocol_path, dev_scores=None, dev_protocol=None, allow_missing=False, *, recordings=None
):
    """Join score files of any system with their protocols (local files or URLs).

    `dev_scores` and `dev_protocol` are the same system's of dev. `allow_missing` takes the
    trials that scores and protocol share. `recordings`, a folder or URL of the scored
    recordings, adds their `duration`, s. Returns the tables of `lib.scores.match`, that of dev
    None without its files. InputError if a file is malformed, or only one of dev's is given.
    """
    if (dev_scores is None) != (dev_protocol is None):
        raise InputError("dev scores and dev protocol go together: one of them is missing")
    table = match(read_scores(scores_path), read_protocol(protocol_path), allow_missing=allow_missing)
    if recordings is not None:
        table["duration"] = list(places.each(duration, find_recordings(recordings, table["trial"])))
    dev = None
    if dev_scores is not None:
        dev = match(read_scores(dev_scores), read_protocol(dev_protocol), allow_missing=allow_missing)
    return table, dev


def evaluate_table(table, dev=None, *, by=(), costs=ASVSPOOF5, c_unsure=None, resamples=1000):
    """Measure a table of scores, labels and protocol columns (`lib.scores.match`), thresholds chosen on `dev`.

    `by` are columns to break the EER down by, such as ``environment`` or ``duration``; `costs`
    and `c_unsure` are those of `lib.metrics.threshold_card`.

    Returns plain values, ready for JSON; fractions. All keys of `lib.metrics.evaluate`, at
    threshold 0.5 (0 log-odds); `<metric>_ci` [low, high] over trials; `eer_threshold`;
    `shuffled_auc` [low, high]; `thresholds` (``0.5``, ``bayes``, with dev ``dev-eer``), each with
    its metrics and intervals; `clusters` (speaker, phrase, configuration); `breakdown`; with dev
    `dev` (EER, calibration, threshold card) and `band` (`lib.metrics.band.kept`); `n_missing`,
    `n_extra`; `costs`, `level`, `resamples`; `warnings`, sentences.
    """
    scores, labels = table["score"].to_numpy(), table["label"].to_numpy()
    over_trials = resample(scores, labels, metrics=(*METRICS, "min_cllr"), resamples=resamples, costs=costs)
    result = evaluate(scores, labels, costs=costs)
    ends = intervals(over_trials, result, labels, costs=costs)
    result |= {f"{name}_ci": list(ends[name]) for name in ends}
    result["eer_threshold"] = eer(scores, labels)[1]
    result["shuffled_auc"] = list(alarms.shuffled_auc(scores, labels))
    result["thresholds"] = {"0.5": _at(scores, labels, 0.0, "probability 0.5", costs, resamples)}
    result["clusters"] = {
        name: over_clusters(scores, labels, clusters, over_trials["eer"].var(), resamples=resamples)
        for name, clusters in _clusters(table).items()
    }
    parts = {column: breakdown(table, column, resamples=resamples).to_dict("records") for column in by}
    result["breakdown"] = {
        column: [{key: _plain(value) for key, value in row.items()} for row in rows] for column, rows in parts.items()
    }
    warnings = _about_trials(table, "") + alarms.of_scores(scores) + alarms.of_result(result)
    if dev is None:
        source = "costs, scores as they are"
        result["thresholds"]["bayes"] = _at(scores, labels, bayes_threshold(costs), source, costs, resamples)
    else:
        result["dev"] = _with_dev(scores, labels, dev, costs, c_unsure, resamples)
        result["thresholds"] |= result["dev"].pop("thresholds")
        if "card" in result["dev"]:
            result["band"] = band.kept(result["dev"]["card"]["band"], {"dev": dev, "eval": table})
        warnings += _about_trials(dev, "dev: ") + _about_dev(table, dev, result)
    result["n_missing"], result["n_extra"] = _left_out(table)
    return result | {"costs": costs._asdict(), "level": LEVEL, "resamples": resamples, "warnings": warnings}


def over_clusters(scores, labels, clusters, variance, *, metrics=("eer", "auc", "balanced_accuracy"), resamples=1000):
    """Intervals over clusters instead of trials; `metrics` include the EER.

    `design_effect` is the variance of the EER over clusters / `variance`, that over trials (None
    where it is 0), `most` the cluster without which the EER changes most.
    """
    values = resample(scores, labels, clusters=clusters, metrics=metrics, resamples=resamples)
    ends = intervals(values, {}, labels, clusters=clusters)
    without = leave_one_out(scores, labels, clusters).drop(UNKNOWN, errors="ignore")
    most = (without - eer(scores, labels)[0]).abs().fillna(-1).idxmax()
    return {
        "count": len(without),
        **{f"{name}_ci": list(ends[name]) for name in metrics},
        "design_effect": float(values["eer"].var() / variance) if variance > 0 else None,
        "most": {"cluster": str(most), "without": _plain(without[most])},
    }


def leave_one_out(scores, labels, clusters):
    """EER without each cluster, as a Series; NaN if one class is left."""
    names, found = np.asarray(clusters).astype(str), {}
    for name in np.unique(names):
        rest = names != name
        found[name] = eer(scores[rest], labels[rest])[0] if len(np.unique(labels[rest])) == 2 else np.nan
    return pd.Series(found)


def _at(scores, labels, threshold, source, costs, resamples):
    """Metrics at a threshold, each with its interval over trials."""
    matrix = confusion(scores, labels, threshold)
    values, others = (_decided(m, costs) for m in (matrix, _resampled(matrix, resamples)))
    ends = {f"{name}_ci": list(interval(several, np.inf)) for name, several in others.items()}
    ends["far_ci"] = list(rate_interval(matrix[0, 1], matrix[0].sum()))
    ends["frr_ci"] = list(rate_interval(matrix[1, 0], matrix[1].sum()))
    return {"threshold": float(threshold), "source": source, **{k: float(v) for k, v in values.items()}, **ends}


def _resampled(matrix, resamples):
    """Confusion matrices of resampled trials: at one threshold no more than two binomial counts each."""
    totals = matrix.sum(1)
    accepted = np.random.default_rng(0).binomial(totals, matrix[:, 1] / totals, size=(resamples, 2))
    return np.stack([totals - accepted, accepted], axis=-1)


def _decided(matrix, costs):
    found = from_counts(matrix)
    del found["constant_accuracy"]
    return {**found, "dcf": dcf(found["far"], found["frr"], costs)}


def _clusters(table):
    """Cluster names of every trial, for each kind that the protocol has."""
    kinds = {name: table[name].to_numpy() for name in ("speaker", "phrase") if name in table}
    if all(name in table for name in ("environment", "playback", "recorder")):
        kinds["configuration"] = configurations(table).to_numpy()
    spoof = (table["label"] == SPOOF).to_numpy()
    return {kind: names for kind, names in kinds.items() if len(set(names[spoof]) - {UNKNOWN}) > 1}


def _plain(value):
    """None for NaN, which JSON does not know."""
    return None if value != value else value


def _with_dev(scores, labels, dev, costs, c_unsure, resamples):
    """Calibration and thresholds chosen on dev, and their results here."""
    dev_scores, dev_labels = dev["score"].to_numpy(), dev["label"].to_numpy()
    rate, threshold = eer(dev_scores, dev_labels)
    line = calibrate(dev_scores, dev_labels)
    result = {
        "eer": rate,
        "eer_ci": list(bootstrap(dev_scores, dev_labels, metrics=("eer",), resamples=resamples)["eer"]),
        "n_genuine": int((dev_labels != SPOOF).sum()),
        "n_spoof": int((dev_labels == SPOOF).sum()),
        "calibration": line._asdict(),
        "thresholds": {"dev-eer": _at(scores, labels, threshold, "EER of dev", costs, resamples)},
    }
    if line.slope > 0:
        cut = raw_threshold(bayes_threshold(costs), line)
        result["thresholds"]["bayes"] = _at(scores, labels, cut, "costs, calibrated on dev", costs, resamples)
        ratios = calibrated(scores, line)
        result["calibrated"] = {"cllr": cllr(ratios, labels), "act_dcf": act_dcf(ratios, labels, costs)}
        result["card"] = threshold_card(dev_scores, dev_labels, costs=costs, c_unsure=c_unsure)
    return result


def _about_trials(table, prefix):
    """Which trials a partial overlap leaves out."""
    missing, extra = _left_out(table)
    found = []
    if missing:
        total = missing + len(table)
        found.append(f"{prefix}{missing:,} of the protocol's {total:,} trials have no score and are left out.")
    if extra:
        found.append(f"{prefix}{extra:,} scores have no trial in the protocol and are left out.")
    return found


def _left_out(table):
    return [len(table.attrs.get(name, ())) for name in ("missing", "extra")]


def _about_dev(table, dev, result):
    found = []
    if result["dev"]["calibration"]["slope"] <= 0:
        found.append("On dev the scores carry no information or are inverted: there is no Bayes threshold.")
    shared = len(set(table["trial"]) & set(dev["trial"]))
    if shared:
        found.append(f"{shared:,} of the evaluated trials are in dev too: thresholds were chosen on the same trials.")
    said = band.caution(result.get("band", {}))
    return found + [said] * said.endswith("does not hold.")
