"""Changed copies of a recording for training: what else the same speech could have sounded like.

Each takes samples at full scale 1, their rate in Hz and a NumPy generator, and returns new float32 samples of the same
peak. `pitch` and `crop` are of the report (Future Work), `rawboost` of H. Tak et al., ICASSP 2022; the ranges are ours.
"""

import io

import librosa
import numpy as np
import soundfile as sf
from scipy import signal

_BITRATE = {"MP3": "MPEG_LAYER_III", "OGG": "VORBIS"}
_PORTION = 250_000  # samples that are encoded at a time: libsndfile crashes on minutes of Vorbis in one piece


def pitch(y, sr, rng):
    """Shift the pitch by half a semitone to three, the duration unchanged."""
    return _sound(librosa.effects.pitch_shift(y, sr=sr, n_steps=rng.choice((-1, 1)) * rng.uniform(0.5, 3)), y)


def crop(y, sr, rng):
    """Keep a part between half and nine tenths of the recording, from anywhere in it."""
    length = max(int(rng.uniform(0.5, 0.9) * len(y)), 1)
    start = rng.integers(0, len(y) - length + 1)
    return _sound(y[start : start + length], y)


def noise(y, sr, rng):
    """Add noise, white or falling with frequency, 10 to 30 dB under the recording's level."""
    added = signal.lfilter([1], [1, -rng.choice((0.0, 0.95))], rng.standard_normal(len(y)))
    return _sound(y + _under(y, added, rng), y)


def band(y, sr, rng):
    """Cut below 50 to 400 Hz and above 45 to 95 % of the spectrum, as a cheap device does."""
    edges = rng.uniform(50, 400), rng.uniform(0.45, 0.95) * sr / 2
    return _sound(signal.sosfilt(signal.butter(2, edges, "bandpass", fs=sr, output="sos"), y), y)


def device(y, sr, rng):
    """Give it the smooth response of another microphone: three to five broad peaks or dips of up to 8 dB."""
    octaves = np.log2(np.maximum(np.fft.rfftfreq(len(y), 1 / sr), 20))
    gain = np.zeros(len(octaves))  # dB
    for _ in range(rng.integers(3, 6)):
        center, width = rng.uniform(np.log2(100), np.log2(0.45 * sr)), rng.uniform(0.3, 1.0)
        gain += rng.uniform(-8, 8) * np.exp(-0.5 * ((octaves - center) / width) ** 2)
    return _sound(np.fft.irfft(np.fft.rfft(y) * 10 ** (gain / 20), len(y)), y)


def codec(y, sr, rng):
    """Encode it with losses, as MP3 or Vorbis, and decode it."""
    kind, file = rng.choice(sorted(_BITRATE)), io.BytesIO()
    kind = kind if 8_000 <= sr <= 48_000 else "OGG"  # MP3 has no other rates
    how = {"format": kind, "subtype": _BITRATE[kind], "compression_level": rng.uniform(0.5, 0.95)}
    with sf.SoundFile(file, "w", sr, channels=1, **how) as sound:
        for start in range(0, len(y), _PORTION):
            sound.write(y[start : start + _PORTION])
    file.seek(0)
    decoded = sf.read(file, dtype="float32")[0][: len(y)]
    return _sound(decoded, y)


def room(y, sr, rng):
    """Let it sound in a shoebox room, its walls 2.5 to 8 m long, between two random places."""
    import pyroomacoustics as pra

    size = rng.uniform(2.5, 8, size=3)
    box = pra.ShoeBox(size, fs=sr, materials=pra.Material(rng.uniform(0.15, 0.6)), max_order=8)
    box.add_source(size * rng.uniform(0.1, 0.9, size=3))
    box.add_microphone(size * rng.uniform(0.1, 0.9, size=3))
    box.compute_rir()
    response = box.rir[0][0]
    direct = int(np.argmax(np.abs(response)))
    return _sound(signal.fftconvolve(y, response)[direct : direct + len(y)], y)


def rawboost(y, sr, rng):
    """Convolutive noise with harmonics, then impulsive (up to a tenth of samples), then stationary coloured noise."""
    y = np.asarray(y, dtype=np.float64)
    convolved = sum(10 ** (-5.0 * k / 4) * signal.lfilter(_notches(sr, rng), [1], y ** (k + 1)) for k in range(5))
    hit = rng.random(len(y)) < rng.uniform(0, 0.1)
    impulsive = convolved + hit * convolved * rng.uniform(-1, 1, len(y)) * rng.uniform(0, 2)
    added = signal.lfilter(_notches(sr, rng), [1], rng.standard_normal(len(y)))
    return _sound(impulsive + _under(impulsive, added, rng), y)


AUGMENTATIONS = {change.__name__: change for change in (pitch, crop, noise, band, device, codec, room, rawboost)}


def _notches(sr, rng):  # an FIR filter with two to five of them
    edges = np.sort(rng.uniform(20, 0.48 * sr, size=2 * rng.integers(2, 6)))
    return signal.firwin(101, edges, fs=sr, pass_zero=True)


def _under(y, added, rng):
    """A sound at 10 to 30 dB under the level of another."""
    wanted, own = (np.sqrt(np.mean(np.square(part, dtype=np.float64))) + 1e-12 for part in (y, added))
    return added * wanted / own * 10 ** (-rng.uniform(10, 30) / 20)


def _sound(changed, y):
    """Finite float32 samples with the peak of the recording they come from."""
    return np.asarray(changed * (np.abs(y).max() / (np.abs(changed).max() + 1e-12)), dtype=np.float32)
