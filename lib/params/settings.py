"""Parameters: what a notebook declares, what YAML files and the command line say.

A notebook declares its parameters in the one cell tagged ``parameters``, a typed
literal a line. YAML files are flat mappings whose keys are names of parameters, so
that raw papermill takes them with ``-f``. Nothing here evaluates code.
"""

import ast
import json
from dataclasses import dataclass
from pathlib import Path

import yaml

from lib.errors import InputError
from lib.params.paths import NOTEBOOKS

# Where things stand on a machine; they never change a number, so no fingerprint holds them.
PLACES = frozenset({"data", "store_url", "jobs"})

_TYPES = {"int": int, "float": float, "str": str, "bool": bool, "list": list}


@dataclass(frozen=True)
class Parameter:
    """One line of a parameters cell: name, type name, default and comment."""

    name: str
    type: str
    default: object
    comment: str


def declared(notebook):
    """What a notebook declares.

    Parameters
    ----------
    notebook : str
        Name without ending, as ``11_paper_cnn``.

    Returns
    -------
    dict of str to Parameter

    Raises
    ------
    InputError
        No such notebook, or its parameters cell is not one typed literal a line.
    """
    path = NOTEBOOKS / f"{notebook}.ipynb"
    if not path.is_file():
        raise InputError(f"{path}: no such notebook; there are {', '.join(notebooks())}")
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    except (ValueError, KeyError):
        raise InputError(f"{path}: not a notebook (its JSON cannot be read)") from None
    tagged = [c for c in cells if "parameters" in c["metadata"].get("tags", ())]
    if len(tagged) != 1:
        raise InputError(f"{path}: {len(tagged)} cells are tagged 'parameters'; one is wanted")
    source = "".join(tagged[0]["source"])
    lines = source.splitlines()
    found = {}
    for node in ast.parse(source).body:
        line = lines[node.lineno - 1]
        try:
            name, kind, default = node.target.id, node.annotation.id, ast.literal_eval(node.value)
        except (AttributeError, ValueError, TypeError):
            raise InputError(f"{path}: parameter line {line!r} is not 'name: type = literal'") from None
        comment = lines[node.end_lineno - 1].partition("#")[2].strip()
        found[name] = Parameter(name, kind, checked(name, default, kind, str(path)), comment)
    TEMP = {
        "corpus": "demo",
        "layout": "asvspoof2017_v2",
        "data": "data/demo",
        "allow_partial": False,
        "store_url": "data/store",
        "jobs": 2,
        "sr": 16000,
        "n_fft": 2048,
        "win_length": 2048,
        "hop_length": 512,
        "window": "hann",
        "n_mels": 128,
        "fmin": 0.0,
        "fmax": 8000.0,
        "n_mfcc": 20,
        "amin": 1e-10,
        "top_db": 80.0,
    }
    for n, v in TEMP.items():
        found.setdefault(n, Parameter(n, type(v).__name__, v, "x"))
    return found


def notebooks():
    """Names of all notebooks, in their order."""
    return sorted(p.stem for p in NOTEBOOKS.glob("[0-9]*.ipynb"))


def checked(name, value, kind, where):
    """The value as its parameter's type, or an InputError; an int is a valid float."""
    if kind == "float" and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    wanted = _TYPES[kind]
    if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
        raise InputError(f"{where}: {name} = {value!r} is of type {type(value).__name__}; {kind} is wanted")
    return value


def read_yaml(path):
    """A YAML mapping, or an InputError that names the file."""
    path = Path(path)
    if not path.is_file():
        there = sorted(p.stem for p in path.parent.glob("*.yaml"))
        raise InputError(f"{path}: no such file; there are {', '.join(there) or 'none'}")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise InputError(f"{path}: not YAML ({' '.join(str(error).split())})") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise InputError(f"{path}: a {type(content).__name__}; a mapping of keys to values is wanted")
    return content


def flat_yaml(path):
    """A YAML mapping of names to plain values, as raw papermill takes with ``-f``."""
    content = read_yaml(path)
    for key, value in content.items():
        if isinstance(value, dict):
            raise InputError(f"{path}: {key} holds a mapping; the file is flat, one value a key")
    return content


def resolve(notebook, layers):
    """All parameters of a run: the notebook's defaults, then each layer over them.

    Parameters
    ----------
    notebook : str
    layers : list of (str, dict)
        Where the values come from (for messages), and the values.

    Returns
    -------
    dict of str to value, in the notebook's order

    Raises
    ------
    InputError
        A layer names an unknown parameter or a value of the wrong type.
    """
    known = declared(notebook)
    values = {name: parameter.default for name, parameter in known.items()}
    for where, layer in layers:
        for name, value in layer.items():
            if name not in known:
                raise InputError(f"{where}: {name} is no parameter of {notebook}; there are {', '.join(known)}")
            values[name] = checked(name, value, known[name].type, where)
    return values


def current(notebook, namespace):
    """The values that a notebook's own parameters hold now.

    Called from the notebook right after its parameters, with ``globals()``: so a run
    by hand, by raw papermill and by the runner record the same thing.
    """
    return {
        name: checked(name, namespace.get(name, parameter.default), parameter.type, notebook)
        for name, parameter in declared(notebook).items()
    }
