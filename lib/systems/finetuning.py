"""A pretrained speech encoder that is fine-tuned together with a head."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from safetensors.torch import load_file, save_file

from lib.errors import InputError
from lib.features.frames import fixed
from lib.systems import digest
from lib.systems.modules import Module, numbers, train
from lib.systems.speech import SR, Encoder, LayerMean

_ABOUT, _TUNED = "encoder.json", "tuned.safetensors"
_LAYER = re.compile(r"0\.model\.encoder\.layers\.(\d+)\.")  # names of parameters: 0 the encoder, 1 the head
_PARTS = {"0": "below the transformer layers", "1": "head"}


class FineTuned(Module):
    """An encoder (`lib.systems.speech.Encoder`) whose top is trained with a head, as a system.

    The head, a torch.nn.Module with a `lib.systems.speech.LayerMean`, takes what the encoder's
    layers put out, ``[batch, layers, frames, width]``, to log-odds, ``[batch, 1]``.
    """

    packages = ("torch", "transformers", "numpy")
    file = "head.pt2"

    def __init__(self, encoder, head):
        super().__init__(torch.nn.Sequential(encoder, head.to(encoder.device)))
        self.encoder, self.head = self.module

    def parts(self):
        """How many `numbers` each part has, and how many are `trained`: a DataFrame of one row a part."""
        rows = {}
        for name, tensor in self.module.named_parameters():
            layer = _LAYER.match(name)
            part = f"transformer layer {int(layer[1]) + 1}" if layer else _PARTS[name[0]]
            row = rows.setdefault(part, {"numbers": 0, "trained": 0})
            row["numbers"] += tensor.numel()
            row["trained"] += tensor.numel() * tensor.requires_grad
        return pd.DataFrame.from_dict(rows, orient="index")

    @property
    def layer_weights(self):
        """Share of each layer in what the head sees, float32 ``[layers]``; they add up to 1."""
        (logits,) = (tensor for name, tensor in self.head.state_dict().items() if name.endswith("layer_logits"))
        return (LayerMean.GAIN * logits).softmax(0).cpu().numpy()

    def identity(self):
        first = digest(numbers(self.head.state_dict().values()))
        return self.encoder.about | {"head": repr(self.head), "first_weights": first}

    def fit(self, fed, *, seed, crop_seconds, encoder_learning_rate, head_learning_rate, warm_up, **how):
        """Train in place on random crops with Adam and binary cross-entropy; of the epochs the lowest dev loss counts.

        `fed` has one whole `lib.inputs.Waveform` at 16 kHz. A crop's place in its recording is drawn
        anew each time, a shorter recording is repeated; what is scored is whole, dev after each epoch
        too. Learning rates are those at their height, `warm_up` (0 to 0.5) is the share of the steps
        in which they rise; `how` as `lib.systems.modules.train` takes it.
        """
        if fed.inputs[0].sr != SR:
            raise InputError(f"sr must be {SR} Hz, as in wav2vec 2.0's training, got {fed.inputs[0].sr}")
        groups = list(self.encoder.tuned().values()), list(self.head.parameters())

        def load(trials, step):
            return (crops(fed.load("train", trials)[0], round(crop_seconds * SR), [seed, step]),)

        def rates(share):
            return [rate * rate_at(share, warm_up) for rate in (encoder_learning_rate, head_learning_rate)]

        return train(self, fed, groups, load, rates, seed=seed, best=True, **how)

    def score(self, waves):
        """Log-odds of some recordings, each whole and alone: padding would change what the encoder makes of it."""
        return np.concatenate([Module.score(self, wave[None]) for wave in waves])

    def changing(self):
        return [*self.encoder.tuned().values(), *self.head.state_dict().values()]

    def save(self, folder):
        """Keep what was trained, the head as a graph; of what is frozen the weights' name and digest."""
        folder = Path(folder)
        (folder / _ABOUT).write_text(json.dumps(self.encoder.about), encoding="utf-8")
        save_file({name: tensor.detach().cpu() for name, tensor in self.encoder.tuned().items()}, folder / _TUNED)
        example = torch.zeros(2, self.encoder.layers, 9, self.encoder.width)
        dimensions = {0: torch.export.Dim("batch", min=1), 2: torch.export.Dim("frames", min=1)}
        self.save_graph(folder, self.head, (example,), dimensions)

    @classmethod
    def load(cls, folder):
        """The system that `save` kept; InputError when its encoder's weights are no longer those that it had."""
        about = json.loads((folder / _ABOUT).read_text(encoding="utf-8"))
        tuned, exported = load_file(folder / _TUNED), torch.export.load(folder / cls.file)
        name, expected = about.pop("weights"), about.pop("digest")
        encoder = Encoder(name, **about)
        if encoder.weights.digest != expected:
            raise InputError(f"wav2vec_weights = {name}: their digest is {encoder.weights.digest}, expected {expected}")
        encoder.model.load_state_dict(tuned, strict=False)
        found = cls(encoder, exported.module())
        found.exported = exported
        return found


def rate_at(share, warm_up):
    """Part of a learning rate after a share of all steps: it rises, stays, and falls in the second half.

    Of A. Baevski et al., "wav2vec 2.0", NeurIPS 2020: 10, 40 and 50 % of the updates.
    """
    return min(share / warm_up if warm_up else 1.0, 1.0, 2 * (1 - share))


def crops(waves, length, seed):
    """So many samples of each recording from a random place, a short one repeated: float32 ``[recordings, length]``."""
    rng = np.random.default_rng(seed)
    starts = [int(rng.integers(max(len(wave) - length, 0) + 1)) for wave in waves]
    parts = [wave[start : start + length] for wave, start in zip(waves, starts, strict=True)]
    return np.stack([fixed(part[None], length)[0] for part in parts])
