"""A wav2vec 2.0 encoder whose top is fine-tuned together with a head, and the parts that heads are made of."""

import copy
import json

import joblib
import numpy as np
import torch
from safetensors.torch import load_file, save_file
from tqdm.auto import tqdm

from lib.errors import InputError
from lib.features import embeddings
from lib.features import encoder as pretrained
from lib.features.encoder import SR
from lib.features.matrices import fixed
from lib.systems import spread
from lib.systems.modules import Module, described, numbers

_ABOUT, _TUNED = "encoder.json", "tuned.safetensors"


class Encoder(torch.nn.Module):
    """An encoder of its own, frozen but for its top transformer layers: samples -> the output of every layer.

    `weights` as `lib.features.embeddings.find` takes them; `unfrozen_layers` count from the top, all of
    an encoder that has fewer, the convolutions are never trained; `precision` is ``auto``, ``float32``
    or ``bfloat16``, weights are float32 always. Frozen layers work as when they score.
    """

    def __init__(self, weights, *, unfrozen_layers, precision="auto"):
        super().__init__()
        self.weights, self.precision = embeddings.find(weights), embeddings.resolved(precision)
        self.model = copy.deepcopy(pretrained.load(self.weights)).requires_grad_(False)  # others share the loaded one
        pretrained.refuse_narrow(self.model, self.precision)
        there = len(self.model.encoder.layers)
        self.unfrozen_layers, self.layers = min(unfrozen_layers, there), there + 1
        self.width, self.device = self.model.config.hidden_size, self.model.device
        self._top().requires_grad_(True)

    def _top(self):
        return self.model.encoder.layers[self.layers - 1 - self.unfrozen_layers :]

    def train(self, mode=True):
        super().train(False)
        self._top().train(mode)
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
    """Weighted mean over layers, each normalised first, ``[batch, frames, width]`` (S. Yang et al., "SUPERB", 2021)."""

    GAIN = 30.0  # of the logits: Adam moves one by about a learning rate a step, which would leave all layers alike

    def __init__(self, layers):
        super().__init__()
        self.layer_logits = torch.nn.Parameter(torch.zeros(layers))

    def forward(self, hidden):
        weights = (self.GAIN * self.layer_logits).softmax(0)
        return torch.einsum("l,blfw->bfw", weights, torch.nn.functional.layer_norm(hidden, hidden.shape[-1:]))


class Pooling(torch.nn.Module):
    """Mean over time, ``[batch, frames, width]`` -> ``[batch, width]``, or attentive statistics of twice the width.

    Those are mean, then deviation, of frames weighted by what they are (K. Okabe et al., Interspeech 2018).
    """

    def __init__(self, width, *, attentive, units=64):
        super().__init__()
        self.width, self.attention = 2 * width if attentive else width, None
        if attentive:
            layers = torch.nn.Linear(width, units), torch.nn.Tanh(), torch.nn.Linear(units, 1, bias=False)
            self.attention = torch.nn.Sequential(*layers)

    def forward(self, frames):
        if self.attention is None:
            return frames.mean(1)
        weights = self.attention(frames).softmax(1)
        mean = (weights * frames).sum(1)
        variance = (weights * (frames - mean[:, None]).square()).sum(1)
        return torch.cat([mean, (variance + 1e-5).sqrt()], 1)


class FineTuned(Module):
    """An `Encoder` whose top is trained with a head, as a system.

    The head has a `LayerMean` and takes ``[batch, layers, frames, width]`` to log-odds ``[batch, 1]``.
    """

    packages = ("torch", "transformers", "numpy")
    file = "head.pt2"

    def __init__(self, encoder, head):
        super().__init__(torch.nn.Sequential(encoder, head.to(encoder.device)))
        self.encoder, self.head = self.module

    @property
    def layer_weights(self):
        """Share of each layer in what the head sees, float32 ``[layers]``; they add up to 1."""
        (logits,) = (tensor for name, tensor in self.head.state_dict().items() if name.endswith("layer_logits"))
        return (LayerMean.GAIN * logits).softmax(0).cpu().numpy()

    def identity(self):
        first = joblib.hash(numbers(self.head.state_dict().values()))
        return self.encoder.about | {"head": described(self.head), "first_weights": first}

    def fit(self, fed, *, seed, crop_seconds, encoder_learning_rate, head_learning_rate, warm_up, **how):
        """Train in place on random crops of a `Waveform` at 16 kHz; of the epochs the lowest dev loss counts.

        A shorter recording is repeated; what is scored is whole. Learning rates are those at their height,
        `warm_up` (0 to 0.5) is the share of the steps in which they rise; `how` as `train` takes it.
        """
        if fed.inputs[0].sr != SR:
            raise InputError(f"sr must be {SR} Hz, as in wav2vec 2.0's training, got {fed.inputs[0].sr}")
        groups = list(self.encoder.tuned().values()), list(self.head.parameters())

        def load(trials, step):
            return (crops(fed.load("train", trials)[0], round(crop_seconds * SR), [seed, step]),)

        def rates(share):
            return [rate * rate_at(share, warm_up) for rate in (encoder_learning_rate, head_learning_rate)]

        return self.train(fed, groups, load, rates, seed=seed, best=True, **how)

    def score(self, waves):
        """Log-odds of some recordings, each whole and alone: padding would change what the encoder makes of it."""
        return np.concatenate([Module.score(self, wave[None]) for wave in waves])

    def changing(self):
        return [*self.encoder.tuned().values(), *self.head.state_dict().values()]

    def save(self, folder):
        """Keep what was trained, the head as a graph; of what is frozen the weights' name and digest."""
        (folder / _ABOUT).write_text(json.dumps(self.encoder.about), encoding="utf-8")
        save_file({name: tensor.detach().cpu() for name, tensor in self.encoder.tuned().items()}, folder / _TUNED)
        example = torch.zeros(2, self.encoder.layers, 9, self.encoder.width)
        dimensions = {0: torch.export.Dim("batch", min=1), 2: torch.export.Dim("frames", min=1)}
        self.save_graph(folder, self.head, (example,), dimensions)

    @classmethod
    def load(cls, folder):
        about = json.loads((folder / _ABOUT).read_text(encoding="utf-8"))
        tuned, exported = load_file(folder / _TUNED), torch.export.load(folder / cls.file)
        name, expected = about.pop("weights"), about.pop("digest")
        encoder = Encoder(name, **about)
        if encoder.weights.digest != expected:
            raise InputError(f"wav2vec_weights = {name}: their digest is {encoder.weights.digest}, expected {expected}")
        encoder.model.load_state_dict(tuned, strict=False)
        found = cls(encoder, exported.module())
        found.exported = torch.export.load(folder / cls.file)  # anew: on a GPU the head's own weights move there
        return found


def rate_at(share, warm_up):
    """Part of a learning rate after a share of all steps: up, level, down (A. Baevski et al., "wav2vec 2.0", 2020)."""
    return min(share / warm_up if warm_up else 1.0, 1.0, 2 * (1 - share))


def crops(waves, length, seed):
    """So many samples of each recording from a random place, a short one repeated."""
    rng = np.random.default_rng(seed)
    starts = [int(rng.integers(max(len(wave) - length, 0) + 1)) for wave in waves]
    parts = [wave[start : start + length] for wave, start in zip(waves, starts, strict=True)]
    return np.stack([fixed(part[None], length)[0] for part in parts])


def layer_means(encoder, fed, split, trials):
    """Means over time, float32 ``[layers, trials, width]``, and labels, of some trials at most, spread over a split."""
    chosen = spread(len(fed.labels[split]), trials)
    encoder.eval()
    with torch.no_grad():
        waves = (torch.from_numpy(fed.load(split, [trial])[0][0]) for trial in tqdm(chosen, f"layers of {split}"))
        means = [encoder(wave[None].to(encoder.device))[0].mean(1).cpu().numpy() for wave in waves]
    return np.stack(means, 1), fed.labels[split][chosen]
