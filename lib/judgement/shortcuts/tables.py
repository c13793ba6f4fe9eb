"""The audit as tables, sentences and MLflow metrics; blanks in numbers do not break a line."""

import pandas as pd

from lib.judgement.shortcuts.judgement import ALPHA
from lib.judgement.shortcuts.sensitivity import RATES, UNCHANGED


def cue_table(measured, verdicts):
    """AUC (fractions) and EER (percent) of each group with their intervals, and the verdict, as text.

    `measured` and `verdicts` come from `measure` and `judge`; one row a group.
    """
    columns = {}
    for split, part in measured.groupby("split", sort=False):
        rows = list(part.set_index("group").itertuples())
        columns[f"{split} AUC"] = [f"{r.auc:.2f}\u00a0{_ends(r.auc_low, r.auc_high)}" for r in rows]
        if split != "train":
            columns[f"{split} AUC over speakers"] = [_ends(r.auc_speakers_low, r.auc_speakers_high) for r in rows]
            columns[f"{split} EER, %"] = [_percent(r.eer, r.eer_low, r.eer_high) for r in rows]
    return pd.DataFrame({"verdict": verdicts["verdict"].tolist(), **columns}, index=verdicts["group"])


def intervention_table(table):
    """Error rates after each intervention (`sensitivity`), percent with intervals, and p of no change, as text."""
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
    """What the cues prove, as a list of sentences."""
    judged = verdicts[verdicts["kind"] == "shortcut"]
    seen = judged[judged["verdict"] != "no shortcut seen"]
    found = [f"**{row.group}**: {row.verdict} ({row.because})." for row in seen.itertuples()]
    if not found:
        found = [f"No shortcut seen in {', '.join(judged['group'])}."]
    others = measured[(measured["kind"] != "shortcut") & (measured["split"] == "eval")]
    reached = ", ".join(f"{row.group} {row.auc:.2f}" for row in others.itertuples())
    found.append(f"AUC on eval of what replay may change by its physics, and of a plain countermeasure: {reached}.")
    return found


def intervention_sentences(table):
    """Which interventions change decisions, as a list of sentences; p is McNemar's, corrected by Bonferroni."""
    before, after = table[table["intervention"] == UNCHANGED].iloc[0], table[table["intervention"] != UNCHANGED]
    found = []
    for row in after.to_dict("records"):
        name = row["intervention"].replace("_", " ")
        for rate, text in (("far", "spoof trials accepted"), ("frr", "genuine trials rejected")):
            if row[f"{rate}_p"] * len(after) < ALPHA:
                found.append(f"{name}: {text} {100 * before[rate]:.1f} % before, {100 * row[rate]:.1f} % after.")
    return found or ["No intervention changes decisions beyond chance."]


def runs_sentences(table):
    """Which interventions move which runs of `of_runs`, as a list of sentences."""
    before = table[table["intervention"] == UNCHANGED].set_index("run")
    found, still = [], []
    for name, part in table[table["intervention"] != UNCHANGED].groupby("intervention", sort=False):
        moves = {row["run"]: _moves(row, before.loc[row["run"]]) for row in part.to_dict("records")}
        moved = [f"{run} ({text})" for run, text in moves.items() if text]
        if moved:
            found.append(f"**{name.replace('_', ' ')}** moves {len(moved)} of {len(part)} runs: {', '.join(moved)}.")
        else:
            still.append(name.replace("_", " "))
    if still:
        found.append(f"Moves no run beyond chance: {', '.join(still)}.")
    return found


def as_metrics(measured, verdicts, changed):
    """The audit under its MLflow names, fractions.

    ``shortcut/<group>/<split>_auc`` and ``_eer`` with ``_ci_low`` and ``_ci_high``,
    ``shortcut/flagged`` (groups whose verdict is a shortcut), and ``intervention/<name>/far``,
    ``frr`` and ``eer``.
    """
    result = {"shortcut/flagged": float(verdicts["verdict"].str.startswith("shortcut").sum())}
    for row in measured.to_dict("records"):
        for metric in ("auc", "eer"):
            name = f"shortcut/{row['group'].replace(' ', '_')}/{row['split']}_{metric}"
            result |= {
                name: row[metric],
                f"{name}_ci_low": row[f"{metric}_low"],
                f"{name}_ci_high": row[f"{metric}_high"],
            }
    return result | _rates("intervention", changed)


def runs_metrics(table):
    """MLflow names of `of_runs`: ``sensitivity/<run>/<intervention>/far``, ``frr``, ``eer``; ``sensitivity/moved``."""
    moved = table.loc[table[[f"{rate}_moved" for rate in RATES]].any(axis=1), "run"].nunique()
    result = {"sensitivity/moved": moved}
    for run, part in table.groupby("run", sort=False):
        result |= _rates(f"sensitivity/{run}", part)
    return result


def _rates(prefix, table):
    return {f"{prefix}/{row['intervention']}/{rate}": row[rate] for row in table.to_dict("records") for rate in RATES}


def _moves(row, before):
    rates = [rate for rate in RATES if row[f"{rate}_moved"]]
    return ", ".join(f"{rate.upper()} {100 * before[rate]:.0f} → {100 * row[rate]:.0f} %" for rate in rates)


def _ends(low, high):
    return f"[{low:.2f},\u00a0{high:.2f}]" if low == low else "unknown"  # NaN is unlike itself


def _percent(value, low, high):
    return f"{100 * value:.1f}\u00a0[{100 * low:.1f},\u00a0{100 * high:.1f}]"
