"""What the runs under way are doing, on the terminal: each writes a line into its own file (`lib.study.Run.doing`)."""

import os
import shutil
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from threading import Event, Thread

from filelock import FileLock, Timeout
from tqdm import tqdm

from lib.tracking.client import PROGRESS

_EVERY = 1.0  # seconds between two looks
_PATIENCE = 20.0  # seconds between two lines of a run where nothing can be renewed
_ORPHANED = 2  # seconds after which the children of a process that was killed have ended


@contextmanager
def shown():
    """While this lasts, runs that are executed by this process or its children are shown, and leave no file behind."""
    with ExitStack() as ended:
        try:
            folder = ended.enter_context(_scratch()) / "progress"
            folder.mkdir()
        except OSError:  # no room; nothing is shown then
            yield
            return
        stop = Event()
        thread = Thread(target=_watch, args=(folder, stop), daemon=True)
        thread.start()
        os.environ[PROGRESS] = str(folder)  # kernels learn it so
        try:
            yield
        finally:
            del os.environ[PROGRESS]
            stop.set()
            thread.join()


@contextmanager
def _scratch():
    """One folder for all temporary files of this process and its children; those of killed ones go, by their locks."""
    root, before = tempfile.gettempdir(), os.environ.get("TMPDIR")
    for left in Path(root).glob("study-*/lock"):
        with suppress(OSError, Timeout), FileLock(left, blocking=False):  # OSError: of another person
            time.sleep(_ORPHANED)
            shutil.rmtree(left.parent, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix="study-", ignore_cleanup_errors=True) as folder, FileLock(f"{folder}/lock"):
        try:
            os.environ["TMPDIR"] = tempfile.tempdir = folder
            yield Path(folder)
        finally:
            os.environ.pop("TMPDIR", None)
            os.environ |= {} if before is None else {"TMPDIR": before}
            tempfile.tempdir = root


def ended(run_id):
    """Show a run no longer."""
    if folder := os.environ.get(PROGRESS):
        Path(folder, run_id).unlink(missing_ok=True)


def _watch(folder, stop):
    """A line a run, renewed in place on a terminal; elsewhere a new one now and then. An ended run has no file."""
    bars, told = {}, {}
    while not stop.wait(_EVERY):
        states = {}
        for path in sorted(folder.iterdir()):
            with suppress(OSError):  # it has just ended
                states[path.name] = f"  {path.read_text(encoding='utf-8')}"
        for name in bars.keys() - states.keys():
            bars.pop(name).close()
        for name, state in states.items():
            before, when = told.get(name, ("", 0.0))
            if sys.stderr.isatty():
                if name not in bars:
                    bars[name] = tqdm(bar_format="{desc}", leave=False)
                bars[name].set_description_str(state)
            elif state != before and time.monotonic() - when >= _PATIENCE:
                print(state, file=sys.stderr, flush=True)
                told[name] = state, time.monotonic()
    for bar in bars.values():
        bar.close()
