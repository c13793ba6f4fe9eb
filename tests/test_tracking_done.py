"""Runs that are done: the database read directly says what MLflow says."""

import sqlite3
import subprocess
import sys

import pytest

from lib.tracking import client, done, query


@pytest.fixture
def asked(monkeypatch):
    """How often MLflow was asked."""
    calls, finished = [], query.finished
    monkeypatch.setattr(query, "finished", lambda *given: calls.append(given) or finished(*given))
    return calls


def make(name="11_paper_cnn/mfcc", mark="a" * 16, experiment="tiny", status="FINISHED"):
    connected = client.connect()
    run_id = client.create(connected, experiment=experiment, name=name, tags={"fingerprint": mark})
    connected.set_terminated(run_id, status)
    return run_id


def test_finished_without_a_database_is_empty_and_makes_none(tracking, asked):
    assert done.finished("tiny") == {}
    assert not asked and not tracking.exists()


def test_finished_says_what_mlflow_says(tracking, asked):
    first, _, deleted = make(), make(mark="b" * 16, status="FAILED"), make(mark="c" * 16)
    newest, other = make(), make(mark="d" * 16, experiment="other")
    client.connect().delete_run(deleted)
    assert first != newest
    assert done.finished("tiny") == {"a" * 16: newest}
    assert done.finished("other") == {"d" * 16: other}
    assert done.finished("none") == {}
    assert not asked
    for experiment in ("tiny", "other", "none"):
        assert done.finished(experiment) == query.finished(client.connect(), experiment)


def test_finished_of_another_schema_asks_mlflow(tracking, asked, monkeypatch):
    run_id = make()
    monkeypatch.setattr(done, "_FINISHED", "SELECT fingerprint FROM a_table_of_later_versions WHERE name = ?")
    assert done.finished("tiny") == {"a" * 16: run_id}
    assert len(asked) == 1


def test_finished_while_a_run_is_being_written_does_not_wait(tracking):
    run_id = make()
    with sqlite3.connect(tracking / "mlflow.db") as writing:
        writing.execute("UPDATE runs SET status = 'RUNNING'")
        assert done.finished("tiny") == {"a" * 16: run_id}


def test_finished_needs_no_mlflow(tracking):
    make()
    code = "import sys; from lib.tracking import done; print(len(done.finished('tiny')), 'mlflow' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["1", "False"]
