"""Where tracking is: what is refused at once, a database made once, locks that end with their process."""

import http.server
import os
import socket
import sqlite3
import subprocess
import sys
import threading
import time

import pytest

from lib import params
from lib.errors import InputError
from lib.tracking import client, query

HOLD = """
import sys, time
from lib.tracking.client import locked
with locked(sys.argv[1]):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tracking):
    """Starts a process that holds a lock until it is killed."""
    started = []

    def hold(name):
        command = [sys.executable, "-c", HOLD, name]
        started.append(subprocess.Popen(command, cwd=params.ROOT, stdout=subprocess.PIPE, text=True))
        assert started[-1].stdout.readline() == "held\n"
        return started[-1]

    yield hold
    for process in started:
        process.kill()
        process.wait()


@pytest.mark.parametrize("uri", ["databricks", "./mlruns", "uc://x", "file:///x", "sqlite:///", "postgresql://h/d"])
def test_tracking_uri_of_another_kind_is_refused(monkeypatch, uri):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    with pytest.raises(InputError) as error:
        query.records("tiny")
    assert f"MLFLOW_TRACKING_URI={uri} is not" in str(error.value) and "sqlite:///FILE" in str(error.value)
    assert str(error.value).count("\n") == 1


def test_connect_unreachable_is_refused_at_once(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as free:
        uri = f"http://127.0.0.1:{free.getsockname()[1]}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    started = time.monotonic()
    with pytest.raises(InputError, match="cannot be used") as error:
        client.connect()
    assert time.monotonic() - started < 8 and uri in str(error.value) and str(error.value).count("\n") == 1


def test_connect_server_that_accepts_and_is_silent_is_refused(monkeypatch):
    monkeypatch.setattr(client, "TIMEOUT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(InputError, match="timed out"):
            client.connect()


def test_connect_server_of_another_kind_is_refused(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{server.server_port}")
        with pytest.raises(InputError, match="not MLflow's"):
            client.connect()
        server.shutdown()


def test_connect_a_login_in_the_address_of_a_server_is_no_part_of_its_name(monkeypatch):
    class Server(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(401 if self.path == "/health" else 404)
            self.end_headers()

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://user:Hid9en@127.0.0.1:{server.server_port}")
        assert client.connect()
        server.shutdown()


@pytest.mark.parametrize("name", ["a?b", "a%2Fb"])
def test_connect_path_that_mlflow_takes_for_an_address_is_refused(monkeypatch, tmp_path, name):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/{name}.db")
    for ask in (client.connect, lambda: query.records("tiny")):
        with pytest.raises(InputError, match="for parts of an address"):
            ask()
    assert not list(tmp_path.iterdir())


def test_tracking_uri_relative_file_is_made_absolute_once(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///mlflow.db")
    expected = f"sqlite:///{tmp_path}/mlflow.db"
    assert client.tracking_uri() == expected
    monkeypatch.chdir("/")  # as a kernel, in another folder
    assert client.tracking_uri() == os.environ["MLFLOW_TRACKING_URI"] == expected


@pytest.mark.executes
def test_connect_many_at_once_make_one_database(tracking):
    code = "from lib.tracking import client; client.connect().search_experiments(); print('there')"
    how = {"cwd": params.ROOT, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    how["env"] = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    started = [subprocess.Popen([sys.executable, "-c", code], **how) for _ in range(2)]
    answers = [process.communicate() for process in started]
    assert [out for out, _ in answers] == ["there\n"] * 2, answers
    assert sorted(path.name for path in tracking.iterdir()) == ["locks", "mlflow.db"]


def test_connect_database_of_another_program_is_refused_and_left_alone(tracking):
    tracking.mkdir()
    with sqlite3.connect(tracking / "mlflow.db") as other:
        other.execute("CREATE TABLE guests (name)")
    before = (tracking / "mlflow.db").read_bytes()
    for ask in (client.connect, lambda: query.records("tiny")):
        with pytest.raises(InputError, match="no table of MLflow's"):
            ask()
    assert (tracking / "mlflow.db").read_bytes() == before


def test_connect_empty_file_is_made_a_database(tracking):
    tracking.mkdir()
    (tracking / "mlflow.db").touch()
    assert query.records("tiny") == []
    assert client.connect().search_experiments() and query.records("tiny") == []


def test_schema_is_that_of_a_database_made_by_the_installed_mlflow(tracking):
    client.connect()
    with client.reading(tracking / "mlflow.db") as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [(client._schema(),)]


def test_connect_folder_that_cannot_be_made_is_refused(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/file/mlflow.db")
    with pytest.raises(InputError, match="cannot be used"):
        client.connect()


def test_locked_is_for_one_and_leaves_no_file(tracking):
    with client.locked("a") as first, client.locked("a", wait=False) as second, client.locked("b", wait=False) as other:
        assert (first, second, other) == (True, False, True)
        assert len(list((tracking / "locks").iterdir())) == 2
    assert not list((tracking / "locks").iterdir())


def test_locked_ends_with_the_process_that_was_killed(holder):
    process = holder("a")
    with client.locked("a", wait=False) as free:
        assert not free
    process.kill()
    process.wait()
    with client.locked("a", wait=False) as free:
        assert free


def test_locked_who_waits_never_shares_with_who_comes_later(tracking):
    inside, most = [], []

    def work():
        with client.locked("a"):
            inside.append(1)
            most.append(len(inside))
            time.sleep(0.02)
            inside.pop()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 8


def test_sweep_ends_what_nobody_makes_and_nothing_else(tracking, holder):
    connected, ids = client.connect(), {}
    now, mine = int(time.time()), query.owner() | {"fingerprint": "a" * 16}
    silent, abroad = {"heartbeat": now - query.SILENT - 60}, {"host": f"{socket.gethostname()} of another disk"}
    for name, changes in {
        "orphan": {}, "ended": {}, "silent abroad": abroad | silent,
        "silent by hand": {"fingerprint": "by hand"} | silent,
        "living": {"fingerprint": "b" * 16} | silent, "abroad": abroad, "by hand": {"fingerprint": "by hand"},
        "just begun": {"fingerprint": "by hand", "heartbeat": ""},
    }.items():  # fmt: skip
        ids[name] = client.create(connected, experiment="tiny", name=name, tags=mine | changes)
    connected.set_terminated(ids["ended"], "FINISHED")
    holder("b" * 16)
    assert {record.name for record in query.sweep()} == {"orphan", "silent abroad", "silent by hand"}
    status = {name: connected.get_run(run_id).info.status for name, run_id in ids.items()}
    assert [name for name in status if status[name] == "RUNNING"] == ["living", "abroad", "by hand", "just begun"]
    assert status["ended"] == "FINISHED" and status["orphan"] == status["silent abroad"] == "KILLED"
    errors = [connected.get_run(ids[name]).data.tags["error"] for name in ("orphan", "silent abroad")]
    assert "is gone" in errors[0] and "silent for 15 minutes" in errors[1]
    assert query.sweep("tiny") == []


def test_sweep_of_a_lock_that_is_held_ends_the_runs_of_that_lock_alone(tracking):
    connected, mine = client.connect(), query.owner()
    for name, mark in (("same", "a"), ("other", "b")):
        client.create(connected, experiment="tiny", name=name, tags=mine | {"fingerprint": mark * 16})
    assert [record.name for record in query.sweep("tiny", held="a" * 16)] == ["same"]


def test_beat_says_that_a_run_lives_whatever_happens_to_one_heartbeat(tracking, monkeypatch):
    monkeypatch.setattr(query, "BEAT", 0.05)
    connected, fails = client.connect(), [True]
    run_id = client.create(connected, experiment="tiny", name="x", tags={"heartbeat": 0})
    get_run = connected.get_run
    monkeypatch.setattr(connected, "get_run", lambda run_id: 1 / 0 if fails.pop() else get_run(run_id))
    fails[:0] = [False] * 1000  # the first alone fails
    stop = query.beat(connected, run_id)
    time.sleep(0.5)
    stop.set()
    assert time.time() - int(get_run(run_id).data.tags["heartbeat"]) < 5


def test_beat_of_a_run_that_has_ended_stops(tracking, monkeypatch):
    monkeypatch.setattr(query, "BEAT", 0.05)
    before, connected = set(threading.enumerate()), client.connect()
    run_id = client.create(connected, experiment="tiny", name="x", tags={})
    query.beat(connected, run_id)
    (thread,) = set(threading.enumerate()) - before
    connected.set_terminated(run_id)
    thread.join(5)
    assert not thread.is_alive()
