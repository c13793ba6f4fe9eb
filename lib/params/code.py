"""What decides a computed number besides its settings: code, and versions of libraries.

Comments, docstrings and layout are no part of a digest, so that prose never makes anything stale.
Tables of params that a module reads are part of it.
"""

import ast
import hashlib
import json
from functools import cache
from importlib import metadata

from lib.params.paths import ROOT
from lib.params.yaml_files import read_table


@cache
def digest(*parts):
    """16 hexadecimal digits over some modules or rooms of lib, by dotted names; of a room every module counts."""
    total = hashlib.blake2b(digest_size=8)
    for file in sorted({file for part in parts for file in files(part)}):
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


def files(part):
    """The modules of a part of lib; none when there is no such part."""
    place = ROOT / "lib" / part.replace(".", "/")
    return [file for file in (place.with_suffix(".py"), *place.rglob("*.py")) if file.is_file()]
