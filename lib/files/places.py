"""Places: a folder on this machine or a URL that fsspec reads, and the files in it.

Conventions
-----------
A *place* is a str: `absolute` makes it of what a person wrote. Whatever holds ``://`` is
a URL, all else a local path; below both, names are joined by ``/``.
What is not there raises FileNotFoundError, as a local file does. A URL that cannot be
used for another reason raises `Unreachable`, whatever its driver raised.
"""

import errno
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from lib.errors import InputError
from lib.params.paths import absolute, is_url

__all__ = ["AT_ONCE", "Unreachable", "absolute", "each", "exists", "is_folder", "is_url", "listing", "read", "write"]

AT_ONCE = 10  # files that are read from a URL at a time, as many connections as botocore keeps
_PORTION = 1024  # files that wait for a thread at a time; a corpus may have a million

# What stands for the content in the listings of object stores and file servers, best first.
_MARKS = ("ETag", "etag", "md5Hash", "mtime", "LastModified", "last_modified", "updated", "modified", "created")
# s3fs asks for the size before it reads: two requests for every recording.
_ONE_REQUEST = {"s3": {"max_concurrency": 1}}


class Unreachable(InputError):
    """A URL of an unknown kind, without its driver, its server's answer or its permission."""


def listing(folder):
    """What stands directly in a folder, by one request (in an object store one for 1,000 names).

    Parameters
    ----------
    folder : str

    Returns
    -------
    dict of str to (int or None, int or str or None), or to None
        Name -> of a file its size in bytes and a mark that changes with its content (a tag,
        or a time of change), each None where the place does not tell; None of a folder.
        In the order of names; empty when there is no such folder.

    Raises
    ------
    InputError
        The folder may not be listed, or see `Unreachable`.
    """
    if not is_url(folder):
        return dict(sorted(_on_disk(folder)))
    found = {}
    with _reached(folder) as (fs, path):
        fs.invalidate_cache(path)  # another process may have written there
        try:
            entries = fs.ls(path, detail=True)
        except (FileNotFoundError, NotADirectoryError):
            return {}
        for entry in entries:
            full = entry["name"].rstrip("/")
            if full != path.rstrip("/"):  # some stores list the folder in itself
                mark = next((str(entry[key]) for key in _MARKS if entry.get(key)), None)
                found[full.rpartition("/")[2]] = None if entry["type"] == "directory" else (entry["size"], mark)
    return dict(sorted(found.items()))


def _on_disk(folder):
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                try:
                    about = entry.stat()
                    yield entry.name, None if entry.is_dir() else (about.st_size, about.st_mtime_ns)
                except FileNotFoundError:  # a link to nothing
                    pass
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise InputError(f"{folder}: the folder cannot be listed ({error.strerror})") from None


def is_folder(place):
    """Whether a folder stands there; at a URL an empty one does not."""
    return bool(listing(place)) if is_url(place) else os.path.isdir(place)


def exists(place):
    """Whether a file or a folder stands there."""
    if not is_url(place):
        return os.path.exists(place)
    folder, _, name = place.rpartition("/")
    return name in listing(folder)


def read(place):
    """The bytes of a file.

    Raises
    ------
    OSError
        It is not there, or a local one may not be read.
    Unreachable
        See the module.
    """
    if not is_url(place):
        return Path(place).read_bytes()
    with _reached(place) as (fs, path):
        return fs.cat_file(path, **_ONE_REQUEST.get(place.partition("://")[0], {}))


def write(url, content):
    """Write the bytes of a file at a URL; an object store shows none but whole files.

    Raises
    ------
    Unreachable
        See the module.
    """
    with _reached(url) as (fs, path):
        fs.pipe_file(path, content)


def each(function, files, *, threads=1):
    """The function's result for each file, in their order; at a URL several are under way at a time.

    Parameters
    ----------
    function : callable (str) -> object
    files : sequence of str
    threads : int > 0
        For local files. Those at a URL have `AT_ONCE` or more, since a request waits for
        the network and not for a core.

    Yields
    ------
    object
    """
    if len(files) and is_url(files[0]):
        threads = max(threads, AT_ONCE)
    if threads == 1:
        yield from map(function, files)
        return
    with ThreadPoolExecutor(threads) as pool:
        for start in range(0, len(files), _PORTION):
            yield from pool.map(function, files[start : start + _PORTION])


@contextmanager
def _reached(url):
    """The file system of a URL and the path in it; what goes wrong with it in one line."""
    import fsspec  # slow to import, and local folders do not need it

    try:
        fs, path = fsspec.url_to_fs(url)
    except Exception as error:  # an unknown kind, a missing package, a malformed address
        raise Unreachable(
            f"{url}: no URL that can be read here ({_one_line(error)}); one that fsspec knows is wanted, "
            "as s3://BUCKET/FOLDER"
        ) from None
    try:
        yield fs, path
    except FileNotFoundError:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), url) from None
    except Exception as error:  # each driver has errors of its own
        raise Unreachable(
            f"{url}: cannot be reached ({_one_line(error)}); address and credentials are those of the environment, "
            "for S3 AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        ) from None


def _one_line(error):
    return " ".join(str(error).split())[:200] or type(error).__name__
