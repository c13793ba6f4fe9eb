"""Which runs of a study are done, and which are to do."""

from dataclasses import dataclass

from lib.corpus import audit
from lib.params import studies as study
from lib.tracking import done as done_runs


@dataclass(frozen=True)
class Step:
    """One planned run, its fingerprint, and the run that has done it already, if any."""

    run: study.PlannedRun
    corpus_digest: str
    fingerprint: str
    done: str | None


def plan(chosen, *, force=False):
    """Which runs of a study are done and which are to do; nothing is executed.

    Parameters
    ----------
    chosen : lib.params.studies.Study
    force : bool
        Take none as done.

    Returns
    -------
    list of Step

    Raises
    ------
    lib.errors.InputError
        The corpus cannot be used.
    """
    digests = {}
    done = {} if force else done_runs.finished(chosen.corpus)
    steps = []
    for run in chosen.runs:
        values = run.parameters
        where = (values["corpus"], values["data"], values["layout"], values["allow_partial"])
        if where not in digests:
            digests[where] = audit.usable(*where[:3], allow_partial=where[3]).digest
        reads, out_of_date = [], False
        if run.compares:  # it is out of date when a run that it reads is about to be made
            read = [step for step in steps if not step.run.compares]
            reads = [step.done for step in read if step.done]
            out_of_date = any(step.done is None and chosen.chooses(step.run) for step in read)
        mark = study.fingerprint(run, digests[where], reads=reads)
        steps.append(Step(run, digests[where], mark, None if out_of_date else done.get(mark)))
    return [step for step in steps if chosen.chooses(step.run)]
