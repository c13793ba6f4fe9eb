"""Fits that are kept: what is expensive is done once and found again by a key of what decides it.

One file, ``<key>.zip``, holds the fitted system, its history, its scores of every split and,
in ``about.json``, what the key stands for. It stands under its name only when it is whole,
and each part has a checksum: a damaged one is made again.
"""

import hashlib
import importlib
import io
import json
import os
import re
import shutil
import sys
import tempfile
import time
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from filelock import FileLock
from tqdm.auto import tqdm

from lib.corpus import SPLITS
from lib.errors import InputError
from lib.files import places
from lib.params import ROOT, code, identity
from lib.systems import networks
from lib.systems.backend import keras

FORCE = "STUDY_FORCE"  # environment variable: make every fit anew
STATES = ROOT / "data" / "states"  # of fits under way
_KIND = re.compile(r"([a-z_]+)\.([A-Z]\w*)")
_PACKAGES = ("librosa", "numpy", "scipy", "soundfile")  # beside those of the system


@dataclass(frozen=True)
class Fitted:
    """A fitted system with all that it knows of its corpus."""

    key: str
    about: dict  # what the key stands for
    system: object  # of `lib.systems`
    history: pd.DataFrame | None  # one row an epoch; None for a system that is fitted in one go
    scores: dict  # split -> log-odds, float64, in protocol order
    batch_scores: dict  # the same of train and dev with batch statistics; empty without batch normalisation
    seconds: float  # what the fit took when it was made, scoring included
    found: bool  # whether it was kept already


def fit(system, fed, arguments, *, seed, store, on_epoch=None):
    """Fit a system, which is left as it was, or find the same fit that is kept: a `Fitted`.

    `arguments` (dict) are those of the system's own `fit`; fits stand in the folder ``fits``
    of the `store` (folder or URL).
    """
    about = {
        "system": {"kind": type(system).__name__, **system.identity()},
        "fed": {**fed.identity(), "augmentation": fed.augmentation, "seed": fed.seed},
        "arguments": {**arguments, "seed": seed},
        "versions": code.versions(*_PACKAGES, *system.packages),
        "code": code.digest(*identity.COMPUTING),
    }
    key = _key(about)
    place = f"{places.absolute(store)}/fits/{key}.zip"
    STATES.mkdir(parents=True, exist_ok=True)
    lock = STATES / f"{key}.lock"
    with FileLock(lock):  # two runs of this machine share a fit instead of making it twice
        try:
            return _found_or_made(system, fed, arguments, about, place, seed=seed, on_epoch=on_epoch)
        finally:
            lock.unlink(missing_ok=True)


def _found_or_made(system, fed, arguments, about, place, *, seed, on_epoch):
    found = None if os.environ.get(FORCE) else read(place)
    if found:
        return found
    started, state = time.monotonic(), STATES / _key_of(place) / "state.npz"
    first = system.first()
    keras.utils.set_random_seed(seed)  # TensorFlow's own decides the order of trials too, NumPy's some estimators
    try:
        history = system.fit(fed, **arguments, seed=seed, on_epoch=on_epoch, state=state)
        fed = fed.recorded()
        scores = {split: system.scores(fed, split) for split in SPLITS}
        batch_scores = {}
        if hasattr(system, "batch_scores"):
            batch_scores = system.batch_scores(fed, seed=seed, batch_size=arguments["batch_size"])
        _write(place, system, {**about, "seconds": time.monotonic() - started}, history, scores, batch_scores)
    finally:
        system.restore(first)
    shutil.rmtree(state.parent, ignore_errors=True)
    return replace(read(place), found=False)


def refreshed(fitted, fed, *, seed, batch_size, store):
    """The same fit with its moving statistics set by one forward-only pass, kept as a fit of its own."""
    system = networks.Refreshed(fitted)
    return fit(system, fed, {"batch_size": batch_size}, seed=seed, store=store)


def read(place):
    """The fit that is kept in a file or URL, or None when there is none or it is damaged."""
    try:
        content = places.read(place)
    except FileNotFoundError:
        return None
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as parts, tempfile.TemporaryDirectory() as folder:
            if parts.testzip() is not None:
                raise ValueError("a checksum is wrong")
            about = json.loads(parts.read("about.json"))
            if _key(about) != _key_of(place):
                raise ValueError("the fit of another key")
            parts.extractall(folder)
            with np.load(io.BytesIO(parts.read("scores.npz"))) as arrays:
                scores = {split: arrays[split] for split in SPLITS}
                batch_scores = {name[6:]: arrays[name] for name in arrays.files if name.startswith("batch_")}
            history = None
            if "history.csv" in parts.namelist():
                text = parts.read("history.csv").decode()
                history = pd.read_csv(io.StringIO(text), index_col="epoch", float_precision="round_trip")
            system = load(f"{folder}/system")
    except Exception as error:  # a damaged file raises whatever its reader raises
        tqdm.write(f"{place}: the kept fit is damaged ({error}) and is made again", file=sys.stderr)
        return None
    return Fitted(_key_of(place), about, system, history, scores, batch_scores, about["seconds"], True)


def _key(about):
    """Digest of what decides a fit; how long it took does not."""
    deciding = {name: value for name, value in about.items() if name != "seconds"}
    return hashlib.blake2b(json.dumps(deciding, sort_keys=True).encode(), digest_size=12).hexdigest()


def _key_of(place):
    return place.rpartition("/")[2].removesuffix(".zip")


def save(system, folder):
    """Keep a fitted system in a folder, with what `load` needs to know."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    kind = f"{type(system).__module__.removeprefix('lib.systems.')}.{type(system).__name__}"
    (folder / "system.json").write_text(json.dumps({"kind": kind}), encoding="utf-8")
    system.save(folder)


def load(folder):
    """The system that `save` kept; InputError when there is none, or one that cannot be read."""
    try:
        kind = json.loads((Path(folder) / "system.json").read_text(encoding="utf-8"))["kind"]
        module, name = _KIND.fullmatch(kind).groups()  # of this room and no other: a file must not choose code
        known = getattr(importlib.import_module(f"lib.systems.{module}"), name)
    except (OSError, ValueError, KeyError, AttributeError, TypeError, ImportError) as error:
        raise InputError(f"{folder}: no system is kept there ({type(error).__name__})") from None
    return known.load(folder)


def listing(store):
    """Every kept fit of a store: dicts of `key`, `place`, `bytes` and `about` (empty for a file that is damaged)."""
    folder, found = f"{places.absolute(store)}/fits", []
    for name, entry in places.listing(folder).items():
        if name.endswith(".zip") and entry:
            place = f"{folder}/{name}"
            try:
                with zipfile.ZipFile(io.BytesIO(places.read(place))) as parts:
                    about = json.loads(parts.read("about.json"))
            except Exception:  # as in `read`
                about = {}
            found.append({"key": _key_of(place), "place": place, "bytes": entry[0], "about": about})
    return found


def _write(place, system, about, history, scores, batch_scores):
    with tempfile.TemporaryDirectory() as folder, places.whole_file(place) as file:
        save(system, f"{folder}/system")
        arrays = io.BytesIO()
        np.savez(arrays, **scores, **{f"batch_{split}": values for split, values in batch_scores.items()})
        with zipfile.ZipFile(file, "w") as parts:
            parts.writestr("about.json", json.dumps(about, indent=1))
            parts.writestr("scores.npz", arrays.getvalue())
            if history is not None:
                parts.writestr("history.csv", history.to_csv(index_label="epoch"))
            for path in sorted(Path(folder, "system").rglob("*")):
                parts.write(path, path.relative_to(folder))
