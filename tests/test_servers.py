"""Servers end with the command that serves, with every process that they have started."""

import os
import signal
import socket
import subprocess
import sys

import pytest
from click.testing import CliRunner

from lib import params
from lib.cli import main

SERVE = """
import sys
from lib.runner import servers
child = "import subprocess, sys, time; p = subprocess.Popen(['sleep', '60']); print(p.pid, flush=True); time.sleep(60)"
sys.exit(servers._serve([sys.executable, "-c", child], 0))
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_serve_stopped_leaves_no_process(tracking, number):
    command = subprocess.Popen([sys.executable, "-c", SERVE], cwd=params.ROOT, stdout=subprocess.PIPE, text=True)
    grandchild = int(command.stdout.readline())
    command.send_signal(number)
    assert command.wait(20) == 0
    with pytest.raises(ProcessLookupError):
        os.kill(grandchild, 0)


@pytest.mark.parametrize("command", ["ui", "lab", "app"])
def test_serve_busy_port_is_said_with_exit_code_1(tracking, command):
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        result = CliRunner().invoke(main, [command, "--port", str(port)])
    assert result.exit_code == 1
    assert f"port {port} of 127.0.0.1 cannot be used: Address already in use; --port takes another" in result.stderr
