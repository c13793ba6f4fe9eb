"""The first screen of a comparison: what is best, beside what, on which corpus, and whether to trust it."""

import pandas as pd

from lib import metrics
from lib.comparison.tables import is_untrained, label, named, recorded_scores, systems
from lib.corpus import UNKNOWN
from lib.metrics.tables import percent, with_interval

_FEW_SPEAKERS = 20  # of eval; what differs between speakers is hardly known from fewer
_EDGE = "lowpassed"  # the change after which a system that wins by the edge of the band no longer does
_TURNED = 0.1  # more of either error, beyond chance, after a change that has nothing to do with replay


def chosen_by_dev(rows, turned=None):
    """The finished run that dev chooses, or None: lowest cost of its calibrated dev scores (Cllr).

    The EER of small dev splits is 0 for several systems; Cllr goes on counting how far apart the classes lie. While
    another is steady, one that needs the edge of the band (by `turned`, of 92_sensitivity) is not chosen.
    """
    able = [row for row in rows if _able(row)]
    return min([row for row in able if not _needs_edge(row, turned)] or able, key=dev_cost, default=None)


def _able(row):
    """Whether dev may choose it: trained, with the study's own parameters, above chance on dev."""
    return not (row.get("changed") or row.get("diverged") or is_untrained(row)) and row.get("dev/eer_ci_high", 1) < 0.5


def dev_cost(row):
    table = recorded_scores(row, "dev")
    scores, labels = table["score"].to_numpy(), table["label"].to_numpy()
    return metrics.cllr(metrics.calibrated(scores, metrics.calibrate(scores, labels)), labels)


def first_screen(best, rows, recorded, notes, *, audit=None, turned=None):
    """What a reader must know first, a pandas.Series of answers by question.

    `best` is from `chosen_by_dev`, `rows` are finished runs, `recorded` maps their ids to eval's scores, `notes` say
    which corpus this is; `audit` are the metrics of its newest `01_corpus`, `turned` is the table
    of its newest `92_sensitivity`.
    """
    answers = {"best system, chosen on dev": "none is above chance on dev", "not told apart from it on eval": "-"}
    if best:
        answers["best system, chosen on dev"] = (
            f"{label(best)}: eval EER {with_interval(best, 'eval/eer')} %, dev EER {with_interval(best, 'dev/eer')} %"
        )
        higher = metrics.beside(named(best), systems(rows, recorded))
        answers["not told apart from it on eval"] = "; ".join(name for name in higher if not higher[name]) or "none"
        if lower := [name for name in higher if higher[name] < 0]:
            answers["lower on eval, though not dev's choice"] = "; ".join(lower)
    if edge := [label(row) for row in rows if _able(row) and _needs_edge(row, turned)]:
        answers["not chosen, since they need what lies above 7 kHz"] = "; ".join(edge)
    plain = [f"one class always: accuracy {percent(row['eval/constant_accuracy'])} %, EER 50 %" for row in rows[:1]]
    if cues := [name for name in audit or {} if name.endswith("/eval_eer")]:
        cue = min(cues, key=audit.get)
        group = cue.split("/")[1].replace("_", " ")
        plain.append(f"logistic regression on cues of {group}: eval EER {percent(audit[cue])} %")
    answers["plain baselines"] = "; ".join(plain)
    looked = audit and f"{audit['shortcut/flagged']:.0f} kinds of cue, see 01_corpus"
    answers["shortcuts found in the corpus"] = looked or "not looked for: 01_corpus has not run"
    answers["corpus"] = " ".join(notes)
    speakers = set(recorded[best["run_id"]]["speaker"]) - {UNKNOWN} if best else ()
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
        f"answers turn with {', '.join(by or ())}": by,
    }
    unsure = {
        "nobody looked for shortcuts": audit is None,
        "nobody looked at what turns its answers (92_sensitivity)": turned is None,
        "what turns its answers was looked at for other runs only": turned is not None and by is None,
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
    """Changes of a recording that raise either of a run's errors beyond chance; None where the run was not tried."""
    if turned is None or row["run"] not in set(turned["run"]):
        return None
    own = turned[turned["run"] == row["run"]]
    worse = [own[f"{rate}_moved"] & (own[f"{rate}_change"] > _TURNED) for rate in ("far", "frr")]
    return own.loc[worse[0] | worse[1], "intervention"].tolist()
