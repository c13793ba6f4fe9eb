"""What the command says to someone who has just come: what to do next, which names there are, which version."""

import json
import os
import re
import subprocess
import sys
from importlib.metadata import version

import pytest
from click.testing import CliRunner

from lib import params
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
    rates = {"22_lcnn/x": 0.3, "21_gmm/lfcc": 0.1, "25_long_term/a": 0.2, "91_compare/default": None}
    for name, rate in rates.items():
        run_id = client.create(mlflow, experiment="demo", name=name, tags=tags)
        if rate is not None:
            mlflow.log_metric(run_id, "dev/eer", rate)
        mlflow.set_terminated(run_id, "FINISHED")
    mlflow.set_terminated(client.create(mlflow, experiment="demo", name="22_lcnn/y", tags=tags), "FAILED")
    said = study().output
    assert "corpus demo: 4 finished, the newest is 91_compare/default, 20" in said
    assert next_step in said and "study score PATH... --run 21_gmm/lfcc " in said  # the best on dev
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


def sources(notebook):
    content = json.loads((params.NOTEBOOKS / f"{notebook}.ipynb").read_text())
    assert content["metadata"]["kernelspec"]["name"] == "python3"
    assert not any(cell.get("outputs") for cell in content["cells"])
    return ["".join(cell["source"]) for cell in content["cells"]]


def test_start_page_leads_to_every_notebook_and_to_nothing_else():
    linked = re.findall(r"\]\((.+?)\)", "\n".join(sources("00_start")))
    assert sorted(place for place in linked if place.endswith(".ipynb")) == [f"{n}.ipynb" for n in params.notebooks()]
    assert all((params.NOTEBOOKS / place).exists() for place in linked)


@pytest.mark.executes
def test_start_page_runs_headless_where_nothing_has_run_and_makes_no_run(tracking, tmp_path):
    command = [sys.executable, "-m", "papermill", str(params.NOTEBOOKS / "00_start.ipynb"), str(tmp_path / "out.ipynb")]
    environment = {**os.environ, "PYTHONPATH": str(params.ROOT)}
    result = subprocess.run(command, cwd=params.ROOT, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr[-2000:]
    assert "91_compare" in (tmp_path / "out.ipynb").read_text()
    assert not tracking.exists()


PAGES = (params.ROOT / "README.md", *sorted((params.ROOT / "docs").glob("*.md")))


def anchors(page):
    headings = re.findall(r"^#+ (.+)", page.read_text(), re.M)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_documentation_links_lead_somewhere(page):
    links = [link for link in re.findall(r"\]\((.+?)\)", page.read_text()) if "://" not in link]
    for link in links:
        place, _, heading = link.partition("#")
        target = page.parent / place if place else page
        assert target.exists(), link
        assert not heading or heading in anchors(target), link
    shown = [line for line in page.read_text().splitlines() if not line.startswith(("|", "!"))]
    assert max(map(len, shown)) <= 121  # the drawing of what flows


def test_readme_shows_the_figures_of_the_results_page():
    rows = [re.findall(r"\d\d_\w+/\w+|[\d.]+ \[.+?\]", line) for line in PAGES[0].read_text().splitlines()]
    rows = [row for row in rows if len(row) == 3]
    whole = (params.ROOT / "docs" / "results.md").read_text().splitlines()
    assert len(rows) >= 5
    for name, *figures in rows:
        (line,) = (line for line in whole if line.startswith(f"| {name} | "))
        assert all(figure in line for figure in figures), name


def test_documentation_names_commands_that_there_are():
    text = "\n".join(page.read_text() for page in PAGES) + (params.ROOT / "Makefile").read_text()
    named = set(re.findall(r"(?:^|`|then )study ([a-z][a-z-]*)", text, re.M))
    assert {"run", "plan", "compare", "score", "evaluate", "verdict"} <= named <= set(main.commands)


def test_pytorch_does_not_import_triton_which_crashes_beside_tensorflow(tmp_path):
    (tmp_path / "triton.py").write_text("import os\nos._exit(139)\n")
    code = "import lib, torch.utils._triton as found; print(found.has_triton_package())"
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert (result.returncode, result.stdout.strip()) == (0, "False")
