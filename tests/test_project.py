"""The shape of the project: import order, notebooks, params, lock."""

import ast
import importlib
import inspect
import json
import re
import subprocess
import sys
import tomllib
from types import SimpleNamespace

import pandas as pd
import papermill
import pytest
import yaml

from lib import features, inputs, params
from lib.params import studies as study
from lib.params.settings import code_cells

ORDER = (
    "errors params files audio cluster corpus features inputs systems scores metrics judgement plots tracking scoring "
    "comparison study runner cli"
).split()
LEAVES = {"bench", "demo"}  # only the command and notebooks import them
ONLY_IN = {
    "mlflow": {"tracking"},
    "papermill": {"runner"},
    "distributed": {"cluster"},
    "librosa": {"audio", "bench", "features"},
    "keras": {"systems"},
    "tensorflow": {"systems"},
    "torch": {"features", "systems"},
    "transformers": {"features"},
    "huggingface_hub": {"features"},
    "pydantic": {"params"},
    "gradio": {"scoring"},
}
NOTEBOOKS = params.notebooks()
FILES = [(p.parent.name, p) for n in NOTEBOOKS for p in sorted((params.PARAMS / n).glob("*.yaml"))]


def modules():
    for path in sorted((params.ROOT / "lib").rglob("*.py")):
        name = path.relative_to(params.ROOT / "lib").parts[0].removesuffix(".py")
        if not name.startswith("__"):
            yield name, path


def imported(path):
    """Names of what a module imports: ``lib.x`` as x, others by their first part."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == "lib":
            yield from (f"lib.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def test_import_order_runs_one_way():
    assert {name for name, _ in modules()} == set(ORDER) | LEAVES
    wrong = []
    for name, path in modules():
        for target in imported(path):
            if target.startswith("lib."):
                other = target.split(".")[1]
                if other == name or (name in LEAVES and other not in LEAVES):
                    continue
                if other in LEAVES and name == "cli":
                    continue
                if other in LEAVES or ORDER.index(other) >= ORDER.index(name):
                    wrong.append(f"{path.name} imports {target}")
    assert not wrong


def test_heavy_packages_are_imported_only_where_they_belong():
    wrong = [
        f"{path} imports {target}"
        for name, path in modules()
        for target in imported(path)
        if name not in ONLY_IN.get(target.split(".")[0], {name})
    ]
    assert not wrong


def test_help_imports_nothing_heavy():
    code = "import lib.cli, sys; print([m for m in ('numpy', 'pandas', 'mlflow', 'tensorflow') if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_notebook_is_committed_clean_and_reads_well(name):
    notebook = json.loads((params.NOTEBOOKS / f"{name}.ipynb").read_text())
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    cells = notebook["cells"]
    code = [c for c in cells if c["cell_type"] == "code"]
    assert not any(c["outputs"] or c["execution_count"] for c in code)
    assert "".join(cells[0]["source"]).startswith(f"# {name[:2]}")
    for before, cell in zip(cells, cells[1:], strict=False):
        source = "".join(cell["source"])
        if cell["cell_type"] == "code":
            assert not re.search(r"^\s*(def|class|%|!)", source, re.M), source
            assert "sys.path" not in source
            assert not re.search(
                r"widgets\.(Output|interact)", source
            )  # a headless run may wait for ever on their output
            tagged = "parameters" in cell["metadata"].get("tags", ())
            first_two = cell in cells[1:3]
            assert tagged or first_two or before["cell_type"] == "markdown", f"no prose before: {source}"
            assert tagged or first_two or len([line for line in source.splitlines() if line.strip()]) <= 20, source


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_notebook_begins_and_finishes_under_its_own_name(name):
    cells = json.loads((params.NOTEBOOKS / f"{name}.ipynb").read_text())["cells"]
    nodes = [n for c in cells if c["cell_type"] == "code" for n in ast.walk(ast.parse("".join(c["source"])))]
    calls = {function: [] for function in ("study.begin", "run.finish")}
    for node in nodes:
        if isinstance(node, ast.Call) and ast.unparse(node.func) in calls:
            calls[ast.unparse(node.func)].append(node)
    (begin,), (_,) = calls.values()
    assert [ast.unparse(argument) for argument in begin.args] == [repr(name), "globals()"]


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_every_name_that_a_notebook_takes_from_lib_exists(name):
    cells = json.loads((params.NOTEBOOKS / f"{name}.ipynb").read_text())["cells"]
    tree = ast.parse("\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "code"))
    taken = {}
    for node in ast.walk(tree):
        for one in node.names if isinstance(node, ast.ImportFrom) and node.module.startswith("lib") else ():
            place = importlib.import_module(node.module)
            found = getattr(place, one.name, None) or importlib.import_module(f"{node.module}.{one.name}")
            taken |= {one.asname or one.name: found} if inspect.ismodule(found) else {}
    used = [n for n in ast.walk(tree) if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name)]
    missing = [ast.unparse(n) for n in used if n.value.id in taken and not hasattr(taken[n.value.id], n.attr)]
    assert not missing


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_notebook_shows_no_bare_string(name):
    """A page would show it with its quotes, as Python writes it."""
    for cell in json.loads((params.NOTEBOOKS / f"{name}.ipynb").read_text())["cells"]:
        last = ast.parse("".join(cell["source"])).body[-1:] if cell["cell_type"] == "code" else []
        shown = last[0].value if last and isinstance(last[0], ast.Expr) else None
        ways = (shown.body, shown.orelse) if isinstance(shown, ast.IfExp) else (shown,)
        assert not [way for way in ways if isinstance(way, ast.JoinedStr | ast.Constant)], ast.unparse(last)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_parameters_are_what_papermill_sees(name):
    ours = {key: parameter for key, parameter in params.declared(name).items() if parameter.own}
    theirs = papermill.inspect_notebook(str(params.NOTEBOOKS / f"{name}.ipynb"))
    assert ours.keys() == theirs.keys()
    for key, parameter in ours.items():
        assert parameter.type == theirs[key]["inferred_type_name"]
        assert theirs[key]["help"], f"{name}: {key} has no comment"
        assert ast.literal_eval(theirs[key]["default"]) == parameter.default


@pytest.mark.parametrize(("notebook", "path"), FILES, ids=[f"{n}/{p.stem}" for n, p in FILES])
def test_params_file_fits_its_notebook(notebook, path):
    content = params.flat_yaml(path)
    assert path.read_text().startswith("# ") and "?" in path.read_text().splitlines()[0]
    assert content["variant"] == path.stem
    params.resolve(notebook, [(str(path), content)])


def test_every_params_folder_belongs_to_a_notebook():
    folders = {p.name for p in params.PARAMS.iterdir() if p.is_dir()} - {"corpora", "studies"}
    assert folders == set(NOTEBOOKS)


@pytest.mark.parametrize("corpus", study.names("corpora"))
def test_corpus_file_keys_are_settings_of_every_notebook(corpus):
    content = params.flat_yaml(params.PARAMS / "corpora" / f"{corpus}.yaml")
    assert content["corpus"] == corpus
    for notebook in NOTEBOOKS:
        assert content.keys() <= params.declared(notebook).keys()


def is_input(node):
    return isinstance(node, ast.Call) and ast.unparse(node.func) in ("Image", "Matrix")


def asked_for():
    """Every feature that a model notebook asks for: (notebook/variant, what the store keeps of it)."""
    for notebook in NOTEBOOKS:
        cells = json.loads((params.NOTEBOOKS / f"{notebook}.ipynb").read_text())["cells"]
        nodes = [n for c in cells if c["cell_type"] == "code" for n in ast.walk(ast.parse("".join(c["source"])))]
        choices = [n for n in nodes if isinstance(n, ast.IfExp) and is_input(n.body) and is_input(n.orelse)]
        chosen = [part for choice in choices for part in (choice.body, choice.orelse)]
        calls = [ast.unparse(n) for n in (*choices, *filter(is_input, nodes)) if n not in chosen]
        for path in sorted((params.PARAMS / notebook).glob("*.yaml")) if calls else ():
            values = params.resolve(notebook, [(str(path), params.flat_yaml(path))])
            for call in calls:
                item = eval(call, {"Image": inputs.Image, "Matrix": inputs.Matrix, **values})
                yield f"{notebook}/{path.stem}", item.resolved(values).wanted


def test_extract_makes_what_the_model_notebooks_ask_for():
    path = params.PARAMS / "02_extract" / "all.yaml"
    values = params.resolve("02_extract", [(str(path), params.flat_yaml(path))])
    cells = json.loads((params.NOTEBOOKS / "02_extract.ipynb").read_text())["cells"]
    (source,) = ["".join(c["source"]) for c in cells if "".join(c["source"]).startswith("wanted = ")]
    found = {"run": SimpleNamespace(settings=values), "inputs": inputs, "features": features, "pd": pd, **values}
    exec(source, found)
    made, asked = set(found["wanted"].values()), list(asked_for())
    assert {name[:2] for name, _ in asked} >= {"11", "13", "14", "15", "21", "22", "31"}
    assert [(name, item) for name, item in asked if item not in made] == []


@pytest.mark.parametrize("name", study.names("studies"))
def test_study_loads(name):
    assert study.load(name).runs


def test_lock_has_exact_versions_and_no_addresses():
    lines = (params.ROOT / "requirements.lock").read_text().splitlines()
    assert len(lines) > 100
    assert all(re.fullmatch(r"[A-Za-z0-9._\[\]-]+==[^\s/@]+( ; .*)?", line) for line in lines)


def test_environment_file_uses_the_same_lock():
    environment = yaml.safe_load((params.ROOT / "environment.yml").read_text())
    assert "python=3.11" in environment["dependencies"]
    pip = next(d["pip"] for d in environment["dependencies"] if isinstance(d, dict))
    assert pip == ["-r requirements.lock", "-e ."]


def test_every_package_that_is_imported_is_a_dependency_by_name():
    text = (params.ROOT / "pyproject.toml").read_text(encoding="utf-8")
    named = {
        re.match(r"[\w-]+", entry)[0].replace("-", "_") for entry in tomllib.loads(text)["project"]["dependencies"]
    }
    sources = [path.read_text(encoding="utf-8") for path in (params.ROOT / "lib").rglob("*.py")]
    sources += ["\n".join(code_cells(path, path.read_bytes())[1]) for path in params.NOTEBOOKS.glob("*.ipynb")]
    imported = set()
    for node in (node for source in sources for node in ast.walk(ast.parse(source))):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(node.module.partition(".")[0])
    other = {"IPython": "ipython", "PIL": "pillow", "sklearn": "scikit_learn", "yaml": "pyyaml", "distributed": "dask"}
    other |= {"keras": "tensorflow", "pydantic_core": "pydantic"}  # which bring them
    imported -= {"lib", *sys.stdlib_module_names}
    assert {other.get(name, name) for name in imported} <= named
