"""Score files: the border between what makes scores and what measures them.

A *scores table* has one row a trial: `trial` (file name without ``.wav`` or ``.flac``),
`score` (float64) and, where it is known, `label` (1 = genuine, 0 = spoof). Scores are
log-odds at full precision, higher = more genuine; 0 is a probability of 0.5.
"""

import math
from pathlib import Path

import pandas as pd

from lib.corpus.protocol import LABEL_NAMES, LABELS, trial_name
from lib.errors import InputError
from lib.files.places import read_text

# Names under which the field's toolkits write the three columns.
_HEADER = {
    **dict.fromkeys(("trial", "trial_id", "file", "filename", "utt", "utt_id", "utterance"), "trial"),
    **dict.fromkeys(("score", "scores", "cm-score", "cm_score", "llr"), "score"),
    **dict.fromkeys(("label", "key", "class"), "label"),
}
_RULE = "expected lines 'trial score', 'trial score label' or 'trial label score'"


def write_scores(path, trials, scores, labels=None):
    """Write a score file that `read_scores` reads back bit for bit; InputError for a score that is not finite."""
    scores = [float(score) for score in scores]
    for trial, score in zip(trials, scores, strict=True):
        if not math.isfinite(score):
            raise InputError(f"{path}: trial {trial!r} has the score {score}: must be finite")
    columns = {"trial": map(str, trials), "score": map(repr, scores)}
    if labels is not None:
        columns["label"] = (LABEL_NAMES[int(label)] for label in labels)
    lines = ["\t".join(line) for line in (columns, *zip(*columns.values(), strict=True))]
    Path(path).write_text("\n".join(lines) + "\n", encoding="utf-8")


def read_scores(path):
    """Read the score file of any system, a local file or a URL.

    Tab- or space-separated, with or without a header; columns ``trial score``,
    ``trial score label`` or ``trial label score``, labels genuine (or bonafide) and spoof.
    Trial names may end in ``.wav`` or ``.flac``. One row a trial, in file order; its `label`
    when the file has it; ``attrs["source"]`` is the path. InputError names file, line, value
    and rule.
    """
    columns, lines = _columns(path, _lines(path))
    rows, seen = [], {}
    for number, fields in lines:
        where = f"{path}, line {number}"
        if len(fields) != len(columns):
            raise InputError(
                f"{where}: {len(fields)} columns in {' '.join(fields)!r}: expected {len(columns)}, as in lines above"
            )
        row = dict(zip(columns, fields, strict=True))
        row["trial"] = trial_name(row["trial"])
        row["score"] = _number(row["score"], where)
        if "label" in row:
            row["label"] = _label(row["label"], where)
        first = seen.setdefault(row["trial"], number)
        if first != number:
            raise InputError(f"{where}: duplicate trial {row['trial']!r}, first on line {first}")
        rows.append(row)
    if not rows:
        raise InputError(f"{path}: a header and no score; {_RULE}")
    table = pd.DataFrame(rows)[["trial", "score"] + ["label"] * ("label" in columns)]
    table.attrs["source"] = str(path)
    return table


def match(scores, protocol, *, allow_missing=False):
    """Join scores (`read_scores`) with the columns of their trials in a protocol (`lib.corpus.read_protocol`).

    One row a trial, in protocol order. ``attrs["missing"]`` and ``attrs["extra"]`` list trials
    without a score and scores without a trial. InputError if there are such without
    `allow_missing`, or none is common; if a label contradicts the protocol, or one class is left.
    """
    source = scores.attrs.get("source", "scores")
    scored, listed = set(scores["trial"]), set(protocol["trial"])
    missing = [trial for trial in protocol["trial"] if trial not in scored]
    extra = [trial for trial in scores["trial"] if trial not in listed]
    if len(missing) == len(listed) or ((missing or extra) and not allow_missing):
        raise InputError(_difference(source, scores, protocol, missing, extra))

    table = protocol.merge(scores[["trial", "score"]], on="trial", how="inner", validate="one_to_one")
    if "label" in scores:
        given = table["trial"].map(scores.set_index("trial")["label"])
        wrong = table[given != table["label"]]
        if len(wrong):
            trial, label = wrong["trial"].iloc[0], wrong["label"].iloc[0]
            raise InputError(
                f"{source}: {len(wrong):,} of {len(table):,} labels contradict the protocol; first trial "
                f"{trial!r}, {LABEL_NAMES[1 - label]} here and {LABEL_NAMES[label]} there"
            )
    if table["label"].nunique() < 2:
        name = LABEL_NAMES[table["label"].iloc[0]]
        raise InputError(f"{source}: all {len(table):,} trials are {name}: both genuine and spoof trials are required")
    table.attrs = {"source": str(source), "missing": missing, "extra": extra}
    return table


def _lines(path):
    """Number and fields of every line that is not blank."""
    lines = []
    for number, line in enumerate(read_text(path, "a score file").splitlines(), 1):
        for separator, name in ((",", "comma"), (";", "semicolon")):
            if separator in line:
                raise InputError(
                    f"{path}, line {number}: a {name} in {line.strip()!r}: expected tabs or spaces between columns "
                    "and decimal points"
                )
        if line.split():
            lines.append((number, line.split()))
    if not lines:
        raise InputError(f"{path}: is empty; {_RULE}")
    return lines


def _columns(path, lines):
    """Names of the columns in file order, and the lines without the header."""
    number, first = lines[0]
    where, text = f"{path}, line {number}: ", repr(" ".join(first))
    if not any(_is_number(field) for field in first):
        names = [_HEADER.get(field.lower().lstrip("#")) for field in first]
        if sorted(map(str, names)) in (["score", "trial"], ["label", "score", "trial"]):
            return names, lines[1:]
        if "score" in names or names[0] == "trial":
            raise InputError(f"{where}unknown header {text}; {_RULE}")
    if len(first) == 2:
        if _is_number(first[0]) and not _is_number(first[1]):
            raise InputError(f"{where}{text} has the score before the trial; {_RULE}")
        return ["trial", "score"], lines
    if len(first) != 3:
        raise InputError(f"{where}{len(first)} columns in {text}; {_RULE}")
    words = [k for k in (1, 2) if first[k].lower() in LABELS]
    if len(words) == 1:
        return (["trial", "label", "score"] if words == [1] else ["trial", "score", "label"]), lines
    raise InputError(
        f"{where}cannot tell the score from the label in {text}; {_RULE}, the label one of {', '.join(LABELS)}"
    )


def _is_number(text):
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text  # Python reads 1_000 as a number, no toolkit writes it


def _number(text, where):
    if not _is_number(text) or not math.isfinite(float(text)):
        raise InputError(f"{where}: score {text!r} {'must be finite' if _is_number(text) else 'is not a number'}")
    return float(text)


def _label(text, where):
    if text.lower() not in LABELS:
        raise InputError(f"{where}: label {text!r} is unknown: expected one of {', '.join(LABELS)}")
    return LABELS[text.lower()]


def _difference(source, scores, protocol, missing, extra):
    """How a score file and a protocol differ, and the likely reason."""
    parts = []
    for trials, what in ((missing, "trials of the protocol have no score"), (extra, "scores have no trial there")):
        if trials:
            shown = ", ".join(trials[:3]) + (", ..." if len(trials) > 3 else "")
            parts.append(f"{len(trials):,} {what} ({shown})")
    return f"{source}: {'; '.join(parts)}. {_guess(scores['trial'], protocol['trial'], missing, extra)}"


def _guess(scored, listed, missing, extra):
    ours, theirs = ({trial.partition("_")[0] for trial in trials if "_" in trial} for trials in (scored, listed))
    if len(missing) == len(listed):
        if len(ours) == len(theirs) == 1 and ours != theirs:
            return f"Another split: names start with {min(ours)}_ here, with {min(theirs)}_ in the protocol"
        return "No trial is common: another corpus, or other names"
    if not extra:
        return "Only a part of the protocol is scored; --allow-missing measures that part"
    # The training lists of ASVspoof 2017: 3,016 trials in Version 1, 3,014 in Version 2.
    if {len(scored), len(listed)} == {3014, 3016}:
        return "One is of Version 1 of ASVspoof 2017, the other of Version 2: they are not comparable"
    if ours - theirs:
        return "The scores hold another split too; --allow-missing measures the common part"
    return "Another version or subset of this split; --allow-missing measures the common part"
