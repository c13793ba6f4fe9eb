"""Reading recordings: one channel, one rate, or a reason why not; nothing is repaired silently."""

import hashlib
import io
import os
import shutil
import struct
import threading
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

import librosa  # its parts are loaded when they are used, by odd rates alone
import numpy as np
import soundfile

from lib.errors import InputError, unheard
from lib.files import places

ENDINGS = (".wav", ".flac")  # of recordings, in the order of preference
_SHORTEST = 0.1  # seconds; less holds no syllable
_LONGEST = 3600  # seconds; samples and spectra of more fill a laptop's memory
_MOST = 2**27  # values in all channels, 0.5 GB; an hour at 16 kHz has 58 million
_RATES = (4_000, 192_000)  # Hz, from below telephones' to the highest of recorders
_LOUDEST = 10.0  # full scale is 1; float files may go beyond it, but those at the scale of integers have lost theirs
_QUIETEST = 1e-5  # half the range of the samples; a third of one step of 16 bits
_CANCELLED = 0.01  # power of the channels' mean re the mean of theirs; 0.5 for two that are independent
_NO_LENGTH = 2**63 - 1  # what libsndfile says of a stream whose header has none
_SILENT = (b"RIFF", b"fLaC", b"OggS")  # how files begin whose decoders write nothing
_PADDING = {"MP3": 3 * 1152}  # samples that encoders count or leave out at the ends
_INTEGERS = {"PCM_S8": (np.int16, 1), "PCM_16": (np.int16, 2), "PCM_24": (np.int32, 3)}  # as what, bytes in the file
_OPEN = 0x7FFFF000  # from here on a length is what SoX, FFmpeg and recorders write when they cannot know it
_CHUNKS = 1000  # of a WAV file, looked through for the samples
_NAMES = (b"data", b"fmt ", b"LIST", b"fact")  # of chunks


def read(path, *, sr=16_000):
    """Read one recording, a local file or a URL, of any format that libsndfile reads.

    Returns float32 samples at `sr` (Hz) and full scale 1, channels averaged, and notes on what was done
    (tuple of str). InputError if it is missing, truncated, damaged or not audio, if its length,
    rate or level is out of range (the constants above), or its URL cannot be reached.
    """
    path = os.fspath(path)
    with _whole(path) as (file, notes):
        y, rate = _decoded(path, file)
    if len(y) < _SHORTEST * rate:
        raise InputError(f"{path}: {len(y)} samples at {rate} Hz: must last at least {_SHORTEST} s")
    if y.dtype == np.float32:
        _refuse_level(path, y)
    else:
        y = y.astype(np.float32) * np.float32(-1 / np.iinfo(y.dtype).min)
    y, mixing = _mixed(y)
    notes += mixing
    if (y.max() - y.min()) / 2 < _QUIETEST:
        what = "silent throughout (every sample is 0)" if y.max() == y.min() == 0 else "constant throughout"
        raise InputError(f"{path}: {what}: samples must differ by more than {2 * _QUIETEST:g} of full scale")
    if rate != sr:
        notes += (f"resampled from {rate} Hz",)
    return np.ascontiguousarray(resampled(y, rate, sr), dtype=np.float32), notes


def resampled(y, rate, sr):
    """Samples at `sr` of samples at `rate`, Hz."""
    if rate == sr:
        return y
    return librosa.resample(y, orig_sr=rate, target_sr=sr, res_type="soxr_hq", axis=-1)


def duration(path):
    """Length of a recording by its header, s; InputError if it is missing, truncated, not audio or unreachable."""
    path = os.fspath(path)
    with _whole(path) as (file, _):
        with _decoder(path, file) as sound:
            if sound.frames != _NO_LENGTH:
                return sound.frames / sound.samplerate
        y, rate = _decoded(path, file)
        return len(y) / rate


def header(path):
    """Container, sample format, rate (Hz) and channels of a recording; ``("WAV", "PCM_16", 16000, 1)``."""
    path = os.fspath(path)
    with _whole(path) as (file, _), _decoder(path, file) as sound:
        return sound.format, sound.subtype, sound.samplerate, sound.channels


def find_recordings(folder, names):
    """The files of recordings, named with or without ``.wav`` or ``.flac``, below a folder or URL.

    A relative folder starts at the working directory; names may have folders of their own.
    """
    folder, there, found = places.absolute(folder, Path.cwd()), {}, []
    for name in names:
        parent, _, last = f"{folder}/{name}".rpartition("/")
        if parent not in there:
            there[parent] = places.listing(parent)
        bare = last[: -len(os.path.splitext(last)[1])] if last.lower().endswith(ENDINGS) else last
        usable = [file for file in (last, *(bare + ending for ending in ENDINGS)) if there[parent].get(file)]
        if not usable:
            files = " or ".join(bare + ending for ending in ENDINGS)
            raise InputError(f"{folder}: no recording {files}: expected the folder of the split's recordings")
        found.append(f"{parent}/{usable[0]}")
    return found


def _opened(path):
    """The file, or the bytes at a URL."""
    try:
        if places.is_url(path):
            return io.BytesIO(places.read(path))
        if os.path.exists(path) and not os.path.isfile(path):
            raise InputError(f"{path}: not a file: expected a recording")
        return open(path, "rb", buffering=0)  # libsndfile starts where the descriptor stands
    except FileNotFoundError:
        raise InputError(f"{path}: no such recording") from None
    except (OSError, ValueError) as error:  # ValueError: a null byte in the name
        raise InputError(f"{path}: the recording cannot be read ({error})") from None


@contextmanager
def _whole(path):
    """The file, its lengths mended, and notes."""
    with _opened(path) as file:
        if not (size := file.seek(0, os.SEEK_END)):
            raise InputError(f"{path}: the file is empty (0 bytes)")
        yield _mended(path, file, size)


def _mended(path, file, size):
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


def _decoded(path, file):
    """Samples [shape=(samples, channels)], int16, int32 or float32, and their rate."""
    with _decoder(path, file) as sound:
        promised = 0 if sound.frames == _NO_LENGTH else sound.frames
        _refuse_size(path, sound, promised)
        # Integers come as they are: twice as fast, and exact in float32.
        dtype, width = _INTEGERS.get(sound.subtype, (np.float32, 0))
        most = min(_LONGEST * sound.samplerate, _MOST // sound.channels) + 1
        y = np.empty((promised or most, sound.channels), dtype)  # memory is taken as it is filled
        count = sound.buffer_read_into(y, dtype.__name__)
        _refuse_size(path, sound, count)
    if promised - count > _PADDING.get(sound.format, 0):
        raise InputError(f"{path}: truncated, {count} of {promised} samples are there")
    y = y[:count].copy()
    if sound.format == "FLAC" and width:
        _refuse_checksum(path, file, y, width)
    return y, sound.samplerate


def _refuse_size(path, sound, frames):
    rate, channels, (low, high) = sound.samplerate, sound.channels, _RATES
    if not low <= rate <= high:
        raise InputError(f"{path}: its rate is {rate} Hz: must be {low} to {high} Hz")
    if frames > _LONGEST * rate:
        raise InputError(f"{path}: {frames / rate:.0f} s or longer: must last at most {_LONGEST} s; cut it in parts")
    if frames * channels > _MOST:
        raise InputError(f"{path}: {frames} samples in {channels} channels: must be at most {_MOST} in all")


def _refuse_level(path, y):
    """Floating-point samples may be anything; NaN and infinity reach the extremes."""
    high, low = y.max(), y.min()
    if not (np.isfinite(high) and np.isfinite(low)):
        frame = int(np.flatnonzero(~np.isfinite(y).all(axis=1))[0])
        raise InputError(f"{path}: sample {frame} is {y[frame].max()}: samples must be finite")
    if max(high, -low) > _LOUDEST:
        raise InputError(f"{path}: a sample is {max(high, -low):g}: must be at most {_LOUDEST:g}, as full scale is 1")


def _refuse_checksum(path, file, y, width):
    """libsndfile ignores the checksum of all samples in a FLAC file's header; encoders to a pipe leave it out."""
    _after_tag(file)
    header = file.read(42)
    if header[:4] == b"fLaC" and any(header[26:]):
        stored = y.view(np.uint8).reshape(-1, y.itemsize)[:, y.itemsize - width :]
        if hashlib.md5(np.ascontiguousarray(stored), usedforsecurity=False).digest() != header[26:]:
            raise InputError(f"{path}: damaged, its samples do not agree with the checksum in its header")


def _mixed(y):
    """One channel [shape=(samples,)] and notes: the mean, or the loudest one where the channels cancel each other."""
    count = y.shape[1]
    if count == 1:
        return y[:, 0], ()
    mean, powers = y.mean(axis=1), np.einsum("ij,ij->j", y, y)
    if mean @ mean < _CANCELLED * powers.mean():
        loudest = int(np.argmax(powers))
        return y[:, loudest], (f"channel {loudest + 1} of {count} taken, as they cancel each other",)
    return mean, (f"{count} channels averaged",)


class _Sound(soundfile.SoundFile):
    def seekable(self):  # soundfile seeks after each read, which fails in streams without a length
        return False


@contextmanager
def _decoder(path, file):
    """An open file as libsndfile reads it, knowing the content only and not the name, by which it would guess."""
    source = None
    try:
        begin = _after_tag(file)
        # It is faster with files of its own.
        source = io.BytesIO(file.read()) if isinstance(file, io.BytesIO) else file.fileno()
        with nullcontext() if begin in _SILENT else unheard():  # libmpg123 writes what it finds
            with _Sound(source, closefd=False) as sound:
                if sound.format != "MP3":
                    yield sound
                    return
            with _piped(file) as source, _Sound(source, closefd=False) as sound:
                yield sound
    except (soundfile.SoundFileError, OSError) as error:
        reason = str(error).replace(repr(source), "it").rstrip(". ")
        if not reason.startswith("Error opening"):
            raise InputError(f"{path}: damaged or truncated ({reason.removeprefix('Error : ')})") from None
        raise InputError(
            f"{path}: not readable as audio ({reason}): expected WAV, FLAC, OGG or MP3; "
            "`ffmpeg -i FILE NEW.wav` makes one of most others"
        ) from None


def _after_tag(file):
    """Go to where the audio starts, which libsndfile does not find after a large ID3 tag; a file's first four bytes."""
    file.seek(0)
    head = file.read(10)
    size = 0
    for byte in head[6:]:
        size = size << 7 | byte & 127
    file.seek(10 + size if head[:3] == b"ID3" else 0)
    return head[:4]


@contextmanager
def _piped(file):
    """A pipe with a file's content: of an MP3 file libsndfile would else read only the length that it estimates."""
    end, start = os.pipe()

    def feed():
        with suppress(BrokenPipeError), open(start, "wb") as pipe:
            _after_tag(file)
            shutil.copyfileobj(file, pipe)

    feeder = threading.Thread(target=feed)
    feeder.start()
    try:
        yield end
    finally:
        os.close(end)
        feeder.join()
