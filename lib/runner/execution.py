"""Notebooks executed by papermill, each in a run of its own; what goes wrong in one does not end the others."""

import logging
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from lib import cluster
from lib.errors import InputError, without_logins
from lib.params import NOTEBOOKS, ROOT, identity
from lib.runner import kernels, progress
from lib.runner.pages import export_html, times
from lib.tracking import query
from lib.tracking.client import RUN_ID, connect, create, database, local_folder, locked, tracking_uri
from lib.tracking.done import MODELS, Step, plan

# Keeps the kernel's log to what a reader of the executed notebook needs.
QUIET = {"PYDEVD_DISABLE_FILE_VALIDATION": "1"}

_TEXT_BARS = "import sys, tqdm; sys.modules['tqdm.auto'] = tqdm"
_FEW = 2  # notebooks that do not repay one process that imports all libraries
_ANSI = re.compile(r"\x1b\[[0-9;]*m")  # colours, in the traceback of a cell


@dataclass(frozen=True)
class Outcome:
    """What became of a step: `error` is None when it finished, `run_id` empty when no run was begun."""

    step: Step
    run_id: str
    seconds: float
    error: str | None

    @property
    def elsewhere(self):
        """Whether another process is making the run."""
        return not self.run_id and self.error is None


def run_all(chosen, steps, *, jobs=1, scheduler=None):
    """Execute what is to do, stage by stage; yields each `Outcome`, of a run that another process makes two."""
    tag = query.in_study(chosen.name)
    for step in steps:
        if step.done and tag not in step.tags:  # another study has made it
            connect().set_tag(step.done, tag, "yes")
    todo = [step for step in steps if not step.done]
    with kernels.served() if len(todo) > _FEW else nullcontext():
        yield from _by_stage(chosen, todo, jobs, scheduler)


def _by_stage(chosen, todo, jobs, scheduler):
    for stage in sorted({step.run.stage for step in todo}):
        members = [step for step in todo if step.run.stage == stage]
        if members[0].run.compares:  # what it reads is known only now
            fresh = {(step.run.name, step.run.seed): step for step in plan(chosen)}
            members = [replace(fresh[step.run.name, step.run.seed], planned=step.planned) for step in members]
        there = scheduler if stage == MODELS else None  # those before send recordings to the workers, and stay here
        if there:
            connect()  # makes the database where there is none; workers only look for it
        here = partial(execute, show=jobs == 1, scheduler=scheduler)
        force = os.environ.get("STUDY_FORCE", "")
        work = partial(_execute_on_worker, uri=tracking_uri(), force=force) if there else here
        for patient in (False, True):
            if not members:
                break
            tasks, call = [(step, chosen.name) for step in members], partial(work, patient=patient)
            members = []
            for outcome in cluster.unordered(call, tasks, jobs=min(jobs, len(tasks)), scheduler=there):
                yield outcome
                if outcome.elsewhere:
                    members.append(outcome.step)


def execute(step, study_name, *, show=False, scheduler=None, patient=True):
    """Execute one notebook in a run of its own, with `show` its bars to stderr; `patient` waits for who makes it."""
    started = time.monotonic()
    run_id, error = "", None
    try:
        with locked(step.fingerprint, wait=patient) as mine:
            if not mine:
                return Outcome(step, "", 0.0, None)
            marks = _marks(step)
            for made in query.records(step.run.parameters["corpus"]):  # it may have been ended since the plan
                same = made.tags.get("fingerprint") in marks and made.ended >= step.planned
                if same and made.status in ("FINISHED", "FAILED"):
                    connect().set_tag(made.run_id, query.in_study(study_name), "yes")
                    return Outcome(step, made.run_id, time.monotonic() - started, made.tags.get("error"))
            query.sweep(step.run.parameters["corpus"], held=step.fingerprint)
            run_id = _begin(step, study_name)
            error = _executed(step, run_id, show, scheduler)
    except Exception as problem:  # a notebook, MLflow and the disk may raise anything
        error = error or _short(problem)
    return Outcome(step, run_id, time.monotonic() - started, error)


def _begin(step, study_name):
    """A new run, with the tags by which it is found again; its id."""
    tags = {"study": study_name, query.in_study(study_name): "yes", "corpus_digest": step.corpus_digest}
    tags |= query.owner() | identity.marks(step.identity)
    tags |= {} if step.run.seed is None else {"seed": step.run.seed}
    return create(connect(), experiment=step.run.parameters["corpus"], name=step.run.name, tags=tags)


def _executed(step, run_id, show, scheduler):
    """Execute the notebook in a run that was begun, and end the run; the error in one line, or None."""
    client, started = connect(), time.monotonic()
    error, status, alive = None, "KILLED", query.beat(client, run_id)
    given = {RUN_ID: run_id, cluster.SCHEDULER: scheduler or "", "MLFLOW_TRACKING_URI": tracking_uri(), **QUIET}
    try:
        local = local_folder(run_id)  # papermill saves there what it has done so far
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
            executed = (local or Path(scratch)) / "notebook.ipynb"
            executed.parent.mkdir(parents=True, exist_ok=True)
            try:
                # What the kernel leaves in its temporary folder goes with it.
                _papermill(step.run, executed, show, {**os.environ, **given, "TMPDIR": scratch})
            finally:
                _keep(client, step, run_id, executed, started, logged=bool(local))
        status = "FINISHED"
    except Exception as problem:  # a notebook may raise anything
        error, status = _short(problem), "FAILED"
        trace = _ANSI.sub("", traceback.format_exc())
        client.set_tag(run_id, "error", error)
        with _spared(client, run_id):
            client.log_text(run_id, without_logins(trace), "error.txt")
    finally:
        alive.set()
        progress.ended(run_id)
        client.set_terminated(run_id, status)
    return error


@contextmanager
def _spared(client, run_id):
    """What fails in here costs the run no more than the tag `page_error`."""
    try:
        yield
    except Exception as problem:
        with suppress(Exception):
            client.set_tag(run_id, "page_error", _short(problem))


def _keep(client, step, run_id, executed, started, *, logged):
    """Keep the executed notebook as a page, where its time went, and the weights that it has downloaded."""
    with _spared(client, run_id):
        page = executed.with_suffix(".html")
        export_html(executed, page)
        if not logged:
            client.log_artifact(run_id, str(executed))
            client.log_artifact(run_id, str(page))
    with _spared(client, run_id):
        seconds, longest = times(executed, time.monotonic() - started)
        for name, value in seconds.items():
            client.log_metric(run_id, f"time/{name}", value)
        marks = identity.marks(identity.settled(step.identity, step.run.parameters))
        for name, value in {"longest": longest, **marks}.items():
            client.set_tag(run_id, name, value)


def _papermill(run, executed, show, environment):
    import papermill

    logging.getLogger("papermill").setLevel(logging.ERROR)  # it warns of each setting outside the parameters cell
    execute = partial(
        papermill.execute_notebook,
        str(NOTEBOOKS / f"{run.notebook}.ipynb"),
        str(executed),
        parameters=run.parameters,
        kernel_name="python3",
        cwd=str(ROOT),
        progress_bar=False,
        stderr_file=sys.stderr if show else None,
        kernel_manager_class=_own_kernel(environment),
        coalesce_streams=True,  # leaves of each progress bar what a terminal would show at its end
        # No notice about loopback traffic, none when it is stopped; and bars of text, which a terminal and a page show.
        extra_arguments=["--IPKernelApp.log_level=50", f"--IPKernelApp.exec_lines={_TEXT_BARS}"],
    )
    try:
        execute()
    except RuntimeError as problem:
        if "before replying to kernel_info" not in str(problem):
            raise
        execute()  # no cell had begun: two kernels that start at once may choose the same port


def _own_kernel(environment):
    """A kernel manager that starts this interpreter, whatever is installed under the name python3."""
    from jupyter_client import AsyncKernelManager
    from jupyter_client.kernelspec import KernelSpec

    spec = KernelSpec(argv=kernels.command(), display_name="Python 3", language="python")

    class OwnKernel(AsyncKernelManager):
        kernel_spec = spec

        async def start_kernel(self, **how):
            # What cells print comes as messages; a kernel's own stderr holds asyncio's complaints at its end.
            return await super().start_kernel(**{"stderr": subprocess.DEVNULL, **how, "env": environment})

    return OwnKernel


def _marks(step):
    """Fingerprints of a step: as planned, and with the weights that a run has downloaded since."""
    return step.fingerprint, identity.fingerprint(identity.settled(step.identity, step.run.parameters))


def _execute_on_worker(step, study_name, *, uri, force="", patient=True):
    """`execute`, recorded where the command's own runs are, and as it makes fits anew."""
    worker = socket.gethostname()
    os.environ |= {"MLFLOW_TRACKING_URI": uri, "STUDY_FORCE": force}  # each task of a worker sets them
    if (file := database()) and not file.is_file():
        raise InputError(f"{uri}: not seen by worker {worker}; MLFLOW_TRACKING_URI has to name a server")
    here = identity.identity(step.run, step.corpus_digest)
    if identity.fingerprint(here) not in _marks(step):
        why = "; ".join(identity.reasons(step.identity, here))
        raise InputError(f"{step.run.name}: worker {worker} has another version of what decides a run ({why})")
    return execute(step, study_name, patient=patient)


def _short(problem):
    """One line of a failed cell: the exception's name and message."""
    name = getattr(problem, "ename", type(problem).__name__)
    value = str(getattr(problem, "evalue", problem)).strip()
    if name == "CellExecutionError" and not value:
        value = "its kernel is gone, killed or out of memory"
    value = re.sub(r"\A\(raised as .*\n", "", value)  # SQLAlchemy's advice, before the reason
    cell = getattr(problem, "exec_count", None)
    where = f"cell {cell}: " if cell is not None else ""
    return without_logins(f"{where}{name}: {value}").splitlines()[0][:500]
