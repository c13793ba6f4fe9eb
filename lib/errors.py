"""The two ways in which a command of the study can end badly."""


class InputError(Exception):
    """The input or the arguments are wrong: exit code 2.

    The message is one or two lines that name the file, the value and the rule.
    """


class RunError(Exception):
    """A run failed while it was executed: exit code 1."""
