"""Text files as people hand them in: protocols, score files, printed reports."""

import io

from lib.errors import InputError
from lib.files import places


def read_text(path, what):
    """The text of a file, without a byte-order mark.

    Parameters
    ----------
    path : str or Path
        A local file, or its URL.
    what : str
        What the file should be, for messages: "a protocol".

    Raises
    ------
    InputError
        There is no such file, it cannot be read or reached, or it is not text in UTF-8.
    """
    try:
        return io.TextIOWrapper(io.BytesIO(places.read(path)), encoding="utf-8-sig").read()
    except UnicodeDecodeError:
        raise InputError(f"{path}: not a text file in UTF-8; {what} is plain text") from None
    except OSError as error:
        raise InputError(f"{path}: {what} cannot be read there ({error.strerror})") from None
