"""The two ways in which a command of the study can end badly, and the words of a wrong name."""

import difflib


class InputError(Exception):
    """The input or the arguments are wrong: exit code 2.

    The message is one or two lines that name the file, the value and the rule.
    """


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
