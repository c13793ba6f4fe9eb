"""Kernels forked from one process that has imported the libraries already: five seconds of a core less a notebook.

Nothing of `lib` but its settings of the environment is imported there, so a notebook finds `lib` as it is on disk.
This file is a script too, of the standard library alone: the server, and a kernel's deputy, which Jupyter starts in
the place of ``ipykernel_launcher`` and which lives as long as the forked kernel does.
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
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path

PLACE = "STUDY_KERNELS"  # environment variable: the server's socket
_SCRIPT = [sys.executable, "-P", __file__]
_IMPORTED = (
    "ipykernel.kernelapp", "keras", "librosa", "matplotlib.backends.backend_agg", "mlflow.pyfunc",
    "mlflow.store.tracking.sqlalchemy_store", "pandas.io.formats.style", "scipy.signal", "seaborn", "skops.io",
    "sklearn.mixture", "sklearn.svm", "sqlalchemy.dialects.sqlite", "tensorflow", "threadpoolctl", "torch",
    "transformers",
)  # fmt: skip


@contextmanager
def served():
    """While this lasts, kernels of `command` come from a server, as soon as that is ready."""
    if PLACE in os.environ or sys.platform != "linux":  # elsewhere a fork is not safe once such libraries are imported
        yield
        return
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}  # TensorFlow tells at length what it found
    with tempfile.TemporaryDirectory() as folder:
        place = f"{folder}/kernels"
        # The server ends with its input, however this process ends.
        with subprocess.Popen([*_SCRIPT, "--serve", place], stdin=subprocess.PIPE, **quiet) as server:
            os.environ[PLACE] = place
            try:
                yield
            finally:
                os.environ.pop(PLACE, None)
                server.terminate()


def command():
    """What starts a kernel, as a kernel's specification has it."""
    return [*_SCRIPT, "-f", "{connection_file}"]


def _deputy(arguments):
    """Have a kernel of the server until it ends; without a server that is ready, be an ordinary one."""
    with socket.socket(socket.AF_UNIX) as server:
        try:
            server.connect(os.environ[PLACE])
        except (KeyError, OSError):
            from ipykernel.kernelapp import IPKernelApp

            return IPKernelApp.launch_instance(argv=arguments)
        asked = {"argv": arguments, "cwd": os.getcwd(), "environment": dict(os.environ)}
        server.sendall(json.dumps(asked).encode() + b"\n")
        server.settimeout(1)
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # the kernel ends with its deputy
        parent = os.getppid()
        while os.getppid() == parent:  # a kernel ends with the process that started it
            with suppress(TimeoutError):
                server.recv(1)
                return  # nothing was sent: the kernel has ended


def _serve(place):
    """Fork a kernel for each deputy that comes."""
    sys.path.insert(0, str(Path(__file__).parents[2]))  # where lib is
    # As they are when a notebook imports these libraries; figures go into its pages.
    os.environ |= {"KERAS_BACKEND": "tensorflow", "MPLBACKEND": "module://matplotlib_inline.backend_inline"}
    for name in ("lib", *_IMPORTED):
        import_module(name)
    del sys.path[0]
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the kernels
    threading.Thread(target=lambda: (sys.stdin.buffer.read(), os._exit(0)), daemon=True).start()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(place)
        listening.listen()
        while True:
            connection, _ = listening.accept()
            if os.fork() == 0:
                listening.close()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                _kernel(connection)
            connection.close()


def _kernel(connection):
    """Be the kernel of a deputy, until it is shut down or the deputy is gone."""
    import threadpoolctl
    from ipykernel.kernelapp import IPKernelApp

    os.setsid()  # as Jupyter starts each kernel
    asked = json.loads(connection.makefile().readline())
    threading.Thread(target=lambda: (connection.recv(1), os._exit(1)), daemon=True).start()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.chdir(asked["cwd"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    os.environ.pop("JPY_PARENT_PID", None)  # the server is the parent, and no kernel ends with it
    tempfile.tempdir = None  # which the environment names
    if threads := os.environ.get("OMP_NUM_THREADS"):  # libraries look when they are imported
        threadpoolctl.threadpool_limits(int(threads))
    IPKernelApp.launch_instance(argv=asked["argv"])
    os._exit(0)


if __name__ == "__main__":
    _serve(sys.argv[2]) if sys.argv[1] == "--serve" else _deputy(sys.argv[1:])
