"""What a trained run may say of a recording: its score on the scale of dev, and a label only where both support one.

A label is given outside the band in which dev leaves either label one chance in four or more
(even costs, `lib.metrics.threshold_card`), on the side of the run's own threshold, and to a
recording of the kind that the run was made on (`lib.judgement.domain`). A recording that is
longer than those is scored in windows.
"""

import json
import math
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from lib import audio, metrics
from lib.corpus import GENUINE, LABEL_NAMES, SPOOF
from lib.errors import InputError
from lib.features.chunks import CHUNK
from lib.judgement import domain
from lib.judgement.diagnosis import HEALTHY
from lib.judgement.shortcuts import intervention_sentences
from lib.metrics import band
from lib.params import code, identity
from lib.scores import read_scores
from lib.scoring.systems import System, log_odds
from lib.tracking import query, trained

CANNOT_TELL = "cannot tell"
OUTSIDE, CLOSE = "outside of what the run was made on", "too close to call"


@dataclass(frozen=True)
class Answer:
    """What a run says of one recording, or of a window of one."""

    score: float  # log-odds, as the run scores its own trials; of a long recording the mean of its usable windows
    calibrated: float | None  # log-likelihood ratio, as far as dev's trials support it; None outside or without order
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
        found = iter(self._answers([y for y in clips if not self.is_long(y)]))
        return [self._of_windows(y) if self.is_long(y) else next(found) for y in clips]

    def is_long(self, y):
        """Whether a recording is longer than those that the run was made on, and is scored in windows."""
        return self.known is not None and len(y) > self.known["ranges"]["seconds"][1] * self.system.sr

    def _answers(self, clips, *, window=False):
        found = []
        for start in range(0, len(clips), CHUNK):
            part = clips[start : start + CHUNK]
            scores = log_odds([self.system], part, sr=self.system.sr)[0].tolist()
            found += [self._decided(s, self._outside(y, s, window)) for y, s in zip(part, scores, strict=True)]
        return found

    def _outside(self, y, score, window):
        if self.known is None:
            return []
        low, high = self.known["scores"]
        beyond = [] if low <= score <= high else [f"Score: {score:.3g}; the run's own are {low:.3g} to {high:.3g}."]
        return [*domain.outside(self.known, y, window=window), *beyond]

    def _decided(self, score, outside):
        if outside:
            return Answer(score, None, CANNOT_TELL, OUTSIDE, tuple(outside))
        low, high = self.borders
        calibrated = None
        if self.card:
            most = math.log1p(min(self.card["n_genuine"], self.card["n_spoof"]))
            ratio = metrics.calibrated(score, metrics.Calibration(**self.card["calibration"]))
            calibrated = float(np.clip(ratio, -most, most))
        if low <= score < high:
            said = [f"Too close to call: the run decides below {low:.3g} and from {high:.3g} on."] if self.card else []
            return Answer(score, calibrated, CANNOT_TELL, CLOSE, tuple(said))
        return Answer(score, calibrated, LABEL_NAMES[GENUINE if score >= high else SPOOF])

    def _of_windows(self, y):
        """The answer to a long recording, cut into windows of the usual length, the last one back from its end."""
        sr, length = self.system.sr, round(self.known["seconds"] * self.system.sr)
        starts = [min(start, len(y) - length) for start in range(0, len(y) - length // 2, length)]
        answers = self._answers([y[start : start + length] for start in starts], window=True)
        usable = [answer for answer in answers if answer.reason != OUTSIDE]
        first = next((answer.warnings for answer in answers if answer.reason == OUTSIDE), ())
        mean = float(np.mean([answer.score for answer in usable or answers]))
        found = self._decided(mean, first if 2 * len(usable) < len(answers) else ())
        said = [f"{sum(answer.label == name for answer in answers)} {name}" for name in (*LABEL_NAMES, CANNOT_TELL)]
        text = f"In {len(answers)} windows of {length / sr:.1f} s: {', '.join(said)}."
        windows = [
            {"start": start / sr, "end": (start + length) / sr}
            | {name: getattr(answer, name) for name in ("score", "calibrated", "label")}
            for start, answer in zip(starts, answers, strict=True)
        ]
        return replace(found, warnings=(text, *found.warnings), windows=tuple(windows))


def judge(system):
    """The `Judge` of an open `System`; InputError when what its answers rest on cannot be read."""
    run, known, card = system.run, None, None
    dev = trained.read(run, "scores/dev.tsv", read_scores)
    try:
        card = metrics.threshold_card(dev["score"], dev["label"], costs=band.EVEN)
    except InputError:  # the scores carry no order
        pass
    if trained.keeps(run, domain.FILE):
        known = trained.read(run, domain.FILE, lambda path: domain.checked(json.loads(path.read_bytes())))
    return Judge(system, dev, card, known, tuple(_caveats(run, known, card)))


def _caveats(run, known, card):
    diagnosis, changed = run.tags.get("diagnosis", HEALTHY), _changed(run)
    eer = [100 * run.metrics.get(f"eval/eer{end}", math.nan) for end in ("", "_ci_low", "_ci_high")]
    caution = band.caution(run.metrics)
    said = {
        "On eval of its own corpus its EER is {:.1f} % [{:.1f}, {:.1f}].".format(*eer): math.isfinite(sum(eer)),
        caution: bool(caution),
        "On dev its scores say nothing or point the wrong way.": card is None,
        f"It keeps no {domain.FILE}: whether a recording is of the kind it was made on cannot be checked.": not known,
        "It keeps no digest of its model: whether that is its own cannot be checked.": trained.DIGEST not in run.tags,
        "The run's encoder or backbone is untrained.": run.tags.get("weights", "").startswith("untrained"),
        f"The diagnosis of its training is: {diagnosis}.": diagnosis != HEALTHY,
        f"It was made with another version, and may draw other features now: {', '.join(changed)}.": changed,
    }
    return [*(known or {}).get("notes", ()), *(text for text, holds in said.items() if holds), *_pages(run)]


def _changed(run):
    """Rooms of lib that compute, and libraries, which are others than when the run was made, as far as it says."""
    then = {f"lib/{room}": mark for room, mark in run.identity.get("rooms", {}).items()}
    then |= run.identity.get("versions", {})
    now = {f"lib/{room}": code.digest(room) for room in identity.COMPUTING} | code.versions(*identity.LIBRARIES)
    return [name for name, mark in now.items() if then.get(name, mark) != mark]


def _pages(run):
    """What the newest pages on its corpus say of the run: shortcuts (01) and what turns its answers (92)."""
    digest = run.tags.get("corpus_digest", "")
    audit = query.newest_metrics(run.corpus, "01_corpus", digest) or {}
    if flagged := audit.get("shortcut/flagged"):
        yield f"Its corpus gives its labels away by {flagged:.0f} kinds of cue, see 01_corpus."
    page = query.newest(run.corpus, "92_sensitivity", corpus_digest=digest)
    if page and trained.keeps(page, "sensitivity.csv"):
        table = trained.read(page, "sensitivity.csv", pd.read_csv)
        own = table[table["run"].isin((run.name, f"{run.name} seed {run.tags.get('seed')}"))]
        yield from (f"92_sensitivity: {text.replace('**', '')}" for text in intervention_sentences(own) if len(own))
