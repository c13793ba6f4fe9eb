"""Where the project's files stand, and what a path or URL of a person means."""

import json
import os
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = ROOT / "notebooks"
PARAMS = ROOT / "params"

_LOGIN = re.compile(r"(?<=://)[^/\s\"']*@")  # user and password in a URL
_LOGINS = "STUDY_LOGINS"  # environment variable that hands them to kernels, by the URL without them


def local_path(path):
    """A path as a parameter names it: relative ones start at the project's folder."""
    return ROOT / Path(path).expanduser()


def is_url(place):
    """Whether a place (str or Path) is a URL."""
    return "://" in os.fspath(place)


def without_logins(text):
    """A text without users and passwords in its URLs, for whatever is shown or stored."""
    for login in _logins().values():  # a driver may name them without the URL
        text = text.replace(login, "").replace(login[:-1], "")
    return _LOGIN.sub("", text)


def hide_login(url):
    """The URL without user and password, which are kept for `with_login` in the environment only."""
    plain = _LOGIN.sub("", url)
    if len(url) - len(plain) > 1:
        os.environ[_LOGINS] = json.dumps(_logins() | {plain: _LOGIN.search(url).group()})
    return plain


def with_login(url):
    """The URL as `hide_login` was given it, or its beginning was."""
    scheme, mark, rest = url.partition("://")
    login = next((login for start, login in _logins().items() if f"{url}/".startswith(f"{start.rstrip('/')}/")), "")
    return f"{scheme}{mark}{login}{rest}"


def _logins():
    return json.loads(os.environ.get(_LOGINS, "{}"))


def absolute(place, base=ROOT):
    """A place that means the same everywhere: a URL, or an absolute path; no slash at its end.

    ``file://`` and ``local://`` name paths of this machine; relative ones start at `base`.
    """
    place = os.fspath(place)
    scheme, mark, rest = place.partition("://")
    if mark and scheme not in ("file", "local"):
        return f"{scheme}://{rest.rstrip('/')}"
    return str(base / Path(rest if mark else place).expanduser())
