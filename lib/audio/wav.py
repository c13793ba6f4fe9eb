"""WAV files by their headers: whether all samples are there, and the lengths that libsndfile would take as they are."""

import io
import struct

from lib.errors import InputError

_OPEN = 0x7FFFF000  # from here on a length is what SoX, FFmpeg and recorders write when they cannot know it
_CHUNKS = 1000  # looked through for the samples
_NAMES = (b"data", b"fmt ", b"LIST", b"fact")


def mended(path, file, size):
    """An open file, if it is a WAV its lengths mended and odd chunks left out, and notes; InputError if truncated."""
    file.seek(0)
    kind, riff, form = struct.unpack("<4sI4s", file.read(12).ljust(12, b"\0"))
    if (kind, form) != (b"RIFF", b"WAVE"):
        return file, ()
    layout, unpadded, position = b"", False, 12
    for _ in range(_CHUNKS):
        file.seek(position)
        name, promised = struct.unpack("<4sI", file.read(8).ljust(8, b"\0"))
        position += 8
        if name == b"data":
            break
        if name == b"fmt ":
            layout = file.read(promised)
        position += promised
        if promised % 2:  # some writers leave out the byte that makes it even
            file.seek(position)
            padded = file.read(4) not in _NAMES
            position += padded
            unpadded |= not padded
    if name != b"data" or len(layout) < 16:
        return file, ()
    there, wrong, unfilled = max(size - position, 0), riff + 8 > size + 1, promised == 0 and riff in (0, 0xFFFFFFFF)
    if promised > there and promised >= _OPEN or unfilled:
        promised, wrong = there, True
    align = struct.unpack_from("<H", layout, 12)[0]
    if promised - there >= max(align, 1):  # the last sample may be cut
        raise InputError(f"{path}: truncated, {size} of {position + promised} bytes are there")
    if unpadded or unfilled:
        file.seek(position)
        header = struct.pack("<4sI", b"fmt ", len(layout)) + layout + struct.pack("<4sI", b"data", min(promised, there))
        file = io.BytesIO(struct.pack("<4sI4s", b"RIFF", 4 + len(header) + there, b"WAVE") + header + file.read())
    return file, ("the length in its header is wrong",) * wrong
