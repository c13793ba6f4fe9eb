"""Where the project's files stand, and what a path or URL of a person means."""

import json
import os
import re
from pathlib import Path

from lib.errors import InputError

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = ROOT / "notebooks"
PARAMS = ROOT / "params"

_LOGIN = re.compile(r"(?<=://)[^/\s\"']*@")  # user and password in a URL
_QUERY = re.compile(r"(https?://[^\s\"'?]*)(\?[^\s\"']*)")  # a token may stand in it
_LOGINS = "STUDY_LOGINS"  # environment variable that hands both to kernels, by the URL without them


def local_path(path):
    """A path as a parameter names it: relative ones start at the project's folder."""
    return ROOT / _expanded(path)


def is_url(place):
    """Whether a place (str or Path) is a URL."""
    return "://" in os.fspath(place)


def without_logins(text):
    """A text without users, passwords and queries in its URLs, for whatever is shown or stored."""
    for login, query in _logins().values():  # a driver may name them without the URL
        for secret in filter(None, (login, login[:-1] * (":" in login), query)):  # a name alone is no secret
            text = text.replace(secret, "")
    return _QUERY.sub(r"\1", _LOGIN.sub("", text))


def hide_login(url):
    """The URL without user, password and query, which are kept for `with_login` in the environment only."""
    plain = _QUERY.sub(r"\1", _LOGIN.sub("", url))
    login, query = _LOGIN.search(url), _QUERY.search(url)
    hidden = [login.group() if login and len(login.group()) > 1 else "", query.group(2) if query else ""]
    if any(hidden):
        os.environ[_LOGINS] = json.dumps(_logins() | {plain: hidden})
    return plain


def with_login(url):
    """The URL as `hide_login` was given it, or its beginning was."""
    for start, (login, query) in _logins().items():
        if f"{url}/".startswith(f"{start.rstrip('/')}/"):
            return url.replace("://", f"://{login}", 1) + query
    return url


def _logins():
    return json.loads(os.environ.get(_LOGINS, "{}"))


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
