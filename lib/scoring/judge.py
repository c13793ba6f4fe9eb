"""What a trained run may say of a recording: its score on the scale of dev, and a label only where both support one.

A label is given outside the band in which dev leaves either label one chance in four or more
(even costs, `lib.metrics.threshold_card`), on the side of the run's own threshold, and to a
recording of the kind that the run was made on (`lib.judgement.domain`). A recording that is
longer than those is scored in windows.
"""

import json
import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lib import audio, metrics
from lib.corpus import GENUINE, LABEL_NAMES, SPOOF
from lib.errors import InputError
from lib.features.chunks import CHUNK
from lib.judgement import domain
from lib.judgement.diagnosis import HEALTHY
from lib.judgement.shortcuts import intervention_sentences
from lib.params import code, identity
from lib.scores import read_scores
from lib.scoring.systems import System, log_odds
from lib.tracking import trained
from lib.tracking.client import artifact
from lib.tracking.done import records

CANNOT_TELL = "cannot tell"
OUTSIDE, CLOSE = "outside of what the run was made on", "too close to call"
_EVEN = metrics.Costs(p_spoof=0.5, c_miss=1, c_fa=1)  # both labels as likely, both errors as bad
_NO_DOMAIN = f"It keeps no {domain.FILE}: whether a recording is of the kind that it was made on cannot be checked."


@dataclass(frozen=True)
class Answer:
    """What a run says of one recording, or of a window of one."""

    score: float  # log-odds, as the run scores its own trials; of a long recording the mean of its usable windows
    calibrated: float | None  # log-likelihood ratio by dev, no further than its trials can support; None without order
    label: str  # genuine, spoof or cannot tell
    reason: str = ""  # why it cannot tell: `OUTSIDE` or `CLOSE`
    warnings: tuple = ()  # sentences on this recording
    windows: tuple = ()  # of a long recording: dicts of start, end (s), score, calibrated, label


@dataclass(frozen=True)
class Judge:
    """An open run with all that its answers rest on."""

    system: System
    dev: pd.DataFrame  # the run's own scores of dev: `trial`, `score`, `label`
    card: dict | None  # `lib.metrics.threshold_card` of dev; None where its scores carry no order
    known: dict | None  # `lib.judgement.domain.of_run`; None of a run that kept none
    caveats: tuple  # sentences that every answer stands under

    @property
    def run(self):
        """The run, a `lib.tracking.trained.Trained`."""
        return self.system.run

    @property
    def borders(self):
        """Scores below the first are spoof, from the second on genuine, and between them too close to call."""
        if self.card is None:
            return -math.inf, math.inf
        (low, high), threshold = self.card["band"], self.run.threshold
        return min(low, threshold), max(high, threshold)

    def answer(self, y, sr):
        """The `Answer` to one recording at any rate, float32 samples of one channel.

        Examples
        --------
        ``judge(open_run("21_gmm/lfcc")).answer(samples, 44_100).label``
        """
        return self.answers([audio.resampled(np.asarray(y, np.float32), sr, self.system.sr)])[0]

    def answers(self, clips):
        """An `Answer` to each of some recordings at the rate of the system."""
        whole = [y for y in clips if not self.is_long(y)]
        found = iter(self._answers(whole))
        return [self._of_windows(y) if self.is_long(y) else next(found) for y in clips]

    def is_long(self, y):
        """Whether a recording is longer than those that the run was made on, and is scored in windows."""
        return self.known is not None and len(y) > self.known["ranges"]["seconds"][1] * self.system.sr

    def _answers(self, clips, *, window=False):
        found = []
        for start in range(0, len(clips), CHUNK):
            part = clips[start : start + CHUNK]
            scores = log_odds([self.system], part, sr=self.system.sr)[0].tolist()
            found += [self._label(s, self._outside(y, s, window)) for y, s in zip(part, scores, strict=True)]
        return found

    def _outside(self, y, score, window):
        if self.known is None:
            return []
        low, high = self.known["scores"]
        beyond = [] if low <= score <= high else [f"Score: {score:.3g}; the run's own are {low:.3g} to {high:.3g}."]
        return [*domain.outside(self.known, y, window=window), *beyond]

    def _label(self, score, outside, windows=()):
        low, high = self.borders
        calibrated = None
        if self.card:
            most = math.log1p(min(self.card["n_genuine"], self.card["n_spoof"]))
            line = metrics.Calibration(**self.card["calibration"])
            calibrated = float(np.clip(metrics.calibrated(score, line), -most, most))
        if outside:
            label, reason, warnings = CANNOT_TELL, OUTSIDE, outside
        elif low <= score < high:
            label, reason = CANNOT_TELL, CLOSE
            warnings = [f"Too close to call: spoof below {low:.3g}, genuine from {high:.3g} on."] if self.card else []
        else:
            label, reason, warnings = LABEL_NAMES[GENUINE if score >= high else SPOOF], "", []
        return Answer(score, calibrated, label, reason, tuple(warnings), tuple(windows))

    def _of_windows(self, y):
        """The answer to a long recording: windows as long as most that the run was made on, one beside the other."""
        sr, length = self.system.sr, round(self.known["seconds"] * self.system.sr)
        starts = [min(start, len(y) - length) for start in range(0, len(y) - length // 2, length)]
        answers = self._answers([y[start : start + length] for start in starts], window=True)
        usable = [answer for answer in answers if answer.reason != OUTSIDE]
        outside = []
        if 2 * len(usable) < len(answers):
            first = next(answer for answer in answers if answer.reason == OUTSIDE)
            count = f"{len(answers) - len(usable)} of {len(answers)}"
            outside = [f"Outside of what the run was made on are {count} windows, the first by:", *first.warnings]
        found = self._label(
            float(np.mean([answer.score for answer in usable or answers])),
            outside,
            [
                {"start": start / sr, "end": (start + length) / sr, "score": answer.score}
                | {"calibrated": answer.calibrated, "label": answer.label}
                for start, answer in zip(starts, answers, strict=True)
            ],
        )
        said = [sum(answer.label == name for answer in answers) for name in (*LABEL_NAMES, CANNOT_TELL)]
        text = "In windows of {:.1f} s: {} spoof, {} genuine, {} cannot tell.".format(length / sr, *said)
        return Answer(**{**vars(found), "warnings": (*found.warnings, text)})


def judge(system):
    """The `Judge` of an open `System`; InputError when what its answers rest on cannot be read."""
    run, known, card = system.run, None, None
    dev = trained.read(run, "scores/dev.tsv", read_scores)
    try:
        card = metrics.threshold_card(dev["score"], dev["label"], costs=_EVEN)
    except InputError:  # dev's scores carry no order
        pass
    if trained.keeps(run, domain.FILE):
        known = trained.read(run, domain.FILE, lambda path: domain.checked(json.loads(path.read_text())))
    return Judge(system, dev, card, known, tuple(_caveats(run, known, card)))


def _caveats(run, known, card):
    diagnosis = run.tags.get("diagnosis", HEALTHY)
    said = {
        "On dev its scores say nothing or point the wrong way.": card is None,
        _NO_DOMAIN: known is None,
        "It keeps no digest of its model: whether that is its own cannot be checked.": trained.DIGEST not in run.tags,
        "The run's encoder or backbone is untrained.": run.tags.get("weights", "").startswith("untrained"),
        f"The diagnosis of its training is: {diagnosis}.": diagnosis != HEALTHY,
    }
    changed = _changed(run)
    said[f"Its features may differ now, since these are of another version: {', '.join(changed)}."] = bool(changed)
    return [*(known or {}).get("notes", ()), *(text for text, holds in said.items() if holds), *_pages(run)]


def _changed(run):
    """Rooms of lib that compute, and libraries, which are others than when the run was made, as far as it says."""
    rooms = {f"lib/{room}": code.digest(room) for room in identity.COMPUTING}
    then = {f"lib/{room}": mark for room, mark in run.identity.get("rooms", {}).items()}
    then |= run.identity.get("versions", {})
    now = {**rooms, **code.versions(*identity.LIBRARIES)}
    return [name for name, mark in now.items() if then.get(name, mark) != mark]


def _pages(run):
    """What the newest pages on its corpus say of the run: shortcuts (01) and what turns its answers (92)."""
    pages = {}
    for record in records(run.corpus):
        if record.status == "FINISHED" and record.tags.get("corpus_digest") == run.tags.get("corpus_digest"):
            pages.setdefault(record.name.partition("/")[0], record)
    audit, sensitivity = pages.get("01_corpus"), pages.get("92_sensitivity")
    if audit and audit.metrics.get("shortcut/flagged"):
        yield f"Its corpus has {audit.metrics['shortcut/flagged']:.0f} kinds of shortcut, see 01_corpus."
    if sensitivity:
        with artifact(sensitivity.run_id, "sensitivity.csv") as path:
            table = pd.read_csv(path)
        own = table[table["run"].isin((run.name, f"{run.name} seed {run.tags.get('seed')}"))]
        yield from (f"92_sensitivity: {text.replace('**', '')}" for text in intervention_sentences(own) if len(own))
