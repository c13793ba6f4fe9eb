"""Fits that are kept, each found again by a key of what decides it.

``fits/<key>.zip`` of the store holds the fitted system, its history, its scores of the splits
and what the key stands for. It is there only when it is whole; a damaged one is made again.
"""

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
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from lib.corpus import SPLITS
from lib.errors import InputError, one_line
from lib.files import places
from lib.params import ROOT, identity

FORCE = "STUDY_FORCE"  # environment variable: make every fit anew
STATES = ROOT / "data" / "states"  # of fits under way
_KIND = re.compile(r"([a-z_]+)\.([A-Z]\w*)")
_PACKAGES = ("librosa", "numpy", "scipy", "soundfile")  # beside those of the system


@dataclass(frozen=True)
class Fitted:
    """A fitted system with all that it holds of its corpus."""

    key: str
    about: dict  # what the key stands for, and the `seconds` that the fit took when it was made, scoring included
    system: object  # of `lib.systems`
    history: pd.DataFrame | None  # one row an epoch; None for a system that is fitted in one go
    scores: dict  # split -> log-odds, float64, in protocol order; <split>_batch of train and dev by batch statistics
    found: bool = True  # whether it was kept already


def fit(system, fed, arguments, *, seed, store, on_epoch=None, scored=True):
    """Fit a system, which is left as it was, or find the same fit in the `store` (folder or URL): a `Fitted`.

    Where it need not be `scored` it may have no scores; they are added when they are first asked for.
    """
    about = {
        "system": {"kind": type(system).__name__, **system.identity()},
        "fed": {**fed.identity(), "augmentation": fed.augmentation, "seed": fed.seed},
        "arguments": {**arguments, "seed": seed},
        "versions": identity.versions(*_PACKAGES, *system.packages),
        "code": identity.code_digest(*identity.COMPUTING),
    }
    key = _key(about)
    place, lock, state = f"{places.absolute(store)}/fits/{key}.zip", STATES / f"{key}.lock", STATES / key
    with places.locked(lock):  # two runs of this machine share a fit instead of making it twice
        first = system.first()
        try:
            found = None if os.environ.get(FORCE) else read(place)
            if found is None:
                from lib.systems.backend import keras  # slow to import, and a fit that is kept needs none of it

                started = time.monotonic()
                keras.utils.set_random_seed(seed)  # TensorFlow's own decides the order of trials too
                how = {"seed": seed, "on_epoch": on_epoch, "state": state / "state.npz"}
                made = Fitted(key, about, system, system.fit(fed, **arguments, **how), {}, found=False)
                made = _scored(made, fed, arguments, seed) if scored else made
                about["seconds"] = time.monotonic() - started
            elif scored and not found.scores:
                made = _scored(found, fed, arguments, seed)
            else:
                return found
            _keep(place, made)
            shutil.rmtree(state, ignore_errors=True)
            content = places.read(place)
            try:
                return replace(_parsed(place, content), found=made.found)
            except Exception as error:  # whatever its reader raises
                places.remove(place)
                reason = str(error).rpartition("the model cannot be read ")[2].strip("()")
                why = f"its fit cannot be kept, since it cannot be read back ({reason})"
                raise InputError(f"{type(system).__name__}: {why}") from None
        finally:
            system.restore(first)


def _scored(fitted, fed, arguments, seed):
    """The fit with its scores of every split, on the recordings alone, and those by batch statistics."""
    fed, system = replace(fed, copies=0), fitted.system
    scores = {split: system.scores(fed, split) for split in SPLITS}
    if hasattr(system, "batch_scores"):
        scores |= system.batch_scores(fed, seed=seed, batch_size=arguments["batch_size"])
    return replace(fitted, scores=scores)


def _keep(place, fitted):
    """Keep a fit in a file, or at a URL."""
    with tempfile.TemporaryDirectory() as folder:
        save(fitted.system, f"{folder}/system")
        np.savez(f"{folder}/scores.npz", **fitted.scores)
        if fitted.history is not None:
            fitted.history.to_csv(f"{folder}/history.csv", index_label="epoch")
        Path(folder, "about.json").write_text(json.dumps(fitted.about, indent=1), encoding="utf-8")
        with places.whole_file(place) as file, zipfile.ZipFile(file, "w") as parts:
            for path in sorted(Path(folder).rglob("*")):
                parts.write(path, path.relative_to(folder))


def read(place):
    """The fit that is kept in a file or URL, or None when there is none or it is damaged."""
    try:
        content = places.read(place)
    except FileNotFoundError:
        return None
    try:
        return _parsed(place, content)
    except Exception as error:  # a damaged file raises whatever its reader raises
        tqdm.write(f"{place}: the kept fit is damaged ({error}) and is made again", file=sys.stderr)
        return None


def _parsed(place, content):
    with zipfile.ZipFile(io.BytesIO(content)) as parts, tempfile.TemporaryDirectory() as folder:
        parts.extractall(folder)  # which looks at the checksums
        about = json.loads(Path(folder, "about.json").read_text(encoding="utf-8"))
        key = _key(about)
        if key != Path(place).stem:
            raise ValueError("the fit of another key")
        with np.load(f"{folder}/scores.npz") as arrays:
            scores = dict(arrays)
        history = None
        if os.path.exists(f"{folder}/history.csv"):
            history = pd.read_csv(f"{folder}/history.csv", index_col="epoch", float_precision="round_trip")
        return Fitted(key, about, load(f"{folder}/system"), history, scores)


def _key(about):
    """Digest of what decides a fit; how long it took does not."""
    return identity.fingerprint({name: value for name, value in about.items() if name != "seconds"})


def save(system, folder):
    """Keep a fitted system in a folder, with what `load` needs to know."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    kind = f"{type(system).__module__.removeprefix('lib.systems.')}.{type(system).__name__}"
    (folder / "system.json").write_text(json.dumps({"kind": kind}), encoding="utf-8")
    system.save(folder)


def load(folder):
    """The system that `save` kept; InputError when there is none, or one that cannot be read."""
    folder = Path(folder)
    try:
        kind = json.loads((folder / "system.json").read_text(encoding="utf-8"))["kind"]
        module, name = _KIND.fullmatch(kind).groups()  # of this room and no other: a file must not choose code
        known = getattr(importlib.import_module(f"lib.systems.{module}"), name)
    except (OSError, ValueError, KeyError, AttributeError, TypeError, ImportError) as error:
        raise InputError(f"{folder}: no system is kept there ({type(error).__name__})") from None
    try:
        return known.load(folder)
    except InputError:
        raise
    except Exception as error:  # a broken file raises whatever its reader raises
        raise InputError(f"{folder}: the model cannot be read ({one_line(error)})") from None


def listing(store):
    """Every kept fit of a store: dicts of `key`, `place`, `bytes` and `about` (empty for a file that is damaged)."""
    folder, found = f"{places.absolute(store)}/fits", []
    for name, entry in places.listing(folder).items():
        if name.endswith(".zip") and entry:
            row = {"key": Path(name).stem, "place": f"{folder}/{name}", "bytes": entry[0], "about": {}}
            with suppress(Exception), zipfile.ZipFile(io.BytesIO(places.read(row["place"]))) as parts:  # as `read`
                row["about"] = json.loads(parts.read("about.json"))
            found.append(row)
    return found
