"""Which runs are done, remembered for as long as the tracking database is unchanged.

Importing MLflow and mapping its database takes four times as long as all else that a
plan does. So the answer is kept beside the SQLite file, with what tells that the file
was not written since. A tracking server is always asked.
"""

import json
from pathlib import Path

from lib.tracking import query
from lib.tracking.client import SQLITE, connect, tracking_uri

_CHANGE_COUNTER = slice(24, 28)  # of a SQLite file's header, counts its transactions


def finished(experiment):
    """Fingerprint -> run id of the newest finished run that has it.

    Parameters
    ----------
    experiment : str

    Returns
    -------
    dict of str to str
    """
    uri = tracking_uri()
    if not uri.startswith(SQLITE):
        return query.finished(connect(), experiment)
    database = Path(uri.removeprefix(SQLITE)).absolute()
    if not database.is_file():
        return {}
    kept, state = database.with_name(f"{database.stem}.done.json"), _state(database)
    known = _read(kept)
    if known.get("state") != state:
        known = {"state": state, "experiments": {}}
    if experiment not in known["experiments"]:
        known["experiments"][experiment] = query.finished(connect(), experiment)
        if _state(database) == state:
            _write(kept, known)
    return known["experiments"][experiment]


def _state(database):
    """What changes with every transaction: the file's counter, or the log before it."""
    with database.open("rb") as file:
        counter = file.read(_CHANGE_COUNTER.stop)[_CHANGE_COUNTER].hex()
    log = database.with_name(f"{database.name}-wal")
    files = [path.stat() for path in (database, log) if path.exists()]
    return [counter, *([facts.st_mtime_ns, facts.st_size] for facts in files)]


def _read(path):
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError):  # not there yet, or cut off: MLflow is asked
        return {}
    return content if isinstance(content, dict) else {}


def _write(path, content):
    try:
        path.write_text(json.dumps(content))
    except OSError:  # a folder that one may only read; the next plan takes its time again
        return
