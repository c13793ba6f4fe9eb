"""Servers for a person at this machine, until they are stopped."""

import os
import subprocess
import sys

from lib.params import ROOT
from lib.runner.execution import QUIET
from lib.tracking.client import connect, tracking_uri


def serve_ui(port):
    """The MLflow UI on this machine until it is stopped; its exit code."""
    connect()
    command = [sys.executable, "-m", "mlflow", "ui", "--host", "127.0.0.1", "--port", str(port)]
    return _serve([*command, "--backend-store-uri", tracking_uri()])


def serve_lab(port):
    """JupyterLab on the notebooks until it is stopped; its exit code."""
    command = [sys.executable, "-m", "jupyterlab", f"--notebook-dir={ROOT}", f"--port={port}"]
    command.append("--LabApp.default_url=/lab/tree/notebooks/00_start.ipynb")
    if hasattr(os, "geteuid") and os.geteuid() == 0:  # as in a container; Jupyter refuses root otherwise
        command.append("--allow-root")
    return _serve(command)


def _serve(command):
    environment = {**os.environ, "MLFLOW_TRACKING_URI": tracking_uri(), **QUIET}
    try:
        return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
    except KeyboardInterrupt:
        return 0
