"""What the command says to someone who has just come: what to do next, which names there are, which version."""

import subprocess
import sys
from importlib.metadata import version

import pytest
from click.testing import CliRunner

from lib.cli import main
from lib.tracking import client


def study(*arguments):
    return CliRunner().invoke(main, arguments)


def test_study_alone_without_runs_leads_to_the_demo_and_makes_no_database(tracking):
    result = study()
    assert result.exit_code == 0
    assert result.output.startswith(f"No run yet in sqlite:///{tracking}")
    assert "make demo" in result.output and "study corpus asvspoof2017 --data DIR" in result.output
    assert not tracking.exists()


@pytest.mark.parametrize(
    ("tags", "next_step"),
    [({"study": "best"}, "study compare best --corpus demo"), ({"study": "by hand"}, "study compare STUDY --corpus")],
)
def test_study_alone_counts_finished_runs_and_names_what_can_be_done_with_them(tracking, tags, next_step):
    mlflow = client.connect()
    for name, end in (("21_gmm/lfcc", "FINISHED"), ("91_compare/default", "FINISHED"), ("22_lcnn/x", "FAILED")):
        mlflow.set_terminated(client.create(mlflow, experiment="demo", name=name, tags=tags), end)
    said = study().output
    assert "corpus demo: 2 finished, the newest is 91_compare/default, 20" in said
    assert next_step in said and "study score PATH... --run 21_gmm/lfcc " in said
    assert "make demo" not in said and max(map(len, said.splitlines()[1:])) <= 120


def test_study_alone_is_quick_to_import():
    code = "import sys; from lib.cli import main; main([], standalone_mode=False); print('mlflow' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1] == "False"


def test_version_is_the_packages_own():
    assert study("--version").output == f"study, version {version('replay-study')}\n"


def test_wrong_command_names_the_nearest():
    result = study("compar")
    assert result.exit_code == 2 and "Did you mean 'compare'?" in result.output
