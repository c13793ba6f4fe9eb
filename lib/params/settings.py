"""Parameters: what a notebook declares, what YAML files and the command line say.

A notebook declares what it is about in the one cell tagged ``parameters``, a typed literal a line, and names the
groups of further settings in its call of ``study.begin``. A parameter is judged by the rule of its name in
params/settings.yaml, without one by its annotation. Nothing here evaluates code.
"""

import ast
import json
import re
from functools import cache
from operator import le, lt
from typing import Annotated, NamedTuple

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

from lib.errors import InputError, hide_login, nearest, unknown
from lib.params.paths import NOTEBOOKS
from lib.params.yaml_files import read_table

# Where things stand on a machine; they never change a number, so no fingerprint holds them.
PLACES = frozenset({"data", "store_url", "jobs"})
KINDS = {"int": int, "float": float, "str": str, "bool": bool, "list": list}  # that a cell may name

# A setting, another one, the rule between them, and whether two values keep it.
_BETWEEN = (
    ("fmin", "fmax", "below fmax", lt),
    ("lowest", "highest", "below highest", lt),
    ("fmax", "sr", "at most sr / 2", lambda fmax, sr: fmax <= sr / 2),
    ("win_length", "n_fft", "at most n_fft", le),
    ("n_mfcc", "n_mels", "at most n_mels", le),
    ("n_lfcc", "n_linear", "at most n_linear", le),
)


class Parameter(NamedTuple):
    """What is known of a parameter before it has a value."""

    type: str  # a name of `KINDS`
    default: object
    own: bool  # it stands in the notebook's parameters cell, not in a group


TABLE = read_table("settings")
RULES = {name: rule for rule, names in TABLE["cells"].items() for name in names.split()}  # parameter -> its rule
RULES |= {name: rule for known in TABLE["settings"].values() for name, (rule, _) in known.items()}


def kind(name):
    """Name of a known parameter's type, such as ``int``; None for a name that no rule knows."""
    rule = TABLE["rules"][RULES[name]] if name in RULES else {"kind": None}
    return "list" if "of" in rule else rule.get("kind", "str")


# Group -> name -> `Parameter` of each setting that comes with it.
GROUPS = {
    group: {
        name: Parameter(kind(name), default, own=False)
        for part in parts
        for name, (_, default) in TABLE["settings"][part].items()
    }
    for group, parts in TABLE["groups"].items()
}


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


def judged(name, value, annotation, where):
    """The value as its type by the name's rule, else by the annotation's (one of `KINDS`), or an InputError."""
    return judged_by(RULES.get(name) or {"int": "whole"}.get(annotation, annotation), name, value, where)


def judged_by(rule, name, value, where):
    """The value as its type by a rule of params/settings.yaml, or an InputError that calls it by its name."""
    try:
        return _adapter(rule).validate_python(value)
    except ValidationError as refused:
        error = refused.errors(include_url=False)[0]
    context = {key: f"{bound:g}" if isinstance(bound, float) else bound for key, bound in error.get("ctx", {}).items()}
    got, must = error["input"], TABLE["words"].get(error["type"], "valid").format(**context)
    hint = ""
    if isinstance(got, str):
        hint = nearest(got, context.get("choices", ()))
        if error["type"] in ("int_type", "float_type") and re.match(r"[-+]?\.?\d", got):
            hint = " (text); write it as a decimal number without quotes, such as 12 or 1.0e-4"
        elif error["type"] == "bool_type":
            hint = " (text); papermill's -p takes True or False"
    elif error["type"] == "string_type" and isinstance(got, (int, float)):
        hint = "; write it in quotes"
    subject = f"each of {name}" if error["loc"] else name
    raise InputError(f"{where}: {subject} must be {must}, got {got!r}{hint}")


def judge_together(values, where, places=None):
    """Refuse values (dict) that do not fit one another; `places` has for a name where its value comes from."""
    places = places or {}
    for name, other, rule, keeps in _BETWEEN:
        if name in values and other in values and not keeps(values[name], values[other]):
            got = f"{values[name]!r} with {other} = {values[other]!r}"
            raise InputError(f"{places.get(name) or places.get(other) or where}: {name} must be {rule}, got {got}")


@cache
def _adapter(rule):
    return TypeAdapter(_type(rule), config=ConfigDict(strict=True, allow_inf_nan=False))


def _type(rule):
    """A rule, or an annotation, as a type for pydantic."""
    if rule in KINDS:
        return KINDS[rule]
    limits = dict(TABLE["rules"][rule])
    choices, pattern, must, unique = (limits.pop(name, None) for name in ("choices", "pattern", "must", "unique"))
    kind = list[_type(limits.pop("of"))] if "of" in limits else {**KINDS, "dict": dict}[limits.pop("kind", "str")]

    def check(value):
        """What the library's own limits cannot say."""
        if choices:
            value = str(value)  # a number may be written without quotes
            if value not in choices:
                raise _refused(f"one of {', '.join(choices)}", choices)
        if pattern and not re.fullmatch(pattern, value):
            raise _refused(must)
        for index, item in enumerate(value if unique else ()):
            if item in value[:index]:
                raise _refused(f"a list without repetitions ({item} stands twice)")
        return hide_login(value) if rule == "place" else value

    return Annotated[kind, Field(**limits), BeforeValidator(check) if choices else AfterValidator(check)]


def _refused(must, choices=()):
    return PydanticCustomError("own", "", {"must": must, "choices": choices})
