"""Recordings on disk: which there are, what a run answers to each, and its answers as text."""

import json
import os
import re
from collections import Counter
from pathlib import Path, PurePath

import pandas as pd
from tqdm.auto import tqdm

from lib import audio, metrics
from lib.corpus import GENUINE, LABEL_NAMES, UNKNOWN, open_corpus
from lib.corpus.protocol import WORDS, read_list
from lib.errors import InputError
from lib.files.places import absolute
from lib.inputs import BLOCK
from lib.metrics.tables import noted, percent
from lib.scoring.answers import CANNOT_TELL
from lib.scoring.systems import SR

_ENDINGS = (*audio.ENDINGS, *WORDS["endings"])
_HIDDEN = re.compile(r"\.|__MACOSX$")
_MANY = 256  # recordings from which on a bar shows how far it is


def recordings(paths):
    """The recordings to score, each once, those below folders by name; and those that are passed over, as hidden."""
    found, passed = {}, {}
    for path in map(Path, paths):
        if not path.exists():
            raise InputError(f"{path}: no such file or folder")
        inside = [path]
        if path.is_dir():
            inside = sorted(p for p in path.rglob("*") if p.suffix.lower() in _ENDINGS and p.is_file())
        hidden = dict.fromkeys(p for p in inside if any(map(_HIDDEN.match, p.relative_to(path).parts)))
        if len(hidden) == len(inside):
            raise InputError(f"{path}: no recording in this folder; expected {', '.join(_ENDINGS)}")
        passed |= dict.fromkeys(map(str, hidden))
        found |= dict.fromkeys(str(p) for p in inside if p not in hidden)
    return list(found), list(passed)


def elsewhere(corpora, genuine, *, layout, most):
    """Trials that were not made for a run: name of each folder -> digest of its corpus, and table of its trials.

    `corpora` and `genuine` list folders (relative ones start at the project's) or URLs: of corpora in one `layout`,
    of which eval is drawn from, and of genuine recordings only, whose digest is empty. At most `most` trials of each
    label are drawn, the same ones each time: `path`, `label`, `speaker`. InputError for two of the same name.
    """
    found = {}
    for folder in (*corpora, *genuine):
        name = re.sub(r"[^\w.-]", "_", PurePath(folder).name)  # as MLflow takes it
        if name in found:
            raise InputError(f"{folder}: another folder is called {name} too; each needs a name of its own")
        if folder in corpora:
            corpus = open_corpus(name, folder, layout)
            digest, trials = corpus.digest, corpus.split("eval")
        else:
            paths = recordings([absolute(folder)])[0]
            digest, trials = "", pd.DataFrame({"path": paths, "label": GENUINE, "speaker": UNKNOWN})
        drawn = trials.sample(frac=1, random_state=0).groupby("label").head(most).sort_index()
        found[name] = digest, drawn.reset_index(drop=True)
    return found


def readable(trials):
    """The trials that can be read, their recordings (16 kHz), and the others' errors; InputError if a label is lost."""
    read = [_read(path, SR) for path in trials["path"]]
    kept = trials[[y is not None for y, _ in read]]
    left_out = [notes[0] for y, notes in read if y is None]
    if set(kept["label"]) != set(trials["label"]):
        raise InputError(f"{left_out[0]}; no recording of its label can be read")
    return kept, [y for y, _ in read if y is not None], left_out


def _read(path, sr):
    """Samples of a recording, None if it cannot be read, and sentences on what was done or is wrong."""
    try:
        return audio.read(path, sr=sr)
    except InputError as error:
        return None, [str(error)]


def score_files(judge, paths):
    """Yield a dict of each recording, in order: `path`, and the fields of `Answer`, with the judge's caveats."""
    sr, blocks = judge.system.sr, [paths[start : start + BLOCK] for start in range(0, len(paths), BLOCK)]
    with tqdm(total=len(paths), desc="scoring", unit="clip", disable=len(paths) < _MANY) as bar:
        for part in blocks:
            clips, found, notes = {}, {}, {}
            for path in part:
                y, notes[path] = _read(path, sr)
                if y is None:
                    found[path] = judge.decided(None, "not readable")
                elif judge.is_long(y):  # as large as many others, and not kept
                    found[path] = judge.answer(y, sr)
                else:
                    clips[path] = y
            found |= zip(clips, judge.answers(list(clips.values())), strict=True)
            bar.update(len(part))
            for path in part:
                said = [note.removeprefix(f"{path}: ").rstrip(".") for note in notes[path]]
                said = [f"{note[0].upper()}{note[1:]}." for note in said]
                yield {"path": path, **vars(found[path]), "warnings": [*found[path].warnings, *said, *judge.caveats]}


def write_csv(rows, file):
    """Write rows of `score_files` to an open text file."""
    table = pd.DataFrame(rows)
    texts = {"warnings": table["warnings"].map(" ".join), "windows": table["windows"].map(json.dumps)}
    table.assign(**texts).to_csv(file, index=False)


def describe(rows, judge):
    """Rows of `score_files` as a table, and below it the rule and what holds for all."""
    table = pd.DataFrame(rows)[["label", "calibrated", "score"]].astype({"calibrated": float})
    own = [" ".join(text for text in row["warnings"] if text not in judge.caveats) for row in rows]
    width = max(len(row["path"]) for row in rows)
    notes = [f"{row['path']:{width}}  {text}" for row, text in zip(rows, own, strict=True)]
    notes = pd.Series(notes, name=f"{'path':{width}}  {'warnings' if any(own) else ''}")
    (low, high), threshold = judge.borders, f"{judge.run.threshold:.3f} ({judge.run.threshold_source})"
    sides = "dev's scores have no order, so none gets a label"
    if judge.card is not None:
        sides = f"spoof below {low:.3f}, genuine from {high:.3f} on, cannot tell between them"
    rule = f"Scores are log-odds, higher = more genuine: {sides}; the run's threshold is {threshold}."
    rule += " Calibrated: log-likelihood ratios by dev." * (judge.card is not None)
    text = noted(table, notes, float_format="{:.3f}".format, na_rep="-")
    return "\n".join([text, summary(rows), rule, *(f"Warning: {text}" for text in judge.caveats)])


def summary(rows):
    """How many recordings got which label, and why no other."""
    labels = Counter(row["label"] for row in rows)
    reasons = Counter(row["reason"] for row in rows if row["reason"])
    why = "; ".join(f"{count} {reason}" for reason, count in reasons.items())
    counts = ", ".join(f"{labels[name]} {name}" for name in (*LABEL_NAMES[::-1], CANNOT_TELL))
    return f"{len(rows)} recording{'s' * (len(rows) != 1)}: {counts}{f' ({why})' if why else ''}."


def read_labels(file, paths):
    """Path -> label in a list or protocol, whose paths start at its own folder; names count where none is found so."""
    table, folder = read_list(file)[0], os.path.dirname(file)
    listed = table[["file", "label"]].to_numpy().tolist()
    by_path = {os.path.realpath(os.path.join(folder, name)): label for name, label in listed}
    found = {path: by_path[real] for path in paths if (real := os.path.realpath(path)) in by_path}
    if not found:
        by_name = {os.path.basename(name): label for name, label in listed}
        alone = len(by_name) == len(listed)
        for path in paths if alone else ():
            name = os.path.basename(path)
            name = name if name in by_name else os.path.splitext(name)[0]  # protocols leave endings out
            found |= {path: by_name[name]} if name in by_name else {}
    if not found:
        raise InputError(f"{file}: none of the {len(paths):,} recordings is listed there")
    return found


def errors(rows, labels):
    """Error rates of answers with their intervals, as text; `labels` are those of `read_labels`."""
    table = pd.DataFrame(rows)
    table["truth"] = [labels.get(path) for path in table["path"]]
    known = table.dropna(subset=["truth", "score"]).astype({"truth": int, "score": float})
    lines = [f"{len(known)} of {len(table)} recordings have a label and a score."]
    if known["truth"].nunique() == 2:
        both = known["score"].to_numpy(), known["truth"].to_numpy()
        ends = metrics.bootstrap(*both, metrics=("eer",))["eer"]
        lines.append(f"EER {percent(metrics.eer(*both)[0], ends)} %, interval over recordings.")
    for truth, part in known.groupby("truth"):
        rates = []
        for label in (*LABEL_NAMES, CANNOT_TELL):
            count = (part["label"] == label).sum()
            rates.append(f"{percent(count / len(part), metrics.rate_interval(count, len(part)))} % {label}")
        lines.append(f"Answers to {len(part)} {LABEL_NAMES[truth]} recordings: {', '.join(rates)}.")
    return "\n".join(lines)
