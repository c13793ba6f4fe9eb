"""wav2vec 2.0 embeddings: one vector a recording, kept in the store like any feature.

PyTorch is imported when there is something to compute: stored embeddings are read without it.
"""

import hashlib
import json
from pathlib import Path
from typing import NamedTuple

from threadpoolctl import threadpool_limits

from lib.errors import InputError
from lib.params import local_path

# Sorted within a chunk of 128 clips of speech, batches of 10 s hold 1 % padding, of 60 s
# 7 %; longer ones were no faster (tried: 2 to 32 clips of 3.4 s).
BATCH_SECONDS = 10.0

# Encoders with first weights only, as changes to the shape of wav2vec2-base: `random` is narrow
# and shallow, so that it is quick; `random-base` takes as long as trained weights do.
UNTRAINED = {
    "random": {"conv_dim": (64,) * 7, "num_hidden_layers": 2, "intermediate_size": 768, "num_conv_pos_embeddings": 32},
    "random-base": {},
}
SEED = 0  # of the untrained encoders
_WEIGHT_FILES = ("model.safetensors", "pytorch_model.bin")  # the first that is there is what transformers loads
_WANTED = f"config.json with {' or '.join(_WEIGHT_FILES)}"


class Weights(NamedTuple):
    """Weights that are there."""

    name: str  # as it was asked for
    folder: str | None  # holds config.json and the weights; None for an untrained encoder
    digest: str  # of the shape and the values


def find(name, digest=""):
    """The `Weights` of a name: ``random`` or ``random-base`` (untrained), a folder that ``save_pretrained`` wrote,
    or a model of the Hugging Face hub; InputError, which says how to get them, if they cannot be had.

    A `digest` that is known is not computed again.
    """
    total = hashlib.blake2b(digest_size=6)
    if name in UNTRAINED:
        total.update(json.dumps([SEED, UNTRAINED[name]]).encode())
        return Weights(name, None, total.hexdigest())
    folder = local_path(name)
    if not folder.is_dir():
        if name.startswith((".", "/", "~")) or name.count("/") > 1:
            raise InputError(
                f"wav2vec_weights = {name}: no such folder ({folder}); must be `random`, a folder that save_pretrained "
                "wrote or a name on the hub"
            )
        folder = _from_hub(name)
    if not _files(folder):
        raise InputError(f"wav2vec_weights = {name}: {folder} has no {_WANTED}; save_pretrained writes them")
    for file in _files(folder) if not digest else ():
        with file.open("rb") as opened:
            hashlib.file_digest(opened, lambda: total)
    return Weights(name, str(folder), digest or total.hexdigest())


def described(name):
    """Words for tables and tags: "untrained", or the name with the digest of the weights."""
    return "untrained" if name in UNTRAINED else f"{name}, digest {find(name).digest}"


def resolved(precision):
    """``float32`` or ``bfloat16``; ``auto`` is the latter where the machine computes with it in hardware."""
    return _encoder().native_precision() if precision == "auto" else precision


def of_clips(clips, *, weights, precision, batch_seconds=BATCH_SECONDS):
    """Embeddings of samples at 16 kHz, float32 [clips, values], made by one thread or by the GPU."""
    encoder = _encoder()
    with threadpool_limits(1):  # threads wait for each other in every layer: two processes of one are faster
        return encoder.embed(encoder.load(weights), clips, precision=precision, batch_seconds=batch_seconds)


def processes(jobs):
    """How many processes embed: each has a model of its own (1.2 GB for wav2vec2-base), on a GPU there is one."""
    return 1 if _encoder().device().type == "cuda" else jobs


def _encoder():
    from lib.features import encoder  # imports PyTorch: seconds that stored embeddings do not need

    return encoder


def _files(folder):
    """What of a folder decides the numbers, or nothing when a part is missing."""
    config, *weights = (Path(folder) / name for name in ("config.json", *_WEIGHT_FILES))
    there = [file for file in weights if file.is_file()]
    return [config, there[0]] if config.is_file() and there else []


def _from_hub(name):
    """The folder of a model of the hub in the local cache, which is asked first."""
    from huggingface_hub import snapshot_download  # slow to import; only names need it

    for cached in (True, False):
        for weights in _WEIGHT_FILES:
            try:
                folder = snapshot_download(name, allow_patterns=["config.json", weights], local_files_only=cached)
            except Exception as error:  # the HTTP library's, the hub's and the system's errors have no common base
                reason = f"not in the local cache, and the hub says: {str(error).strip().partition(chr(10))[0]}"
                break
            if _files(folder):
                return folder
            reason = f"the hub's model has no {_WANTED}"
    raise InputError(
        f"wav2vec_weights = {name}: {reason}. On a machine with network `hf download {name} --local-dir DIR` fetches "
        "a model; then name the folder. `random` runs without trained weights."
    )
