"""A corpus made from nothing: synthetic speech, simulated replay, the layout of ASVspoof 2017 V2.

Nothing can be downloaded on the machines where the study must run, so it makes what it
is shown on. **It is not ASVspoof data**, no figure got on it says anything about that
corpus, and the `README.txt` that `make_corpus` writes into the folder says so.

Conventions
-----------
speech    ten phrases of our own, spoken by eSpeak NG; a talker is a voice variant, an
          accent, a rate, a pitch and a range, and keeps one room and one microphone.
genuine   talker -> room, close by -> the talker's microphone -> noise.
spoof     a recording made like a genuine one -> loudspeaker -> room -> second
          microphone -> noise (`lib.demo.replay`).
Level, DC, duration, silence before and after, and the floor of noise follow one law for
both labels, so that none of them gives the label away; `tests/test_made.py` holds that.
A trial is a function of (seed, split, position): bit for bit the same on one machine for
any number of workers.

References
----------
T. Kinnunen et al., "The ASVspoof 2017 Challenge", Interspeech 2017 (the shape: phrases
shared, talkers disjoint, few replay configurations in train, mostly new ones in eval).
"""

import numbers
import os
import shutil
from pathlib import Path

import numpy as np
from scipy import signal

from lib.corpus.protocol import SPLITS, UNKNOWN
from lib.demo import replay as physics
from lib.demo import voices
from lib.errors import InputError
from lib.files import places

RECIPE = 1  # raise it when the same seed begins to give other files

# First and last number of each kind, and how many replay configurations are made of them.
# Train has one recorder, as the real corpus; eval shares nothing with train, little with dev.
_TALKERS = {"train": (1, 10), "dev": (11, 18), "eval": (19, 42)}
_REPLAYS = {
    "train": {"environment": (1, 2), "playback": (1, 3), "recorder": (1, 1), "count": 3},
    "dev": {"environment": (2, 6), "playback": (4, 8), "recorder": (2, 4), "count": 10},
    "eval": {"environment": (5, 16), "playback": (7, 24), "recorder": (4, 18), "count": 30},
}
_LETTERS = {"train": "T", "dev": "D", "eval": "E"}
_ENDINGS = {"train": "trn", "dev": "trl", "eval": "trl"}

# Streams of random numbers beside those of `physics`; a trial's own is (seed, split, position).
_ORDER = 202
_MARGIN = 0.7  # s of silence around the speech while it is worked on; more than any trial keeps


def make_corpus(folder, *, seed=1, train=(125, 125), dev=(55, 65), eval=(40, 360), jobs=-1):
    """Make a corpus of synthetic speech with simulated replay, or find it made already.

    Parameters
    ----------
    folder : str or Path
        Where it shall stand. It is made in a folder beside and renamed at the end, so a
        making that is stopped leaves no half corpus.
    seed : int, >= 0
    train, dev, eval : (int, int), >= 0
        Genuine and spoof trials of each split; one trial a split at least.
    jobs : int
        Worker processes, -1 for one a core. It changes no file.

    Raises
    ------
    InputError
        A count or the seed is no such number, or `folder` is a URL or holds something
        else.
    RunError
        The speech synthesiser cannot be used.
    """
    from joblib import Parallel, delayed
    from tqdm.auto import tqdm

    if places.is_url(folder):
        raise InputError(f"{folder}: a URL; the corpus is made in a local folder and can be copied there")
    folder = Path(folder)
    counts = _checked(seed, {"train": train, "dev": dev, "eval": eval})
    readme = _readme(seed, counts)
    if _stands(folder, readme):
        return

    rows = [row for split in SPLITS for row in plan(split, *counts[split], seed=seed)]
    work = folder.absolute().with_name(f".{folder.absolute().name}.making-{os.getpid()}")
    shutil.rmtree(work, ignore_errors=True)
    try:
        for split in SPLITS:
            (work / f"ASVspoof2017_V2_{split}").mkdir(parents=True)
        (work / "protocol_V2").mkdir()
        # Processes whatever the caller's joblib backend: the synthesiser keeps global state.
        made = Parallel(n_jobs=jobs, backend="loky", return_as="generator")(
            delayed(_write_trial)(row, seed, work) for row in rows
        )
        for _ in tqdm(made, total=len(rows), desc="Making a corpus", unit="trial"):
            pass
        for split in SPLITS:
            _write_protocol(work / "protocol_V2", split, [row for row in rows if row["split"] == split])
        (work / "README.txt").write_text(readme, encoding="utf-8", newline="\n")
        if not _stands(folder, readme):  # another process may have been quicker
            work.rename(folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def plan(split, n_genuine, n_spoof, *, seed):
    """Say what each trial of a split shall be, before any sound is made.

    Parameters
    ----------
    split : {"train", "dev", "eval"}
    n_genuine, n_spoof : int, >= 0
    seed : int, >= 0

    Returns
    -------
    list of dict, in the order of the protocol
        `file`, `label` ("genuine" or "spoof"), `speaker`, `environment`, `playback`,
        `recorder` (numbers, 0 on genuine trials), `phrase` (1 to 10), `split`, `position`.
    """
    number = SPLITS.index(split)
    labels = np.array(["genuine"] * n_genuine + ["spoof"] * n_spoof)
    if split == "eval":  # as in the real corpus, where only eval comes in no order
        physics.generator(seed, _ORDER, number).shuffle(labels)
    configurations = replay_configurations(split)
    first, last = _TALKERS[split]
    seen = {"genuine": 0, "spoof": 0}
    rows = []
    for position, label in enumerate(labels.tolist(), 1):
        rng = physics.generator(seed, number, position, 0)
        # Talkers in turn, so that no talker stands for a label.
        row = {
            "speaker": first + seen[label] % (last - first + 1),
            "phrase": int(rng.integers(1, len(voices.PHRASES) + 1)),
        }
        drawn = configurations[int(rng.integers(len(configurations)))]
        row.update(drawn if label == "spoof" else dict.fromkeys(drawn, 0))
        file = f"{_LETTERS[split]}_{1_000_000 + position}.wav"
        rows.append({"file": file, "label": label, "split": split, "position": position, **row})
        seen[label] += 1
    return rows


def replay_configurations(split):
    """Replay configurations of a split: a list of dicts `environment`, `playback`, `recorder`."""
    ranges = dict(_REPLAYS[split])
    count = ranges.pop("count")
    # Each kind goes round at its own length, so no two configurations are alike.
    turn = {kind: (first, last - first + 1) for kind, (first, last) in ranges.items()}
    return [{kind: first + k % length for kind, (first, length) in turn.items()} for k in range(count)]


def trial_audio(row, seed):
    """Sound of one trial.

    Parameters
    ----------
    row : dict
        From `plan`.
    seed : int, >= 0

    Returns
    -------
    numpy.ndarray [shape=(n,)], float64 in [-1, 1)
        At 16 kHz.
    """
    rng = physics.generator(seed, SPLITS.index(row["split"]), row["position"], 1)
    number = row["speaker"]
    voice = voices.talker(seed, number)
    # Nobody says a phrase twice alike.
    voice["rate"] *= rng.uniform(0.88, 1.12)
    voice["pitch"] += rng.uniform(-4, 4)
    voice["range"] += rng.uniform(-8, 8)
    y = voices.speak(voices.PHRASES[row["phrase"] - 1], **voice)
    y = np.pad(signal.resample_poly(y, 320, 441), int(_MARGIN * physics.SAMPLE_RATE))
    y = physics.through_room(y, physics.room_response(seed, physics.TALKER, number))
    y = physics.through_microphone(y, seed, physics.TALKER, number)
    # A spoof is recorded twice: half the noise each time makes the floor of a genuine trial.
    snr = rng.uniform(28, 45)
    if row["label"] == "spoof":
        snr += 3
        y = physics.add_noise(y, snr, rng)
        y = physics.replay(y, seed, row["environment"], row["playback"], row["recorder"])
    # From here on one law for both labels: silences, peaks, noise, level and DC.
    y = physics.limit(_cut(y, rng), rng.uniform(12.5, 15))
    y = physics.add_noise(y, snr, rng)
    y -= np.mean(y)  # limiting lopsided peaks leaves a DC that tells how many rooms they went through
    return y / np.max(np.abs(y)) * 10 ** (rng.uniform(-18, -1) / 20) + rng.normal(0, 5e-4)


def _cut(y, rng):
    """Keep the speech and, before and after it, a silence of 0.05 to 0.55 s each.

    Speech is where a frame of 10 ms stands less than 25 dB below the loudest: measured
    on what was recorded, so that the tail of a room makes no silence shorter.
    """
    frame = physics.SAMPLE_RATE // 100
    energy = np.mean(y[: len(y) // frame * frame].reshape(-1, frame) ** 2, axis=1)
    spoken = np.flatnonzero(energy > np.max(energy) * 10**-2.5)
    before, after = (rng.uniform(0.05, 0.55, 2) * physics.SAMPLE_RATE).astype(int)
    return y[max(spoken[0] * frame - before, 0) : (spoken[-1] + 1) * frame + after]


def _write_trial(row, seed, folder):
    import soundfile

    path = folder / f"ASVspoof2017_V2_{row['split']}" / row["file"]
    soundfile.write(path, trial_audio(row, seed), physics.SAMPLE_RATE, subtype="PCM_16")


def _write_protocol(folder, split, rows):
    lines = []
    for row in rows:
        replayed = f"E{row['environment']:02d} P{row['playback']:02d} R{row['recorder']:02d}"
        known = replayed if row["label"] == "spoof" else " ".join([UNKNOWN] * 3)
        lines.append(f"{row['file']} {row['label']} M{row['speaker']:04d} S{row['phrase']:02d} {known}\n")
    path = folder / f"ASVspoof2017_V2_{split}.{_ENDINGS[split]}.txt"
    path.write_text("".join(lines), encoding="utf-8", newline="\n")


def _stands(folder, readme):
    """Whether `folder` holds this corpus; an InputError when it holds something else."""
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return False
    note = folder / "README.txt"
    if not note.is_file() or note.read_text(encoding="utf-8", errors="replace") != readme:
        raise InputError(f"{folder}: holds something other than this corpus; expected a new or empty folder")
    return True


def _checked(seed, counts):
    def whole(value):
        return isinstance(value, numbers.Integral) and not isinstance(value, bool) and value >= 0

    if not whole(seed):
        raise InputError(f"seed {seed!r}: must be a whole number, 0 or more")
    for split, pair in counts.items():
        two = isinstance(pair, (tuple, list)) and len(pair) == 2
        if not two or not all(map(whole, pair)) or not any(pair):
            raise InputError(
                f"{split} {pair!r}: expected two whole numbers, genuine and spoof trials, none negative and not both 0"
            )
        if sum(pair) > 999_999:
            raise InputError(f"{split} {pair!r}: a split has at most 999999 trials, as many as file names")
    return {split: (int(genuine), int(spoof)) for split, (genuine, spoof) in counts.items()}


def _readme(seed, counts):
    sizes = "\n".join(f"  {split}: {pair[0]} genuine, {pair[1]} spoof" for split, pair in counts.items())
    return f"""Made corpus: synthetic speech with simulated replay. NOT ASVspoof data.

Made by lib.demo.made of the replay study (recipe {RECIPE}, seed {int(seed)}), in the folder
layout of ASVspoof 2017 V2. Every voice is eSpeak NG; every microphone, loudspeaker,
room and noise is a simulation (rooms: pyroomacoustics). A figure got here shows that
the study runs; it is no result on ASVspoof 2017.

{sizes}

Delete this folder and it is made again, the same.
"""
