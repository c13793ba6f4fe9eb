"""Numbers as text: percentages with their intervals, and the result of an evaluation, at most 100 columns wide."""

import math
import textwrap

import pandas as pd

from lib.corpus.protocol import LABEL_NAMES
from lib.params import read_table

_MEASURES = read_table("measures")
_ESCAPED = {9: r"\t", 10: r"\n", 13: r"\r"}  # as pandas does; a file's name may have them


def percent(value, ends=None, *, factor=100, digits=1):
    """A fraction as a percentage, ``12.3``, or with its interval ``12.3 [10.1, 14.5]``; a dash if there is none."""
    numbers = (value, *(ends or ()))
    texts = [
        "-" if x is None or not math.isfinite(x) else f"{round(float(factor * x), digits) + 0.0:.{digits}f}"
        for x in numbers
    ]
    return texts[0] if ends is None else "{} [{}, {}]".format(*texts)


def with_interval(values, name):
    """A metric and its 95 % interval, in percent, as far as they are known."""
    value, *ends = (values.get(name + end, math.nan) for end in ("", "_ci_low", "_ci_high"))
    return percent(value, ends if math.isfinite(ends[0]) else None)


def ends_of(values, name):
    """A metric's 95 % interval (low, high), fractions; the whole range, 0 and 1, where none is known."""
    return values.get(f"{name}_ci_low", 0.0), values.get(f"{name}_ci_high", 1.0)


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
    costs, over, rows = result["costs"], result["interval_over"], []
    head = f"with its {100 * result['level']:g} % interval over {over}" if over else "without an interval"
    for name, (key, factor, digits) in _MEASURES.items():
        rows.append({"": name, head: percent(result[key], result.get(f"{key}_ci"), factor=factor, digits=digits)})
    return [
        *_lines(rows),
        f"With labels shuffled the AUC is {' to '.join(map(percent, result['shuffled_auc']))} %.",
        f"DCF: {100 * costs['p_spoof']:g} % spoofs, a miss costs {costs['c_miss']:g}, a false acceptance "
        f"{costs['c_fa']:g}; accuracies and MCC at threshold 0.5.",
        "Published EERs of ASVspoof 2017 are on the convex hull. Min DCF and min Cllr are over trials alone,",
        "and their intervals are wide: they hold the truth in 97 to 100 of 100 corpora.",
    ]


def _clusters(result):
    """EER over trials, each kind of cluster, and two at once."""
    whole, rows = result["eer"], [{"over": "trials", "EER, %": percent(result["eer"], result["trials"]["eer_ci"])}]
    for kind, part in result["clusters"].items():
        interval = percent(whole, part["eer_ci"]) if part["eer_ci"] else "too few"
        row = {"over": f"{part['count']} {kind}s", "EER, %": interval}
        row["design effect"] = percent(part["design_effect"], factor=1)
        rows.append(row | {"EER without one, %": f"{percent(part['most']['without'])} ({part['most']['cluster']})"})
    if both := result.get("speaker_and_configuration"):
        rows.append({"over": "speakers and configurations", "EER, %": percent(whole, both["eer_ci"])})
    return _lines(rows)


def _thresholds(result):
    rows = []
    for name, at in result["thresholds"].items():
        row = {"threshold": name, "score": f"{at['threshold']:.3g}"}
        for head, key in (("FAR, %", "far"), ("FRR, %", "frr"), ("bal. acc., %", "balanced_accuracy")):
            row[head] = percent(at[key], at[f"{key}_ci"])
        rows.append(row | {"MCC": f"{at['mcc']:.3f}", "DCF": f"{at['dcf']:.3f}"})
    return _lines(rows) + [f"  {name}: {at['source']}" for name, at in result["thresholds"].items()]


def _breakdown(column, rows):
    shown = []
    for row in rows:
        row_text = {f"by {column}": textwrap.shorten(row["group"], 25, placeholder="...")}
        row_text |= {name: f"{row[f'n_{name}']:,}" for name in LABEL_NAMES}
        row_text["EER, %"] = percent(row["eer"], None if row["eer_low"] is None else (row["eer_low"], row["eer_high"]))
        without = row["eer"] is not None and row["eer_low"] is None
        shown.append(row_text | {"": ", ".join(["few trials"] * row["small"] + ["no interval"] * without)})
    notes = {
        "Each group's spoofs against all genuine trials, which have no such group.": rows and rows[0]["pooled"],
        "No interval: two speakers, phrases or configurations are too few for one.": "no interval" in str(shown),
    }
    return _lines(shown) + [note for note, holds in notes.items() if holds]


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
