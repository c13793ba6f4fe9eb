"""The first screen of a comparison: what is best, beside what, on which corpus, and whether to trust it."""

import pandas as pd

from lib.comparison.records import recorded_scores
from lib.comparison.tables import label, percent, with_interval
from lib.metrics import calibrate, calibrated, cllr, paired
from lib.metrics.resampling import LEVEL

_FEW_SPEAKERS = 20  # of eval; what differs between speakers is hardly known from fewer
_EDGE = "lowpassed"  # the change after which a system that wins by the edge of the band no longer does
_TURNED = 0.1  # more of either error after a change of the recording that has nothing to do with replay


def chosen_by_dev(rows, sensitivity=None):
    """The finished run that dev chooses, or None: lowest cost of its calibrated dev scores (Cllr).

    The EER of small dev splits is 0 for several systems; Cllr goes on counting how far
    apart the classes lie. An untrained network, a diverged one, one at chance on dev and one
    with other parameters than the study's cannot be chosen, nor, while another is steady,
    one that needs the edge of the band. Eval has no say.
    """
    able = [row for row in rows if _able(row)]
    steady = [row for row in able if _EDGE not in (_turned(row["run"], sensitivity or {}) or ())]
    return min(steady or able, key=_dev_cost, default=None)


def _able(row):
    """Whether dev may choose it: trained, with the study's own parameters, above chance on dev."""
    flaws = row.get("changed") or row.get("diverged") or row.get("weights", "").startswith("untrained")
    return not flaws and row.get("dev/eer_ci_high", 1) < 0.5


def _dev_cost(row):
    table = recorded_scores(row, "dev")
    scores, labels = table["score"].to_numpy(), table["label"].to_numpy()
    return cllr(calibrated(scores, calibrate(scores, labels)), labels)


def first_screen(rows, corpus, notes, *, audit=None, sensitivity=None):
    """What a reader must know first, one line a question.

    Parameters
    ----------
    rows : list of dict
        Finished runs, from `lib.tracking.query.compare`.
    corpus : lib.corpus.Corpus
    notes : list of str
        Which corpus this is, from `lib.corpus.audit.provenance`.
    audit, sensitivity : dict of str to float, optional
        Metrics of the newest runs of `01_corpus` and `92_sensitivity` on this corpus.

    Returns
    -------
    pandas.Series
        Question -> answer.
    """
    best = chosen_by_dev(rows, sensitivity)
    answers = {"best system, chosen on dev": "none is above chance on dev", "not told apart from it on eval": "-"}
    if best:
        answers["best system, chosen on dev"] = (
            f"{label(best)}: eval EER {with_interval(best, 'eval/eer')} %, dev EER {with_interval(best, 'dev/eer')} %"
        )
        equal, better = _beside(best, rows)
        answers["not told apart from it on eval"] = "; ".join(equal) or "none"
        if better:
            answers["lower on eval, though not dev's choice"] = "; ".join(better)
    edge = [label(row) for row in rows if _able(row) and _EDGE in (_turned(row["run"], sensitivity or {}) or ())]
    if edge:
        answers["not chosen, since they need what lies above 7 kHz"] = "; ".join(edge)
    cues = _cues(audit or {})
    answers["plain baselines"] = "; ".join(
        [f"one class always: accuracy {percent(row['eval/constant_accuracy'])} %, EER 50 %" for row in rows[:1]]
        + [f"logistic regression on cues of {name}: eval EER {percent(eer)} %" for name, eer in cues.items()]
    )
    answers["shortcuts found in the corpus"] = (
        "not looked for: 01_corpus has not run"
        if audit is None
        else f"{audit['shortcut/flagged']:.0f} kinds of cue, see 01_corpus"
    )
    answers["corpus"] = " ".join(notes)
    word, reasons = trust(best, corpus, notes, audit=audit, sensitivity=sensitivity)
    answers["may the number be trusted?"] = f"{word}: {'; '.join(reasons)}" if reasons else word
    return pd.Series(answers, name="answer")


def trust(best, corpus, notes, *, audit=None, sensitivity=None):
    """Whether the best system's EER may be trusted, ``yes``, ``no`` or ``unknown``, and why; see `first_screen`."""
    if best is None:
        return "no", ["no system is above chance on dev"]
    against, open_questions = [], []
    if audit is None:
        open_questions.append("nobody looked for shortcuts")
    elif audit["shortcut/flagged"]:
        against.append("the corpus has shortcuts, which a system can use instead of replay")
    if sensitivity is None:
        open_questions.append("nobody looked at what turns its answers (92_sensitivity)")
    else:
        turned = _turned(best["run"], sensitivity)
        if turned is None:
            open_questions.append("what turns its answers was looked at for other runs only")
        elif turned:
            against.append(f"answers turn with {', '.join(turned)}")
    speakers = corpus.split("eval")["speaker"].nunique()
    if speakers < _FEW_SPEAKERS:
        open_questions.append(f"eval has {speakers} speakers")
    if notes:
        open_questions.append("the corpus is not the published one, see above")
    if against:
        return "no", against + open_questions
    return ("unknown" if open_questions else "yes"), open_questions


def _beside(best, rows):
    """Labels of the runs that eval does not tell from the best, and of those that are lower (Holm's correction)."""
    others = [row for row in rows if row is not best]
    mine = {0: recorded_scores(best, "eval")}
    found = [paired.compare_seeds(mine, {0: recorded_scores(row, "eval")}) for row in others]
    sure = paired.holm([pair["p"] for pair in found]) <= 1 - LEVEL
    equal = [label(row) for row, apart in zip(others, sure, strict=True) if not apart]
    better = [
        label(row) for row, apart, pair in zip(others, sure, found, strict=True) if apart and pair["difference"] > 0
    ]
    return equal, better


def _cues(audit):
    """The cheap cue with the lowest eval EER."""
    ending = "/eval_eer"
    eers = {
        name.removeprefix("shortcut/").removesuffix(ending).replace("_", " "): value
        for name, value in audit.items()
        if name.endswith(ending)
    }
    return dict([min(eers.items(), key=lambda item: item[1])]) if eers else {}


def _turned(run, sensitivity):
    """Changes of a recording that raise either of a run's errors; None where the run was not tried."""
    prefix = f"sensitivity/{run}/"
    rates = {name.removeprefix(prefix): value for name, value in sensitivity.items() if name.startswith(prefix)}
    changes = dict.fromkeys(name.partition("/")[0] for name in rates)
    if not changes:
        return None
    return [
        change
        for change in changes
        if change != "none" and any(rates[f"{change}/{r}"] - rates[f"none/{r}"] > _TURNED for r in ("far", "frr"))
    ]
