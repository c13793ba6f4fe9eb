"""The two ways in which a command can end badly, the words of a wrong name, and what is not told: noise and logins."""

import difflib
import json
import os
import re
import threading
from contextlib import contextmanager

_ONE_AT_A_TIME = threading.RLock()  # descriptors belong to the process
_LOGIN = re.compile(r"(?<=://)[^/\s\"']*@")  # user and password in a URL
_QUERY = re.compile(r"(https?://[^\s\"'?]*)(\?[^\s\"']*)")  # a token may stand in it
_LOGINS = "STUDY_LOGINS"  # environment variable that hands both to kernels, by the URL without them


class InputError(Exception):
    """The input or the arguments are wrong: exit code 2. One or two lines name the file, the value and the rule."""


class RunError(Exception):
    """A run failed while it was executed: exit code 1."""


def nearest(word, choices):
    """``; did you mean x?`` for the choice that is nearest to a word, or nothing."""
    lower = {str(choice).lower(): choice for choice in choices}
    found = difflib.get_close_matches(str(word).lower(), lower, n=1)
    return f"; did you mean {lower[found[0]]}?" if found else ""


def unknown(word, choices, message):
    """The InputError about a word that is none of the choices: message, choices, and the nearest of them."""
    return InputError(f"{message}; there are {', '.join(choices) or 'none'}{nearest(word, choices)}")


@contextmanager
def unheard():
    """Without what libraries of C write straight to descriptor 2; exceptions arrive as ever."""
    with _ONE_AT_A_TIME, open(os.devnull, "wb") as nothing:
        kept = os.dup(2)
        os.dup2(nothing.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def without_logins(text):
    """A text without users, passwords and queries in its URLs, for whatever is shown or stored."""
    for login, query in _logins().values():  # a driver may name them without the URL
        for secret in filter(None, (login, login[:-1] * (":" in login), query)):  # a name alone is no secret
            text = text.replace(secret, "")
    return _QUERY.sub(r"\1", _LOGIN.sub("", text))


def one_line(error):
    """What an error says, in one line without logins, or its kind where it says nothing."""
    text = str(error).partition("[SQL:")[0]  # of a database, whose statement says nothing to the reader
    return " ".join(without_logins(text).split())[:300] or type(error).__name__


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
