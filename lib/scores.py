"""Score files: the border between what makes scores and what measures them.

A *scores table* has one row a trial: `trial` (file name without ``.wav`` or ``.flac``),
`score` (float64) and, where it is known, `label` (1 = genuine, 0 = spoof). Scores are
log-odds at full precision, higher = more genuine; 0 is a probability of 0.5.
"""

import json
import math

from lib.corpus.protocol import GENUINE, LABEL_NAMES, LABELS, SPOOF, UNKNOWN, WORDS, fields_of, table_of
from lib.errors import InputError, unknown
from lib.files.places import read_text

_OUTPUT = ["Output", "trial", "label", "score"]  # lines of the baselines of ASVspoof 2021; their labels are 0 and 1
_RULE = "expected lines 'trial score', 'trial score label' or 'trial label score'"


def written(trials, scores, labels=None):
    """The text of a score file, which `read_scores` reads back bit for bit; InputError for one that is not finite."""
    scores = [float(score) for score in scores]
    for trial, score in zip(trials, scores, strict=True):
        if not math.isfinite(score):
            raise InputError(f"trial {trial!r} has the score {score}: must be finite")
    columns = {"trial": map(str, trials), "score": map(repr, scores)}
    if labels is not None:
        columns["label"] = (LABEL_NAMES[int(label)] for label in labels)
    return "".join("\t".join(line) + "\n" for line in (columns, *zip(*columns.values(), strict=True)))


def read_scores(path, column=None):
    """Read the score file of any system, a local file or a URL.

    Blanks, commas, semicolons or tabs separate the columns. With a header, or in a JSON list of objects, they are found
    by name, others are kept as text, and `column` names the score where several may be meant. Without one a line is
    ``trial score``, ``trial score label``, ``trial label score``, or as the baselines of ASVspoof 2019 and 2021 write
    it; `column` may be the score's number there, from 1. What `study score` could not score is left out, and its
    answers are no labels. One row a trial, in file order; ``attrs["source"]`` is the path. InputError names file, line,
    value and rule.
    """
    text = read_text(path, "a score file")
    columns, rows = (_json if text.lstrip()[:1] in ("[", "{") else _lines)(path, text, column)
    labels = {"0": SPOOF, "1": GENUINE} if columns == _OUTPUT else LABELS
    table = table_of(path, rows, columns, {"label": labels})
    if "threshold" in table:
        table = table[table["score"] != ""]
    if table.empty:
        raise InputError(f"{path}: no recording has a score; {_RULE}")
    scores = table["score"].map(_number)
    for number, score in table["score"][~scores.map(math.isfinite)].head(1).items():
        raise InputError(f"{path}, line {number}: score {score!r} must be a finite number, with a decimal point")
    others = table.columns.drop(["trial", "score", "file", "Output"], errors="ignore")
    table = table.assign(score=scores)[["trial", "score", *others]].replace("", UNKNOWN).reset_index(drop=True)
    table.attrs["source"] = str(path)
    return table


def match(scores, protocol=None, *, allow_missing=False):
    """Join scores (`read_scores`) with the columns of their trials in a protocol (`lib.corpus.read_protocol`).

    One row a trial, in protocol order; without a protocol the scores' own labels count. Folders and endings of names
    are left out where they match only so. ``attrs`` lists trials without a score (`missing`), scores without a trial
    (`extra`) and sentences on both (`notes`). InputError if there are such without `allow_missing`, or none is common;
    if a label contradicts the protocol, or one class is left.
    """
    source = str(scores.attrs.get("source", "scores"))
    table, missing, extra, notes = scores.copy(), [], [], []
    if protocol is not None:
        scores, notes = _renamed(scores, protocol)
        missing = protocol.loc[~protocol["trial"].isin(scores["trial"]), "trial"].tolist()
        extra = scores.loc[~scores["trial"].isin(protocol["trial"]), "trial"].tolist()
        if len(missing) == len(protocol) or ((missing or extra) and not allow_missing):
            raise InputError(f"{source}: {_difference(scores['trial'], protocol['trial'], missing, extra)}")
        if missing:
            total = f"{len(missing):,} of the protocol's {len(protocol):,} trials"
            notes.append(f"{total} have no score and are left out.")
        if extra:
            notes.append(f"{len(extra):,} scores have no trial in the protocol and are left out.")
        table = protocol.merge(scores[["trial", "score"]], on="trial", how="inner", validate="one_to_one")
        given = scores.set_index("trial").get("label", table.set_index("trial")["label"])
        wrong = table[table["trial"].map(given) != table["label"]]
        if len(wrong):
            trial, label = wrong["trial"].iloc[0], wrong["label"].iloc[0]
            raise InputError(
                f"{source}: {len(wrong):,} of {len(table):,} labels contradict the protocol; first trial "
                f"{trial!r}, {LABEL_NAMES[1 - label]} here and {LABEL_NAMES[label]} there"
            )
    elif "label" not in scores:
        raise InputError(f"{source}: has no labels: expected a column of them, or a protocol")
    if table["label"].nunique() < 2:
        name = LABEL_NAMES[table["label"].iloc[0]]
        raise InputError(f"{source}: all {len(table):,} trials are {name}: both genuine and spoof trials are required")
    table.attrs = {"source": source, "missing": missing, "extra": extra, "notes": notes}
    return table


def _renamed(scores, protocol):
    """The scores with the names of trials as the protocol writes them, and how they were found."""
    listed, names = set(protocol["trial"]), scores["trial"]
    bare = names.str.rpartition("/")[2].str.rpartition("\\")[2]
    shorter = {"folders": bare, "folders and endings": bare.str.replace(r"\.\w{1,5}$", "", regex=True)}
    for what, other in shorter.items() if not names.isin(listed).any() else ():
        if other.isin(listed).any() and other.is_unique:
            note = f"The names of trials match without their {what}, such as {names.iloc[0]}."
            return scores.assign(trial=other), [note]
    return scores, []


def _difference(scored, listed, missing, extra):
    """How the trials of a score file and of a protocol differ, and the likely reason."""
    parts = []
    for trials, what in ((missing, "trials of the protocol have no score"), (extra, "scores have no trial there")):
        if trials:
            shown = ", ".join(trials[:3]) + (", ..." if len(trials) > 3 else "")
            parts.append(f"{len(trials):,} {what} ({shown})")
    ours, theirs = ({trial.partition("_")[0] for trial in trials if "_" in trial} for trials in (scored, listed))
    reason = "--allow-missing measures the common part"
    if len(missing) == len(listed):
        reason = "No trial is common: another corpus, or other names"
        if len(ours) == len(theirs) == 1 and ours != theirs:
            reason = f"Another split: names start with {min(ours)}_ here, with {min(theirs)}_ in the protocol"
    return f"{'; '.join(parts)}. {reason}"


def _json(path, text, column):
    """Names of the columns, and number and fields of every object; as `_lines`."""
    try:
        rows = json.loads(text)
        names = list(rows[0])
        columns = [name.lower() for name in names]
        lines = [(k, ["" if row[n] is None else str(row[n]) for n in names]) for k, row in enumerate(rows, 1)]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"{path}: not a JSON list of objects with the same keys ({error})") from None
    return _named(columns, column, f"{path}: "), lines


def _lines(path, text, column):
    """Names of the columns in file order, empty for one that is nothing, and number and fields of every line."""
    lines = text.splitlines()
    first = next((line for line in lines if line.split()), "")
    separator = next((mark for mark in ";," if mark in first), None)
    if "\t" in first:  # names may have blanks below a header, or where the first line has none
        alone = len(first.split("\t")) == len(first.split()) and all("\t" in line for line in lines if line.split())
        separator = "\t" if alone else None
    rows = list(fields_of(path, lines, separator))
    if not rows:
        raise InputError(f"{path}: is empty; {_RULE}")
    number, first = rows[0]
    first = first[first[0] == "#" and len(first) > 1 :]  # as NumPy begins a header
    where = f"{path}, line {number}: "
    header, known, named = [field.lower().lstrip("# ") for field in first], WORDS["scores"], (column or "").lower()
    names = known.get(header[0]) == "trial" or any(known.get(name) == "score" or name == named for name in header)
    if names and all(math.isnan(_number(field)) for field in first):
        return _named(header, column, where), rows[1:]
    for number, fields in rows if separator in (";", ",") else ():
        if any(len(field.split()) > 1 for field in fields):
            text = repr(separator.join(fields))
            raise InputError(f"{path}, line {number}: {text} has blanks and {separator!r}: expected decimal points")
    return _placed(first, column, where), rows


def _named(header, column, where):
    """The columns that a header names; `label` is none where answers stand beside their `threshold`."""
    names = [WORDS["scores"].get(name, name) for name in header]
    if column is not None:
        if column.lower() not in header:
            raise unknown(column, header, f"{where}there is no column {column!r}")
        names = ["" if name == "score" else name for name in names]
        names[header.index(column.lower())] = "score"
    if "threshold" in names:
        names = ["" if name == "label" else name for name in names]
    for name in ("trial", "score"):
        if names.count(name) != 1:
            hint = "; --score-column NAME says which is the score" if name == "score" else ""
            raise InputError(f"{where}unknown header {' '.join(header)!r}: expected one column {name}{hint}; {_RULE}")
    return names


def _placed(first, column, where):
    """The columns of a file without a header, by what stands in its first line."""
    count = len(first)
    if column is not None:
        if not (column.isdecimal() and 2 <= int(column[:4]) <= count):
            raise InputError(f"{where}no header; --score-column is a number from 2 to {count}, got {column!r}")
        return ["trial", *("score" if k == int(column) else "" for k in range(2, count + 1))]
    if count == 4 and first[0] == "Output":
        return _OUTPUT
    labels = [field.lower() in LABELS for field in first]
    for names in ("trial score", "trial score label", "trial label score", "trial attack label score"):
        columns = names.split()
        is_label = dict(zip(columns, labels, strict=False))
        if len(columns) == count and is_label.get("label", True) and not is_label["score"]:
            return columns
    hint = f"the label one of {', '.join(LABELS)}; --score-column NUMBER says which is the score"
    raise InputError(f"{where}cannot tell the score in the {count} columns of {' '.join(first)!r}; {_RULE}, {hint}")


def _number(text):
    try:
        return math.nan if "_" in text else float(text)  # Python reads 1_000 as a number, no toolkit writes it
    except ValueError:
        return math.nan
