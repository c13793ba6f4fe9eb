"""The wav2vec 2.0 encoder (A. Baevski et al., NeurIPS 2020): samples in, one vector a recording out.

wav2vec2-base normalises its first convolution over all time steps, padding too: here the convolutions see each
recording alone, whose vector is then the same in any batch, to the rounding of its precision.
"""

from functools import lru_cache

import numpy as np
import torch
from transformers import Wav2Vec2Config, Wav2Vec2FeatureExtractor, Wav2Vec2Model
from transformers.utils import logging

from lib.errors import InputError, one_line
from lib.features.embeddings import SEED, UNTRAINED

torch.backends.cudnn.allow_tf32 = False  # on a GPU convolutions round float32 to 10 bits otherwise
_NARROW = 16  # channels of a group that are computed rightly in bfloat16
SR = 16_000  # Hz; the rate of the speech that wav2vec 2.0 is trained on


def device():
    """The first GPU when there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def native_precision():
    """``bfloat16`` where the machine computes with it in hardware, else ``float32``."""
    if device().type == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        has = torch.cpu.get_capabilities()
        native = has.get("avx512_bf16") or has.get("amx_bf16")
    return "bfloat16" if native else "float32"


@lru_cache(maxsize=1)
def load(weights):
    """The encoder with its weights (`Weights`), on the device, ready to infer; InputError when they do not fit."""
    if weights.folder is None:
        with torch.random.fork_rng(devices=()):
            torch.manual_seed(SEED)
            return Wav2Vec2Model(Wav2Vec2Config(**UNTRAINED[weights.name])).eval().to(device())
    logging.set_verbosity_error()  # it lists the weights of the pre-training heads, which are left out here
    how = {"dtype": torch.float32, "local_files_only": True, "output_loading_info": True}
    try:
        model, found = Wav2Vec2Model.from_pretrained(weights.folder, **how)
    except Exception as error:  # a broken file raises whatever its reader raises
        raise InputError(f"{weights.folder}: the weights cannot be read ({one_line(error)})") from None
    missing = sorted(set(found["missing_keys"]) - {"masked_spec_embed"})  # that one is for training only
    if missing:
        what = f"{len(missing)} are missing, {missing[0]} among them"
        raise InputError(f"{weights.folder}: not the weights of a wav2vec 2.0 encoder ({what})")
    return model.eval().to(device())


def refuse_narrow(model, precision):
    """InputError where a processor would compute the positional convolution wrongly (oneDNN 3.12, with AMX)."""
    channels = model.config.hidden_size // model.config.num_conv_pos_embedding_groups
    if precision == "bfloat16" and model.device.type == "cpu" and channels < _NARROW:
        raise InputError(
            f"precision = bfloat16: this encoder's positional convolution has {channels} channels a group, which some "
            f"processors compute wrongly; must be at least {_NARROW}, or set precision to float32"
        )


def embed(model, clips, *, precision, batch_seconds):
    """The mean over time of the last hidden state of each clip (float32 at 16 kHz), float32 [clips, hidden size].

    Batches hold at most `batch_seconds` of padded audio; with 0 each recording is alone.
    """
    refuse_narrow(model, precision)
    where = next(model.parameters()).device
    vectors = np.empty((len(clips), model.config.hidden_size), np.float32)
    with torch.no_grad(), torch.autocast(where.type, torch.bfloat16, enabled=precision == "bfloat16"):
        for batch in batches([len(y) for y in clips], batch_seconds * SR):
            scaled = Wav2Vec2FeatureExtractor.zero_mean_unit_var_norm([clips[i] for i in batch], None)
            vectors[batch] = _pooled(model, [torch.from_numpy(y).to(where) for y in scaled]).cpu().numpy()
    return vectors


def batches(lengths, limit):
    """Numbers of recordings in batches of about the same length, each padded at most `limit` samples or alone."""
    batch = []
    for number in np.argsort(lengths, kind="stable"):
        if batch and lengths[number] * (len(batch) + 1) > limit:
            yield batch
            batch = []
        batch.append(int(number))
    if batch:
        yield batch


def _pooled(model, clips):
    frames = [model.feature_extractor(y[None])[0].T for y in clips]
    counts = torch.tensor([len(f) for f in frames], device=frames[0].device)
    padded = torch.nn.utils.rnn.pad_sequence(frames, batch_first=True)
    own = torch.arange(padded.shape[1], device=counts.device) < counts[:, None]
    hidden, _ = model.feature_projection(padded)
    hidden = model.encoder(hidden, attention_mask=own).last_hidden_state.float()
    return (hidden * own[..., None]).sum(1) / counts[:, None]
