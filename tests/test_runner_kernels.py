"""Kernels that are forked: the same as ordinary ones, and none outlives its study."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import papermill
import pytest
from small_study import write_notebook

from lib.runner import kernels

WAITS = 60  # seconds
CELLS = (
    "import os, sys, lib\nprint(os.getcwd(), os.environ['ASKED'], sys.path[0], __name__)",
    "import matplotlib.pyplot as plt\nplt.plot([0, 1], [1, 3])\nplt.show()",
    "import numpy as np, torch, threadpoolctl\nprint(torch.get_num_threads())\n"
    "print({pool['num_threads'] for pool in threadpoolctl.threadpool_info() if pool['user_api'] == 'blas'})",
    "from lib.systems.backend import keras, tf\nkeras.utils.set_random_seed(3)\n"
    "print(keras.layers.Dense(4)(np.arange(12.0).reshape(1, 12)).numpy().tolist())",
    "raise ValueError('as ever')",
)


def outputs(place, environment, monkeypatch):
    """What the cells of a notebook print, show and raise."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    write_notebook(place / "in.ipynb", *CELLS)
    with pytest.raises(papermill.PapermillExecutionError, match="as ever"):
        papermill.execute_notebook(
            place / "in.ipynb", place / "out.ipynb", cwd=place, kernel_name="python3", progress_bar=False,
            coalesce_streams=True,  # a print may reach papermill in one piece or in two
        )  # fmt: skip
    cells = json.loads((place / "out.ipynb").read_text())["cells"]
    found = [output for cell in cells for output in cell.get("outputs", [])]
    return [output.get("text") or output.get("data") for output in found if output["output_type"] != "error"]


@pytest.mark.skipif(sys.platform != "linux", reason="kernels are forked on Linux alone")
def test_kernel_forked_prints_and_draws_what_an_ordinary_one_does(warm, tmp_path, monkeypatch):
    monkeypatch.setenv("ASKED", "yes")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    ordinary = outputs(tmp_path, {}, monkeypatch)
    forked = outputs(tmp_path, warm, monkeypatch)
    assert len(ordinary) >= 4 and any("image/png" in output for output in ordinary)
    assert forked == ordinary


def test_server_ends_with_the_process_that_started_it():
    """Also when that is killed."""
    code = "import os\nfrom lib.runner import kernels as k\nwith k.served():\n print(os.environ[k.PLACE]); input()"
    started = [sys.executable, "-u", "-c", code]
    environment = {name: value for name, value in os.environ.items() if name != kernels.PLACE}
    with subprocess.Popen(
        started, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True
    ) as process:
        place = process.stdout.readline().strip()
        wait_until_serving(place, True)  # a process that has just begun has no arguments yet
        assert serving(place)
        process.kill()
    wait_until_serving(place, False)
    assert not serving(place)


def wait_until_serving(place, expected):
    ends = time.monotonic() + WAITS
    while serving(place) != expected and time.monotonic() < ends:
        time.sleep(0.1)


def serving(place):
    """Whether a process has the place among its arguments."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if place.encode() in path.read_bytes().split(b"\0"):
                return True
        except OSError:  # it has just ended
            continue
    return False
