"""Runs that are done: the database read directly says what MLflow says."""

import json
import math
import shutil
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing

import pytest
from click.testing import CliRunner
from mlflow.exceptions import MlflowException

from lib.cli import main
from lib.errors import InputError
from lib.params import identity
from lib.tracking import client, done, query


def make(name="11_paper_cnn/mfcc", mark="a" * 16, experiment="tiny", status="FINISHED", metrics=None, **tags):
    connected = client.connect()
    run_id = client.create(connected, experiment=experiment, name=name, tags={"fingerprint": mark, **tags})
    connected.log_param(run_id, "epochs", 2)
    for key, value in (metrics or {}).items():
        connected.log_metric(run_id, key, value)
    if status != "RUNNING":
        connected.set_terminated(run_id, status)
    return run_id


@pytest.fixture
def asked(monkeypatch):
    """How often MLflow was asked."""
    calls, every = [], query._of_mlflow
    monkeypatch.setattr(query, "_of_mlflow", lambda *given: calls.append(given) or every(*given))
    return calls


def test_records_without_a_database_are_none_and_make_none(tracking, asked):
    assert query.records("tiny") == []
    assert not asked and not tracking.exists()


def test_records_are_what_mlflow_says(tracking):
    bad = {"epoch/loss": math.nan, "epoch/val_loss": math.inf, "eval/eer": 0.25}
    make(), make(status="FAILED", seed=1, metrics=bad), make(status="RUNNING"), make(experiment="other")
    deleted = make(mark="c" * 16)
    client.connect().delete_run(deleted)
    for gone in (False, True):
        ours = {record.run_id: record for record in query.records("tiny", deleted=gone)}
        theirs = {record.run_id: record for record in query._of_mlflow(client.connect(), "tiny", gone)}
        assert len(ours) == 3 + gone and repr(ours) == repr(theirs)  # of NaN only the text is equal
        for run_id, record in ours.items():
            assert (record.tags, record.params) == (theirs[run_id].tags, theirs[run_id].params)
            assert str(sorted(record.metrics.items())) == str(sorted(theirs[run_id].metrics.items()))
    assert query.records("none") == []


def test_records_stand_newest_first(tracking):
    made = [make() for _ in range(5)]
    assert [record.run_id for record in query.records("tiny")] == made[::-1]


def test_records_of_another_schema_ask_mlflow(tracking, asked, monkeypatch):
    run_id = make()
    monkeypatch.setattr(query, "_RUNS", "SELECT 1 FROM a_table_of_later_versions WHERE name = ? AND ?")
    assert [record.run_id for record in query.records("tiny")] == [run_id]
    assert len(asked) == 1


def test_records_while_a_run_is_being_written_do_not_wait(tracking):
    run_id = make()
    with sqlite3.connect(tracking / "mlflow.db") as writing:
        writing.execute("UPDATE runs SET status = 'RUNNING'")
        assert [(r.run_id, r.status) for r in query.records("tiny")] == [(run_id, "FINISHED")]


def test_records_of_an_experiment_in_the_trash_are_refused(tracking):
    make()
    connected = client.connect()
    connected.delete_experiment(connected.get_experiment_by_name("tiny").experiment_id)
    for refused in (
        lambda: query.records("tiny"),
        lambda: query._of_mlflow(connected, "tiny", False),
        lambda: client.create(connected, experiment="tiny", name="x", tags={}),
    ):
        with pytest.raises(InputError, match="experiment tiny is in MLflow's trash; `mlflow experiments restore`"):
            refused()


def test_records_of_no_database_and_of_a_later_mlflow_are_refused(tracking, small):
    make()
    file = tracking / "mlflow.db"
    kept = shutil.copy(file, tracking / "kept.db")
    with sqlite3.connect(file) as writing:
        writing.execute("UPDATE alembic_version SET version_num = 'ffffffffffff'")
    for words in ("its schema is ffffffffffff, this MLflow's", "file is not a database"):
        for command in ("plan", "compare"):
            result = CliRunner().invoke(main, [command, "s"])
            assert result.exit_code == 2 and words in result.stderr and str(file) in result.stderr, result.output
            assert len(result.stderr.splitlines()) == 2
        file.write_text("text in its place\n" * 100)
    shutil.copy(kept, file)
    assert query.records("tiny")


def test_commands_on_a_locked_database_end_soon_with_the_reason(tracking, small, corpus_folder, monkeypatch):
    record = make()
    monkeypatch.setattr(client, "TIMEOUT", 0.2)
    commands = (["plan", "s"], ["compare", "s"], ["run", "s"], ["keep"], ["score", str(corpus_folder), "--run", record])
    with closing(sqlite3.connect(tracking / "mlflow.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        for command in commands:
            result = CliRunner().invoke(main, command)
            assert result.exit_code == 2, result.output
            _, reason = result.stderr.splitlines()
            assert "mlflow.db cannot be used" in result.stderr and reason == "database is locked"
    assert len(query.records("tiny")) == 1


def test_command_mlflow_fails_is_one_line_and_exit_code_1(tracking, small, monkeypatch):
    def fails(*_, **__):
        raise MlflowException("the server went away\nand more [SQL: UPDATE runs")

    monkeypatch.setattr(query, "records", fails)
    result = CliRunner().invoke(main, ["compare", "s"])
    assert (result.exit_code, result.stderr) == (1, "error: the server went away and more\n")


def test_run_under_way_waits_for_a_database_that_is_locked_for_a_while(tracking, monkeypatch):
    monkeypatch.setenv(client.RUN_ID, make(status="RUNNING"))
    monkeypatch.setattr(client, "TIMEOUT", 0.2)  # of a command; a run has more patience
    other = sqlite3.connect(tracking / "mlflow.db", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN EXCLUSIVE")
    threading.Timer(1, other.close).start()
    assert len(query.records("tiny")) == 1
    with client.connect()._tracking_client.store.ManagedSessionMaker() as session:  # MLflow's own patience
        assert session.connection().exec_driver_sql("PRAGMA busy_timeout").scalar() >= 20_000  # ms; 5,000 cost runs


def test_records_need_no_mlflow(tracking):
    make()
    code = "import sys; from lib.tracking import query; print(len(query.records('tiny')), 'mlflow' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["1", "False"]


def finish(step, **changes):
    """A finished run of a step, as the runner leaves it."""
    parts = step.identity | changes
    tags = identity.marks(parts) | {"seed": step.run.seed, "corpus_digest": step.corpus_digest}
    return make(name=step.run.name, mark=tags.pop("fingerprint"), **tags)


def test_plan_says_done_or_why(small):
    one, two = done.plan(small.load())
    assert (one.done, one.reasons, two.reasons) == (None, ("new",), ("new",))
    finished = finish(one)
    old = finish(two, rooms=two.identity["rooms"] | {"plots": "0" * 16})
    one, two = done.plan(small.load())
    assert (one.done, one.reasons) == (finished, ())
    assert (two.done, two.before, two.reasons, two.kept) == (None, old, ("lib/plots changed",), "fits are kept")
    small.notebook("11_one", "print(1)")
    assert done.plan(small.load())[0].reasons == ("notebook changed",)
    forced = done.plan(small.load(), force=True)
    assert [(step.done, step.reasons) for step in forced] == [(None, ("--force",))] * 2


def test_plan_names_the_run_that_is_under_way(small):
    step = done.plan(small.load())[0]
    running = make(name=step.run.name, mark=step.fingerprint, status="RUNNING")
    assert done.plan(small.load())[0].reasons == ("new", f"run {running} is making it")


def test_plan_speaks_of_the_newest_run_with_the_same_parameters(small):
    step = done.plan(small.load())[0]
    stale = finish(step, rooms=step.identity["rooms"] | {"plots": "0" * 16})
    other = finish(done.plan(small.load(changes=["epochs=2"]))[0])
    assert done.plan(small.load())[0].before == stale  # not the newer one of other epochs
    third = done.plan(small.load(changes=["epochs=5"]))[0]
    assert (third.before, third.reasons) == (other, ("parameters changed: epochs",))
    assert done.plan(small.load(seeds="1"))[0].reasons == ("new",)


def test_plan_a_comparison_reads_the_runs_that_are_listed_after_it(small):
    small.notebook("91_compare", "print(1)")
    (small.folder / "params/91_compare").mkdir()
    (small.folder / "params/91_compare/a.yaml").write_text("variant: a\n")
    small.study("91_compare/a", "11_one/a")
    one, page = done.plan(small.load())
    finish(one)
    finish(done.plan(small.load())[1])
    one, page = done.plan(small.load())
    assert one.done and page.done
    finish(one)
    one, page = done.plan(small.load())
    assert one.done and not page.done and page.reasons == (identity.READS,)


def test_keep_removes_nothing_where_no_run_is_known(tracking, tmp_path):
    (tmp_path / "fits").mkdir()
    (tmp_path / "fits/0123.zip").write_bytes(b"x")
    result = CliRunner().invoke(main, ["keep", "--store", str(tmp_path), "--remove"])
    assert result.exit_code == 2 and "no run there uses a fit; nothing is removed" in result.output
    assert (tmp_path / "fits/0123.zip").exists()


def test_plan_takes_the_options_of_run_which_change_nothing(small):
    plain = CliRunner().invoke(main, ["plan", "s"])
    same = CliRunner().invoke(main, ["plan", "s", "--jobs", "2", "--html", "x.html", "--scheduler", "tcp://x:1"])
    assert same.exit_code == 0 and same.output == plain.output


def test_keep_of_a_folder_that_is_not_there_is_refused(tracking, tmp_path):
    result = CliRunner().invoke(main, ["keep", "--store", str(tmp_path / "gone")])
    assert result.exit_code == 2 and f"{tmp_path}/gone: no such folder" in result.output


def test_plan_run_of_an_older_version_says_so(small):
    make(name="11_one/a", seed=0)
    assert done.plan(small.load())[0].reasons == ("made by an older version",)


def test_plan_command_prints_a_line_a_run_and_json(small):
    finished = finish(done.plan(small.load())[0])
    lines = CliRunner().invoke(main, ["plan", "s"]).stdout.splitlines()
    assert lines[0].split() == ["done", "11_one/a", "seed", "0", finished]
    assert lines[1].split() == ["to", "run", "12_two/a", "seed", "0", "-", "new"]
    rows = json.loads(CliRunner().invoke(main, ["plan", "s", "--json", "--set", "epochs=2"]).stdout)
    assert [(row["state"], row["run_id"], row["reasons"]) for row in rows] == [
        ("to run", finished, ["parameters changed: epochs"]), ("to run", None, ["new"]),
    ]  # fmt: skip
