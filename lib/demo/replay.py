"""What a replay does to speech: loudspeaker, room, second microphone, noise.

Conventions
-----------
`y` is a mono signal, float64 [shape=(n,)], at `SAMPLE_RATE`; every function gives back
a signal of the same length. A device or a room is fixed by (seed, number) alone: P07 of
one seed sounds the same in every trial, split and process.

The ranges are ours; they were chosen so that a logistic regression on cepstral
statistics is wrong on one eval trial in ten to one in three, as simple systems are on
ASVspoof 2017 V2, and they imitate no particular device.
"""

import functools

import numpy as np
from scipy import optimize, signal

SAMPLE_RATE = 16_000  # Hz; ASVspoof 2017

# Streams of random numbers: each kind of thing draws from its own.
PLAYBACK, RECORDER, ENVIRONMENT, TALKER = range(101, 105)


def generator(*key):
    """Random generator of one thing.

    Parameters
    ----------
    key : int, >= 0
        What it is for, e.g. ``generator(seed, PLAYBACK, 7)``.

    Returns
    -------
    numpy.random.Generator
    """
    return np.random.default_rng(np.random.SeedSequence(key))


def peaking(f, q, gain_db):
    """Second-order section that raises or lowers the band around `f`.

    Parameters
    ----------
    f : float, 0 < f < SAMPLE_RATE / 2
        Centre [Hz].
    q : float > 0
        Centre over bandwidth.
    gain_db : float
        Gain at the centre [dB].

    Returns
    -------
    numpy.ndarray [shape=(1, 6)]
        For `scipy.signal.sosfilt`.

    References
    ----------
    R. Bristow-Johnson, "Cookbook formulae for audio EQ biquad filter coefficients",
    section peakingEQ.
    """
    a, w = 10 ** (gain_db / 40), 2 * np.pi * f / SAMPLE_RATE
    alpha, middle = np.sin(w) / (2 * q), -2 * np.cos(w)
    sos = np.array([[1 + alpha * a, middle, 1 - alpha * a, 1 + alpha / a, middle, 1 - alpha / a]])
    return sos / sos[0, 3]


def _band(order, low, high):
    return signal.butter(order, [low, high], "bandpass", fs=SAMPLE_RATE, output="sos")


@functools.cache
def microphone_filter(seed, kind, number):
    """Response of a microphone: a wide band with a gentle ripple.

    Parameters
    ----------
    seed : int
    kind : RECORDER or TALKER
        A replay's recorder, or the device that a talker owns; both follow one law.
    number : int

    Returns
    -------
    numpy.ndarray [shape=(n_sections, 6)]
        For `scipy.signal.sosfilt`.
    """
    rng = generator(seed, kind, number)
    sections = [_band(1, rng.uniform(40, 140), rng.uniform(5200, 7800))]
    for _ in range(3):
        sections.append(peaking(rng.uniform(200, 7000), rng.uniform(0.6, 3), rng.uniform(-6, 6)))
    return np.vstack(sections)


@functools.cache
def loudspeaker_response(seed, number):
    """Response of playback device `number`.

    How good a device is follows the golden-ratio sequence in its number rather than
    chance, so that every split meets good and bad ones whatever the seed.

    Returns
    -------
    sos : numpy.ndarray [shape=(n_sections, 6)]
        Band limits and the resonances of the box.
    drive : float > 0
        How far full scale reaches into the soft clipping.
    """
    rng = generator(seed, PLAYBACK, number)
    flaw = 1 - 0.9 * ((0.35 + 0.618034 * number) % 1)
    order = int(rng.integers(1, 3))
    low, high = 60 + flaw * rng.uniform(60, 320), 7700 - flaw * rng.uniform(300, 3200)  # Hz
    sections = [_band(order, low, high)]
    for _ in range(int(rng.integers(2, 6))):
        sections.append(peaking(rng.uniform(250, 5500), rng.uniform(2, 8), flaw * rng.uniform(-6, 9)))
    return np.vstack(sections), 0.2 + flaw * rng.uniform(0.2, 1.2)


@functools.cache
def room_response(seed, kind, number):
    """Impulse response of a shoebox room from a source to a microphone.

    Parameters
    ----------
    seed : int
    kind : ENVIRONMENT or TALKER
        Where a replay is recorded (loudspeaker 0.2 to 1.2 m away), or where a talker
        speaks (mouth 0.1 to 0.6 m away).
    number : int

    Returns
    -------
    numpy.ndarray [shape=(n,)]
        Starts at the direct sound, so that a room moves no onset; energy 1.

    References
    ----------
    Image source method of `pyroomacoustics.ShoeBox`.
    """
    import pyroomacoustics

    # One thread: a sum split over the cores would round differently on another machine.
    pyroomacoustics.constants.set("num_threads", 1)
    rng = generator(seed, kind, number, 1)
    size = rng.uniform([2.6, 2.4, 2.2], [7.0, 6.0, 3.2])  # metres
    near, far = (0.2, 1.2) if kind == ENVIRONMENT else (0.1, 0.6)
    distance, angle = rng.uniform(near, far), rng.uniform(0, 2 * np.pi)
    step = distance * np.array([np.cos(angle), np.sin(angle), 0.0])
    source = size / 2 + rng.uniform(-0.25, 0.25, 3)
    # Half the way to a wall at most: the microphone stays inside the smallest room.
    receiver = np.clip(source + step, 0.2, size - 0.2)
    room = pyroomacoustics.ShoeBox(
        size, fs=SAMPLE_RATE, materials=pyroomacoustics.Material(rng.uniform(0.25, 0.6)), max_order=15
    )
    room.add_source(source)
    room.add_microphone(receiver)
    room.compute_rir()
    response = np.asarray(room.rir[0][0], dtype=np.float64)
    response = response[int(np.argmax(np.abs(response))) :]
    return response / np.sqrt(np.sum(response**2))


def through_room(y, response):
    """Signal as heard in a room: `y` convolved with `response`, cut to the length of `y`."""
    return signal.fftconvolve(y, response)[: len(y)]


def through_loudspeaker(y, seed, number):
    """Signal as played by playback device `number`: band limits, resonances, soft clipping."""
    sos, drive = loudspeaker_response(seed, number)
    y = signal.sosfilt(sos, y / np.max(np.abs(y)))
    return np.tanh(drive * y / np.max(np.abs(y))) / drive


def through_microphone(y, seed, kind, number):
    """Signal as taken down by a microphone; see `microphone_filter`."""
    return signal.sosfilt(microphone_filter(seed, kind, number), y)


def add_noise(y, snr, rng):
    """Add stationary noise whose spectrum falls off like that of a quiet room.

    Parameters
    ----------
    y : numpy.ndarray [shape=(n,)]
    snr : float
        Mean power of `y` over that of the noise [dB].
    rng : numpy.random.Generator

    Returns
    -------
    numpy.ndarray [shape=(n,)]
    """
    corner = rng.uniform(100, 2000)  # Hz, above which it falls by 6 dB an octave
    noise = rng.standard_normal(len(y))
    dark = signal.sosfilt(signal.butter(1, corner, fs=SAMPLE_RATE, output="sos"), noise)
    dark = dark / np.std(dark) + 0.3 * noise
    return y + dark * np.sqrt(np.mean(y**2) / np.mean(dark**2)) * 10 ** (-snr / 20)


def limit(y, crest):
    """Limit a recording softly until its peak stands `crest` above its level.

    Rooms and loudspeakers change how far the peaks stand out, and peak and level together
    would tell a replay; after the limiter of a recorder they do not.

    Parameters
    ----------
    y : numpy.ndarray [shape=(n,)]
    crest : float > 0
        Peak over root mean square of the result [dB]. A `y` below it already stays as it is.

    Returns
    -------
    numpy.ndarray [shape=(n,)]
        Peak 1.
    """
    y = y / np.max(np.abs(y))

    def soft(drive):
        return y / np.sqrt(1 + (drive * y) ** 2) * np.sqrt(1 + drive**2)

    def excess(drive):
        return -10 * np.log10(np.mean(soft(drive) ** 2)) - crest

    if excess(0.0) <= 0:
        return y
    return soft(optimize.brentq(excess, 0.0, 1e3, xtol=1e-3))


def replay(y, seed, environment, playback, recorder):
    """Play a recording and record it again.

    Parameters
    ----------
    y : numpy.ndarray [shape=(n,)]
        The recording, its own room, microphone and noise included.
    seed : int
        Of the corpus.
    environment, playback, recorder : int
        The replay configuration, as numbered in the protocol.

    Returns
    -------
    numpy.ndarray [shape=(n,)]
        Without the noise of the second recording; see `add_noise`.
    """
    y = through_loudspeaker(y, seed, playback)
    y = through_room(y, room_response(seed, ENVIRONMENT, environment))
    return through_microphone(y, seed, RECORDER, recorder)
