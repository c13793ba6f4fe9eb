"""Text files of users: protocols, score files, printed reports."""

import io

from lib.errors import InputError
from lib.files import places


def read_text(path, what):
    """The text of a file or URL without a byte-order mark; `what` it should be, "a protocol", is for messages.

    InputError if it is missing, unreadable or unreachable, or not text in UTF-8.
    """
    try:
        return io.TextIOWrapper(io.BytesIO(places.read(path)), encoding="utf-8-sig").read()
    except UnicodeDecodeError:
        raise InputError(f"{path}: not a text file in UTF-8: expected {what}") from None
    except OSError as error:
        raise InputError(f"{path}: {what} cannot be read there ({error.strerror})") from None
