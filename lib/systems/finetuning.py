"""A pretrained speech encoder that is fine-tuned together with a head."""

import copy
import hashlib
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from safetensors.torch import load_file, save_file

from lib.errors import InputError
from lib.systems import fitting
from lib.systems.modules import Module
from lib.systems.speech import SR, Encoder, LayerMean

_ABOUT, _TUNED, _HEAD = "encoder.json", "tuned.safetensors", "head.pt2"
_LAYER = re.compile(r"0\.model\.encoder\.layers\.(\d+)\.")  # names of parameters: 0 the encoder, 1 the head
_PARTS = {"0": "below the transformer layers", "1": "head"}


class FineTuned(Module):
    """An encoder and a head as a system; the top of the encoder is trained with the head.

    Parameters
    ----------
    encoder : lib.systems.speech.Encoder
    head : torch.nn.Module
        What the encoder's layers put out, ``[batch, layers, frames, width]``, -> log-odds,
        ``[batch, 1]``; with a `lib.systems.speech.LayerMean`.
    """

    packages = ("torch", "transformers", "numpy")

    def __init__(self, encoder, head):
        super().__init__(torch.nn.Sequential(encoder, head.to(encoder.device)))
        self.encoder, self.head = self.module

    def parts(self):
        """How many numbers each part has, and how many of them are trained.

        Returns
        -------
        pandas.DataFrame [one row a part]
            `numbers`, `trained`.
        """
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
        """The encoder's weights, how much of it is trained, and the head with its first weights."""
        digest = hashlib.blake2b(digest_size=8)
        for tensor in self.head.state_dict().values():
            digest.update(tensor.cpu().numpy().tobytes())
        return {**self._about(), "head": repr(self.head), "first_weights": digest.hexdigest()}

    def _about(self):
        found = {name: getattr(self.encoder, name) for name in ("unfrozen_layers", "precision")}
        return {"weights": self.encoder.weights.name, "digest": self.encoder.weights.digest, **found}

    def fit(
        self, fed, *, seed, epochs, steps_per_epoch, batch_size, crop_seconds, encoder_learning_rate,
        head_learning_rate, warm_up, on_epoch=None, state=None,
    ):  # fmt: skip
        """Train in place on random crops with Adam and binary cross-entropy; of the epochs the lowest dev loss counts.

        Parameters
        ----------
        fed : lib.inputs.Fed
            Of one `lib.inputs.Waveform` at 16 kHz, whole.
        seed : int
            Decides the order of trials, the crops and dropout.
        epochs, steps_per_epoch, batch_size : int > 0
        crop_seconds : float > 0
            A crop's place in its recording is drawn anew each time; a shorter recording is
            repeated. What is scored is whole, dev after each epoch too.
        encoder_learning_rate, head_learning_rate : float > 0
            At their height; see `lib.systems.fitting.rate_at`.
        warm_up : float, 0 to 0.5
            Share of the steps in which they rise.
        on_epoch : callable (int, dict) -> None, optional
        state : Path, optional
            As `lib.systems.training.fit` takes it: a fit that finds one goes on from there.

        Returns
        -------
        pandas.DataFrame [one row an epoch, numbered from 1]
            `loss`, `accuracy`, `val_loss`, `val_accuracy`.
        """
        if fed.inputs[0].sr != SR:
            raise InputError(f"sr must be {SR} Hz, as in wav2vec 2.0's training, got {fed.inputs[0].sr}")
        return fitting.fit(
            self, fed, seed=seed, epochs=epochs, steps_per_epoch=steps_per_epoch, batch_size=batch_size,
            length=round(crop_seconds * SR), learning_rates=(encoder_learning_rate, head_learning_rate),
            warm_up=warm_up, on_epoch=on_epoch, state=state,
        )  # fmt: skip

    def groups(self):
        """What is trained, by learning rate: the encoder's top, the head."""
        return list(self.encoder.tuned().values()), list(self.head.parameters())

    def score(self, waves):
        """Log-odds of some recordings, each whole and alone: padding would change what the encoder makes of it."""
        self.encoder.eval()
        if self.exported is None:  # an exported head is in that state for ever
            self.head.eval()
        with torch.no_grad():
            return np.array([self.forward(wave[None]).item() for wave in waves], dtype=np.float64)

    def forward(self, waves):
        """Log-odds, ``[batch]``, of samples, float32 ``[batch, samples]``."""
        return self.module(torch.from_numpy(waves).to(self.encoder.device))[:, 0]

    def first(self):
        """What `restore` needs to undo a fit: what is frozen is not in it."""
        return copy.deepcopy((self.encoder.tuned(), self.head.state_dict()))

    def restore(self, first):
        """Undo a fit in place."""
        tuned, head = first
        self.encoder.model.load_state_dict(tuned, strict=False)
        self.head.load_state_dict(head)

    def save(self, folder):
        """Keep what was trained, the head as a graph, which needs no code of the notebook to be read.

        Of what is frozen the weights' name and digest are kept.
        """
        folder = Path(folder)
        (folder / _ABOUT).write_text(json.dumps(self._about()), encoding="utf-8")
        save_file({name: tensor.detach().cpu() for name, tensor in self.encoder.tuned().items()}, folder / _TUNED)
        exported = self.exported
        if exported is None:
            example = torch.zeros(2, self.encoder.layers, 9, self.encoder.width)
            shapes = ({0: torch.export.Dim("batch", min=1), 2: torch.export.Dim("frames", min=1)},)
            head = copy.deepcopy(self.head).cpu().eval()
            exported = torch.export.export(head, (example,), dynamic_shapes=shapes)
        torch.export.save(exported, folder / _HEAD)

    @classmethod
    def load(cls, folder):
        """The system that `save` kept; it scores and is not trained again.

        Raises
        ------
        InputError
            A part cannot be read, or the encoder's weights are no longer those that were
            tuned.
        """
        folder = Path(folder)
        try:
            about = json.loads((folder / _ABOUT).read_text(encoding="utf-8"))
            tuned, exported = load_file(folder / _TUNED), torch.export.load(folder / _HEAD)
            name, digest = about.pop("weights"), about.pop("digest")
        except Exception as error:  # a broken file raises whatever its reader raises
            raise InputError(f"{folder}: the fine-tuned encoder cannot be read ({str(error)[:200]})") from None
        encoder = Encoder(name, **about)
        if encoder.weights.digest != digest:
            raise InputError(f"wav2vec_weights = {name}: their digest is {encoder.weights.digest}, expected {digest}")
        encoder.model.load_state_dict(tuned, strict=False)
        found = cls(encoder, exported.module())
        found.exported = exported
        return found
