"""What the runs under way are doing, on the terminal: each writes a line into its own file (`lib.study.Run.doing`)."""

import os
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread

from tqdm import tqdm

from lib.tracking.client import PROGRESS

_EVERY = 1.0  # seconds between two looks
_PATIENCE = 20.0  # seconds between two lines of a run where nothing can be renewed


@contextmanager
def shown():
    """While this lasts, runs that are executed by this process or its children are shown."""
    with tempfile.TemporaryDirectory() as folder, environment({PROGRESS: folder}):
        stop, watch = Event(), _on_terminal if sys.stderr.isatty() else _line_by_line
        thread = Thread(target=watch, args=(_states(Path(folder), stop),), daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


@contextmanager
def environment(values):
    """What a notebook's kernel learns from its environment, while this lasts: which run it is, where to say what."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None) if value is None else os.environ.update({name: value})


def ended(run_id):
    """Show a run no longer."""
    if folder := os.environ.get(PROGRESS):
        Path(folder, run_id).unlink(missing_ok=True)


def _states(folder, stop):
    """Now and then: run id -> what it is doing; a run that has ended has no file."""
    while not stop.wait(_EVERY):
        found = {}
        for path in sorted(folder.iterdir()):
            with suppress(OSError):  # it has just ended
                found[path.name] = path.read_text(encoding="utf-8")
        yield found


def _on_terminal(looks):
    """A line a run, renewed in place."""
    bars = {}
    for states in looks:
        for name in bars.keys() - states.keys():
            bars.pop(name).close()
        for name, state in states.items():
            if name not in bars:
                bars[name] = tqdm(bar_format="{desc}", leave=False, position=len(bars))
            bars[name].set_description_str(f"  {state}")
    for bar in bars.values():
        bar.close()


def _line_by_line(looks):
    """A new line of a run now and then."""
    last = {}
    for states in looks:
        for name, state in states.items():
            told, when = last.get(name, ("", 0.0))
            if state != told and time.monotonic() - when >= _PATIENCE:
                print(f"  {state}", file=sys.stderr, flush=True)
                last[name] = state, time.monotonic()
