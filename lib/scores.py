"""Score tables: the border between systems and their evaluation.

Left of a score table nothing knows a metric, right of it nothing knows a model. A
table has one row a trial: `trial` (without ``.wav`` or ``.flac``), `score` (one real
number, higher = more genuine, log-odds at full precision) and, where the file tells,
`label` (1 = genuine, 0 = spoof).
"""

import math
import re
from pathlib import Path

import pandas as pd

from lib.corpus import GENUINE, LABEL_NAMES, SPOOF
from lib.errors import InputError

_LABELS = {"genuine": GENUINE, "bonafide": GENUINE, "bona-fide": GENUINE, "spoof": SPOOF}
_ENDING = re.compile(r"\.(wav|flac)$", re.IGNORECASE)


def write_scores(path, trials, scores, labels=None):
    """Write a score file: tab-separated, with header, numbers that read back exactly.

    Parameters
    ----------
    path : str or Path
    trials : sequence of str
    scores : sequence of float
    labels : sequence of int, optional
        1 = genuine, 0 = spoof.
    """
    columns = [list(trials), [repr(float(score)) for score in scores]]
    header = ["trial", "score"]
    if labels is not None:
        columns.append([LABEL_NAMES[int(label)] for label in labels])
        header.append("label")
    lines = ["\t".join(row) for row in [header, *zip(*columns, strict=True)]]
    Path(path).write_text("\n".join(lines) + "\n", encoding="utf-8")


def read_scores(path):
    """Read a score file of any system.

    Columns are separated by tabs or blanks and are ``trial score``, ``trial score
    label`` or ``trial label score``; a header is optional, ``.wav`` behind a trial too.

    Returns
    -------
    pandas.DataFrame [one row a trial, in file order]

    Raises
    ------
    InputError
        The file is missing, empty or not text; a line has other columns, commas, a
        score that is not a finite number, or a trial that stands already. The message
        names the file, the line, the value and the rule.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(
            f"{path}: not a text file in UTF-8; a score file has lines of 'trial score'"
        ) from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    rows, seen, width = [], {}, None
    for number, line in enumerate(text.splitlines(), 1):
        fields = line.split()
        where = f"{path}, line {number}"
        if not fields or (not rows and _is_header(fields)):
            continue
        if "," in line:
            raise InputError(f"{where}: {line.strip()!r} has commas; columns are separated by tabs or blanks")
        if len(fields) not in (2, 3) or len(fields) != (width or len(fields)):
            raise InputError(
                f"{where}: {len(fields)} columns in {line.strip()!r}; {width or '2 or 3'} are wanted"
            )
        width = len(fields)
        row = _parse(fields, where)
        if row["trial"] in seen:
            raise InputError(
                f"{where}: trial {row['trial']!r} stands on line {seen[row['trial']]} already; each may stand once"
            )
        seen[row["trial"]] = number
        rows.append(row)
    if not rows:
        raise InputError(f"{path}: holds no score; a line a trial is wanted")
    return pd.DataFrame(rows)


def match(table, protocol, *, allow_missing=False, source="scores"):
    """Put scores beside what the protocol knows of their trials.

    Parameters
    ----------
    table : pandas.DataFrame
        From `read_scores`.
    protocol : pandas.DataFrame
        From `lib.corpus.read_protocol`.
    allow_missing : bool
        Whether trials without a score, or scores without a trial, may be left out.
    source : str
        Names the file in messages.

    Returns
    -------
    pandas.DataFrame
        The protocol's columns and `score`, in protocol order; ``.attrs`` holds the
        number of `missing` and `extra` trials.

    Raises
    ------
    InputError
        Trials differ and that is not allowed, a label contradicts the protocol, or
        only one class is left.
    """
    missing = protocol["trial"][~protocol["trial"].isin(table["trial"])]
    extra = table["trial"][~table["trial"].isin(protocol["trial"])]
    if len(missing) == len(protocol):
        raise InputError(
            f"{source}: none of the protocol's {len(protocol):,} trials (first {protocol['trial'].iloc[0]!r}) has a "
            f"score (first {table['trial'].iloc[0]!r}); the protocol is of another split, version or corpus"
        )
    if (len(missing) or len(extra)) and not allow_missing:
        some = ", ".join([*missing.iloc[:3], *extra.iloc[:3]])
        raise InputError(
            f"{source}: {len(missing):,} of the protocol's {len(protocol):,} trials have no score and {len(extra):,} "
            f"scores no trial (as {some}); all have to agree, or --allow-missing"
        )
    merged = protocol.merge(table, on="trial", suffixes=("", "_said"))
    if "label_said" in merged:
        wrong = merged[merged["label"] != merged["label_said"]]
        if len(wrong):
            raise InputError(
                f"{source}: {len(wrong):,} labels contradict the protocol, first {wrong['trial'].iloc[0]!r}; "
                "labels have to agree"
            )
        merged = merged.drop(columns="label_said")
    if merged["label"].nunique() < 2:
        raise InputError(
            f"{source}: only {LABEL_NAMES[merged['label'].iloc[0]]} trials; both classes are wanted"
        )
    merged.attrs.update(missing=len(missing), extra=len(extra))
    return merged


def _is_header(fields):
    names = {
        "trial",
        "trials",
        "file",
        "filename",
        "utterance",
        "score",
        "scores",
        "cm-score",
        "label",
        "key",
    }
    return len(fields) > 1 and all(field.lower() in names for field in fields)


def _parse(fields, where):
    row = {"trial": _ENDING.sub("", fields[0])}
    rest = fields[1:]
    told = [field for field in rest if field.lower() in _LABELS]
    if len(rest) == 2:
        if len(told) != 1:
            raise InputError(
                f"{where}: {' '.join(rest)!r}; one of the two is a score, the other one of {', '.join(_LABELS)}"
            )
        row["label"] = _LABELS[told[0].lower()]
        rest = [field for field in rest if field is not told[0]]
    try:
        row["score"] = float(rest[0])
    except ValueError:
        raise InputError(f"{where}: score {rest[0]!r} is no number; a real number is wanted") from None
    if not math.isfinite(row["score"]):
        raise InputError(f"{where}: score {rest[0]!r} is not finite; a real number is wanted")
    return row
