"""Parameters: what a notebook declares, what YAML files and the command line say.

A notebook declares what it is about in the one cell tagged ``parameters``, a typed literal a line, and names the
groups of further settings (`lib.params.schema`) in its call of ``study.begin``. Nothing here evaluates code.
"""

import ast
import json
import re
from functools import cache

from lib.errors import InputError, nearest, unknown
from lib.params.paths import NOTEBOOKS
from lib.params.schema import GROUPS, KINDS, Parameter, judge_together, judged, kind

# Where things stand on a machine; they never change a number, so no fingerprint holds them.
PLACES = frozenset({"data", "store_url", "jobs"})


def notebooks():
    """Names of all notebooks that make runs, in their order; the start page makes none."""
    return sorted(p.stem for p in NOTEBOOKS.glob("[0-9][0-9]_*.ipynb") if not p.stem.startswith("00"))


def declared(notebook):
    """Name -> `Parameter`: a notebook's parameters cell, then the settings of the groups that it takes."""
    path = NOTEBOOKS / f"{notebook}.ipynb"
    if notebook not in notebooks():
        raise unknown(notebook, notebooks(), f"{path}: no such notebook")
    return dict(_declared(path, path.read_bytes()))


def code_cells(path, content):
    """Sources of a notebook's cells that are tagged ``parameters``, and of its other code cells."""
    tagged, others = [], []
    try:
        for cell in json.loads(content)["cells"]:
            if cell["cell_type"] == "code":
                same = tagged if "parameters" in cell["metadata"].get("tags", ()) else others
                same.append("".join(cell["source"]))
    except (ValueError, KeyError, TypeError):
        raise InputError(f"{path}: not a notebook (its JSON cannot be read)") from None
    return tagged, others


def resolve(notebook, layers):
    """All parameters of a run, name -> value: the notebook's defaults, then each layer (place, dict) over them."""
    known = declared(notebook)
    values, places = {name: parameter.default for name, parameter in known.items()}, {}
    for where, layer in layers:
        for name, value in layer.items():
            if name not in known:
                there = nearest(name, known) or f"; there are {', '.join(known)}"
                raise InputError(f"{where}: {name} is not a parameter of {notebook}{there}")
            values[name], places[name] = judged(name, value, known[name].type, where), where
    judge_together(values, notebook, places)
    return values


def current(notebook, namespace):
    """The values that a running notebook's parameters hold now; `namespace` is its ``globals()``."""
    known, injected = declared(notebook), _injected(namespace.get("In", ()))
    held = {name: None for name in injected if name not in known}  # papermill only warns of it; here it is refused
    for name in (name for name in known if name in namespace):
        # A module or an array that has a group's name by chance is no setting.
        if known[name].own or name in injected or isinstance(namespace[name], (bool, int, float, str, list)):
            held[name] = namespace[name]
    return resolve(notebook, [(notebook, held)])


def _injected(history):
    """Names in the newest cell that papermill put in: its first line is ``# Parameters``, the rest assignments."""
    for source in reversed(history):
        first, *lines = source.strip().splitlines() or [""]
        assigned = [re.match(r"(\w+) = ", line) for line in lines]
        if first.strip() == "# Parameters" and all(assigned):
            return [name.group(1) for name in assigned]
    return []


@cache
def _declared(path, content):
    tagged, others = code_cells(path, content)
    if len(tagged) != 1:
        raise InputError(f"{path}: one cell must be tagged 'parameters', got {len(tagged)}")
    found = _cell(path, tagged[0])
    for group in _takes(path, [source for source in others if "study.begin" in source]):
        found |= {name: setting for name, setting in GROUPS[group].items() if name not in found}
    return found


def _cell(path, source):
    """The parameters of the tagged cell."""
    found = {}
    for node in _parsed(path, source).body:
        try:
            name, annotation, default = node.target.id, node.annotation.id, ast.literal_eval(node.value)
        except (AttributeError, ValueError, TypeError):
            line = source.splitlines()[node.lineno - 1]
            raise InputError(f"{path}: parameter line {line!r} is not 'name: type = literal'") from None
        wanted = [kind(name)] if kind(name) else KINDS
        if annotation not in wanted:
            raise InputError(f"{path}: {name} must be annotated {' or '.join(wanted)}, got {annotation}")
        if name in found:
            raise InputError(f"{path}: the parameter {name} stands twice")
        found[name] = Parameter(annotation, judged(name, default, annotation, path), own=True)
    return found


def _takes(path, sources):
    """Groups that the notebook's call of ``study.begin`` names; without a call none."""
    for node in (node for source in sources for node in ast.walk(_parsed(path, source))):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "study.begin":
            given = [word.value for word in node.keywords if word.arg == "takes"]
            takes = [getattr(name, "value", None) for group in given for name in getattr(group, "elts", [group])]
            for group in takes:
                if group not in GROUPS:
                    raise unknown(group, GROUPS, f"{path}: takes must be a tuple of names of groups, written out")
            return ("corpus", *takes)
    return ()


def _parsed(path, source):
    try:
        return ast.parse(source)
    except SyntaxError as error:
        raise InputError(f"{path}: a cell is not Python ({error.msg}: {(error.text or '').strip()!r})") from None
