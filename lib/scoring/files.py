"""Recordings on disk scored with a trained run, each answer with what a reader has to know."""

from pathlib import Path

import pandas as pd
from tqdm.auto import tqdm

from lib import audio, metrics
from lib.audio import ENDINGS
from lib.corpus import LABEL_NAMES
from lib.errors import InputError
from lib.features.chunks import CHUNK
from lib.judgement.diagnosis import HEALTHY
from lib.params import NOTEBOOKS, identity
from lib.params import studies as study
from lib.scores import read_scores
from lib.scoring.systems import log_odds
from lib.tracking.client import artifact
from lib.tracking.query import BY_HAND

_MANY = 2 * CHUNK  # recordings from which on a bar shows how far it is
_EVEN = metrics.Costs(p_spoof=0.5, c_miss=1, c_fa=1)  # both labels as likely, both errors as bad
_MADE = "demo"  # the corpus whose numbers stand for themselves only


def recordings(paths):
    """Files as they are, and every .wav and .flac below folders by name, each once; InputError when there is none."""
    found = []
    for path in map(Path, paths):
        if path.is_dir():
            inside = sorted(p for p in path.rglob("*") if p.suffix.lower() in ENDINGS and p.is_file())
            if not inside:
                raise InputError(f"{path}: no recording in this folder; expected {' or '.join(ENDINGS)}")
            found += inside
        elif path.exists():
            found.append(path)
        else:
            raise InputError(f"{path}: no such file or folder")
    return list(dict.fromkeys(map(str, found)))


def score_files(system, paths):
    """Score recordings with an open `System`, or none where one of them cannot be used (InputError).

    All of them are read before the first is scored, so that a broken one is known at
    once, and read again as they are scored: a folder may be larger than the memory. One dict a
    recording: `path`, `score` (log-odds), `label` (``genuine`` or ``spoof``, by the run's own
    threshold), `threshold`, `threshold_source`, `warnings` (sentences).
    """
    notes = _read_all(paths, system.sr)
    scores = []
    with tqdm(total=len(paths), desc="scoring", unit="clip", disable=len(paths) < _MANY) as bar:
        for start in range(0, len(paths), CHUNK):
            clips = [audio.read(path, sr=system.sr)[0] for path in paths[start : start + CHUNK]]
            scores += log_odds([system], clips, sr=system.sr)[0].tolist()
            bar.update(len(clips))
    run, band = system.run, _uncertain(system.run)
    of_run = _about_run(run) + ([] if band else ["On dev its scores say nothing or point the wrong way."])
    return [
        {
            "path": path,
            "score": score,
            "label": LABEL_NAMES[int(score >= run.threshold)],
            "threshold": run.threshold,
            "threshold_source": run.threshold_source,
            "warnings": [*_about_score(score, band), *(f"{note[0].upper()}{note[1:]}." for note in read), *of_run],
        }
        for path, score, read in zip(paths, scores, notes, strict=True)
    ]


def describe(rows):
    """The rows of `score_files` as a table, warnings that hold for all of them once below it."""
    common = [text for text in rows[0]["warnings"] if all(text in row["warnings"] for row in rows)]
    own = [" ".join(text for text in row["warnings"] if text not in common) for row in rows]
    table = pd.DataFrame(rows)[["score", "label", "path"]]
    table["score"] = table["score"].map("{:.3f}".format)
    if any(own):
        table["warnings"] = own
    threshold, source = rows[0]["threshold"], rows[0]["threshold_source"]
    rule = f"Scores are log-odds, higher = more genuine; from {threshold:.3f} ({source}) on a recording is genuine."
    return "\n".join([table.to_string(index=False, justify="left"), rule, *(f"Warning: {text}" for text in common)])


def _read_all(paths, sr):
    """What reading had to do to each recording."""
    notes, refused = [], []
    for path in tqdm(paths, desc="reading", unit="clip", disable=len(paths) < _MANY):
        try:
            notes.append(audio.read(path, sr=sr)[1])
        except InputError as error:
            refused.append(str(error))
    if refused:
        others = f"; {len(refused)} of {len(paths)} recordings cannot be used, none is scored" if len(paths) > 1 else ""
        raise InputError(refused[0] + others)
    return notes


def _about_run(run):
    diagnosis = run.tags.get("diagnosis", HEALTHY)
    said = {
        f"Trained on corpus {_MADE}, made speech: this says nothing of real replay.": run.corpus == _MADE,
        "The run's encoder or backbone is untrained.": run.tags.get("weights", "").startswith("untrained"),
        f"The diagnosis of its training is: {diagnosis}.": diagnosis != HEALTHY,
        "The run was made with another version of its notebook or of lib, which may draw other features.": (
            _outdated(run)
        ),
    }
    return [sentence for sentence, holds in said.items() if holds]


def _outdated(run):
    """Whether notebook and lib have changed since; a run by hand does not say."""
    notebook, _, variant = run.name.partition("/")
    mark = run.tags.get("fingerprint", BY_HAND)
    if mark == BY_HAND or not (NOTEBOOKS / f"{notebook}.ipynb").is_file():
        return False
    planned = study.PlannedRun(notebook, variant, run.settings)
    return identity.fingerprint(identity.identity(planned, run.tags.get("corpus_digest", ""))) != mark


def _uncertain(run):
    """Scores between which dev gives either label one chance in four at least; None without any order."""
    with artifact(run.run_id, "scores/dev.tsv") as path:
        dev = read_scores(path)
    try:
        return metrics.threshold_card(dev["score"], dev["label"], costs=_EVEN)["band"]
    except InputError:
        return None


def _about_score(score, band):
    if not band or not band[0] <= score < band[1]:
        return []
    low, high = band
    return [f"Too close to call: on dev, scores from {low:.3g} to {high:.3g} leave either label 1 chance in 4 or more."]
