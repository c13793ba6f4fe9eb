"""What decides a computed number besides its settings: code, and versions of libraries.

Code counts by what it does: comments, docstrings and layout are no part of a digest, so
that prose never makes anything stale.
"""

import ast
import hashlib
from functools import lru_cache
from importlib import metadata
from pathlib import Path

from lib.params.paths import ROOT


@lru_cache(maxsize=1024)
def digest(*parts):
    """Digest of some modules or rooms of lib.

    Parameters
    ----------
    parts : str
        Dotted names below lib; of a room every module counts.

    Returns
    -------
    str
        16 hexadecimal digits.

    Examples
    --------
    >>> digest("systems") == digest("systems", "plots")
    False
    """
    total = hashlib.blake2b(digest_size=8)
    for file in sorted({file for part in parts for file in _files(part)}):
        total.update(f"{file.relative_to(ROOT).as_posix()}\0{_meaning(file)}\0".encode())
    return total.hexdigest()


def rooms():
    """Room -> digest of its code, for every room of lib, to say what has changed since."""
    names = {path.relative_to(ROOT / "lib").parts[0].removesuffix(".py") for path in (ROOT / "lib").rglob("*.py")}
    return {name: digest(name) for name in sorted(names) if not name.startswith("__")}


def versions(*packages):
    """Package -> installed version.

    Examples
    --------
    >>> sorted(versions("numpy", "scipy"))
    ['numpy', 'scipy']
    """
    return {package: metadata.version(package) for package in packages}


def _files(part):
    place = ROOT / "lib" / part.replace(".", "/")
    return list(place.rglob("*.py")) if place.is_dir() else [place.with_suffix(".py")]


def _meaning(file):
    """The module's syntax tree as text, without docstrings."""
    tree = ast.parse(Path(file).read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and (
            ast.get_docstring(node, clean=False) is not None
        ):
            node.body = node.body[1:]
    return ast.dump(tree)
