"""Notebooks executed by papermill, each in a run of its own."""

import os
import re
import socket
import sys
import tempfile
import time
import traceback
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from lib import cluster
from lib.errors import InputError
from lib.params import NOTEBOOKS, ROOT
from lib.params import studies as study
from lib.runner import durations
from lib.runner.pages import export_html, one_line_a_bar
from lib.runner.planning import Step, plan
from lib.tracking import query
from lib.tracking.client import RUN_ID, SQLITE, connect, create, tracking_uri

# Keeps the kernel's log to what a reader of the executed notebook needs.
QUIET = {
    "PYTHONWARNINGS": "ignore:IProgress not found",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
}

_MODELS = 10  # the stage whose runs go to a cluster's workers
_ANSI = re.compile(r"\x1b\[[0-9;]*m")  # colours, in the traceback of a cell


@dataclass(frozen=True)
class Outcome:
    """What became of a step: `error` is None when it finished."""

    step: Step
    run_id: str
    seconds: float
    error: str | None


def run_all(chosen, steps, *, jobs=1, scheduler=None, report=lambda outcome: None):
    """Execute what is not done, stage by stage.

    On a cluster the workers execute the runs of models. The runs before them stay here
    and send their chunks of recordings to the workers; a run on a worker could not,
    it would wait for the very worker that it keeps busy. Comparisons stay here too.

    Parameters
    ----------
    chosen : lib.params.studies.Study
    steps : list of Step
    jobs : int > 0
        Runs of one stage at the same time, on this machine.
    scheduler : str, optional
        Address of a Dask scheduler, see `lib.cluster`.
    report : callable (Outcome) -> None
        Called as each run ends.

    Returns
    -------
    list of Outcome
    """
    client = connect()
    for step in steps:
        if step.done:  # another study may have made it
            client.set_tag(step.done, query.in_study(chosen.name), "yes")
    outcomes = []
    todo = [step for step in steps if not step.done]
    for stage in sorted({step.run.stage for step in todo}):
        members = [step for step in todo if step.run.stage == stage]
        if members[0].run.compares:  # what it reads is known only now
            members = [step for step in plan(chosen) if step.run.key in {member.run.key for member in members}]
        there = scheduler if stage == _MODELS else None
        if there:
            work = partial(_execute_on_worker, uri=tracking_uri())
        else:
            work = partial(execute, show=jobs == 1, scheduler=scheduler)
        tasks = [(step, chosen.name) for step in members]
        for outcome in cluster.unordered(work, tasks, jobs=min(jobs, len(members)), scheduler=there):
            outcomes.append(outcome)
            report(outcome)
    return outcomes


def execute(step, study_name, *, show=False, scheduler=None):
    """Execute one notebook in a run of its own, and attach the executed notebook.

    Parameters
    ----------
    step : Step
    study_name : str
    show : bool
        Pass the notebook's progress bars on to stderr.
    scheduler : str, optional
        Of the cluster that the notebook's extraction is sent to.

    Returns
    -------
    Outcome
    """
    client = connect()
    run = step.run
    _close_orphans(client, run.parameters["corpus"], step.fingerprint)
    tags = {"study": study_name, query.in_study(study_name): "yes", "fingerprint": step.fingerprint}
    if run.seed is not None:
        tags["seed"] = run.seed
    run_id = create(client, experiment=run.parameters["corpus"], name=run.name, tags=tags)
    started = time.monotonic()
    error, status = None, "KILLED"
    with tempfile.TemporaryDirectory() as folder:
        executed = Path(folder) / "notebook.ipynb"
        try:
            with _environment({RUN_ID: run_id, cluster.SCHEDULER: scheduler or "", **QUIET}):
                _papermill(run, executed, show)
            status = "FINISHED"
        except Exception as problem:  # a notebook may raise anything; the other runs go on
            error, status = _short(problem), "FAILED"
            client.set_tag(run_id, "error", error)
            client.log_text(run_id, _ANSI.sub("", traceback.format_exc()), "error.txt")
        finally:
            if executed.exists():
                _attach(client, run_id, executed)
                _note_times(client, run_id, executed, time.monotonic() - started)
            client.set_terminated(run_id, status)
    return Outcome(step, run_id, time.monotonic() - started, error)


def _papermill(run, executed, show):
    import papermill

    papermill.execute_notebook(
        str(NOTEBOOKS / f"{run.notebook}.ipynb"),
        str(executed),
        parameters=run.parameters,
        kernel_name="python3",
        cwd=str(ROOT),
        progress_bar=False,
        stderr_file=sys.stderr if show else None,
        extra_arguments=["--IPKernelApp.log_level=50"],  # no notice about loopback traffic, none when it is stopped
    )


def _attach(client, run_id, executed):
    one_line_a_bar(executed)
    client.log_artifact(run_id, str(executed))
    page = executed.with_suffix(".html")
    export_html(executed, page)
    client.log_artifact(run_id, str(page))


def _note_times(client, run_id, executed, seconds):
    """Keep where the run's time went: metrics ``time/...`` and the tag `longest`."""
    spent = durations.sections(executed)
    for name, value in durations.summary(spent, seconds).items():
        client.log_metric(run_id, f"time/{name}", value)
    client.set_tag(run_id, "longest", durations.longest(spent))


def _execute_on_worker(step, study_name, *, uri):
    """`execute`, recorded where the command's own runs are."""
    if uri.startswith(SQLITE) and not Path(uri.removeprefix(SQLITE)).is_file():
        raise InputError(f"{uri}: not seen by worker {socket.gethostname()}; MLFLOW_TRACKING_URI has to name a server")
    if study.fingerprint(step.run, step.corpus_digest) != step.fingerprint:
        raise InputError(f"{step.run.name}: worker {socket.gethostname()} has another version of lib or notebook")
    with _environment({"MLFLOW_TRACKING_URI": uri}):
        return execute(step, study_name)


@contextmanager
def _environment(values):
    """A notebook's kernel learns from its environment which run it is, and keeps its log short."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None) if value is None else os.environ.update({name: value})


def _close_orphans(client, experiment, mark):
    """Runs of a process that was killed are still 'running' in MLflow; say what they are."""
    for run in query.all_runs(client, experiment):
        if run.info.status == "RUNNING" and run.data.tags.get("fingerprint") == mark:
            client.set_tag(run.info.run_id, "error", "stopped before its end; made again by a later run")
            client.set_terminated(run.info.run_id, "KILLED")


def _short(problem):
    """One line of a failed cell: the exception's name and message."""
    name = getattr(problem, "ename", type(problem).__name__)
    value = str(getattr(problem, "evalue", problem)).strip()
    cell = getattr(problem, "exec_count", None)
    where = f"cell {cell}: " if cell is not None else ""
    return f"{where}{name}: {value}".splitlines()[0][:500]
