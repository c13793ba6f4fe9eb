"""A wav2vec 2.0 encoder whose top can be trained, and what turns its layers into one vector a recording."""

import copy

import numpy as np
import torch
from tqdm.auto import tqdm

from lib.features import embeddings
from lib.features import encoder as pretrained
from lib.systems import spread

SR = pretrained.SR


class Encoder(torch.nn.Module):
    """An encoder of its own, frozen but for its top transformer layers: samples -> the output of every layer.

    `weights` as `lib.features.embeddings.find` takes them, or raises InputError; `unfrozen_layers`
    count from the top, all of an encoder that has fewer, the convolutions are never trained;
    `precision` is ``auto``, ``float32`` or ``bfloat16``, weights are float32 always. Frozen layers work
    as when they score: without dropout, and without the masks and skipped layers of pre-training.
    """

    def __init__(self, weights, *, unfrozen_layers, precision="auto"):
        super().__init__()
        self.weights, self.precision = embeddings.find(weights), embeddings.resolved(precision)
        self.model = copy.deepcopy(pretrained.load(self.weights)).requires_grad_(False)  # others share the loaded one
        there = len(self.model.encoder.layers)
        self.unfrozen_layers, self.layers = min(unfrozen_layers, there), there + 1
        self.width, self.device = self.model.config.hidden_size, self.model.device
        for layer in self._top():
            layer.requires_grad_(True)

    def _top(self):
        return self.model.encoder.layers[len(self.model.encoder.layers) - self.unfrozen_layers :]

    def train(self, mode=True):
        """Training mode for what is trained."""
        super().train(False)
        for layer in self._top():
            layer.train(mode)
        return self

    @property
    def about(self):
        """What its numbers follow from, beside what is trained."""
        found = {"weights": self.weights.name, "digest": self.weights.digest}
        return found | {"unfrozen_layers": self.unfrozen_layers, "precision": self.precision}

    def tuned(self):
        """Name -> each tensor that is trained."""
        return {name: tensor for name, tensor in self.model.named_parameters() if tensor.requires_grad}

    def forward(self, waves):
        """float32 ``[batch, layers, frames, width]`` of ``[batch, samples]``; layer 0 is what the convolutions give."""
        waves = waves - waves.mean(1, keepdim=True)
        waves = waves / (waves.square().mean(1, keepdim=True) + 1e-7).sqrt()  # as the encoders were trained
        with torch.autocast(waves.device.type, torch.bfloat16, enabled=self.precision == "bfloat16"):
            found = self.model(waves, output_hidden_states=True)
        last = found.last_hidden_state  # where it is normalised once more, `hidden_states` lacks that
        return torch.stack([hidden.float() for hidden in (*found.hidden_states[:-1], last)], 1)


class LayerMean(torch.nn.Module):
    """Weighted mean over layers, ``[batch, frames, width]``, after S. Yang et al., "SUPERB", Interspeech 2021.

    Every layer is brought to mean 0 and variance 1 in each frame first, so that a softmax weight
    says how much of its layer is used.
    """

    # Adam moves a number by about a learning rate a step, so that 1,000 steps of 1e-4 would leave all
    # layers nearly alike: the softmax sees the numbers this many times as large.
    GAIN = 30.0

    def __init__(self, layers):
        super().__init__()
        self.layer_logits = torch.nn.Parameter(torch.zeros(layers))

    def forward(self, hidden):
        weights = (self.GAIN * self.layer_logits).softmax(0)
        return torch.einsum("l,blfw->bfw", weights, torch.nn.functional.layer_norm(hidden, hidden.shape[-1:]))


class MeanOverTime(torch.nn.Module):
    """``[batch, frames, width]`` -> ``[batch, width]``."""

    def __init__(self, width):
        super().__init__()
        self.width = width

    def forward(self, frames):
        return frames.mean(1)


class AttentiveStatistics(torch.nn.Module):
    """Mean, then deviation over time, of frames weighted by what they are: twice the width (K. Okabe et al., 2018)."""

    def __init__(self, width, units=64):
        super().__init__()
        layers = torch.nn.Linear(width, units), torch.nn.Tanh(), torch.nn.Linear(units, 1, bias=False)
        self.attention = torch.nn.Sequential(*layers)
        self.width = 2 * width

    def forward(self, frames):
        weights = self.attention(frames).softmax(1)
        mean = (weights * frames).sum(1)
        variance = (weights * (frames - mean[:, None]).square()).sum(1)
        return torch.cat([mean, (variance + 1e-5).sqrt()], 1)


def layer_means(encoder, fed, split, trials):
    """Means over time, float32 ``[layers, trials, width]``, and labels, of some trials at most, spread over a split."""
    chosen = spread(len(fed.labels[split]), trials)
    encoder.eval()
    with torch.no_grad():
        waves = (torch.from_numpy(fed.load(split, [trial])[0][0]) for trial in tqdm(chosen, f"layers of {split}"))
        means = [encoder(wave[None].to(encoder.device))[0].mean(1).cpu().numpy() for wave in waves]
    return np.stack(means, 1), fed.labels[split][chosen]
