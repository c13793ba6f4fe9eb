"""The audit as tables and sentences for a page; blanks in numbers do not break a line."""

import pandas as pd

from lib.judgement.shortcuts.sensitivity import UNCHANGED

_ALPHA = 0.05


def cue_table(measured, verdicts):
    """AUC and EER of each group with their intervals, and the verdict.

    Parameters
    ----------
    measured, verdicts : pandas.DataFrame
        From `lib.judgement.shortcuts.measure` and `lib.judgement.shortcuts.judge`.

    Returns
    -------
    pandas.DataFrame [one row a group]
        Text; AUCs as fractions with their interval over trials and, for dev and eval, over
        speakers; EERs in percent.
    """
    columns = {}
    for split, part in measured.groupby("split", sort=False):
        rows = list(part.set_index("group").itertuples())
        columns[f"{split} AUC"] = [_fraction(r.auc, r.auc_low, r.auc_high) for r in rows]
        if split != "train":
            columns[f"{split} AUC over speakers"] = [_ends(r.auc_speakers_low, r.auc_speakers_high) for r in rows]
            columns[f"{split} EER, %"] = [_percent(r.eer, r.eer_low, r.eer_high) for r in rows]
    return pd.DataFrame({"verdict": verdicts["verdict"].tolist(), **columns}, index=verdicts["group"])


def intervention_table(table):
    """Error rates after each intervention, in percent with their intervals, and p of no change.

    Parameters
    ----------
    table : pandas.DataFrame
        From `lib.judgement.shortcuts.sensitivity`.

    Returns
    -------
    pandas.DataFrame [one row an intervention]
    """
    rows = list(table.itertuples())
    return pd.DataFrame(
        {
            "FAR, changed spoof": [_percent(r.far, r.far_low, r.far_high) for r in rows],
            "p (FAR)": [f"{r.far_p:.2g}" for r in rows],
            "FRR, changed genuine": [_percent(r.frr, r.frr_low, r.frr_high) for r in rows],
            "p (FRR)": [f"{r.frr_p:.2g}" for r in rows],
            "EER, changed spoof": [_percent(r.eer, r.eer_low, r.eer_high) for r in rows],
            "change of EER": [_percent(r.eer_change, r.eer_change_low, r.eer_change_high) for r in rows],
        },
        index=pd.Index(table["intervention"].str.replace("_", " "), name="intervention"),
    )


def cue_sentences(measured, verdicts):
    """What the cues prove, in plain sentences.

    Returns
    -------
    list of str
    """
    judged = verdicts[verdicts["kind"] == "shortcut"]
    found = [
        f"**{row.group}**: {row.verdict} ({row.because})."
        for row in judged.itertuples()
        if row.verdict != "no shortcut seen"
    ]
    if not found:
        found = [f"No shortcut seen in {', '.join(judged['group'])}."]
    others = measured[(measured["kind"] != "shortcut") & (measured["split"] == "eval")]
    reached = ", ".join(f"{row.group} {row.auc:.2f}" for row in others.itertuples())
    found.append(f"AUC on eval of what replay may change by its physics, and of a plain countermeasure: {reached}.")
    return found


def intervention_sentences(table):
    """Which interventions change the answers, in plain sentences.

    p is McNemar's, times the number of interventions (Bonferroni).

    Returns
    -------
    list of str
    """
    before, after = table[table["intervention"] == UNCHANGED].iloc[0], table[table["intervention"] != UNCHANGED]
    found = []
    for row in after.itertuples():
        name = row.intervention.replace("_", " ")
        for rate, text in (("far", "spoof trials accepted"), ("frr", "genuine trials rejected")):
            if getattr(row, f"{rate}_p") * len(after) < _ALPHA:
                found.append(
                    f"{name}: {text} {100 * before[rate]:.1f} % before, {100 * getattr(row, rate):.1f} % after."
                )
    return found or ["No intervention changes the answers beyond chance."]


def as_metrics(measured, verdicts, changed):
    """The audit's numbers under their MLflow names.

    Returns
    -------
    dict of str to float
        ``shortcut/<group>/<split>_auc`` and ``_eer`` with ``_ci_low`` and ``_ci_high``,
        ``shortcut/flagged`` (groups whose verdict is a shortcut), and
        ``intervention/<name>/far``, ``frr`` and ``eer``; fractions.
    """
    result = {"shortcut/flagged": float(verdicts["verdict"].str.startswith("shortcut").sum())}
    for row in measured.itertuples():
        for metric in ("auc", "eer"):
            name = f"shortcut/{row.group.replace(' ', '_')}/{row.split}_{metric}"
            result |= {name: getattr(row, metric)}
            result |= {f"{name}_ci_{end}": getattr(row, f"{metric}_{end}") for end in ("low", "high")}
    for row in changed.itertuples():
        result |= {f"intervention/{row.intervention}/{rate}": getattr(row, rate) for rate in ("far", "frr", "eer")}
    return result


def _fraction(value, low, high):
    return f"{value:.2f}\u00a0{_ends(low, high)}"


def _ends(low, high):
    return f"[{low:.2f},\u00a0{high:.2f}]" if low == low else "not\u00a0known"  # NaN is unlike itself


def _percent(value, low, high):
    return f"{100 * value:.1f}\u00a0[{100 * low:.1f},\u00a0{100 * high:.1f}]"
