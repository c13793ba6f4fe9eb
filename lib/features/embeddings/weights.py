"""Weights of the encoder: a name on the hub, a folder, or none that were trained."""

import hashlib
import io
import json
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from lib.errors import InputError
from lib.params import local_path

# Encoders with first weights only, as changes to the shape of wav2vec2-base: the same
# convolution strides and 768 values out, but for `random` narrow and shallow, so that it
# is quick. `random-base` has the full shape and takes as long as trained weights do.
UNTRAINED = {
    "random": {"conv_dim": (64,) * 7, "num_hidden_layers": 2, "intermediate_size": 768, "num_conv_pos_embeddings": 32},
    "random-base": {},
}
SEED = 0  # of the untrained encoders
_WEIGHT_FILES = ("model.safetensors", "pytorch_model.bin")  # the first that is there is what transformers loads
_WANTED = f"config.json with {' or '.join(_WEIGHT_FILES)}"


@dataclass(frozen=True)
class Weights:
    """Weights that are there."""

    name: str  # as it was asked for
    folder: str | None  # holds config.json and the weights; None for an untrained encoder
    digest: str  # of the shape and the values


def find(name):
    """Find weights by what a parameter calls them.

    Parameters
    ----------
    name : str
        ``random`` or ``random-base`` (untrained), a folder as ``save_pretrained`` writes
        it (a relative one starts at the project's folder), or a model's name on the
        Hugging Face hub. A model that is in the local cache is used from there, without
        asking the hub.

    Returns
    -------
    Weights

    Raises
    ------
    InputError
        They cannot be had; the message says how to get them.

    Examples
    --------
    >>> find("random").folder is None
    True
    """
    if name in UNTRAINED:
        return Weights(name, None, _digest([io.BytesIO(json.dumps([SEED, UNTRAINED[name]]).encode())]))
    path = local_path(name)
    if path.is_dir():
        folder = path
        if not _files(folder):
            raise InputError(f"wav2vec_weights = {name}: {folder} has no {_WANTED}; save_pretrained writes them")
    elif name.startswith((".", "/", "~")) or name.count("/") > 1:
        raise InputError(
            f"wav2vec_weights = {name}: no such folder ({path}); must be `random`, a folder that save_pretrained wrote "
            "or a name on the hub"
        )
    else:
        folder = _cached(name) or _downloaded(name)
    with ExitStack() as opened:
        return Weights(name, str(folder), _digest([opened.enter_context(f.open("rb")) for f in _files(folder)]))


def described(name):
    """Words for tables and tags: "untrained", or the name with the digest of the weights."""
    return "untrained" if name in UNTRAINED else f"{name}, digest {find(name).digest}"


def _files(folder):
    """What of a folder decides the numbers, or nothing when a part is missing."""
    config = Path(folder) / "config.json"
    there = [file for file in (Path(folder) / name for name in _WEIGHT_FILES) if file.is_file()]
    return [config, there[0]] if config.is_file() and there else []


def _cached(name):
    from huggingface_hub import snapshot_download  # slow to import; only names need it

    try:
        folder = snapshot_download(name, local_files_only=True)
    except (OSError, ValueError):
        return None
    return folder if _files(folder) else None


def _downloaded(name):
    from huggingface_hub import HfApi, snapshot_download

    try:
        # One question without retries: without a network the answer is there at once.
        info = HfApi().model_info(name, timeout=10)
        there = {file.rfilename for file in info.siblings}
        weights = [file for file in _WEIGHT_FILES if file in there]
        if "config.json" in there and weights:
            return snapshot_download(name, revision=info.sha, allow_patterns=["config.json", weights[0]])
        reason = f"the hub's model has no {_WANTED}"
    except Exception as error:  # the HTTP library's, the hub's and the system's errors have no common base
        reason = f"not in the local cache, and the hub says: {str(error).strip().partition(chr(10))[0]}"
    raise InputError(
        f"wav2vec_weights = {name}: {reason}. On a machine with network `hf download {name} --local-dir DIR` fetches "
        "a model; then name the folder. `random` runs without trained weights."
    )


def _digest(files):
    digest = hashlib.blake2b(digest_size=6)
    for file in files:
        hashlib.file_digest(file, lambda: digest)
    return digest.hexdigest()
