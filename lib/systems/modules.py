"""PyTorch modules as systems, trained like the Keras networks: epochs of so many batches."""

import copy
import hashlib
import math
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from tqdm.auto import tqdm

from lib.errors import InputError
from lib.systems import System

_FILE = "module.pt2"


class Module(System):
    """A PyTorch module as a system.

    The module takes its inputs to log-odds, ``[batch, 1]``; channels stand where the input has them.

    Examples
    --------
    >>> Module(torch.nn.Linear(4, 1)).parameters
    5
    """

    packages = ("torch", "numpy")

    def __init__(self, module):
        self.module, self.exported, self._example = module, None, None

    @property
    def parameters(self):
        """How many numbers are trained or kept."""
        return sum(tensor.numel() for tensor in self.module.state_dict().values())

    def identity(self):
        """Layers and first weights."""
        digest = hashlib.blake2b(digest_size=8)
        for tensor in self.module.state_dict().values():
            digest.update(tensor.cpu().numpy().tobytes())
        return {"layers": repr(self.module), "first_weights": digest.hexdigest()}

    def fit(self, fed, *, seed, epochs, steps_per_epoch, batch_size, learning_rate, on_epoch=None, state=None):
        """Train in place with Adam and binary cross-entropy, as a Keras fit; begun anew when it was cut off."""
        torch.manual_seed(seed)
        self._example = fed.load("train", [0, 1])
        optimizer = torch.optim.Adam(self.module.parameters(), lr=learning_rate)
        batches, rows = shuffled(len(fed.labels["train"]), batch_size, seed), []
        for epoch in tqdm(range(1, epochs + 1), desc="training", unit="epoch"):
            self.module.train()
            losses, right, seen = 0.0, 0, 0
            for positions, _ in zip(batches, range(steps_per_epoch), strict=False):
                labels = torch.from_numpy(fed.labels["train"][positions].astype(np.float32))
                scores = self._forward(fed.load("train", positions))
                loss = torch.nn.functional.binary_cross_entropy_with_logits(scores, labels)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                losses += loss.item() * len(labels)
                right += int(((scores > 0) == (labels > 0)).sum())
                seen += len(labels)
            dev = self.scores(fed, "dev")
            rows.append({"loss": losses / seen, "accuracy": right / seen, **validation(dev, fed.labels["dev"])})
            if not math.isfinite(rows[-1]["loss"]):
                break
            if on_epoch:
                on_epoch(epoch, rows[-1])
        return pd.DataFrame(rows, index=pd.RangeIndex(1, len(rows) + 1, name="epoch"))

    def score(self, *arrays):
        """Log-odds of some recordings, from what they are fed as."""
        if self.exported is None:  # an exported module is in that state for ever
            self.module.eval()
        with torch.no_grad():
            return self._forward(arrays).numpy().astype(np.float64)

    def _forward(self, arrays):
        return self.module(*_tensors(arrays)).squeeze(1)

    def first(self):
        """What `restore` needs to undo a fit."""
        return copy.deepcopy(self.module.state_dict())

    def restore(self, first):
        """Undo a fit in place."""
        self.module.load_state_dict(first)
        self.exported = None

    def save(self, folder):
        """Keep a fitted module as an exported graph, which needs no code of the notebook to be read."""
        if self.exported is None:
            self.module.eval()
            example = _tensors(self._example)
            shapes = tuple({0: torch.export.Dim("batch", min=1)} for _ in example)
            self.exported = torch.export.export(self.module, example, dynamic_shapes=shapes)
        torch.export.save(self.exported, Path(folder) / _FILE)

    @classmethod
    def load(cls, folder):
        """The module that `save` kept; it scores and is not trained again."""
        try:
            exported = torch.export.load(Path(folder) / _FILE)
            found = cls(exported.module())
        except Exception as error:  # a broken file raises whatever its reader raises
            raise InputError(f"{folder}: the module cannot be read ({str(error)[:200]})") from None
        found.exported = exported
        return found


def _tensors(arrays):
    return tuple(torch.from_numpy(np.ascontiguousarray(array)) for array in arrays)


def shuffled(count, batch_size, seed):
    """Endless batches of positions; each pass has an order of its own, the last batch reaches over its end."""
    order, rng = [], np.random.default_rng(seed)
    while True:
        while len(order) < batch_size:
            order.extend(rng.permutation(count))
        yield np.array(order[:batch_size])
        del order[:batch_size]


def validation(scores, labels):
    loss = np.logaddexp(0, np.where(labels == 1, -scores, scores)).mean()
    return {"val_loss": float(loss), "val_accuracy": float(((scores > 0) == (labels == 1)).mean())}
