"""Where the project's files stand, and what a path or URL of a person means."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = ROOT / "notebooks"
PARAMS = ROOT / "params"


def local_path(path):
    """A path as a parameter names it: relative ones start at the project's folder."""
    return ROOT / Path(path).expanduser()


def is_url(place):
    """Whether a place (str or Path) is a URL."""
    return "://" in os.fspath(place)


def absolute(place, base=ROOT):
    """A place that means the same everywhere: a URL, or an absolute path; no slash at its end.

    ``file://`` and ``local://`` name paths of this machine; relative ones start at `base`.
    """
    place = os.fspath(place)
    scheme, mark, rest = place.partition("://")
    if mark and scheme not in ("file", "local"):
        return f"{scheme}://{rest.rstrip('/')}"
    return str(base / Path(rest if mark else place).expanduser())
