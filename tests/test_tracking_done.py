"""Runs that are done, remembered only while the database is as it was."""

import json
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


def make(name="11_paper_cnn/mfcc", mark="a" * 16, experiment="tiny"):
    connected = client.connect()
    run_id = client.create(connected, experiment=experiment, name=name, tags={"fingerprint": mark})
    connected.set_terminated(run_id, "FINISHED")
    return run_id


def test_finished_without_a_database_is_empty_and_makes_none(tracking, asked):
    assert done.finished("tiny") == {}
    assert not asked and not tracking.exists()


def test_finished_asks_once_while_nothing_changes(tracking, asked):
    run_id = make()
    assert done.finished("tiny") == done.finished("tiny") == {"a" * 16: run_id}
    assert len(asked) == 1


def test_finished_asks_again_after_any_change(tracking, asked):
    first = make()
    done.finished("tiny")
    second = make(mark="b" * 16)
    assert done.finished("tiny") == {"a" * 16: first, "b" * 16: second}
    client.connect().delete_run(first)
    assert done.finished("tiny") == {"b" * 16: second}
    assert len(asked) == 3


def test_finished_keeps_experiments_apart(tracking, asked):
    run_id = make()
    assert done.finished("other") == {}
    assert done.finished("tiny") == {"a" * 16: run_id}
    assert done.finished("other") == {}
    assert len(asked) == 2


@pytest.mark.parametrize("content", ["", "{", "[]", json.dumps({"state": ["0", [0, 0]], "experiments": {"tiny": {}}})])
def test_finished_does_not_believe_another_file(tracking, content):
    run_id = make()
    (tracking / "mlflow.done.json").write_text(content)
    assert done.finished("tiny") == {"a" * 16: run_id}


def test_finished_remembered_needs_no_mlflow(tracking):
    make()
    done.finished("tiny")
    code = "import sys; from lib.tracking import done; print(len(done.finished('tiny')), 'mlflow' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["1", "False"]
