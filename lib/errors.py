"""The two ways in which a command of the study can end badly, the words of a wrong name, and what is not told."""

import difflib
import os
import threading
from contextlib import contextmanager

_ONE_AT_A_TIME = threading.RLock()  # descriptors belong to the process


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
