"""All metrics of a score file against its protocol: what ``study evaluate`` shows."""

from lib.audio import duration, find_recordings
from lib.corpus.protocol import read_protocol
from lib.errors import InputError
from lib.files import places
from lib.metrics import alarms, band
from lib.metrics.breakdown import breakdown
from lib.metrics.calibration import calibrate, threshold_card
from lib.metrics.clusters import decided, spreads
from lib.metrics.measures import ASVSPOOF5, bayes_threshold, eer, evaluate
from lib.metrics.resampling import LEVEL
from lib.scores import match, read_scores


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
        table["duration"] = list(places.each(duration, find_recordings(recordings, table["trial"])))
    return table, None if dev_scores is None else joined(dev_scores, dev_protocol)


def evaluate_table(table, dev=None, *, by=(), costs=ASVSPOOF5, c_unsure=None, resamples=1000):
    """Measure a table of scores, labels and protocol columns (`lib.scores.match`), thresholds chosen on `dev`.

    `by` are columns to break the EER down by, such as ``environment`` or ``duration``; `costs`
    and `c_unsure` are those of `lib.metrics.threshold_card`.

    Returns plain values, ready for JSON; fractions: those of `lib.metrics.evaluate`, at threshold
    0.5 (0 log-odds), and of `lib.metrics.clusters.spreads`; `eer_threshold`; `shuffled_auc` [low, high];
    `thresholds` (``0.5``, ``bayes``, with dev ``dev-eer``), each with its metrics and their widest
    intervals; `breakdown`; with dev `dev` (EER with its widest interval, calibration, threshold card) and
    `band` (`band.kept`); `n_missing`, `n_extra`; `costs`, `level`, `resamples`; `warnings`, sentences.
    """
    scores, labels = table["score"].to_numpy(), table["label"].to_numpy()
    result = evaluate(scores, labels, costs=costs)
    result |= spreads(table, result, costs=costs, resamples=resamples)
    result["eer_threshold"] = eer(scores, labels)[1]
    result["shuffled_auc"] = list(alarms.shuffled_auc(scores, labels))
    parts = {column: breakdown(table, column, resamples=resamples).astype(object) for column in by}
    result["breakdown"] = {column: rows.where(rows.notna(), None).to_dict("records") for column, rows in parts.items()}
    cuts = {"0.5": (0.0, "probability 0.5"), "bayes": (bayes_threshold(costs), "costs, scores as they are")}
    if dev is not None:
        dev_scores, dev_labels = dev["score"].to_numpy(), dev["label"].to_numpy()
        rate, threshold = eer(dev_scores, dev_labels)
        line = calibrate(dev_scores, dev_labels)
        spread = spreads(dev, {"eer": rate}, metrics=("eer",), resamples=resamples)
        ends = {name: spread[name] for name in ("eer_ci", "interval_over")}
        result["dev"] = {"eer": rate, **ends, "calibration": line._asdict()}
        source = "EER of dev, {:.2f} % ({:.2f} to {:.2f})".format(*(100 * x for x in (rate, *spread["eer_ci"])))
        cuts = {"0.5": cuts["0.5"], "dev-eer": (threshold, source)}
        if line.slope > 0:
            card = result["dev"]["card"] = threshold_card(dev_scores, dev_labels, costs=costs, c_unsure=c_unsure)
            cuts["bayes"] = (card["threshold"], "costs, calibrated on dev")
            result["band"] = band.kept(card["band"], {"dev": dev, "eval": table})
    how = {"costs": costs, "resamples": resamples}
    result["thresholds"] = {
        name: {"threshold": float(cut), "source": source, **decided(table, scores >= cut, **how)}
        for name, (cut, source) in cuts.items()
    }
    few = [part["why"] for part in result["clusters"].values() if "why" in part]
    warnings = [*table.attrs.get("notes", ()), *few, *alarms.of_scores(scores), *alarms.of_result(result)]
    if dev is not None:
        warnings += _about_dev(table, dev, result)
    result |= {f"n_{name}": len(table.attrs.get(name, ())) for name in ("missing", "extra")}
    return result | {"costs": costs._asdict(), "level": LEVEL, "resamples": resamples, "warnings": warnings}


def _about_dev(table, dev, result):
    found = [f"dev: {note}" for note in dev.attrs.get("notes", ())]
    if "card" not in result["dev"]:
        found.append("On dev the scores carry no information or are inverted: there is no Bayes threshold.")
    shared = len(set(table["trial"]) & set(dev["trial"]))
    if shared:
        found.append(f"{shared:,} of the evaluated trials are in dev too: thresholds were chosen on the same trials.")
    said = band.caution(result.get("band", {}))
    return found + [said] * said.endswith("does not hold.")
