"""Kernels forked from one process that has imported the libraries already, and nothing of `lib`.

These imports take five seconds of processor time a notebook, more than most of them compute on
the tiny corpus. `warm/ipykernel_launcher.py`, which PYTHONPATH puts before ipykernel's own, asks
the server of `served` for a kernel, and lives as long as that does.
"""

import gc
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

HERE = Path(__file__)
IMPORTED = (
    "ipykernel.kernelapp", "keras", "librosa", "mlflow.pyfunc", "pandas", "scipy.signal", "seaborn", "skops.io",
    "sklearn.mixture", "sklearn.svm", "tensorflow", "torch", "transformers",
)  # fmt: skip


@contextmanager
def served(place):
    """What a process has in its environment to have warm kernels, for as long as this lasts; `place` is a new path."""
    environment = {**os.environ, "KERAS_BACKEND": "tensorflow"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}  # TensorFlow tells at length what it found
    server = subprocess.Popen([sys.executable, str(HERE), str(place)], env=environment, **pipes)
    assert server.stdout.readline() == b"ready\n"
    try:
        yield {"WARM_KERNELS": str(place), "PYTHONPATH": str(HERE.parent / "warm")}
    finally:
        server.terminate()
        server.wait()
        server.stdout.close()


def serve(place):
    for name in IMPORTED:
        import_module(name)
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the kernels
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(place)
        listening.listen()
        print("ready", flush=True)
        while True:
            connection, _ = listening.accept()
            if os.fork() == 0:
                listening.close()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                kernel(connection)
            connection.close()


def kernel(connection):
    """Be the kernel that was asked for, until it is shut down or the process that asked is gone."""
    import torch
    from ipykernel.kernelapp import IPKernelApp

    os.setsid()  # as Jupyter starts each kernel
    asked = json.loads(connection.makefile().readline())
    threading.Thread(target=lambda: (connection.recv(1), os._exit(1)), daemon=True).start()
    os.environ.clear()
    os.environ.update(asked["environment"])
    os.environ.pop("JPY_PARENT_PID", None)  # the server is the parent, and no kernel ends with it
    os.dup2(2, 1)  # nobody reads what the server writes
    os.chdir(asked["cwd"])
    sys.path[0] = asked["cwd"]
    tempfile.tempdir = None  # which the environment may name
    if threads := os.environ.get("OMP_NUM_THREADS"):
        torch.set_num_threads(int(threads))  # it looked when it was imported
    IPKernelApp.launch_instance(argv=asked["argv"])
    os._exit(0)


if __name__ == "__main__":
    serve(sys.argv[1])
