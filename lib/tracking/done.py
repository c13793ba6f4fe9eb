"""Which runs of a study are done, and which are to do, and why."""

import time
from dataclasses import dataclass, field
from functools import cache

from lib.corpus import audit
from lib.files import places
from lib.params import identity, studies
from lib.tracking.query import records

MODELS = 10  # the stage of the runs that have fits


@dataclass(frozen=True)
class Step:
    """One planned run, and what is known of it."""

    run: studies.PlannedRun
    corpus_digest: str
    fingerprint: str
    done: str | None  # id of the run that has done it already
    identity: dict = field(default_factory=dict, repr=False)
    reasons: tuple = ()  # why it would run, in words
    kept: str = ""  # what becomes of its fits, in words
    before: str | None = None  # id of the finished run that the reasons speak of
    planned: int = 0  # when this was asked, milliseconds since 1970, UTC
    tags: dict = field(default_factory=dict, repr=False)  # of the run that has done it


def plan(chosen, *, force=False):
    """A `Step` for each run of a study: done, or to do and why; with `force` none is done. Nothing is executed."""
    now, usable = int(1000 * time.time()), cache(audit.usable)
    every = records(chosen.corpus)
    finished = [record for record in every if record.status == "FINISHED"]
    under_way = {record.tags.get("fingerprint"): record.run_id for record in every if record.status == "RUNNING"}
    by_mark = {record.tags.get("fingerprint"): record for record in reversed(finished)}
    steps = []
    for run in sorted(chosen.runs, key=lambda run: run.compares):  # these read the others, wherever they are listed
        corpus, data, layout, partial = (run.parameters[n] for n in ("corpus", "data", "layout", "allow_partial"))
        digest = usable(corpus, data, layout, allow_partial=partial).digest
        read = [step for step in steps if run.compares and not step.run.compares]
        out_of_date = any(step.done is None and chosen.chooses(step.run) for step in read)
        parts = identity.identity(run, digest, [step.done for step in read if step.done])
        mark = identity.fingerprint(parts)
        known = None if force or out_of_date else by_mark.get(mark)
        if known:
            steps.append(Step(run, digest, mark, known.run_id, parts, planned=now, tags=known.tags))
            continue
        same = [record for record in finished if (record.name, record.seed) == (run.name, run.seed)]
        before = next((record for record in same if not record.changed(run)), same[0] if same else None)
        why = ["--force"] if force else identity.reasons(before and before.identity, parts)
        if before and out_of_date and not force:
            why = [reason for reason in why if reason != identity.READS] + ["the runs that it reads are to run"]
        if mark in under_way:
            why = [*why, f"run {under_way[mark]} is making it"]
        fits = identity.kept(before.identity, parts) if before and run.stage == MODELS and not force else ""
        for key in before.tags.get("fits", "").split() if fits else ():
            if not places.exists(f"{places.absolute(run.parameters['store_url'])}/fits/{key}.zip"):
                fits = "its fits have been removed"
        steps.append(Step(run, digest, mark, None, parts, tuple(why), fits, before and before.run_id, now))
    return [step for step in steps if chosen.chooses(step.run)]
