"""What decides a run's numbers, in parts, so that a plan can say which part has changed since.

Comments, prose, and where things are on a machine are in none of the parts.
"""

import ast
import hashlib
import json
import os
from functools import cache
from pathlib import Path

from lib.params import code
from lib.params.paths import NOTEBOOKS, local_path
from lib.params.settings import PLACES, code_cells

# Rooms that decide a fit; what changes elsewhere leaves the kept fits as they are.
COMPUTING = ("audio", "corpus", "features", "files", "inputs", "systems")
LIBRARIES = {
    "tensorflow": "TensorFlow", "keras": "Keras", "torch": "PyTorch", "transformers": "transformers", "numpy": "NumPy",
    "scipy": "SciPy", "scikit-learn": "scikit-learn", "librosa": "librosa", "soundfile": "soundfile", "soxr": "soxr",
}  # fmt: skip
READS = "the runs that it reads changed"

_WEIGHTS = ("backbone_weights", "wav2vec_weights")
_UNTRAINED = ("random", "random-base", "imagenet", "none")  # names, whatever stands in the project's folder
_NAMED = 3  # changed rooms; more are counted, as an update of the study changes most of them
_LONG = 200  # characters of a parameter's value; MLflow cuts a tag at 8,000


def identity(run, corpus_digest, reads=()):
    """What decides the numbers of a `lib.params.studies.PlannedRun`, as JSON holds it.

    `reads` are the ids of the runs that this one reads (a comparison reads all others).
    """
    path = NOTEBOOKS / f"{run.notebook}.ipynb"
    cells, rooms = _notebook(path, path.read_bytes())
    return {
        "cells": cells,
        "parameters": parameters(run.parameters),
        "corpus": corpus_digest,
        "rooms": {room: code.digest(room) for room in rooms},
        "versions": code.versions(*LIBRARIES),
        "weights": weights(run.parameters),
        "reads": fingerprint(list(reads)) if reads else "",
    }


def fingerprint(value):
    """16 hexadecimal digits over an identity, or over anything that JSON takes."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def stored(parts):
    """An identity as the text of a tag."""
    return json.dumps(parts, separators=(",", ":"), sort_keys=True)


def parameters(values):
    """The parameters that decide numbers: places aside, and of a very long value its digest."""
    decisive = {name: value for name, value in values.items() if name not in PLACES}
    return {name: v if len(json.dumps(v)) <= _LONG else fingerprint(v) for name, v in decisive.items()}


def weights(values):
    """Parameter -> content digest of the file or folder that it names; a name with the commit in the local cache."""
    return {name: _weights_of(str(values[name])) for name in _WEIGHTS if name in values}


def settled(parts, values):
    """The identity with weights that the run itself has downloaded, so that they are no change afterwards."""
    now = weights(values)
    return parts | {"weights": {n: now[n] if now[n].startswith(f"{w}@") else w for n, w in parts["weights"].items()}}


def reasons(old, new):
    """What has changed between two identities, a list of words; empty when nothing has.

    `old` is None when there is no run, and empty for one made before identities were kept.
    """
    if not old:
        return ["new" if old is None else "made by an older version"]
    found = []
    if names := _differ(old, new, "parameters"):
        found.append(f"parameters changed: {', '.join(names)}")
    for part, words in (("cells", "notebook changed"), ("corpus", "corpus changed"), ("weights", "weights changed")):
        found += [words] * (old.get(part) != new[part])
    for name in _differ(old, new, "versions"):
        before, after = (parts["versions"].get(name, "none") for parts in (old, new))
        found.append(f"{LIBRARIES.get(name, name)} {before} -> {after}")
    if rooms := _rooms_changed(old, new):
        many = f"{len(rooms)} rooms of lib"
        found.append(f"{many if len(rooms) > _NAMED else ', '.join(f'lib/{room}' for room in rooms)} changed")
    found += [READS] * (old.get("reads") != new["reads"])
    return found


def kept(old, new):
    """What becomes of the fits when a run is made again, in words; empty when they are made anew."""
    changed = {part for part in new if old and old.get(part) != new[part]}
    if not changed or changed - {"cells", "rooms", "reads"} or {*COMPUTING} & {*_rooms_changed(old, new)}:
        return ""
    return "fits are kept" + (" where network and training are the same" if "cells" in changed else "")


def _differ(old, new, part):
    before, after = old.get(part, {}), new[part]
    return [name for name in {**after, **before} if before.get(name) != after.get(name)]


def _rooms_changed(old, new):
    """Rooms whose code differs; one that is reached only now follows from a change elsewhere."""
    both = old.get("rooms", {}).keys() & new["rooms"].keys()
    return [room for room in _differ(old, new, "rooms") if room in both]


@cache
def _notebook(path, content):
    """Digest of name and code cells, the parameters aside, and the rooms of lib that they reach."""
    meanings, reached, todo = [], set(), set()
    for source in code_cells(path, content)[1]:
        try:
            tree = ast.parse(source)
        except SyntaxError:  # a magic, or an error that the run will show
            meanings.append(source)
        else:
            meanings.append(ast.dump(tree))
            todo |= _imported(tree)
    while todo:
        reached |= todo
        todo = set().union(*map(_neighbours, todo)) - reached
    return fingerprint([path.stem, *meanings]), sorted(reached)


@cache
def _neighbours(room):
    return set().union(*(_imported(ast.parse(file.read_text(encoding="utf-8"))) for file in code.files(room)))


def _imported(tree):
    """Rooms of lib that a module or a cell imports."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {room for room in (name.split(".")[1] for name in names if name.startswith("lib.")) if code.files(room)}


def _weights_of(name):
    path = local_path(name)
    if name not in _UNTRAINED and path.exists():
        files = sorted(f for f in path.rglob("*") if f.is_file()) if path.is_dir() else [path]
        marks = tuple((f, f.stat().st_size, f.stat().st_mtime_ns, f.stat().st_ctime_ns) for f in files)
        return _content(path, marks)
    home = os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface"
    cached = Path(os.environ.get("HF_HUB_CACHE") or Path(home) / "hub")
    try:
        commit = (cached / f"models--{name.replace('/', '--')}" / "refs" / "main").read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return name
    return f"{name}@{commit[:12]}"


@cache
def _content(path, marks):
    """Digest of files, which this process reads again when size or time of one has changed."""
    total = hashlib.sha256()
    for file, *_ in marks:
        with file.open("rb") as opened:
            total.update(file.relative_to(path).as_posix().encode() + hashlib.file_digest(opened, "sha256").digest())
    return total.hexdigest()[:16]
