"""Artifacts that stay readable when the checkout is moved.

MLflow writes the location of an experiment's artifacts into its database as an
absolute path, so a moved checkout loses them. Here the database holds a location of
the scheme ``study:`` instead, which says only where the artifacts stand *relative to
the SQLite file*. MLflow finds this class through the entry point
``mlflow.artifact_repository`` (see pyproject.toml), in the MLflow UI too.
"""

import os
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository

SCHEME = "study"
_SQLITE = "sqlite:///"
_DEFAULT = Path(__file__).resolve().parents[2] / "mlruns"


def location(experiment):
    """The artifact location to register for an experiment."""
    return f"{SCHEME}:/{quote(experiment, safe='')}"


def folder(tracking_uri=None):
    """The folder of the artifacts that belong to a SQLite tracking URI."""
    uri = tracking_uri if tracking_uri and tracking_uri.startswith(_SQLITE) else _from_environment()
    beside = Path(uri.removeprefix(_SQLITE)).absolute().parent if uri else _DEFAULT
    return beside / "artifacts"


def _from_environment():
    # The MLflow server keeps the URI it serves under the second name.
    for name in ("MLFLOW_TRACKING_URI", "_MLFLOW_SERVER_FILE_STORE"):
        value = os.environ.get(name, "")
        if value.startswith(_SQLITE):
            return value
    return None


class ProjectArtifacts(LocalArtifactRepository):
    """Files beside the SQLite file, addressed as ``study:/<experiment>/...``."""

    def __init__(self, artifact_uri, tracking_uri=None, registry_uri=None):
        path = folder(tracking_uri) / unquote(urlsplit(artifact_uri).path).lstrip("/")
        super().__init__(path.as_uri(), tracking_uri, registry_uri)
