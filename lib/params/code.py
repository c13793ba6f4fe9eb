"""What decides a computed number besides its settings: code, and versions of libraries.

Code counts by what it does: comments, docstrings and layout are no part of a digest, so
that prose never makes anything stale.
"""

import ast
import hashlib
from functools import lru_cache
from importlib import metadata

from lib.params.paths import ROOT


@lru_cache(maxsize=1024)
def digest(*parts):
    """16 hexadecimal digits over some modules or rooms of lib, by dotted names; of a room every module counts.

    Examples
    --------
    >>> digest("systems") == digest("systems", "plots")
    False
    """
    total = hashlib.blake2b(digest_size=8)
    for file in sorted({file for part in parts for file in files(part)}):
        total.update(f"{file.relative_to(ROOT).as_posix()}\0{_meaning(file)}\0".encode())
    return total.hexdigest()


@lru_cache(maxsize=64)
def versions(*packages):
    """Package -> installed version."""
    return {package: metadata.version(package) for package in packages}


def files(part):
    """The modules of a part of lib; none when there is no such part."""
    place = ROOT / "lib" / part.replace(".", "/")
    return [file for file in (place.with_suffix(".py"), *place.rglob("*.py")) if file.is_file()]


def _meaning(file):
    """The module's syntax tree as text, without docstrings."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and (
            ast.get_docstring(node, clean=False) is not None
        ):
            node.body = node.body[1:]
    return ast.dump(tree)
