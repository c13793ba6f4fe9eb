"""Numbers as text: percentages with their intervals, and the result of an evaluation, at most 100 columns wide."""

import math
import textwrap

import pandas as pd

from lib.corpus.protocol import LABEL_NAMES
from lib.params import read_table

_MEASURES = read_table("measures")
_ESCAPED = {9: r"\t", 10: r"\n", 13: r"\r"}  # as pandas does; a file's name may have them


def percent(value):
    """A fraction as a percentage with one digit; a dash for what is not a number."""
    return f"{100 * value:.1f}" if math.isfinite(value) else "-"


def ranged(value, low, high):
    """``12.3 [10.1, 14.5]``: a value and its interval, in percent."""
    return f"{percent(value)} [{percent(low)}, {percent(high)}]"


def with_interval(values, name):
    """A metric and its 95 % interval, in percent, as far as they are known."""
    value, low, high = (values.get(name + end, math.nan) for end in ("", "_ci_low", "_ci_high"))
    return ranged(value, low, high) if math.isfinite(low) else percent(value)


def describe(result):
    """A result of `lib.metrics.evaluate_table` as a page of text, at most 100 characters wide but for long paths."""
    head = [f"{key.capitalize():10}{result[key]}" for key in ("scores", "protocol") if result.get(key)]
    head.append(f"{'Trials':10}{result['n_genuine']:,} genuine + {result['n_spoof']:,} spoof")
    sections = [head, _measures(result), _clusters(result), _thresholds(result)]
    sections += [_breakdown(column, rows) for column, rows in result["breakdown"].items()]
    if "band" in result:
        sections.append(_card(result["dev"]["card"], result["band"]))
    if result["warnings"]:
        wrapper = textwrap.TextWrapper(100, initial_indent="  ! ", subsequent_indent="    ")
        sections.append(["Warnings", *map(wrapper.fill, result["warnings"])])
    return "\n\n".join("\n".join(lines) for lines in sections if lines)


def _measures(result):
    columns, costs = {f"{100 * result['level']:g} % over {result['interval_over']}": result}, result["costs"]
    if result["interval_over"] != "trials":
        columns["over trials"] = result["trials"]
    rows = []
    for name, (key, *how) in _MEASURES.items():
        ends = {head: _ends(part.get(f"{key}_ci"), *how) for head, part in columns.items()}
        rows.append({"": name, "value": _number(result[key], *how), **ends})
    return [
        *_lines(rows),
        f"With labels shuffled the AUC is {_ends(result['shuffled_auc'])} %.",
        f"DCF: {100 * costs['p_spoof']:g} % spoofs, a miss costs {costs['c_miss']:g}, a false acceptance "
        f"{costs['c_fa']:g}; accuracies and MCC at threshold 0.5.",
        "Published EERs of ASVspoof 2017 are on the convex hull. Min DCF and min Cllr are over trials alone,",
        "and their intervals are wide: they hold the truth in 97 to 100 of 100 corpora.",
    ]


def _clusters(result):
    """EER over each kind of cluster, and over two at once."""
    rows = []
    for kind, part in result["clusters"].items():
        row = {"over": f"{part['count']} {kind}s", "EER, %": _ends(part["eer_ci"]) or "too few"}
        row["design effect"] = _number(part["design_effect"], 1, 1)
        rows.append(row | {"EER without one, %": f"{_number(part['most']['without'])} ({part['most']['cluster']})"})
    if both := result.get("speaker_and_configuration"):
        rows.append({"over": "speakers and configurations", "EER, %": _ends(both["eer_ci"]), "design effect": "-"})
    return _lines(rows)


def _thresholds(result):
    rows = []
    for name, at in result["thresholds"].items():
        row = {"threshold": name, "score": f"{at['threshold']:.3g}"}
        for head, key in (("FAR, %", "far"), ("FRR, %", "frr"), ("bal. acc., %", "balanced_accuracy")):
            row[head] = f"{_number(at[key], digits=1)} ({_ends(at[f'{key}_ci'], digits=1)})"
        rows.append(row | {"MCC": f"{at['mcc']:.3f}", "DCF": f"{at['dcf']:.3f}"})
    return _lines(rows) + [f"  {name}: {at['source']}" for name, at in result["thresholds"].items()]


def _breakdown(column, rows):
    shown = []
    for row in rows:
        ends = None if row["eer"] is None else (row["eer_low"], row["eer_high"])
        shown.append({
            f"by {column}": textwrap.shorten(row["group"], 25, placeholder="..."),
            "genuine": f"{row['n_genuine']:,}", "spoof": f"{row['n_spoof']:,}",
            "EER, %": _number(row["eer"]), "interval": _ends(ends), "": "few trials" if row["small"] else "",
        })  # fmt: skip
    note = ["Each group's spoofs against all genuine trials, which have no such group."]
    return _lines(shown) + (note if rows and rows[0]["pooled"] else [])


def _card(card, kept):
    """The thresholds that dev chose, and what their band answers on dev and on the trials of the result."""
    costs, (low, high), rows = card["costs"], card["band"], []
    for kind, words in (("wrong", "answered wrongly"), ("unsure", "not answered")):
        for name in LABEL_NAMES:
            on_dev, here = (with_interval(kept, f"{split}/{kind}_{name}") for split in ("dev", "eval"))
            rows.append({"of a class, %": f"{name} {words}", "on dev": on_dev, "here": here})
    return [
        f"For {100 * costs['p_spoof']:g} % spoofs; costs: {costs['c_miss']:g} genuine recording rejected, "
        f"{costs['c_fa']:g} spoof accepted, {costs['c_unsure']:.3g} no decision:",
        f"  {f'score >= {high:.4g}':26}genuine",
        f"  {f'{low:.4g} to {high:.4g}':26}cannot tell (threshold without this band: {card['threshold']:.4g})",
        f"  {f'score < {low:.4g}':26}spoof",
        *_lines(rows),
    ]


def _lines(rows):
    """Rows of texts as the lines of a table; the first column names them."""
    if not rows:
        return []
    table = pd.DataFrame(rows).fillna("")
    name = table.columns[0]
    text = table.set_index(name).rename_axis(index=None, columns=name).to_string()
    return [line.rstrip() for line in text.splitlines()]


def noted(table, notes=None, **style):
    """A table as text; after each row a text of any length, aligned left, of `notes`, a named Series."""
    lines = table.to_string(index=False, **style).splitlines()
    texts = [""] * len(lines) if notes is None else [text.translate(_ESCAPED) for text in (notes.name, *notes)]
    return "\n".join(f"{line}  {text}".rstrip() for line, text in zip(lines, texts, strict=True))


def _number(value, factor=100, digits=2):
    return "-" if value is None else f"{factor * value:.{digits}f}"


def _ends(ends, factor=100, digits=2):
    return "" if ends is None else f"{factor * ends[0]:.{digits}f} to {factor * ends[1]:.{digits}f}"
