"""A wav2vec 2.0 encoder whose top can be trained, and what turns its layers into one vector a recording."""

import copy

import numpy as np
import torch
from tqdm.auto import tqdm

from lib.features import embeddings
from lib.features import encoder as pretrained

SR = pretrained.SR


class Encoder(torch.nn.Module):
    """An encoder of its own, frozen but for its top transformer layers: samples -> the output of every layer.

    Parameters
    ----------
    weights : str
        As `lib.features.embeddings.find` takes them.
    unfrozen_layers : int >= 0
        Transformer layers that are trained, counted from the top; all of an encoder that
        has fewer. The convolutions below them never are.
    precision : str
        ``auto``, ``float32`` or ``bfloat16``; weights are float32 always.

    Raises
    ------
    InputError
        The weights cannot be had.

    Notes
    -----
    Frozen layers work as they do when they score: without dropout, and without the masks
    and skipped layers of pre-training.

    Examples
    --------
    >>> encoder = Encoder("random", unfrozen_layers=1, precision="float32")
    >>> encoder(torch.ones(1, 16_000)).shape  # recordings, layers, frames, values
    torch.Size([1, 3, 49, 768])
    """

    def __init__(self, weights, *, unfrozen_layers, precision="auto"):
        super().__init__()
        self.weights, self.precision = embeddings.find(weights), embeddings.resolved(precision)
        self.model = copy.deepcopy(pretrained.load(self.weights)).requires_grad_(False)  # others share the loaded one
        there = len(self.model.encoder.layers)
        self.unfrozen_layers, self.layers = min(unfrozen_layers, there), there + 1
        self.width = self.model.config.hidden_size
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
    def device(self):
        """Where it computes."""
        return next(self.model.parameters()).device

    def tuned(self):
        """Name -> each tensor that is trained."""
        return {name: tensor for name, tensor in self.model.named_parameters() if tensor.requires_grad}

    def forward(self, waves):
        """Outputs, float32 ``[batch, layers, frames, width]``, of samples ``[batch, samples]`` of any scale.

        Layer 0 is what the convolutions hand to the transformer.
        """
        waves = waves - waves.mean(1, keepdim=True)
        waves = waves / (waves.square().mean(1, keepdim=True) + 1e-7).sqrt()  # as the encoders were trained
        with torch.autocast(waves.device.type, torch.bfloat16, enabled=self.precision == "bfloat16"):
            found = self.model(waves, output_hidden_states=True)
        last = found.last_hidden_state  # where it is normalised once more, `hidden_states` lacks that
        return torch.stack([hidden.float() for hidden in (*found.hidden_states[:-1], last)], 1)


class LayerMean(torch.nn.Module):
    """Weighted mean over layers: ``[batch, layers, frames, width]`` -> ``[batch, frames, width]``.

    Every layer is brought to mean 0 and variance 1 in each frame first, so that a weight says
    how much of its layer is used.

    References
    ----------
    S. Yang et al., "SUPERB: Speech processing universal performance benchmark",
    Interspeech 2021: softmax weights over frozen layers.
    """

    # Adam moves a number by about a learning rate a step, so that 1,000 steps of 1e-4 would leave all
    # layers nearly alike: the softmax sees the numbers this many times as large.
    GAIN = 30.0

    def __init__(self, layers):
        super().__init__()
        self.layer_logits = torch.nn.Parameter(torch.zeros(layers))

    def forward(self, hidden):
        """The mean, float32."""
        weights = (self.GAIN * self.layer_logits).softmax(0)
        return torch.einsum("l,blfw->bfw", weights, torch.nn.functional.layer_norm(hidden, hidden.shape[-1:]))


class MeanOverTime(torch.nn.Module):
    """``[batch, frames, width]`` -> ``[batch, width]``."""

    def __init__(self, width):
        super().__init__()
        self.width = width

    def forward(self, frames):
        """The mean, float32."""
        return frames.mean(1)


class AttentiveStatistics(torch.nn.Module):
    """Mean and deviation over time, frames weighted by what they are: ``[batch, frames, width]`` -> twice the width.

    References
    ----------
    K. Okabe, T. Koshinaka, K. Shinoda, "Attentive statistics pooling for deep speaker
    embedding", Interspeech 2018.
    """

    def __init__(self, width, units=64):
        super().__init__()
        self.attention = torch.nn.Sequential(
            torch.nn.Linear(width, units), torch.nn.Tanh(), torch.nn.Linear(units, 1, bias=False)
        )
        self.width = 2 * width

    def forward(self, frames):
        """Weighted means, then deviations, float32."""
        weights = self.attention(frames).softmax(1)
        mean = (weights * frames).sum(1)
        variance = (weights * (frames - mean[:, None]).square()).sum(1)
        return torch.cat([mean, (variance + 1e-5).sqrt()], 1)


def layer_means(encoder, fed, split, trials):
    """Mean over time of every layer, for trials spread evenly over a split.

    Parameters
    ----------
    encoder : Encoder
    fed : lib.inputs.Fed
        Of one `lib.inputs.Waveform`.
    split : str
    trials : int > 0
        At most.

    Returns
    -------
    means : numpy.ndarray [shape=(layers, trials, width), float32]
    labels : numpy.ndarray [shape=(trials,)]
    """
    count = len(fed.labels[split])
    chosen = np.linspace(0, count - 1, min(count, trials)).round().astype(int)
    encoder.eval()
    with torch.no_grad():
        waves = (torch.from_numpy(fed.load(split, [trial])[0][0]) for trial in tqdm(chosen, f"layers of {split}"))
        means = [encoder(wave[None].to(encoder.device))[0].mean(1).cpu().numpy() for wave in waves]
    return np.stack(means, 1), fed.labels[split][chosen]
