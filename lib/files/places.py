"""Places: a folder on this machine or a URL that fsspec reads, and the files in it.

A *place* is a str, made by `absolute` from what a person wrote: a URL if it holds ``://``, else a local path. A missing
file raises FileNotFoundError, a URL that cannot be used for another reason `Unreachable`, whatever its driver raised.
"""

import errno
import io
import json
import os
import re
import stat
import time
import uuid
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

from lib.errors import InputError, hide_login, one_line, with_login
from lib.params.paths import absolute as absolute
from lib.params.paths import is_url

AT_ONCE = 10  # files read from a URL at a time, as many connections as botocore keeps
_PART = re.compile(r".+\.([0-9a-f]+(?:-\d+)?)\.(\d+)\.[0-9a-f]{8}\.part")  # NAME.MACHINE.PROCESS.RANDOM.part
_ABANDONED = 86_400  # seconds; nobody writes one file for a day
_PORTION = 1024  # files that wait for a thread at a time; a corpus may have a million

# What changes with the content in the listings of object stores and file servers, best first.
_MARKS = ("ETag", "etag", "md5Hash", "mtime", "LastModified", "last_modified", "updated", "modified", "created")
# s3fs asks for the size before it reads: two requests for every recording.
_ONE_REQUEST = {"s3": {"max_concurrency": 1}}


class Unreachable(InputError):
    """A URL of an unknown kind, or whose driver, server or permission is unavailable."""


def listing(folder):
    """Of all in a folder, if it is there: name -> (bytes, mark of the content), each may be None; None for no file."""
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
                with suppress(OSError):  # a link to nothing, or to itself
                    about = entry.stat()
                    # The time of the last change of any kind, which nobody can set, and the file's number.
                    mark = f"{about.st_mtime_ns} {about.st_ctime_ns} {about.st_ino}"
                    yield entry.name, (about.st_size, mark) if stat.S_ISREG(about.st_mode) else None
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise InputError(f"{folder}: the folder cannot be listed ({error.strerror})") from None


def exists(place):
    """Whether there is such a file or folder; at a URL an empty folder does not exist."""
    if not is_url(place):
        return os.path.exists(place)
    folder, _, name = place.rpartition("/")
    return name in listing(folder)


def is_folder(place):
    """Whether there is such a folder; at a URL an empty one does not exist."""
    return bool(listing(place)) if is_url(place) else os.path.isdir(place)


def read(place):
    """The bytes of a file; OSError if it is missing or a local one is not readable, or `Unreachable`."""
    if not is_url(place):
        return Path(place).read_bytes()
    with _reached(place) as (fs, path):
        return fs.cat_file(path, **_ONE_REQUEST.get(place.partition("://")[0], {}))


def read_text(place, what):
    """The text of a file in UTF-8 without a byte-order mark; InputError, which tells `what` it should be, if none."""
    try:
        text = io.TextIOWrapper(io.BytesIO(read(place)), encoding="utf-8-sig").read()
    except UnicodeError:
        text = "\0"
    except OSError as error:
        raise InputError(f"{place}: {what} cannot be read there ({error.strerror})") from None
    if "\0" in text:
        packed = ", which is to be unpacked first" if str(place).endswith((".gz", ".zip", ".bz2", ".xz")) else ""
        raise InputError(f"{place}: not a text file in UTF-8{packed}: expected {what}")
    return text


def machine():
    """The number of this machine's network interface, 0 where there is none, for which Python draws one a process."""
    node = uuid.getnode()
    return 0 if node >> 40 & 1 else node


@contextmanager
def whole_file(place):
    """A file (binary, also to be read) that stands under its name once it is whole, and then outlasts a power cut."""
    if is_url(place):
        file = io.BytesIO()
        yield file
        with _reached(place) as (fs, path):
            fs.pipe_file(path, file.getvalue())
        return
    target = Path(place)
    target.parent.mkdir(parents=True, exist_ok=True)
    space = Path("/proc/self/ns/pid")  # containers number their processes anew
    here = f"{machine():x}-{space.stat().st_ino}" if space.exists() else uuid.uuid4().hex
    for left in target.parent.glob("*.part"):
        ours = _PART.fullmatch(left.name)  # by a process that was killed
        with suppress(OSError):
            if not ours:
                continue
            gone = ours[1] == here and not os.path.exists(f"/proc/{ours[2]}")
            if gone or time.time() - left.stat().st_mtime > _ABANDONED:
                left.unlink()
    part = target.with_name(f"{target.name}.{here}.{os.getpid()}.{uuid.uuid4().hex[:8]}.part")
    try:
        with part.open("w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def locked(file, *, wait=True):
    """Hold a lock of this machine, which ends with its process; yields whether it is held, always so with `wait`."""
    from filelock import FileLock, Timeout

    file.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(file, poll_interval=0.2)
    try:
        lock.acquire(blocking=wait)
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        file.unlink(missing_ok=True)  # before its release: who waits for it sees that and asks anew
        lock.release()


def remembered(place, make):
    """What ``make()`` returned (a value for JSON), kept in a file with its checksum; made anew if that is damaged."""
    with suppress(OSError, ValueError):
        mark, _, text = read(place).partition(b"\n")
        if int(mark, 16) == zlib.crc32(text):
            return json.loads(text)
    value = make()
    text = json.dumps(value).encode()
    with suppress(OSError), whole_file(place) as file:  # where nothing can be written it is made each time
        file.write(b"%08x\n%s" % (zlib.crc32(text), text))
    return value


def remove(place):
    """Remove a file, if it is there."""
    with suppress(FileNotFoundError):
        if not is_url(place):
            return os.unlink(place)
        with _reached(place) as (fs, path):
            fs.rm_file(path)


def each(function, files, *, threads=1):
    """Yield ``function(file)`` for each file (str), in their order; files at a URL have `AT_ONCE` threads or more."""
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
    """The file system of a URL and the path in it; errors become one line."""
    import fsspec  # slow to import, and local folders do not need it

    url = hide_login(url)
    try:
        fs, path = fsspec.url_to_fs(with_login(url))
    except Exception as error:  # an unknown kind, a missing package, a malformed address
        words = "expected one that fsspec supports, such as s3://BUCKET/FOLDER"
        raise Unreachable(f"{url}: not a URL that can be read here ({one_line(error)}): {words}") from None
    try:
        yield fs, path
    except FileNotFoundError:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), url) from None
    except Exception as error:  # each driver has errors of its own
        words = "for S3 AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        words = f"address and credentials come from the environment, {words}"
        raise Unreachable(f"{url}: cannot be reached ({one_line(error)}); {words}") from None
