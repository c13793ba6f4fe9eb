"""Artifacts that stay readable when the checkout is moved: MLflow itself would keep their absolute path.

MLflow, its UI too, finds this class through an entry point (see pyproject.toml).
"""

import os
from pathlib import Path
from urllib.parse import unquote, urlsplit

from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository

from lib.tracking.client import OWN, SQLITE


class ProjectArtifacts(LocalArtifactRepository):
    """Files beside the SQLite file, addressed as ``study:/<experiment>/...``."""

    def __init__(self, artifact_uri, tracking_uri=None, registry_uri=None):
        # MLflow's server keeps the URI that it serves under the last name.
        known = (tracking_uri, *map(os.environ.get, ("MLFLOW_TRACKING_URI", "_MLFLOW_SERVER_FILE_STORE")))
        uri = next((uri for uri in known if uri and uri.startswith(SQLITE)), OWN)
        folder = Path(uri.removeprefix(SQLITE)).absolute().parent / "artifacts"
        path = folder / unquote(urlsplit(artifact_uri).path).lstrip("/")
        super().__init__(path.as_uri(), tracking_uri, registry_uri)
