"""Which runs are done, asked of the tracking database without MLflow.

Importing MLflow takes longer than all else that a plan does, and a plan wants two columns
of it. So the SQLite file is read directly. A tracking server, and a file that this MLflow
schema does not fit, is asked through MLflow.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

from lib.tracking import query
from lib.tracking.client import SQLITE, connect, tracking_uri

_FINISHED = """
SELECT tags.value, runs.run_uuid
FROM runs JOIN experiments USING (experiment_id) JOIN tags USING (run_uuid)
WHERE experiments.name = ? AND tags.key = 'fingerprint'
  AND runs.status = 'FINISHED' AND runs.lifecycle_stage = 'active'
ORDER BY runs.start_time
"""


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
    if uri.startswith(SQLITE):
        database = Path(uri.removeprefix(SQLITE)).absolute()
        if not database.is_file():
            return {}
        try:
            with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
                return dict(connection.execute(_FINISHED, (experiment,)))
        except sqlite3.Error:  # another schema, or no database: MLflow knows what to do or say
            pass
    return query.finished(connect(), experiment)
