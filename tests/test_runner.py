"""Executing: what one run's trouble costs, and two commands at once."""

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from sqlalchemy import event

from lib import params, runner
from lib.cli import main
from lib.runner import execution
from lib.tracking import client, done, query


@pytest.fixture(autouse=True)
def warm_kernels(warm, monkeypatch):
    for name, value in warm.items():
        monkeypatch.setenv(name, value)


def run_study(small, **given):
    chosen = small.load()
    return list(runner.run_all(chosen, runner.plan(chosen), **given))


def found(name="11_one/a"):
    return next(record for record in query.records("tiny") if record.name == name)


def test_run_leaves_finished_runs_with_identity_and_page_and_no_temporary_folder(small, monkeypatch):
    temporary = small.folder / "tmp"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    small.notebook("11_one", "from lib import errors, plots", "import tempfile; print(epochs, tempfile.mkdtemp())")
    told = CliRunner().invoke(main, ["run", "s"]).stdout
    assert "[2/2] 12_two/a seed 0" in told and "finished after" in told
    assert list(temporary.iterdir()) == []
    record, step = found(), done.plan(small.load())[0]
    assert record.run_id == step.done and record.run_id in told
    assert record.identity == step.identity and record.tags["fingerprint"] == step.fingerprint
    assert {"host", "corpus_digest", "longest", query.in_study("s")} <= record.tags.keys()
    with client.artifact(record.run_id, "notebook.ipynb") as notebook:
        assert f"3 {temporary}" in notebook.read_text() and notebook.with_suffix(".html").is_file()
    assert not list((small.folder / "mlruns" / "locks").iterdir())
    assert CliRunner().invoke(main, ["run", "s"]).stdout.startswith("study s on corpus tiny: 0 to run, 2 done")


def test_run_failing_cell_fails_that_run_alone(small):
    small.notebook("11_one", "raise ValueError('broken here')")
    failed, finished = run_study(small)
    assert failed.error == "cell 3: ValueError: broken here" and finished.error is None
    assert (found().status, found().tags["error"]) == ("FAILED", failed.error)
    with client.artifact(failed.run_id, "error.txt") as path:
        assert "broken here" in path.read_text()


def test_run_deleted_meanwhile_fails_that_run_alone(small):
    delete = "import os; from lib.tracking.client import connect; connect().delete_run(os.environ['STUDY_RUN_ID'])"
    small.notebook("11_one", delete, "print('goes on')")
    failed, finished = run_study(small)
    assert "deleted" in failed.error and finished.error is None
    assert failed.run_id and [record.name for record in query.records("tiny")] == ["12_two/a"]


def test_run_page_that_cannot_be_made_costs_no_run(small, monkeypatch):
    def broken(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(execution, "export_html", broken)
    small.study("11_one/a")
    assert [outcome.error for outcome in run_study(small)] == [None]
    assert (found().status, found().tags["page_error"]) == ("FINISHED", "OSError: [Errno 28] No space left on device")
    assert found().metrics["time/total"] > 0


def test_run_that_cannot_be_begun_is_an_outcome(small, monkeypatch):
    monkeypatch.setattr(execution, "_begin", lambda *_: 1 / 0)
    assert [outcome.error for outcome in run_study(small)] == ["ZeroDivisionError: division by zero"] * 2


def test_run_without_a_temporary_folder_fails_that_run_alone(small, monkeypatch):
    made, full = execution.tempfile.TemporaryDirectory, [OSError(28, "No space left on device")]

    def limited(**how):
        if full:
            raise full.pop()
        return made(**how)

    monkeypatch.setattr(execution.tempfile, "TemporaryDirectory", limited)
    failed, finished = run_study(small)
    assert failed.error == "OSError: [Errno 28] No space left on device" and finished.error is None
    assert (found().status, found().tags["error"]) == ("FAILED", failed.error)


def test_run_on_a_full_disk_is_told_in_a_line_and_later_commands_work(small, capfd):
    execution._begin(done.plan(small.load())[0], "s")
    engine = client.connect()._tracking_client.store.engine
    listener = engine, "connect", lambda connection, _: connection.execute("PRAGMA max_page_count = 1")
    event.listen(*listener)
    engine.dispose()
    assert CliRunner().invoke(main, ["plan", "s"]).exit_code == 0
    told = "MlflowException: (sqlite3.OperationalError) database or disk is full"
    assert told in [outcome.error for outcome in run_study(small)]  # a small run may find room in a page
    assert "Traceback" not in capfd.readouterr().err
    event.remove(*listener)
    engine.dispose()
    query.sweep("tiny")
    assert "RUNNING" not in {record.status for record in query.records("tiny")}


def test_run_that_finds_no_room_for_a_folder_of_its_own_goes_on_without(small, monkeypatch):
    (small.folder / "file").touch()
    monkeypatch.setattr(tempfile, "tempdir", str(small.folder / "file"))
    with runner.shown():
        assert client.PROGRESS not in os.environ


def test_run_kernel_is_this_interpreter_with_the_database_of_the_command(small, monkeypatch):
    kernels = small.folder / "jupyter" / "kernels" / "python3"
    kernels.mkdir(parents=True)
    spec = {"argv": ["/bin/false", "{connection_file}"], "display_name": "Python 3", "language": "python"}
    (kernels / "kernel.json").write_text(json.dumps(spec))
    monkeypatch.setenv("JUPYTER_PATH", str(kernels.parents[1]))
    monkeypatch.chdir(small.folder)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///own.db")
    small.notebook("11_one", f"import os, sys; assert sys.executable == {sys.executable!r}, sys.executable",
                   "from lib.tracking.client import connect",
                   "connect().set_tag(os.environ['STUDY_RUN_ID'], 'seen', 'yes')")  # fmt: skip
    small.study("11_one/a")
    assert [outcome.error for outcome in run_study(small)] == [None]
    assert found().tags["seen"] == "yes" and (small.folder / "own.db").is_file()


def test_run_weights_downloaded_by_the_run_are_no_change(small, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(small.folder / "hub"))
    text = (small.folder / "notebooks/11_one.ipynb").read_text().replace("backbone_weights", "wav2vec_weights")
    text = text.replace('\\"random\\"  # a file, or random', '\\"owner/name\\"')
    refs = small.folder / "hub/models--owner--name/refs"
    download = f"import pathlib; p = pathlib.Path('{refs}'); p.mkdir(parents=True); (p / 'main').write_text('abc')"
    (small.folder / "notebooks/11_one.ipynb").write_text(text.replace("print(epochs)", download))
    small.study("11_one/a")
    step = runner.plan(small.load())[0]
    assert [outcome.error for outcome in run_study(small)] == [None]
    assert done.plan(small.load())[0].done and found().identity["weights"] == {"wav2vec_weights": "owner/name@abc"}
    assert runner.execute(step, "s").run_id == found().run_id  # of another command, planned before the download


COMMAND = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from lib.params import identity, settings, studies
from lib.runner import execution
from lib.cli import main
for module in (settings, identity, execution):
    module.NOTEBOOKS = Path(sys.argv[2]) / "notebooks"
studies.PARAMS = Path(sys.argv[2]) / "params"
main(["run", "s", *sys.argv[3:]])
"""


def command(small, *arguments):
    call = [sys.executable, "-c", COMMAND, str(params.ROOT / "tests"), str(small.folder), *arguments]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(call, cwd=params.ROOT, env=environment, **pipes)


def making(small):
    """Another command, once it is making the run 11_one/a, which takes a while."""
    small.notebook("11_one", "import time; time.sleep(4)")
    other = command(small)
    while not query.records("tiny"):
        time.sleep(0.1)
        assert other.poll() is None, other.communicate()
    return other


def test_run_two_commands_at_once_share_the_work(small):
    other = making(small)
    ours = CliRunner().invoke(main, ["run", "s"])
    out, errors = other.communicate(timeout=120)
    assert (ours.exit_code, other.returncode) == (0, 0), (ours.output, errors)
    assert len(query.records("tiny")) == 2 and "[2/2]" in out
    assert "waiting for another command that is making 11_one/a" in ours.stdout and "[2/2]" in ours.stdout
    assert not list((small.folder / "mlruns" / "locks").iterdir())


def test_run_takes_over_what_a_killed_command_was_making(small):
    small.study("11_one/a")
    other = making(small)
    assert query.sweep("tiny") == []  # it lives
    other.kill()
    other.communicate()
    ours = CliRunner().invoke(main, ["run", "s"])
    assert ours.exit_code == 0 and "marked KILLED" in ours.stderr
    assert sorted(record.status for record in query.records("tiny")) == ["FINISHED", "KILLED"]


def test_run_removes_the_temporary_files_of_a_killed_command(small, monkeypatch):
    temporary = small.folder / "tmp"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    small.study("11_one/a")
    other = making(small)
    other.kill()
    other.communicate()
    assert len(list(temporary.iterdir())) == 1  # a folder with its lock
    assert CliRunner().invoke(main, ["run", "s"]).exit_code == 0
    assert list(temporary.iterdir()) == [] and os.environ["TMPDIR"] == tempfile.tempdir == str(temporary)


def test_execute_takes_a_run_that_ended_since_the_plan(small):
    small.study("11_one/a")
    step = runner.plan(small.load())[0]
    first = runner.execute(step, "s")
    again = runner.execute(step, "other")
    assert again.run_id == first.run_id and again.error is None
    assert query.in_study("other") in found().tags
    later = replace(step, planned=int(1000 * time.time()) + 1000)  # as with --force
    assert runner.execute(later, "s").run_id != first.run_id


def test_execute_impatient_leaves_what_another_makes(small):
    step = runner.plan(small.load())[0]
    with client.locked(step.fingerprint):
        outcome = runner.execute(step, "s", patient=False)
    assert outcome.elsewhere and query.records("tiny") == []


def test_run_of_another_study_is_taken_and_tagged(small):
    small.study("11_one/a")
    run_study(small)
    (small.folder / "params/studies/t.yaml").write_text("corpus: tiny\nruns: [11_one/a]\n")
    assert "0 to run, 1 done" in CliRunner().invoke(main, ["run", "t"]).stdout
    assert [row["run"] for row in query.compare("t", "tiny")[0]] == ["11_one/a"]


def test_kernel_that_dies_before_any_cell_is_started_once_more(monkeypatch, tmp_path):
    """As where two that start at once chose the same port."""
    left = [RuntimeError("Kernel died before replying to kernel_info")]
    tried = []

    def execute(*_, **__):
        tried.append(1)
        if left:
            raise left.pop()

    monkeypatch.setattr("papermill.execute_notebook", execute)
    run = SimpleNamespace(notebook="21_gmm", parameters={})
    execution._papermill(run, tmp_path / "21_gmm.ipynb", False, {})
    assert len(tried) == 2
    left += [RuntimeError("Kernel died"), RuntimeError("Kernel died before replying to kernel_info")]
    with pytest.raises(RuntimeError, match="Kernel died$"):
        execution._papermill(run, tmp_path / "21_gmm.ipynb", False, {})
    assert len(tried) == 4
