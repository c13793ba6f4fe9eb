"""The result of an evaluation as text, at most 100 columns wide."""

import textwrap

import pandas as pd

from lib.corpus.protocol import LABEL_NAMES
from lib.metrics import band
from lib.metrics.calibration import describe_card

_WIDTH = 100
# Name on the page, key, factor, digits.
_ROWS = (
    ("EER, %", "eer", 100, 2),
    ("EER on convex hull, %", "eer_hull", 100, 2),
    ("AUC, %", "auc", 100, 2),
    ("min DCF", "min_dcf", 1, 3),
    ("actual DCF", "act_dcf", 1, 3),
    ("Cllr, bits", "cllr", 1, 3),
    ("min Cllr, bits", "min_cllr", 1, 3),
    ("balanced accuracy, %", "balanced_accuracy", 100, 2),
    ("accuracy, %", "accuracy", 100, 2),
    ("majority class, %", "constant_accuracy", 100, 2),
    ("MCC", "mcc", 1, 3),
)


def describe(result):
    """A result of `lib.metrics.evaluate_table` as a page of text, at most 100 characters wide but for long paths."""
    lines = [f"{key.capitalize():10}{result[key]}" for key in ("scores", "protocol") if result.get(key)]
    lines += [f"{'Trials':10}{result['n_genuine']:,} genuine + {result['n_spoof']:,} spoof", ""]
    lines += _measures(result) + [""] + _thresholds(result)
    for column, rows in result["breakdown"].items():
        lines += ["", *_breakdown(column, rows)]
    if "dev" in result and "card" in result["dev"]:
        lines += ["", describe_card(result["dev"]["card"]), *_kept(result["band"])]
    if result["warnings"]:
        lines += ["", "Warnings"]
        for warning in result["warnings"]:
            lines += textwrap.wrap(warning, _WIDTH, initial_indent="  ! ", subsequent_indent="    ")
    return "\n".join(line.rstrip() for line in lines)


def _measures(result):
    columns = {f"{100 * result['level']:g} % over {result['interval_over']}": result}
    columns |= {"over trials": result["trials"]} if result["interval_over"] != "trials" else {}
    rows = []
    for name, key, factor, digits in _ROWS:
        ends = {head: _ends(part.get(f"{key}_ci"), factor, digits) for head, part in columns.items()}
        rows.append({"": name, "value": f"{factor * result[key]:.{digits}f}", **ends})
    (low, high), costs = result["shuffled_auc"], result["costs"]
    return [
        *_lines(rows),
        f"With labels shuffled the AUC is {100 * low:.2f} to {100 * high:.2f} %.",
        f"DCF: {100 * costs['p_spoof']:g} % spoofs, a miss costs {costs['c_miss']:g}, a false acceptance "
        f"{costs['c_fa']:g}; accuracies and MCC at threshold 0.5.",
        "Published EERs of ASVspoof 2017 are on the convex hull. Min DCF and min Cllr are over trials alone,",
        "and their intervals are wide: they hold the truth in 97 to 100 of 100 corpora.",
        *(["", *_clusters(result)] if result["clusters"] else []),
    ]


def _clusters(result):
    """EER over each kind of cluster, and over two at once."""
    parts = [(f"{part['count']} {kind}s", part) for kind, part in result["clusters"].items()]
    if "speaker_and_configuration" in result:
        parts.append(("speakers and configurations", result["speaker_and_configuration"]))
    rows = []
    for name, part in parts:
        row = {"over": name, "EER, %": _ends(part["eer_ci"], 100, 2) or "too few"}
        row["design effect"] = _number(part.get("design_effect"), 1, 1)
        most = part.get("most")
        rows.append(
            row | {"EER without one, %": f"{_number(most['without'], 100, 2)} ({most['cluster']})" if most else ""}
        )
    return _lines(rows)


def _thresholds(result):
    rows = []
    for name, at in result["thresholds"].items():
        row = {"threshold": name, "score": f"{at['threshold']:.3g}"}
        for head, key in (("FAR, %", "far"), ("FRR, %", "frr"), ("bal. acc., %", "balanced_accuracy")):
            row[head] = f"{100 * at[key]:.1f} ({_ends(at[f'{key}_ci'], 100, 1)})"
        rows.append(row | {"MCC": f"{at['mcc']:.3f}", "DCF": f"{at['dcf']:.3f}"})
    return _lines(rows) + [f"  {name}: {at['source']}" for name, at in result["thresholds"].items()]


def _kept(found):
    """What the band answers on dev and on the trials of the result."""
    return _lines([
        {"of a class, %": f"{name} {words}"}
        | {head: band.text(found, f"{split}/{kind}_{name}") for head, split in (("on dev", "dev"), ("here", "eval"))}
        for kind, words in (("wrong", "answered wrongly"), ("unsure", "not answered"))
        for name in LABEL_NAMES
    ])  # fmt: skip


def _breakdown(column, rows):
    shown = []
    for row in rows:
        counts = {"genuine": f"{row['n_genuine']:,}", "spoof": f"{row['n_spoof']:,}"}
        ends = None if row["eer_low"] is None else (row["eer_low"], row["eer_high"])
        rates = {"EER, %": _number(row["eer"], 100, 2), "interval": _ends(ends, 100, 2)}
        group = textwrap.shorten(row["group"], 25, placeholder="...")
        shown.append({f"by {column}": group, **counts, **rates, "": "few trials" if row["small"] else ""})
    note = ["Each group's spoofs against all genuine trials, which have no such group."]
    return _lines(shown) + (note if rows and rows[0]["pooled"] else [])


def _lines(rows):
    """Rows of texts as the lines of a table; the first column names them."""
    table = pd.DataFrame(rows).fillna("")
    name = table.columns[0]
    return table.set_index(name).rename_axis(index=None, columns=name).to_string().splitlines()


def _number(value, factor, digits):
    return "-" if value is None else f"{factor * value:.{digits}f}"


def _ends(ends, factor, digits):
    return "" if ends is None else f"{factor * ends[0]:.{digits}f} to {factor * ends[1]:.{digits}f}"
