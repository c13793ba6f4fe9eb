"""Everything that scores and a protocol say together: what ``study evaluate`` shows."""

import numpy as np

from lib.audio import duration, find_recordings
from lib.corpus.protocol import SPOOF, UNKNOWN, read_protocol
from lib.errors import InputError
from lib.files import places
from lib.metrics import alarms
from lib.metrics.answers import confusion, from_counts, rate_interval, resampled
from lib.metrics.breakdown import breakdown, configurations
from lib.metrics.calibration import calibrate, calibrated, raw_threshold, threshold_card
from lib.metrics.clusters import leave_one_out
from lib.metrics.costs import ASVSPOOF5, act_dcf, bayes_threshold, cllr, dcf
from lib.metrics.curves import eer
from lib.metrics.draws import interval
from lib.metrics.measures import evaluate
from lib.metrics.resampling import METRICS, bootstrap, intervals, resample
from lib.scores import match, read_scores

_OVER_CLUSTERS = ("eer", "auc", "balanced_accuracy")


def read_tables(
    scores_path, protocol_path, dev_scores=None, dev_protocol=None, allow_missing=False, *, recordings=None
):
    """The tables that score files of any system and their protocols make.

    Parameters
    ----------
    scores_path, protocol_path : str or Path
        Local files or their URLs.
    dev_scores, dev_protocol : str or Path, optional
        The same system's scores of dev; thresholds and calibration are chosen there.
    allow_missing : bool
        Take the trials that scores and protocol share; a warning says how many.
    recordings : str or Path, optional
        Folder or URL of the scored recordings, WAV or FLAC: their durations become a column.

    Returns
    -------
    table : pandas.DataFrame
        See `lib.scores.match`; with `recordings` a column `duration`, s.
    dev : pandas.DataFrame or None

    Raises
    ------
    InputError
        A file is wrong, or only one of both dev files is given.
    """
    if (dev_scores is None) != (dev_protocol is None):
        raise InputError("dev scores and dev protocol go together; one of them is missing")
    table = match(read_scores(scores_path), read_protocol(protocol_path), allow_missing=allow_missing)
    if recordings is not None:
        table["duration"] = list(places.each(duration, find_recordings(recordings, table["trial"])))
    dev = None
    if dev_scores is not None:
        dev = match(read_scores(dev_scores), read_protocol(dev_protocol), allow_missing=allow_missing)
    return table, dev


def evaluate_table(table, dev=None, *, by=(), costs=ASVSPOOF5, c_unsure=None, resamples=1000, seed=0, level=0.95):
    """Measure a table of scores, labels and what is known of the trials.

    Parameters
    ----------
    table : pandas.DataFrame
        From `lib.scores.match`: `trial`, `score`, `label`, and of `speaker`, `phrase`,
        `environment`, `playback`, `recorder` what there is.
    dev : pandas.DataFrame, optional
        The same of dev.
    by : sequence of str
        Columns to break the EER down by, as ``environment`` or ``duration``.
    c_unsure : float, > 0, optional
        Of the threshold card, see `lib.metrics.threshold_card`.
    costs, resamples, seed, level
        As for `lib.metrics.bootstrap`.

    Returns
    -------
    dict
        Plain values, ready for JSON; fractions. All keys of `lib.metrics.evaluate`, with
        accuracies and MCC at threshold 0.5 (0 log-odds); `<metric>_ci` [low, high] over
        trials; `eer_threshold`; `shuffled_auc` [low, high]; `thresholds` (``0.5``,
        ``bayes`` and, with dev, ``dev-eer``), each with what it answers and intervals; `clusters` (speaker, phrase,
        configuration); `breakdown`; with dev `dev` (its EER, the calibration, the
        threshold card); `n_missing`, `n_extra`; `costs`, `level`, `resamples`;
        `warnings`, plain sentences.
    """
    scores, labels = table["score"].to_numpy(), table["label"].to_numpy()
    settings = {"resamples": resamples, "seed": seed, "costs": costs}
    over_trials = resample(scores, labels, metrics=(*METRICS, "min_cllr"), **settings)
    result = evaluate(scores, labels, costs=costs)
    ends = intervals(over_trials, result, labels, level=level, costs=costs)
    result |= {f"{name}_ci": list(ends[name]) for name in ends}
    result["eer_threshold"] = eer(scores, labels)[1]
    result["shuffled_auc"] = list(alarms.shuffled_auc(scores, labels, seed=seed))
    how = {"resamples": resamples, "seed": seed, "level": level}
    result["thresholds"] = {"0.5": _at(scores, labels, 0.0, "probability 0.5", costs, how)}
    result["clusters"] = {
        name: over_clusters(scores, labels, clusters, over_trials["eer"].var(), level=level, **settings)
        for name, clusters in _clusters(table).items()
    }
    result["breakdown"] = {column: _rows(breakdown(table, column, resamples=resamples, seed=seed)) for column in by}
    warnings = _about_trials(table, "") + alarms.of_scores(scores) + alarms.of_result(result)
    if dev is None:
        source = "costs, scores as they are"
        result["thresholds"]["bayes"] = _at(scores, labels, bayes_threshold(costs), source, costs, how)
    else:
        result["dev"] = _with_dev(scores, labels, dev, costs, c_unsure, how)
        result["thresholds"] |= result["dev"].pop("thresholds")
        warnings += _about_trials(dev, "dev: ") + _about_dev(table, dev, result["dev"])
    result |= {"n_missing": len(table.attrs.get("missing", ())), "n_extra": len(table.attrs.get("extra", ()))}
    result |= {"costs": costs._asdict(), "level": level, "resamples": resamples, "warnings": warnings}
    return result


def _at(scores, labels, threshold, source, costs, how):
    """What a threshold answers, each number with its interval over trials."""
    matrix = confusion(scores, labels, threshold)
    answers, others = (_answers(m, costs) for m in (matrix, resampled(matrix, how["resamples"], how["seed"])))
    ends = {f"{name}_ci": list(interval(values, np.inf, how["level"])) for name, values in others.items()}
    for name, errors, row in (("far", matrix[0, 1], matrix[0]), ("frr", matrix[1, 0], matrix[1])):
        ends[f"{name}_ci"] = list(rate_interval(errors, row.sum(), how["level"]))
    values = {name: float(value) for name, value in answers.items()}
    return {"threshold": float(threshold), "source": source, **values, **ends}


def _answers(matrix, costs):
    found = from_counts(matrix)
    del found["constant_accuracy"]
    return {**found, "dcf": dcf(found["far"], found["frr"], costs)}


def _clusters(table):
    """Cluster names of every trial, for each kind that the protocol knows."""
    kinds = {name: table[name].to_numpy() for name in ("speaker", "phrase") if name in table}
    if all(name in table for name in ("environment", "playback", "recorder")):
        kinds["configuration"] = configurations(table).to_numpy()
    spoof = (table["label"] == SPOOF).to_numpy()
    return {kind: names for kind, names in kinds.items() if len(set(names[spoof]) - {UNKNOWN}) > 1}


def over_clusters(scores, labels, clusters, variance, *, metrics=_OVER_CLUSTERS, level=0.95, **settings):
    """What the same scores say when clusters, and not trials, are drawn.

    Parameters
    ----------
    scores, labels, clusters : array [shape=(trials,)]
    variance : float
        Of the EER over resampled trials.
    metrics : sequence of str
        The EER among them.
    level, settings
        As for `lib.metrics.bootstrap`.

    Returns
    -------
    dict
        `count`, ``<metric>_ci`` [low, high], `design_effect` (None without variance), and
        `most`, the cluster without which the EER changes most.
    """
    values = resample(scores, labels, clusters=clusters, metrics=metrics, **settings)
    ends = intervals(values, {}, labels, clusters=clusters, level=level)
    influence = leave_one_out(scores, labels, clusters)
    influence = influence[influence["cluster"] != UNKNOWN]
    most = influence.iloc[0]
    known = not np.isnan(most["without"])
    return {
        "count": len(influence),
        **{f"{name}_ci": list(ends[name]) for name in metrics},
        "design_effect": float(values["eer"].var() / variance) if variance > 0 else None,
        "most": {"cluster": str(most["cluster"]), "without": float(most["without"]) if known else None},
    }


def _rows(table):
    """A breakdown as plain dicts; None where there is no number."""
    return [
        {key: (None if value != value else value) for key, value in row.items()}  # NaN is unlike itself
        for row in table.to_dict("records")
    ]


def _with_dev(scores, labels, dev, costs, c_unsure, how):
    """Calibration and thresholds chosen on dev, and what they do here."""
    dev_scores, dev_labels = dev["score"].to_numpy(), dev["label"].to_numpy()
    rate, threshold = eer(dev_scores, dev_labels)
    line = calibrate(dev_scores, dev_labels)
    ends = bootstrap(dev_scores, dev_labels, metrics=("eer",), **how)["eer"]
    result = {
        "eer": rate,
        "eer_ci": list(ends),
        "n_genuine": int((dev_labels != SPOOF).sum()),
        "n_spoof": int((dev_labels == SPOOF).sum()),
        "calibration": line._asdict(),
        "thresholds": {"dev-eer": _at(scores, labels, threshold, "EER of dev", costs, how)},
    }
    if line.slope > 0:
        source = "costs, calibrated on dev"
        cut = raw_threshold(bayes_threshold(costs), line)
        result["thresholds"]["bayes"] = _at(scores, labels, cut, source, costs, how)
        ratios = calibrated(scores, line)
        result["calibrated"] = {"cllr": cllr(ratios, labels), "act_dcf": act_dcf(ratios, labels, costs)}
        result["card"] = threshold_card(dev_scores, dev_labels, costs=costs, c_unsure=c_unsure)
    return result


def _about_trials(table, prefix):
    """What a partial overlap left out."""
    missing, extra = (len(table.attrs.get(name, ())) for name in ("missing", "extra"))
    found = []
    if missing:
        total = missing + len(table)
        found.append(f"{prefix}{missing:,} of the protocol's {total:,} trials have no score and are left out.")
    if extra:
        found.append(f"{prefix}{extra:,} scores have no trial in the protocol and are left out.")
    return found


def _about_dev(table, dev, result):
    found = []
    if result["calibration"]["slope"] <= 0:
        found.append("On dev the scores say nothing or point the wrong way: there is no Bayes threshold.")
    shared = len(set(table["trial"]) & set(dev["trial"]))
    if shared:
        found.append(f"{shared:,} of the measured trials are in dev too: thresholds were chosen on what they judge.")
    return found
