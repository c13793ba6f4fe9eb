"""Where the project's files stand, and what a path or URL of a person means."""

import os
from pathlib import Path

from lib.errors import InputError, hide_login

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = ROOT / "notebooks"
PARAMS = ROOT / "params"


def local_path(path):
    """A path as a parameter names it: relative ones start at the project's folder."""
    return ROOT / _expanded(path)


def is_url(place):
    """Whether a place (str or Path) is a URL."""
    return "://" in os.fspath(place)


def absolute(place, base=ROOT):
    """A place that means the same everywhere: a URL without login, or an absolute path; no slash at its end."""
    scheme, mark, rest = hide_login(os.fspath(place)).partition("://")
    if mark and scheme not in ("file", "local"):  # which name paths of this machine
        return f"{scheme}://{rest.rstrip('/')}"
    return str(base / _expanded(rest if mark else scheme))


def _expanded(path):
    try:
        return Path(path).expanduser()
    except RuntimeError:  # ~NAME
        raise InputError(f"{path}: there is no such user") from None
