"""What the runs under way are doing, on the terminal while they do it.

Each run writes one line into a file of its own (`lib.study.Run.doing`); here they are
shown: a line a run that is renewed in place on a terminal, otherwise a new line now and
then.
"""

import os
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

from tqdm import tqdm

from lib.tracking.client import PROGRESS

_EVERY = 1.0  # seconds between two looks
_PATIENCE = 20.0  # seconds between two lines of a run where nothing can be renewed


@contextmanager
def shown():
    """While this lasts, runs that are executed by this process or its children are shown."""
    with tempfile.TemporaryDirectory() as folder:
        before, stop = os.environ.get(PROGRESS), Event()
        os.environ[PROGRESS] = folder
        watch = _on_terminal if sys.stderr.isatty() else _line_by_line
        thread = Thread(target=watch, args=(Path(folder), stop), daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
            os.environ.pop(PROGRESS) if before is None else os.environ.update({PROGRESS: before})


def ended(run_id):
    """Show a run no longer."""
    if folder := os.environ.get(PROGRESS):
        Path(folder, run_id).unlink(missing_ok=True)


def _states(folder):
    """Run id -> what it is doing now; a run that has ended has no file."""
    found = {}
    for path in sorted(folder.iterdir()):
        try:
            found[path.name] = path.read_text(encoding="utf-8")
        except OSError:  # it has just ended
            continue
    return found


def _on_terminal(folder, stop):
    bars = {}
    while not stop.wait(_EVERY):
        states = _states(folder)
        for name in bars.keys() - states.keys():
            bars.pop(name).close()
        for name, state in states.items():
            if name not in bars:
                bars[name] = tqdm(bar_format="{desc}", leave=False, position=len(bars))
            bars[name].set_description_str(f"  {state}")
    for bar in bars.values():
        bar.close()


def _line_by_line(folder, stop):
    last = {}
    while not stop.wait(_EVERY):
        for name, state in _states(folder).items():
            told, when = last.get(name, ("", 0.0))
            if state != told and time.monotonic() - when >= _PATIENCE:
                print(f"  {state}", file=sys.stderr, flush=True)
                last[name] = state, time.monotonic()
