"""Score files: the border between what makes scores and what measures them.

A *scores table* has one row a trial: `trial` (file name without ``.wav`` or ``.flac``),
`score` (float64) and, where it is known, `label` (1 = genuine, 0 = spoof).

Conventions
-----------
The higher the score, the more genuine. Scores are log-odds at full precision: 0 is a
probability of 0.5. They are never rounded and never a clipped probability.
"""

import math
from collections import Counter
from pathlib import Path

import pandas as pd

from lib.corpus.protocol import GENUINE, LABEL_NAMES, LABELS, SPOOF
from lib.errors import InputError
from lib.files.text import read_text

_ENDINGS = (".wav", ".flac")
# Names under which the field's toolkits write the three columns.
_HEADER = {
    **dict.fromkeys(("trial", "trial_id", "file", "filename", "utt", "utt_id", "utterance"), "trial"),
    **dict.fromkeys(("score", "scores", "cm-score", "cm_score", "llr"), "score"),
    **dict.fromkeys(("label", "key", "class"), "label"),
}
_RULE = "a line is 'trial score', 'trial score label' or 'trial label score'"


def write_scores(path, trials, scores, labels=None):
    """Write a score file that `read_scores` reads back bit for bit.

    Parameters
    ----------
    path : str or Path
    trials : sequence of str
        Trial names, each once.
    scores : sequence of float, log-odds
        Finite; the higher the more genuine.
    labels : sequence of int, optional
        1 = genuine, 0 = spoof.

    Raises
    ------
    InputError
        The lengths differ, a score is not finite, a trial stands twice or a label is
        neither 1 nor 0.
    """
    columns = {"trial": [str(trial) for trial in trials], "score": [float(score) for score in scores]}
    if labels is not None:
        columns["label"] = list(labels)
    lengths = [len(values) for values in columns.values()]
    if len(set(lengths)) > 1:
        found = ", ".join(f"{n} {name}s" for n, name in zip(lengths, columns, strict=True))
        raise InputError(f"{path}: {found}; as many of each are wanted")
    twice = [trial for trial, times in Counter(columns["trial"]).items() if times > 1]
    if twice:
        raise InputError(f"{path}: trial {twice[0]!r} stands twice; each trial may stand once")

    lines = ["\t".join(columns)]
    for trial, score, *label in zip(*columns.values(), strict=True):
        if not math.isfinite(score):
            raise InputError(f"{path}: trial {trial!r} has the score {score}; a finite number is wanted")
        if label and label[0] not in (GENUINE, SPOOF):
            raise InputError(f"{path}: trial {trial!r} has the label {label[0]!r}; 1 or 0 is wanted")
        lines.append("\t".join([trial, repr(score), *(LABEL_NAMES[int(value)] for value in label)]))
    Path(path).write_text("\n".join(lines) + "\n", encoding="utf-8")


def read_scores(path):
    """Read the score file of any system.

    Tab- or space-separated, with or without a header line; columns ``trial score``,
    ``trial score label`` or ``trial label score``. Labels are words: genuine (or
    bonafide) and spoof. Trial names may end in ``.wav`` or ``.flac``. A byte-order mark
    and Windows line ends are accepted, blank lines skipped.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    pandas.DataFrame [one row a trial, in file order]
        `trial` (str), `score` (float64) and, when the file has it, `label` (1 = genuine,
        0 = spoof). ``attrs["source"]`` is the path.

    Raises
    ------
    InputError
        The file is missing or empty, a line has the wrong columns, a score is not a
        finite number, a trial stands twice, commas separate. The message names the
        file, the line, the value and the rule.
    """
    columns, lines = _columns(path, _lines(path))
    rows, seen = [], {}
    for number, fields in lines:
        where = f"{path}, line {number}"
        if len(fields) != len(columns):
            raise InputError(
                f"{where}: {len(fields)} columns in {' '.join(fields)!r}; "
                f"{len(columns)} are wanted as in the lines above"
            )
        row = dict(zip(columns, fields, strict=True))
        row["trial"] = _trial_name(row["trial"])
        row["score"] = _number(row["score"], where)
        if "label" in row:
            row["label"] = _label(row["label"], where)
        if row["trial"] in seen:
            raise InputError(
                f"{where}: trial {row['trial']!r} stands on line {seen[row['trial']]} already; "
                "each trial may stand once"
            )
        seen[row["trial"]] = number
        rows.append(row)
    if not rows:
        raise InputError(f"{path}: holds a header and no score; {_RULE}")
    order = ["trial", "score"] + ["label"] * ("label" in columns)
    table = pd.DataFrame(rows)[order]
    table.attrs["source"] = str(path)
    return table


def match(scores, protocol, *, allow_missing=False, source=""):
    """Join scores with what the protocol knows of their trials.

    Parameters
    ----------
    scores : pandas.DataFrame
        From `read_scores`.
    protocol : pandas.DataFrame
        From `lib.corpus.read_protocol`.
    allow_missing : bool
        Take the trials that both have, instead of an error when they differ.
    source : str
        Name of the score file in messages; without it what `read_scores` noted.

    Returns
    -------
    pandas.DataFrame [one row a trial, in protocol order]
        All columns of the protocol, and `score`. ``attrs["missing"]`` and
        ``attrs["extra"]`` list the trials without a score and the scores without a trial.

    Raises
    ------
    InputError
        Trials are missing or extra and `allow_missing` is false, or none is common; a
        label contradicts the protocol; only one class is left.
    """
    source = source or scores.attrs.get("source", "scores")
    scored, listed = set(scores["trial"]), set(protocol["trial"])
    missing = [trial for trial in protocol["trial"] if trial not in scored]
    extra = [trial for trial in scores["trial"] if trial not in listed]
    common = len(listed) - len(missing)
    if not common or ((missing or extra) and not allow_missing):
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
        raise InputError(
            f"{source}: all {len(table):,} trials are {LABEL_NAMES[table['label'].iloc[0]]}; "
            "genuine and spoof trials are wanted"
        )
    table.attrs = {"source": str(source), "missing": missing, "extra": extra}
    return table


def _trial_name(name):
    for ending in _ENDINGS:
        if name.lower().endswith(ending) and len(name) > len(ending):
            return name[: -len(ending)]
    return name


def _lines(path):
    """Number and fields of every line that holds something."""
    lines = []
    for number, line in enumerate(read_text(path, "a score file").splitlines(), 1):
        for separator, name in ((",", "comma"), (";", "semicolon")):
            if separator in line:
                raise InputError(
                    f"{path}, line {number}: a {name} in {line.strip()!r}; tabs or spaces separate columns, "
                    "a point the decimals"
                )
        if line.split():
            lines.append((number, line.split()))
    if not lines:
        raise InputError(f"{path}: is empty; {_RULE}")
    return lines


def _columns(path, lines):
    """Names of the columns in file order, and the lines without the header."""
    number, first = lines[0]
    where = f"{path}, line {number}: "
    if not any(_is_number(field) for field in first):
        names = [_HEADER.get(field.lower().lstrip("#")) for field in first]
        if sorted(map(str, names)) in (["score", "trial"], ["label", "score", "trial"]):
            return names, lines[1:]
        if "score" in names or names[0] == "trial":
            raise InputError(f"{where}header {' '.join(first)!r} is not understood; {_RULE}")
    if len(first) == 2:
        if _is_number(first[0]) and not _is_number(first[1]):
            raise InputError(f"{where}{' '.join(first)!r} has the score before the trial; {_RULE}")
        return ["trial", "score"], lines
    if len(first) != 3:
        raise InputError(f"{where}{len(first)} columns in {' '.join(first)!r}; {_RULE}")
    words = [k for k in (1, 2) if first[k].lower() in LABELS]
    if len(words) == 1:
        return (["trial", "label", "score"] if words == [1] else ["trial", "score", "label"]), lines
    raise InputError(
        f"{where}cannot tell the score from the label in {' '.join(first)!r}; {_RULE}, "
        f"the label one of {', '.join(LABELS)}"
    )


def _is_number(text):
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text  # Python reads 1_000 as a number, nobody's toolkit writes it


def _number(text, where):
    if not _is_number(text):
        raise InputError(f"{where}: score {text!r} is no number; a finite decimal number is wanted")
    value = float(text)
    if not math.isfinite(value):
        raise InputError(f"{where}: score {text!r} is not finite; a finite decimal number is wanted")
    return value


def _label(text, where):
    if text.lower() not in LABELS:
        raise InputError(f"{where}: label {text!r} is unknown; one of {', '.join(LABELS)} is wanted")
    return LABELS[text.lower()]


def _difference(source, scores, protocol, missing, extra):
    """What differs between a score file and a protocol, and what it looks like."""
    parts = []
    for trials, what in (
        (missing, "trials of the protocol have no score"),
        (extra, "scores have no trial there"),
    ):
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
