"""What numbers say, in sentences that are computed from them; first, what is best and whether to trust it."""

import numpy as np
import pandas as pd

from lib import metrics
from lib.comparison.tables import is_untrained, label, named, recorded_scores, systems
from lib.corpus import UNKNOWN
from lib.metrics.tables import ends_of, percent, with_interval

_FEW_SPEAKERS = 20  # of eval; what differs between speakers is hardly known from fewer
_EDGE = "lowpassed"  # the change after which a system that wins by the edge of the band no longer does
_TURNED = 0.1  # more of an error, beyond chance, after a change that has nothing to do with replay
_DETECTS = 0.25  # an eval EER below it, interval included, is called detection
_SAME = 0.02  # of accuracies that are taken for the same


def chosen_by_dev(rows, turned=None):
    """The finished run that dev chooses, or None: lowest cost of its calibrated dev scores (Cllr).

    The EER of small dev splits is 0 for several systems; Cllr goes on counting how far apart the classes lie. While
    another is steady, one that needs the edge of the band (by `turned`, of 92_sensitivity) is not chosen.
    """
    able = [row for row in rows if _able(row)]
    return min([row for row in able if not _needs_edge(row, turned)] or able, key=dev_cost, default=None)


def _able(row):
    """Whether dev may choose it: trained, with the study's own parameters, above chance on dev."""
    highest = row.get("dev/eer_ci_high", row.get("dev/eer", 1))
    return not (row.get("changed") or row.get("diverged") or is_untrained(row)) and highest < 0.5


def dev_cost(row):
    """Cost (Cllr, bits) of a run's scores of dev after dev's own calibration."""
    table = recorded_scores(row, "dev")
    scores, labels = table["score"].to_numpy(), table["label"].to_numpy()
    return metrics.cllr(metrics.calibrated(scores, metrics.calibrate(scores, labels)), labels)


def first_screen(best, rows, notes, *, audit=None, turned=None):
    """What a reader must know first, a pandas.Series of answers by question.

    `best` is from `chosen_by_dev`, `rows` are finished runs with eval's scores (`with_scores`), `notes` say which
    corpus this is; `audit` are the metrics of its newest `01_corpus`, `turned` is the table of its newest
    `92_sensitivity`.
    """
    answers = {"best system, chosen on dev": "none is above chance on dev", "not told apart from it on eval": "-"}
    if best:
        answers["best system, chosen on dev"] = (
            f"{label(best)}: eval EER {with_interval(best, 'eval/eer')} %, dev EER {with_interval(best, 'dev/eer')} %"
        )
        higher = metrics.beside(named(best), systems(rows))
        answers["not told apart from it on eval"] = "; ".join(name for name in higher if not higher[name]) or "none"
        if lower := [name for name in higher if higher[name] < 0]:
            answers["lower on eval, though not dev's choice"] = "; ".join(lower)
    edge = [label(row) for row in rows if _able(row) and _needs_edge(row, turned)]
    if passed := [name for name in edge if not best or name != label(best)]:
        answers["not chosen, since they need what lies above 7 kHz"] = "; ".join(passed)
    plain = [f"one class always: accuracy {percent(row['eval/constant_accuracy'])} %, EER 50 %" for row in rows[:1]]
    if cues := [name for name in audit or {} if name.endswith("/eval_eer")]:
        cue = min(cues, key=audit.get)
        group = cue.split("/")[1].replace("_", " ")
        lowest = f"lowest of {len(cues)} classifiers of 01_corpus on plain cues, chosen on eval: {group}"
        plain.append(f"{lowest}, EER {with_interval(audit, cue)} %")
    answers["plain baselines"] = "; ".join(plain)
    looked = audit and f"{audit['shortcut/flagged']:.0f} kinds of cue, see 01_corpus"
    answers["shortcuts found in the corpus"] = looked or "not looked for: 01_corpus has not run"
    answers["corpus"] = " ".join(notes)
    speakers = set(best["scores"]["speaker"]) - {UNKNOWN} if best else ()
    word, reasons = trust(best, len(speakers), notes, audit=audit, turned=turned)
    answers["may the number be trusted?"] = f"{word}: {'; '.join(reasons)}" if reasons else word
    return pd.Series(answers, name="answer")


def trust(best, speakers, notes, *, audit=None, turned=None):
    """Whether the best system's EER on so many speakers may be trusted, ``yes``, ``no`` or ``unknown``, and why."""
    if best is None:
        return "no", ["no system is above chance on dev"]
    by = _turned_by(best, turned)
    against = {
        "the corpus has shortcuts, which a system can use instead of replay": audit and audit["shortcut/flagged"],
        f"decisions change with {', '.join(by or ())}": by,
    }
    unsure = {
        "nobody looked for shortcuts": audit is None,
        "nobody tested what changes its decisions (92_sensitivity)": turned is None,
        "what changes its decisions was tested on too few trials, or for others": by is None and turned is not None,
        f"eval has {speakers or 'no known'} speakers": speakers < _FEW_SPEAKERS,
        "the corpus is not the published one, see above": notes,
    }
    reasons = [text for text, holds in {**against, **unsure}.items() if holds]
    if any(against.values()):
        return "no", reasons
    return ("unknown" if reasons else "yes"), reasons


def _needs_edge(row, turned):
    return _EDGE in (_turned_by(row, turned) or ())


def _turned_by(row, turned):
    """Changes of a recording that raise an error of a run beyond chance; None: not tried, on too few trials."""
    names = row["run"], f"{row['run']} seed {row['seed']}"  # as 92_sensitivity names it beside other seeds
    own = None if turned is None else turned[turned["run"].isin(names)]
    if own is None or own.empty:
        return None
    worse = [own[f"{rate}_moved"] & (own[f"{rate}_change"] > _TURNED) for rate in ("far", "frr", "eer")]
    found = own.loc[np.any(worse, axis=0), "intervention"].tolist()
    if not found and "needed" in own and (own["needed"] > own[["n_genuine", "n_spoof"]].min(axis=1)).any():
        return None
    return found


def reading(name, measured, provenance, *, threshold="0.5", diagnosis=""):
    """What a run's numbers (split -> metrics with intervals) say, in Markdown, with what is known of its corpus."""
    final = measured["eval"]
    eers = {split: with_interval(values, "eer") for split, values in measured.items()}
    sentences = [
        f"**{name}**: eval EER {eers['eval']} % on {final['n_genuine']:,.0f} genuine and {final['n_spoof']:,.0f} spoof "
        f"trials (train {eers['train']} %, dev {eers['dev']} %).",
        f"Its eval accuracy at threshold {threshold}, {with_interval(final, 'accuracy')} %, {_beside_majority(final)}; "
        f"balanced accuracy is {with_interval(final, 'balanced_accuracy')} %.",
    ]
    if diagnosis:
        sentences.append(f"Diagnosis of the training: {diagnosis}.")
    if final.get("auc_ci_high", final["auc"]) < 0.5:
        sentences.append("The AUC lies below 50 %: the scores point the wrong way.")
    elif final.get("eer_ci_high", 0) >= 0.5 >= final.get("eer_ci_low", 1):
        auc = "that of its AUC lies above 50 %" if ends_of(final, "auc")[0] > 0.5 else "so does that of its AUC"
        sentences.append(f"The interval of the eval EER contains 50 %, which is chance; {auc}.")
    return " ".join(sentences + provenance)


def _beside_majority(final):
    accuracy, constant = final["accuracy"], final["constant_accuracy"]
    low, high = (final.get(f"accuracy_ci_{end}", accuracy) for end in ("low", "high"))
    if accuracy == constant:
        how = "equals"
    elif low <= constant <= high:
        how = f"does not lie significantly {'above' if accuracy > constant else 'below'}"
    else:
        how = f"lies {'above' if accuracy > constant else 'below'}"
    return f"{how} the {percent(constant)} % of the majority-class baseline"


def reading_study(study, rows, answers, provenance):
    """What a study's runs say together, in Markdown: rows of all, the `first_screen`, which corpus this is."""
    finished = [row for row in rows if "eval/eer" in row and row["status"] == "FINISHED"]
    if not finished:
        return f"No run of study {study} has finished. " + " ".join(provenance)
    sentences = [f"{q[0].upper()}{q[1:]}{'' if q.endswith('?') else ':'} {answer}" for q, answer in answers.items()]
    below = [row for row in finished if row["eval/accuracy"] < row["eval/constant_accuracy"]]
    notes = {
        f"Accuracy below the majority-class baseline's ({len(below)} of {len(finished)})": below,
        "Diverged, a loss is not finite": [row for row in finished if row.get("diverged")],
        "Stale": [row for row in finished if row.get("stale")],
        "Not finished": [row for row in rows if row["status"] != "FINISHED"],
    }
    sentences += [f"{title}: {'; '.join(map(label, named))}." for title, named in notes.items() if named]
    return "\n".join(f"- {sentence}" for sentence in sentences + provenance)


def lessons(rows):
    """What to look for in a table of finished runs: what detects, what collapsed, what is chance, a sentence each."""
    rows, found = sorted((row for row in rows if "eval/eer_ci_high" in row), key=lambda row: row["eval/eer"]), []
    if detects := [row for row in rows if row["eval/eer_ci_high"] < _DETECTS]:
        named = "; ".join(f"{label(row)} {with_interval(row, 'eval/eer')} %" for row in detects)
        surely = f"These detect replay on this corpus, the interval of their eval EER below {100 * _DETECTS:.0f} %"
        found.append(f"{surely}: {named}.")
    if one := [row for row in rows if _one_decision(row)]:
        named = "; ".join(f"{label(row)} (accuracy {percent(row['eval/accuracy'])} %)" for row in one)
        found.append(
            f"These decide the same for nearly every trial, whatever their accuracy: {named}. The majority-"
            f"class baseline has an accuracy of {percent(rows[0]['eval/constant_accuracy'])} % too."
        )
    if chance := [row for row in rows if row["eval/eer_ci_low"] <= 0.5 <= row["eval/eer_ci_high"]]:
        found.append(f"Not distinguishable from chance by their EER on these trials: {'; '.join(map(label, chance))}.")
    return found


def _one_decision(row):
    """Whether both accuracies are those of giving one class always; classes of equal size cannot show it."""
    accuracy, share = row["eval/accuracy"], row["eval/constant_accuracy"]
    alike = min(abs(accuracy - share), abs(accuracy - (1 - share)))
    return max(abs(row["eval/balanced_accuracy"] - 0.5), alike) < _SAME < share - 0.5


def reading_ledger(looks, best=""):
    """How often eval was opened before the choice of the run of id `best` was made, as a sentence."""
    if not looks:
        return "Eval of this corpus has not been opened."
    text = f"Eval of this corpus was opened {_times(looks)} by {len(looks)} run{'s' * (len(looks) > 1)} up to now"
    if chosen := next((row for row in looks if row["run_id"] == best), None):
        before = [row for row in looks if row["started"] < chosen["started"]]
        text += f", {_times(before)} before the run that dev chooses, {chosen['run']}, was started"
    return f"{text}. The lowest of many EERs is low by luck too: a choice by dev is safe from that, one by eval is not."


def _times(looks):
    number = sum(row["looks"] for row in looks)
    return "once" if number == 1 else f"{number:,} times"
