"""Reading recordings: one channel, one rate, or a reason why not.

A recording that cannot give a right number is refused: nothing is repaired silently.
"""

import io
import os
import struct
import wave
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import soundfile

from lib.errors import InputError
from lib.files import places

ENDINGS = (".wav", ".flac")  # of recordings, in the order of preference
_SHORTEST = 0.1  # seconds; less holds no syllable
_UNKNOWN_LENGTH = (0, 0xFFFFFFFF)  # what streaming writers put into a RIFF header


def read(path, *, sr=16_000):
    """Read one recording.

    Parameters
    ----------
    path : str or Path
        WAV, FLAC or another format that libsndfile reads; a local file or a URL.
    sr : int > 0
        Rate of the result, Hz.

    Returns
    -------
    y : numpy.ndarray [shape=(samples,), float32]
        At full scale 1.0; channels are averaged, other rates resampled.
    notes : tuple of str
        What was done, such as "2 channels averaged", "resampled from 44100 Hz".

    Raises
    ------
    InputError
        The file is missing, empty, truncated, not audio, shorter than 0.1 s, silent
        throughout, or has a sample that is not finite; or its URL cannot be reached.
    """
    path = os.fspath(path)
    with _opened(path) as file:
        size = file.seek(0, os.SEEK_END)
        if size == 0:
            raise InputError(f"{path}: the file is empty (0 bytes)")
        file.seek(0)
        _refuse_truncated(path, file.read(12), size)
        y, rate, promised = _plain_wav(file, size) or _any_format(path, file)
    if len(y) < promised:
        raise InputError(f"{path}: truncated, {len(y)} of {promised} samples are there")
    if len(y) < _SHORTEST * rate:
        raise InputError(f"{path}: {len(y)} samples at {rate} Hz: must last at least {_SHORTEST} s")
    if y.dtype == np.int16:
        y = y.astype(np.float32)
        y *= np.float32(1 / 32768)
    elif not np.isfinite(y).all():
        frame = int(np.flatnonzero(~np.isfinite(y).all(axis=1))[0])
        raise InputError(f"{path}: sample {frame} is {y[frame].max()}: samples must be finite")
    notes = []
    if y.shape[1] > 1:
        notes.append(f"{y.shape[1]} channels averaged")
    y = y[:, 0] if y.shape[1] == 1 else y.mean(axis=1)
    if y.max() == y.min() == 0:  # five times as fast as y.any()
        raise InputError(f"{path}: silent throughout (every sample is 0)")
    if rate != sr:
        y = resampled(y, rate, sr)
        notes.append(f"resampled from {rate} Hz")
    return np.ascontiguousarray(y, dtype=np.float32), tuple(notes)


def resampled(y, rate, sr):
    """Samples at `sr` of samples at `rate`, Hz."""
    if rate == sr:
        return y
    import librosa  # only odd rates need it, and it is slow to import

    return librosa.resample(y, orig_sr=rate, target_sr=sr, res_type="soxr_hq", axis=-1)


def duration(path):
    """Length of a recording by its header, s; InputError if it is missing, not audio or unreachable."""
    path = os.fspath(path)
    with _opened(path) as file, _decoder(path, file) as sound:
        return sound.frames / sound.samplerate


def header(path):
    """Container, sample format, rate (Hz) and channels of a recording; ``("WAV", "PCM_16", 16000, 1)``."""
    path = os.fspath(path)
    with _opened(path) as file, _decoder(path, file) as sound:
        return sound.format, sound.subtype, sound.samplerate, sound.channels


def find_recordings(folder, trials):
    """The files ``<trial>.wav`` or ``<trial>.flac`` of trials in a folder (from the working directory) or URL."""
    folder, found = places.absolute(folder, Path.cwd()), []
    there = places.listing(folder)
    for trial in trials:
        names = [f"{trial}{ending}" for ending in ENDINGS]
        name = next((name for name in names if there.get(name)), None)
        if name is None:
            raise InputError(f"{folder}: no recording of trial {trial}: expected {' or '.join(names)}")
        found.append(f"{folder}/{name}")
    return found


def facts(path):
    """`duration` (s) and `level` (dB of the root mean square re full scale): what a model should not use."""
    y, _ = read(path)
    return {"duration": len(y) / 16_000, "level": float(10 * np.log10(np.mean(np.square(y, dtype=np.float64))))}


def _opened(path):
    """The file, or the bytes at a URL."""
    try:
        return io.BytesIO(places.read(path)) if places.is_url(path) else open(path, "rb")
    except OSError:
        raise InputError(f"{path}: no such recording") from None


def _refuse_truncated(path, head, size):
    """libsndfile silently reads what is left of a cut WAV file; the header shows it."""
    if len(head) == 12 and head[:4] == b"RIFF" and head[8:] == b"WAVE":
        promised = struct.unpack("<I", head[4:8])[0]
        if promised not in _UNKNOWN_LENGTH and promised + 8 > size + 1:
            raise InputError(f"{path}: truncated, {size} of {promised + 8} bytes are there")


def _plain_wav(file, size):
    """What `_any_format` finds in a WAV file of 16-bit samples, in half the time; None for any other."""
    file.seek(0)
    try:
        with wave.open(file) as sound:
            channels, width, rate, promised, *_ = sound.getparams()
            if width == 2 and 0 < promised * channels * width < size:
                samples = np.frombuffer(sound.readframes(promised), "<i2")
                return samples.reshape(-1, channels), rate, promised
    except (wave.Error, EOFError, ValueError):  # ValueError: the samples end within one
        pass
    return None


def _any_format(path, file):
    """Samples [shape=(samples, channels)], int16 or float32, their rate, and how many there should be."""
    with _decoder(path, file) as sound:
        # 16-bit samples come as they are: twice as fast, and exact in float32.
        dtype = "int16" if sound.subtype == "PCM_16" else "float32"
        return sound.read(dtype=dtype, always_2d=True), sound.samplerate, sound.frames


@contextmanager
def _decoder(path, file):
    file.seek(0)
    source = file if isinstance(file, io.BytesIO) else path  # libsndfile is faster with files of its own
    try:
        with soundfile.SoundFile(source) as sound:
            yield sound
    except (soundfile.SoundFileError, OSError, TypeError) as error:  # TypeError: a file that is called .raw
        reason = str(error).rstrip(".").replace(repr(source), "it")
        raise InputError(f"{path}: not readable as audio ({reason}): expected WAV or FLAC") from None
