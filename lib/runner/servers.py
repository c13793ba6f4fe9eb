"""Servers for a person at this machine, until they are stopped."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from urllib.request import urlopen

from lib.errors import RunError, without_logins
from lib.params import ROOT
from lib.runner.execution import QUIET
from lib.tracking import views
from lib.tracking.client import tracking_uri

HOST = "127.0.0.1"
_GRACE = 5  # seconds for a server to end when it is asked to
# Jobs are evaluations of language models, in nine processes of their own.
_LEAN = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
_LEAN |= {"PYTHONWARNINGS": "ignore", "MLFLOW_LOGGING_LEVEL": "WARNING"}  # its own libraries' deprecations and news


def serve_ui(port, told):
    """The MLflow UI until it is stopped; its exit code. `told` is called with a line for each experiment's address."""
    uri, elsewhere = tracking_uri(), tracking_uri().startswith("http")
    server = without_logins(uri).rstrip("/") if elsewhere else f"http://{HOST}:{port}"
    lines = [f"{name}: {server}/{path}" for name, path in views.saved().items()]
    if elsewhere:
        return told(lines) or 0
    command = [sys.executable, "-m", "mlflow", "ui", "--host", HOST, "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", uri, "--registry-store-uri", uri, "--uvicorn-opts", "--log-level warning"]
    return _serve(command, port, ready=lambda: told(lines))


def serve_lab(port):
    """JupyterLab on the notebooks until it is stopped; its exit code."""
    command = [sys.executable, "-m", "jupyterlab", f"--notebook-dir={ROOT}", f"--ip={HOST}", f"--port={port}"]
    command += ["--LabApp.default_url=/lab/tree/notebooks/00_start.ipynb", "--allow-root"]  # as in a container
    return _serve(command, port)


def serve_app(run, port, told):
    """The page of a run (None: the best on dev that opens) until it is stopped; `told` gets each line to show."""
    _begin(port)
    from lib import scoring
    from lib.scoring import app

    judge, passed = (scoring.judge(scoring.open_run(run)), []) if run else scoring.best_on_dev()
    for reason in passed:
        told(f"passed over, though better on dev: {reason}")
    with tempfile.TemporaryDirectory() as uploads:
        os.environ["GRADIO_TEMP_DIR"] = uploads
        made = app.blocks(judge)
        told(f"the page of run {judge.run.name} is at {app.launch(made, HOST, port)[1]} until Ctrl-C stops it")
        made.block_thread()


def _begin(port):
    for number in (signal.SIGTERM, signal.SIGHUP):  # end as by Ctrl-C, so that nothing is left behind
        signal.signal(number, signal.default_int_handler)
    try:
        socket.create_server((HOST, port)).close()
    except OSError as error:
        reason = os.strerror(error.errno)
        raise RunError(f"port {port} of {HOST} cannot be used: {reason}; --port takes another") from None


def _serve(command, port, ready=None):
    """Run a server in a process group of its own, which ends with this command, those that outlive it too."""
    _begin(port)
    environment = {**os.environ, "MLFLOW_TRACKING_URI": tracking_uri(), **QUIET, **_LEAN}
    server = subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True)
    try:
        while ready and server.poll() is None:
            with suppress(OSError):
                urlopen(f"http://{HOST}:{port}/health", timeout=1).close()
                ready = ready()
            time.sleep(0.2)
        return server.wait()
    except KeyboardInterrupt:
        return 0
    finally:
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGTERM)
            until = time.monotonic() + _GRACE
            while time.monotonic() < until:
                server.poll()  # a zombie would count as one of the group
                os.killpg(server.pid, 0)
                time.sleep(0.1)
            os.killpg(server.pid, signal.SIGKILL)
