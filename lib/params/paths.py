"""Where the project's files stand, and what a path or URL of a person means."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = ROOT / "notebooks"
PARAMS = ROOT / "params"

_HERE = ("file", "local")  # URLs of this machine


def local_path(path):
    """A path as a parameter names it: relative ones start at the project's folder."""
    return ROOT / Path(path).expanduser()


def is_url(place):
    """Whether a place (str or Path) is a URL."""
    return "://" in os.fspath(place)


def absolute(place, base=ROOT):
    """A place that means the same everywhere.

    Parameters
    ----------
    place : str or Path
        Folder, file or URL; ``file://`` names a local one.
    base : Path
        Where relative paths start: the project's folder, as parameters mean it.

    Returns
    -------
    str
        The URL, or the absolute path; without a slash at its end.
    """
    place = os.fspath(place)
    scheme, mark, rest = place.partition("://")
    if mark and scheme not in _HERE:
        return f"{scheme}://{rest.rstrip('/')}"
    return str(base / Path(rest if mark else place).expanduser())
