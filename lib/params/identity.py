"""What decides a run's numbers, in parts, so that a plan can say which part has changed since.

Prose, comments and docstrings included, and where things are on a machine are in none of the parts.
"""

import ast
import hashlib
import json
import os
from functools import cache
from importlib import metadata
from pathlib import Path

from lib.params.paths import NOTEBOOKS, ROOT, local_path
from lib.params.settings import PLACES, code_cells
from lib.params.yaml_files import read_table

# Rooms that decide a fit; what changes elsewhere leaves the kept fits as they are.
COMPUTING = ("audio", "corpus", "features", "files", "inputs", "systems")
LIBRARIES = read_table("libraries")  # package -> its name
READS = "the runs that it reads changed"

_WEIGHTS = ("backbone_weights", "wav2vec_weights")
_UNTRAINED = ("random", "random-base", "imagenet", "none")  # names, whatever stands in the project's folder
_NAMED = 3  # changed rooms; more are counted, as an update of the study changes most of them
_LONG = 200  # characters of a parameter's value; MLflow cuts a tag at 8,000


@cache
def code_digest(*parts):
    """16 hexadecimal digits over modules or whole rooms of lib, by dotted names, and over the tables they read."""
    total = hashlib.blake2b(digest_size=8)
    for file in sorted({file for part in parts for file in code_files(part)}):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            documented = isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
            if documented and ast.get_docstring(node, clean=False) is not None:
                node.body = node.body[1:]
            match node:
                case ast.Call(func=ast.Name("read_table"), args=[ast.Constant(table)]):
                    total.update(json.dumps(read_table(table)).encode())
        total.update(f"{file.relative_to(ROOT).as_posix()}\0{ast.dump(tree)}\0".encode())
    return total.hexdigest()


@cache
def versions(*packages):
    """Package -> installed version."""
    return {package: metadata.version(package) for package in packages}


def code_files(part):
    """The modules of a part of lib; none when there is no such part."""
    place = ROOT / "lib" / part.replace(".", "/")
    return [file for file in (place.with_suffix(".py"), *place.rglob("*.py")) if file.is_file()]


def content_digest(path):
    """16 hexadecimal digits over a file (Path), or over names and bytes of the files in a folder."""
    total = hashlib.sha256()
    for file in _contents(path):
        total.update(f"{file.relative_to(path).as_posix()}\0".encode())
        with file.open("rb") as opened:
            total.update(hashlib.file_digest(opened, "sha256").digest())
    return total.hexdigest()[:16]


def identity(run, corpus_digest, reads=()):
    """What decides a planned run's numbers, as JSON holds it; `reads` are the ids of the runs that it reads itself."""
    path = NOTEBOOKS / f"{run.notebook}.ipynb"
    cells, rooms = _notebook(path, path.read_bytes())
    return {
        "cells": cells,
        "parameters": parameters(run.parameters),
        "corpus": corpus_digest,
        "rooms": {room: code_digest(room) for room in rooms},
        "versions": versions(*LIBRARIES),
        "weights": weights(run.parameters),
        "reads": fingerprint(list(reads)) if reads else "",
    }


def fingerprint(value):
    """16 hexadecimal digits over an identity, or over anything that JSON takes."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def marks(parts):
    """The tags by which a run of an identity is found again."""
    text = json.dumps(parts, separators=(",", ":"), sort_keys=True)
    return {"fingerprint": fingerprint(parts), "identity": text}


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
    """What has changed between two identities, in words; `old` is None without a run, empty for one without any."""
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
    return found + [READS] * (old.get("reads") != new["reads"])


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
    return set().union(*(_imported(ast.parse(file.read_text(encoding="utf-8"))) for file in code_files(room)))


def _imported(tree):
    """Rooms of lib that a module or a cell imports."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {room for room in (name.split(".")[1] for name in names if name.startswith("lib.")) if code_files(room)}


def _contents(path):
    return sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]


def _weights_of(name):
    path = local_path(name)
    if name not in _UNTRAINED and path.exists():
        about = [(file, file.stat()) for file in _contents(path)]
        return _read_once(path, tuple((file, of.st_size, of.st_mtime_ns, of.st_ctime_ns) for file, of in about))
    caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    home = os.environ.get("HF_HOME") or Path(caches) / "huggingface"
    cached = Path(os.environ.get("HF_HUB_CACHE") or Path(home) / "hub")
    try:
        commit = (cached / f"models--{name.replace('/', '--')}" / "refs" / "main").read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return name
    return f"{name}@{commit[:12]}"


@cache
def _read_once(path, stats):
    """`content_digest`, which reads again only what has changed in size or time."""
    return content_digest(path)
