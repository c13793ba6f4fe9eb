"""What a trained run may say of a recording: its score on the scale of dev, and a label only where both support one.

A label needs a score outside the band in which dev leaves either label one chance in four or more (even costs,
`lib.metrics.threshold_card`), on the side of the run's own threshold, and a recording of the kind that the run was
made on (`lib.judgement.domain`). One that is longer than those is scored in windows.
"""

import json
import math
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from lib import audio, metrics
from lib.corpus import GENUINE, LABEL_NAMES, SPOOF
from lib.errors import InputError
from lib.features.store import CHUNK
from lib.judgement import domain
from lib.judgement.diagnosis import HEALTHY
from lib.judgement.shortcuts import intervention_sentences
from lib.metrics import decisions
from lib.params import identity
from lib.scores import read_scores
from lib.scoring.systems import System, log_odds, open_run
from lib.tracking import models, query
from lib.tracking.client import read

CANNOT_TELL = "cannot tell"
OUTSIDE, CLOSE = "outside of what the run was made on", "too close to call"


@dataclass(frozen=True)
class Answer:
    """What a run says of one recording, or of a window of one."""

    score: float | None  # log-odds, as the run scores its own trials; of a long recording the mean of usable windows
    label: str  # genuine, spoof or cannot tell
    threshold: float  # of the run, log-odds
    threshold_source: str
    warnings: list  # sentences on this recording
    calibrated: float | None  # log-likelihood ratio, as far as dev's trials support it; None outside or without order
    reason: str  # why it cannot tell: `OUTSIDE`, `CLOSE` or not readable
    windows: list  # of a long recording: dicts of start, end (s), score, calibrated, label


@dataclass(frozen=True)
class Judge:
    """An open run with all that its answers rest on."""

    system: System
    dev: pd.DataFrame  # the run's own scores of dev: `trial`, `score`, `label`
    card: dict | None  # `lib.metrics.threshold_card` of dev; None where its scores carry no order
    known: dict  # `lib.judgement.domain.of_run`
    caveats: list  # sentences that every answer stands under

    @property
    def run(self):
        return self.system.run

    @property
    def borders(self):
        """Scores below the first are spoof, from the second on genuine, and between them too close to call."""
        if self.card is None:
            return -math.inf, math.inf
        (low, high), threshold = self.card["band"], self.run.threshold
        return min(low, threshold), max(high, threshold)

    def answer(self, y, sr):
        """The `Answer` to one recording, samples of one channel at any rate (Hz)."""
        y = audio.resampled(np.asarray(y, np.float32), sr, self.system.sr)
        return self._of_windows(y) if self.is_long(y) else self.answers([y])[0]

    def is_long(self, y):
        """Whether a recording is longer than those that the run was made on, and is scored in windows."""
        return len(y) > self.known["ranges"]["seconds"][1] * self.system.sr

    def answers(self, clips, *, window=False):
        """An `Answer` to each of some recordings at the rate of the system, none of them long."""
        found = []
        for start in range(0, len(clips), CHUNK):
            part = clips[start : start + CHUNK]
            scores = log_odds([self.system], part)[0].tolist()
            for y, score in zip(part, scores, strict=True):
                outside, (low, high) = domain.outside(self.known, y, window=window), self.known["scores"]
                if not low <= score <= high:
                    outside.append(f"Score: {score:.3g}; the run's own are {low:.3g} to {high:.3g}.")
                found.append(self.decided(score, OUTSIDE if outside else "", outside))
        return found

    def decided(self, score, reason="", warnings=()):
        """The `Answer` of a score; `reason` is why it gets no label, whatever it is."""
        run, calibrated, (low, high) = self.run, None, self.borders
        if not reason and self.card is not None:
            most = math.log1p(min(self.card["n_genuine"], self.card["n_spoof"]))
            ratio = metrics.calibrated(score, metrics.Calibration(**self.card["calibration"]))
            calibrated = float(np.clip(ratio, -most, most))
        if not reason and low <= score < high:
            reason = CLOSE
            said = f"Too close to call: the run decides below {low:.3g} and from {high:.3g} on."
            warnings = [] if self.card is None else [said]
        label = CANNOT_TELL if reason else LABEL_NAMES[GENUINE if score >= high else SPOOF]
        return Answer(score, label, run.threshold, run.threshold_source, list(warnings), calibrated, reason, [])

    def _of_windows(self, y):
        """The answer to a long recording, in as few windows of the usual length as cover it, evenly spaced."""
        sr, length = self.system.sr, round(self.known["seconds"] * self.system.sr)
        starts = np.linspace(0, len(y) - length, -(-len(y) // length)).round().astype(int).tolist()
        answers = self.answers([y[start : start + length] for start in starts], window=True)
        inside = [a for a in answers if a.reason != OUTSIDE]
        mean = float(np.mean([a.score for a in inside or answers]))
        found = self.decided(mean)
        if 2 * len(inside) < len(answers):
            found = self.decided(mean, OUTSIDE, next(a.warnings for a in answers if a.reason == OUTSIDE))
        counts = [f"{sum(a.label == name for a in answers)} {name}" for name in (*LABEL_NAMES, CANNOT_TELL)]
        text = f"In {len(answers)} windows of {length / sr:.1f} s: {', '.join(counts)}."
        windows = [
            {"start": n / sr, "end": (n + length) / sr, "score": a.score, "calibrated": a.calibrated, "label": a.label}
            for n, a in zip(starts, answers, strict=True)
        ]
        return replace(found, warnings=[text, *found.warnings], windows=windows)


def judge(system):
    """The `Judge` of an open `System`; InputError when what its answers rest on cannot be read."""
    run, card = system.run, None
    dev = read(run.run_id, "scores/dev.tsv", read_scores)
    known = read(run.run_id, domain.FILE, lambda path: domain.checked(json.loads(path.read_bytes())))
    with suppress(InputError):  # the scores carry no order
        card = metrics.threshold_card(dev["score"], dev["label"], costs=decisions.EVEN)
    return Judge(system, dev, card, known, [*known["notes"], *_caveats(run, card)])


def best_on_dev():
    """The `Judge` of the lowest dev EER on the newest run's corpus, of runs that open, and why better ones do not."""
    found, passed = query.by_dev(query.records()), {}
    newest = max(found, key=lambda record: record.started, default=None)
    for record in (record for record in found if record.corpus == newest.corpus):
        try:
            return judge(open_run(record.run_id)), list(passed.values())
        except InputError as error:
            passed.setdefault(record.name, str(error))
    raise InputError(next(iter(passed.values()), "no finished run of a model; `study run demo` makes some"))


def _caveats(run, card):
    """What is known of the run, as its tags and numbers, shortcuts (01) and what changes its decisions (92) have it."""
    now = {"rooms": {room: identity.code_digest(room) for room in identity.COMPUTING}}
    now["versions"] = identity.versions(*identity.LIBRARIES)
    changed = identity.reasons(run.identity, run.identity | now)
    diagnosis, caution = run.tags.get("diagnosis", HEALTHY), decisions.caution(run.metrics)
    eer = [100 * run.metrics.get(f"eval/eer{end}", math.nan) for end in ("", "_ci_low", "_ci_high")]
    digest = run.tags.get("corpus_digest", "")
    cues = (query.newest_metrics(run.corpus, "01_corpus", digest) or {}).get("shortcut/flagged")
    said = {
        "On eval of its own corpus its EER is {:.1f} % [{:.1f}, {:.1f}].".format(*eer): math.isfinite(sum(eer)),
        caution: caution,
        "On dev its scores say nothing or point the wrong way.": card is None,
        "It keeps no digest of its model: whether that is its own cannot be checked.": models.DIGEST not in run.tags,
        "The run's encoder or backbone is untrained.": run.tags.get("weights", "").startswith("untrained"),
        f"The diagnosis of its training is: {diagnosis}.": diagnosis != HEALTHY,
        f"It was made with another version, and may draw other features now: {', '.join(changed)}.": changed,
        f"Its corpus gives its labels away by {cues or 0:.0f} kinds of cue, see 01_corpus.": cues,
    }
    yield from (text for text, holds in said.items() if holds)
    if page := query.newest(run.corpus, "92_sensitivity", corpus_digest=digest):
        table = read(page.run_id, "sensitivity.csv", pd.read_csv)
        own = table[table["run"].isin((run.name, f"{run.name} seed {run.tags.get('seed')}"))]
        found = [text.replace("**", "") for text in intervention_sentences(own) if len(own)]
        yield from (f"92_sensitivity: {text}" for text in found if not text.startswith("No significant"))
