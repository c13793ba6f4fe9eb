"""WAV files by their headers: where the samples stand, and whether all of them are there."""

import struct
from typing import NamedTuple

from lib.errors import InputError

_OPEN = 0x7FFFF000  # from here on a length is what SoX, FFmpeg and recorders write when they cannot know it
_CHUNKS = 1000  # looked through for the samples
_NAMES = (b"data", b"fmt ", b"LIST", b"fact")


class Samples(NamedTuple):
    """The samples of a WAV file."""

    plain: bool  # integers of 16 bits
    channels: int
    rate: int  # Hz
    start: int  # byte
    frames: int  # of plain samples
    notes: tuple  # of str


def find(path, file, size):
    """The `Samples` of an open file of `size` bytes, None when it is no WAV file; InputError if it is truncated."""
    file.seek(0)
    kind, riff, form = struct.unpack("<4sI4s", file.read(12).ljust(12, b"\0"))
    if (kind, form) != (b"RIFF", b"WAVE"):
        return None
    how, start, promised = _chunks(file)
    if how is None:
        return None
    tag, channels, rate, _, align, bits = how
    there, wrong = max(size - start, 0), riff + 8 > size + 1
    if promised > there and promised >= _OPEN or promised == 0 and riff in (0, 0xFFFFFFFF):
        promised, wrong = there, True
    if promised - there >= max(align, 1):  # the last sample may be cut
        raise InputError(f"{path}: truncated, {size} of {start + promised} bytes are there")
    plain = tag == 1 and bits == 16 and align == 2 * channels > 0
    notes = ("the length in its header is wrong",) if wrong else ()
    return Samples(plain, channels, rate, start, min(promised, there) // align if plain else 0, notes)


def _chunks(file):
    """The format as stored, the first byte of the samples and how many bytes they should be; None if missing."""
    how, position = None, 12
    for _ in range(_CHUNKS):
        file.seek(position)
        head = file.read(8)
        if len(head) < 8:
            break
        name, length = struct.unpack("<4sI", head)
        if name == b"data":
            return how, position + 8, length
        if name == b"fmt ":
            content = file.read(16)
            how = struct.unpack("<HHIIHH", content) if len(content) == 16 else None
        position += 8 + length
        if length % 2:  # some writers leave out the byte that makes it even
            file.seek(position)
            position += file.read(4) not in _NAMES
    return None, 0, 0
