"""The result of an evaluation as text, at most 100 columns wide."""

import textwrap

from lib.metrics.calibration import describe_card

_WIDTH = 100
# Name on the page, key, factor, digits.
_ROWS = (
    ("EER, %", "eer", 100, 2),
    ("AUC, %", "auc", 100, 2),
    ("min DCF", "min_dcf", 1, 3),
    ("actual DCF", "act_dcf", 1, 3),
    ("Cllr, bits", "cllr", 1, 3),
    ("min Cllr, bits", "min_cllr", 1, 3),
    ("balanced accuracy, %", "balanced_accuracy", 100, 2),
    ("accuracy, %", "accuracy", 100, 2),
    ("  majority class, %", "constant_accuracy", 100, 2),
    ("MCC", "mcc", 1, 3),
)


def describe(result):
    """A result of `lib.metrics.evaluate_table` as a page of text, at most 100 characters wide but for long paths."""
    lines = [f"{key.capitalize():10}{result[key]}" for key in ("scores", "protocol") if key in result]
    lines += [f"{'Trials':10}{result['n_genuine']:,} genuine + {result['n_spoof']:,} spoof", ""]
    lines += _measures(result) + [""] + _thresholds(result)
    if result["clusters"]:
        lines += ["", *_clusters(result)]
    for column, rows in result["breakdown"].items():
        lines += ["", *_breakdown(column, rows)]
    if "dev" in result and "card" in result["dev"]:
        lines += ["", describe_card(result["dev"]["card"])]
    if result["warnings"]:
        lines += ["", "Warnings"]
        for warning in result["warnings"]:
            lines += textwrap.wrap(warning, _WIDTH, initial_indent="  ! ", subsequent_indent="    ")
    return "\n".join(line.rstrip() for line in lines)


def _measures(result):
    kinds, level = result["clusters"], f"{100 * result['level']:g} % over trials"
    heads = "".join(f"{part['count']} {name}s".rjust(22) for name, part in list(kinds.items())[:2])
    lines = [f"{'':24}{'value':>8}  {level:>20}{heads}"]
    for name, key, factor, digits in _ROWS:
        line = f"{name:24}{factor * result[key]:8.{digits}f}"
        for part in [result, *kinds.values()][:3]:
            line += f"{_ends(part.get(f'{key}_ci'), factor, digits):>22}"
        lines.append(line)
    (low, high), costs = result["shuffled_auc"], result["costs"]
    return lines + [
        f"With labels shuffled the AUC is {100 * low:.2f} to {100 * high:.2f} %.",
        f"DCF: {100 * costs['p_spoof']:g} % spoofs, a miss costs {costs['c_miss']:g}, a false acceptance "
        f"{costs['c_fa']:g}; accuracies and MCC at threshold 0.5.",
    ]


def _thresholds(result):
    lines = [f"{'threshold':11}{'score':>7}{'FAR, %':>20}{'FRR, %':>20}{'bal. acc., %':>20}{'MCC':>7}{'DCF':>7}"]
    for name, at in result["thresholds"].items():
        rates = "".join(f"{_with_ends(at, key):>20}" for key in ("far", "frr", "balanced_accuracy"))
        lines.append(f"{name:11}{at['threshold']:7.3g}{rates}{at['mcc']:7.3f}{at['dcf']:7.3f}")
    return lines + [f"  {name}: {at['source']}" for name, at in result["thresholds"].items()]


def _with_ends(values, key):
    low, high = values[f"{key}_ci"]
    return f"{100 * values[key]:.1f} [{100 * low:.1f}, {100 * high:.1f}]"


def _clusters(result):
    lines = [f"{'over':22}{'EER, %':>18}{'design effect':>16}   EER without the most influential one"]
    for name, part in result["clusters"].items():
        effect = "-" if part["design_effect"] is None else f"{part['design_effect']:.1f}"
        most = part["most"]
        without = "-" if most["without"] is None else f"{100 * most['without']:.2f} ({most['cluster']})"
        lines.append(f"{part['count']:>4} {name + 's':17}{_ends(part['eer_ci'], 100, 2):>18}{effect:>16}   {without}")
    return lines


def _breakdown(column, rows):
    lines = [f"{'by ' + column:26}{'genuine':>9}{'spoof':>9}{'EER, %':>10}{'interval':>18}"]
    for row in rows:
        value = "-" if row["eer"] is None else f"{100 * row['eer']:.2f}"
        ends = None if row["eer_low"] is None else (row["eer_low"], row["eer_high"])
        note = "  few trials" if row["small"] else ""
        group = textwrap.shorten(row["group"], 25, placeholder="...")
        lines.append(f"{group:26}{row['n_genuine']:9,}{row['n_spoof']:9,}{value:>10}{_ends(ends, 100, 2):>18}{note}")
    if rows and rows[0]["pooled"]:
        lines.append("Each group's spoofs against all genuine trials, which have no such group.")
    return lines


def _ends(ends, factor, digits):
    return "" if ends is None else f"{factor * ends[0]:.{digits}f} to {factor * ends[1]:.{digits}f}"
