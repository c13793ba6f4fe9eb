"""Talkers and what they say: the speech of the made corpus, spoken by eSpeak NG.

eSpeak NG (GPL-3.0-or-later) comes with the package `espeakng-loader` and is loaded at
run time, for this only.
"""

import ctypes
import os

import numpy as np

from lib.demo import replay as physics
from lib.errors import RunError

PHRASES = (
    "Leave the blue kettle on the kitchen table.",
    "My sister plays the cello on Thursday nights.",
    "A tall ship came into the harbour at dawn.",
    "Please turn the heating down before you go.",
    "Nobody saw the fox behind the garden shed.",
    "The next train to the coast leaves at noon.",
    "Fresh bread smells best on a cold morning.",
    "He wrote the number on the back of his hand.",
    "Open the window and let the music out.",
    "Seven yellow tulips stood in a broken jug.",
)

# Voice variants of eSpeak NG, one a talker. Those with breath noise or the Klatt
# synthesiser are left out: they take numbers from outside the library and sound
# different in each process.
VARIANTS = (
    "Alex Andrea Andy Annie Denis Gene Lee Mario Michael Mike Nguyen anika aunty belinda boris croak f1 "
    "grandma grandpa gustave ian iven3 iven4 john kaukovalta linda m1 m3 m4 m5 m6 m7 m8 marcelo max "
    "norbert pedro quincy rob robert shelby steph"
).split()
ACCENTS = "en en-us en-gb-x-rp en-gb-scotland en-gb-x-gbclan en-gb-x-gbcwmd en-029 en-us-nyc".split()
ESPEAK_RATE = 22_050  # Hz

# Stream of random numbers that the talkers' voices are drawn from.
_VOICES = 201


def talker(seed, number):
    """Arguments of `speak` that make speaker `number`: `voice`, `rate`, `pitch`, `range`."""
    variants = physics.generator(seed, _VOICES).permutation(VARIANTS).tolist()
    rng = physics.generator(seed, _VOICES, number)
    return {
        "voice": f"{rng.choice(ACCENTS)}+{variants[number - 1]}",
        "rate": rng.uniform(135, 190),
        "pitch": rng.uniform(38, 62),
        "range": rng.uniform(30, 70),
    }


def speak(text, voice, *, rate=165, pitch=50, range=50):
    """Speak a text with eSpeak NG.

    The library is loaded afresh for each text and unloaded after it: its slow wobble of
    pitch runs on from one text to the next, so a voice would depend on what was said before.

    Parameters
    ----------
    text : str
    voice : str
        Language and voice variant, e.g. ``"en-us+m3"``.
    rate : float
        Words a minute.
    pitch, range : float, 0 to 100

    Returns
    -------
    numpy.ndarray [shape=(n,)], float64 in [-1, 1)
        At `ESPEAK_RATE`.

    Raises
    ------
    RunError
        The library cannot be started or refuses the voice or the text.
    """
    import _ctypes

    import espeakng_loader

    path, pieces = espeakng_loader.get_library_path(), []

    @ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)
    def receive(samples, n, _events):
        if samples and n > 0:
            pieces.append(np.ctypeslib.as_array(samples, (n,)).copy())  # the buffer is used again
        return 0

    library = ctypes.CDLL(path)
    try:
        # 2 = AUDIO_OUTPUT_SYNCHRONOUS of speak_lib.h: samples go to the callback, nothing is played.
        data = espeakng_loader.get_data_path()
        if library.espeak_Initialize(2, 0, os.fsencode(data), 0) != ESPEAK_RATE:
            raise RunError(f"{path}: eSpeak NG cannot start with the voices in {data}")
        library.espeak_SetSynthCallback(receive)
        refused = library.espeak_SetVoiceByName(voice.encode())
        for parameter, value in ((1, rate), (3, pitch), (4, range)):  # espeakRATE, espeakPITCH, espeakRANGE
            refused = refused or library.espeak_SetParameter(parameter, round(value), 0)
        said = text.encode()
        size = ctypes.c_size_t(len(said) + 1)
        # 1 = POS_CHARACTER, 1 = espeakCHARS_UTF8
        refused = refused or library.espeak_Synth(said, size, 0, 1, 0, 1, None, None)
        library.espeak_Terminate()
    finally:
        (_ctypes.FreeLibrary if os.name == "nt" else _ctypes.dlclose)(library._handle)
    if refused or not pieces:
        raise RunError(f"{path}: eSpeak NG cannot say {text!r} as {voice!r} (code {refused})")
    return np.concatenate(pieces) / 2.0**15
