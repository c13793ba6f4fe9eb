"""Recordings on disk scored with a trained run, each answer with what a reader has to know."""

import io
import json
import os
from collections import Counter
from pathlib import Path

import pandas as pd
from tqdm.auto import tqdm

from lib import audio, metrics
from lib.corpus import LABEL_NAMES
from lib.corpus.protocol import LABELS
from lib.errors import InputError
from lib.files.places import read_text
from lib.inputs import BLOCK
from lib.scoring.answers import CANNOT_TELL, Answer

# What people call recordings. The reader decides which of them it can use.
_ENDINGS = (
    *audio.ENDINGS, ".mp3", ".ogg", ".oga", ".opus", ".aif", ".aiff", ".aifc", ".au", ".snd", ".caf", ".w64", ".rf64",
    ".m4a", ".mp4", ".aac", ".amr", ".3gp", ".wma", ".webm",
)  # fmt: skip
_UNREADABLE = "not readable"
_MANY = 256  # recordings from which on a bar shows how far it is
_KEYS = ("path", "score", "label", "threshold", "threshold_source", "warnings", "calibrated", "reason", "windows")


def recordings(paths):
    """The recordings to score, each once: files as they are, and those below folders by name.

    Returns them and those that are passed over, as a list each: macOS' ``._`` files, and
    whatever stands in ``__MACOSX`` or a hidden folder. InputError when a path does not exist, or
    a folder has no recording.
    """
    found, passed = [], []
    for path in map(Path, paths):
        if path.is_dir():
            inside = sorted(p for p in path.rglob("*") if p.suffix.lower() in _ENDINGS and p.is_file())
            hidden = {p for p in inside if any(_is_hidden(part) for part in p.relative_to(path).parts)}
            inside = [p for p in inside if p not in hidden]
            if not inside:
                raise InputError(f"{path}: no recording in this folder; expected {', '.join(_ENDINGS)}")
            found += inside
            passed += sorted(hidden)
        elif path.exists():
            found.append(path)
        else:
            raise InputError(f"{path}: no such file or folder")
    return list(dict.fromkeys(map(str, found))), list(dict.fromkeys(map(str, passed)))


def _is_hidden(name):
    return name.startswith(".") or name == "__MACOSX"


def score_files(judge, paths):
    """Yield the answers of a `Judge` to recordings, in their order; few are in memory at a time.

    Dicts of `path`, `score` (log-odds), `label` (genuine, spoof or cannot tell), `threshold` and
    `threshold_source` of the run, `warnings` (sentences), `calibrated`, `reason` and `windows`,
    see `lib.scoring.answers.Answer`. A recording that cannot be read has no score.
    """
    with tqdm(total=len(paths), desc="scoring", unit="clip", disable=len(paths) < _MANY) as bar:
        for start in range(0, len(paths), BLOCK):
            part = paths[start : start + BLOCK]
            rows = _scored(judge, part)
            yield from (rows[path] for path in part)
            bar.update(len(part))


def _scored(judge, paths):
    """The row of each path."""
    rows, clips = {}, {}
    for path in paths:
        try:
            y, notes = audio.read(path, sr=judge.system.sr)
        except InputError as error:
            rows[path] = _row(judge, path, None, [str(error).removeprefix(f"{path}: ")])
            continue
        if judge.is_long(y):  # as large as many others, and not kept
            rows[path] = _row(judge, path, judge.answers([y])[0], notes)
        else:
            clips[path] = y, notes
    answers = judge.answers([y for y, _ in clips.values()])
    notes = (notes for _, notes in clips.values())
    return rows | {path: _row(judge, path, *found) for path, *found in zip(clips, answers, notes, strict=True)}


def _row(judge, path, answer, notes):
    said = vars(answer or Answer(None, None, CANNOT_TELL, _UNREADABLE))
    notes = [f"{note[0].upper()}{note[1:].rstrip('.')}." for note in notes]
    row = {"path": path, "threshold": judge.run.threshold, "threshold_source": judge.run.threshold_source, **said}
    row |= {"warnings": [*said["warnings"], *notes, *judge.caveats], "windows": list(said["windows"])}
    return {key: row[key] for key in _KEYS}


def write_csv(rows, file):
    """Write rows of `score_files` to an open text file."""
    texts = {"warnings": [" ".join(row["warnings"]) for row in rows]}
    texts["windows"] = [json.dumps(row["windows"]) for row in rows]
    pd.DataFrame(rows).assign(**texts).to_csv(file, index=False)


def describe(rows, judge):
    """Rows of `score_files` as a table, and below it the rule and what holds for all."""
    table = pd.DataFrame([{key: row[key] for key in ("label", "calibrated", "score", "path")} for row in rows])
    for name in ("calibrated", "score"):
        table[name] = [f"{value:.3f}" if pd.notna(value) else "-" for value in table[name]]
    own = [" ".join(text for text in row["warnings"] if text not in judge.caveats) for row in rows]
    if any(own):
        table["warnings"] = own
    low, high = judge.borders
    rule = (
        f"Scores are log-odds, higher = more genuine: spoof below {low:.3f}, genuine from {high:.3f} on, cannot tell "
        f"between them; the run's threshold is {judge.run.threshold:.3f} ({judge.run.threshold_source}). Calibrated: "
        "log-likelihood ratios by dev."
    )
    caveats = (f"Warning: {text}" for text in judge.caveats)
    return "\n".join([table.to_string(index=False, justify="left"), summary(rows), rule, *caveats])


def summary(rows):
    """How many recordings got which label, and why no other."""
    labels = Counter(row["label"] for row in rows)
    reasons = Counter(row["reason"] for row in rows if row["reason"])
    why = "; ".join(f"{count} {reason}" for reason, count in reasons.items())
    counts = ", ".join(f"{labels[name]} {name}" for name in (*LABEL_NAMES[::-1], CANNOT_TELL))
    return f"{len(rows)} recording{'s' * (len(rows) != 1)}: {counts}{f' ({why})' if why else ''}."


def read_labels(file):
    """Label of each path (from the file's own folder) in a CSV with the columns `path` and `label`."""
    text = read_text(file, "a CSV with the columns path,label")
    try:
        table = pd.read_csv(io.StringIO(text), usecols=["path", "label"], dtype=str, keep_default_na=False)
    except ValueError as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{file}: not a CSV with the columns path,label ({reason})") from None
    known = table["label"].str.strip().str.lower().map(LABELS)
    for path, label in table[known.isna()].values[:1]:
        raise InputError(f"{file}: label {label!r} of {path!r} is unknown: expected one of {', '.join(LABELS)}")
    paths = (os.path.realpath(os.path.join(os.path.dirname(file), path)) for path in table["path"])
    return dict(zip(paths, known, strict=True))


def errors(rows, labels):
    """Error rates of answers with their intervals, as text; `labels` are those of `read_labels`."""
    table = pd.DataFrame(rows)
    table["truth"] = [labels.get(os.path.realpath(path)) for path in table["path"]]
    known = table.dropna(subset=["truth", "score"]).astype({"truth": int, "score": float})
    lines = [f"{len(known)} of {len(table)} recordings have a label and a score."]
    if known["truth"].nunique() == 2:
        both = known["score"].to_numpy(), known["truth"].to_numpy()
        ends = metrics.bootstrap(*both, metrics=("eer",))["eer"]
        lines.append(f"EER {_percent(metrics.eer(*both)[0], *ends)}, interval over recordings.")
    for truth, part in known.groupby("truth"):
        lines.append(f"Answers to {len(part)} {LABEL_NAMES[truth]} recordings:")
        for label in (*LABEL_NAMES, CANNOT_TELL):
            count = (part["label"] == label).sum()
            lines[-1] += f" {_percent(count / len(part), *metrics.rate_interval(count, len(part)))} {label},"
        lines[-1] = f"{lines[-1][:-1]}."
    return "\n".join(lines)


def _percent(value, low, high):
    return f"{100 * value:.1f} % [{100 * low:.1f}, {100 * high:.1f}]"
