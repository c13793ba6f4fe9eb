"""The connection to MLflow, which is imported when it is first needed: a plan needs none of it."""

import logging
import os
import re
import sqlite3
import tempfile
from contextlib import closing, contextmanager, suppress
from functools import lru_cache
from importlib import util
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import urlopen

from lib.errors import InputError, one_line, without_logins
from lib.files import places
from lib.params import ROOT

SQLITE = "sqlite:///"
OWN = f"{SQLITE}{ROOT / 'mlruns' / 'mlflow.db'}"
RUN_ID = "STUDY_RUN_ID"  # environment variable by which the runner hands over a run
PROGRESS = "STUDY_PROGRESS"  # environment variable: folder where runs under way say what they are doing
TIMEOUT = 4  # seconds for a server to accept a connection, and for a locked database to be free
PATIENCE = 60  # seconds that a run under way waits for a locked database

_URI = "MLFLOW_TRACKING_URI"


class Missing(InputError):
    """A run that keeps no such artifact."""


def tracking_uri():
    """``MLFLOW_TRACKING_URI``, or the project's own SQLite file."""
    uri = os.environ.get(_URI) or OWN
    if uri.startswith(SQLITE) and set("?%") & set(uri):
        why = f"MLflow takes ? and % for parts of an address; {_URI} may name another"
        raise InputError(f"{uri} cannot be used:\n{why}")
    if uri.startswith(SQLITE) and uri != SQLITE:
        uri = f"{SQLITE}{Path(uri.removeprefix(SQLITE)).absolute()}"
        if os.environ.get(_URI):  # kernels work in another folder
            os.environ[_URI] = uri
    elif not uri.startswith(("http://", "https://")):
        wanted = "sqlite:///FILE or http(s)://SERVER is needed; an MLflow server may keep its runs in any database"
        raise InputError(f"{_URI}={without_logins(uri)} is not a tracking URI of this study;\n{wanted}")
    return uri


def database():
    """The SQLite file that holds the runs, or None when a server does."""
    uri = tracking_uri()
    return Path(uri.removeprefix(SQLITE)) if uri.startswith(SQLITE) else None


def is_made(file):
    """Whether a SQLite file holds anything yet."""
    return file.exists() and file.stat().st_size > 0


@contextmanager
def reading(file):
    """A connection that reads the SQLite file; InputError when it is locked, of another MLflow, or no such database."""
    wait = PATIENCE if os.environ.get(RUN_ID) else TIMEOUT
    try:
        with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", timeout=wait, uri=True)) as connection:
            if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone():
                raise sqlite3.Error("it has no table of MLflow's")
            revision = connection.execute("SELECT min(version_num) FROM alembic_version").fetchone()[0]
            if revision != _schema():
                hint = "`mlflow db upgrade` raises an older one"
                raise sqlite3.Error(f"its schema is {revision}, this MLflow's {_schema()}; {hint}")
            yield connection
    except sqlite3.Error as error:
        if "no such" in str(error):  # table: MLflow knows what to do or say
            raise
        raise InputError(f"{file} cannot be used as a tracking database:\n{error}") from None


@lru_cache(maxsize=1)
def _schema():
    """Revision of the schema that the installed MLflow needs: that on which no other one builds."""
    folder = Path(util.find_spec("mlflow").origin).parent / "store" / "db_migrations" / "versions"
    text = "".join(path.read_text(encoding="utf-8") for path in folder.glob("*.py"))
    there, built_on = (set(re.findall(rf'^{name} = "(\w+)"', text, re.M)) for name in ("revision", "down_revision"))
    return (there - built_on).pop()


def connect():
    """A client of the study's tracking, or an InputError with the reason; the database is made when it is missing."""
    uri, file = tracking_uri(), database()
    if file is None:
        _refuse_unreachable(uri)
    elif is_made(file):
        with suppress(sqlite3.Error), reading(file):
            pass
    from mlflow import MlflowClient

    logging.getLogger("mlflow").setLevel(logging.WARNING)  # it tells of every table that it makes
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)  # and prints a traceback of what it raises
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")  # a bar for each small file
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    try:
        if file and not is_made(file):
            _make(file)
        return MlflowClient(uri)
    except Exception as error:  # MLflow's, SQLAlchemy's and the system's errors have no common base
        raise _unusable(uri, error) from None


def _make(file):
    """Make the database once, whole: several commands may need it at the same time."""
    from mlflow import MlflowClient

    with locked("database"):
        if not is_made(file):
            aside = file.with_name(f".{file.name}.new")
            aside.unlink(missing_ok=True)  # of a command that was killed here
            MlflowClient(f"{SQLITE}{aside}")._tracking_client.store.engine.dispose()
            aside.rename(file)


@lru_cache(maxsize=8)
def _refuse_unreachable(uri):
    """MLflow itself tries again for minutes."""
    try:
        urlopen(f"{without_logins(uri).rstrip('/')}/health", timeout=TIMEOUT).close()
    except HTTPError as error:
        if error.code == 404:  # one that asks for a password answers 401
            raise _unusable(uri, "the server there is not MLflow's") from None
    except Exception as error:
        raise _unusable(uri, getattr(error, "reason", error)) from None


def _unusable(uri, error):
    return InputError(f"{_URI}={without_logins(uri)} cannot be used:\n{one_line(error)}")


def lock_folder():
    """Where the locks stand: beside the SQLite file, or in the checkout when a server has the runs."""
    file = database()
    return file.parent / "locks" if file else ROOT / "data" / "locks"


def locked(name, *, wait=True):
    """`lib.files.places.locked` of that name among the runs' locks."""
    return places.locked(lock_folder() / f"{name}.lock", wait=wait)


def create(client, *, experiment, name, tags):
    """Create a run in an experiment, and the experiment when it is new; the run's id."""
    from mlflow.exceptions import MlflowException

    known = client.get_experiment_by_name(experiment)
    if not known:
        # Files beside the database (`lib.tracking.artifacts`); a server decides itself where its artifacts go.
        place = f"study:/{quote(experiment, safe='')}" if database() else None
        kind = {"mlflow.experimentKind": "custom_model_development"}  # the UI opens on training runs and curves
        with suppress(MlflowException):  # another process was faster
            client.create_experiment(experiment, place, kind)
        known = client.get_experiment_by_name(experiment)
    refuse_deleted(experiment, known.lifecycle_stage)
    tags = {key: str(value) for key, value in tags.items()}
    tags |= {"mlflow.source.name": f"notebooks/{name.partition('/')[0]}.ipynb", "mlflow.source.type": "NOTEBOOK"}
    return client.create_run(known.experiment_id, run_name=name, tags=tags).info.run_id


def refuse_deleted(experiment, stage):
    """Refuse an experiment that was deleted in MLflow: its name is taken until it is purged."""
    if stage == "deleted":
        raise InputError(
            f"experiment {experiment} is in MLflow's trash; `mlflow experiments restore` brings it back, "
            f"`mlflow gc` purges it (MLFLOW_TRACKING_URI={tracking_uri()})"
        )


def local_folder(run_id):
    """The folder on this machine that holds a run's artifacts, or None when a server has them."""
    if file := database():  # as `lib.tracking.artifacts` places it
        for found in (file.parent / "artifacts").glob(f"*/{run_id}/artifacts"):
            return found
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    repository = get_artifact_repository(connect().get_run(run_id).info.artifact_uri, tracking_uri=tracking_uri())
    folder = getattr(repository, "artifact_dir", None)
    return Path(folder) if folder else None


@contextmanager
def artifact(run_id, path):
    """A run's artifact as a Path: in its place, or a copy that is gone with the ``with``; InputError without it."""
    folder = local_folder(run_id)
    with tempfile.TemporaryDirectory() as place:  # without one MLflow leaves a copy behind each time
        found = Path(folder or place, path)
        if not folder:
            from mlflow.exceptions import MlflowException

            with suppress(MlflowException, OSError):
                found = Path(connect().download_artifacts(run_id, path, place))
        if not found.exists():
            raise Missing(f"run {run_id}: keeps no {path}; it must have trained a model")
        yield found


def read(run_id, name, parsed):
    """An artifact of a run, as the function `parsed` reads its Path; InputError when it is missing or damaged."""
    with artifact(run_id, name) as path:
        try:
            return parsed(path)
        except (InputError, OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            reason = one_line(error).replace(str(path), path.name)
            raise InputError(f"run {run_id}: its {name} cannot be read:\n{reason}") from None
