"""PyTorch modules as systems, trained like the Keras networks: epochs of so many batches."""

import copy
from pathlib import Path

import joblib
import numpy as np
import torch

from lib.errors import InputError
from lib.systems import System, plain, written
from lib.systems.training import Progress


class Module(System):
    """A PyTorch module, inputs -> log-odds ``[batch, 1]``, as a system; channels stand where the input has them."""

    packages = ("torch", "numpy")
    file = "module.pt2"

    def __init__(self, module):
        self.module, self.exported, self._example = module, None, None

    @property
    def parameters(self):
        return sum(tensor.numel() for tensor in self.module.state_dict().values())

    def identity(self):
        return {**described(self.module), "first_weights": joblib.hash(self.first())}

    def fit(self, fed, *, learning_rate, **how):
        """Train in place with Adam and binary cross-entropy, as a Keras fit; the history."""
        self._example = tuple(map(torch.from_numpy, fed.load("train", [0, 1])))
        groups = [list(self.module.parameters())]
        return self.train(fed, groups, lambda trials, _: fed.load("train", trials), lambda _: [learning_rate], **how)

    def train(
        self, fed, groups, load, rates, *, seed, epochs, steps_per_epoch, batch_size, best=False, on_epoch=None,
        state=None,
    ):  # fmt: skip
        """Train `groups` of parameters in place, at the rates after a share of all steps, on what `load` gives."""
        optimizer = torch.optim.Adam([{"params": tensors} for tensors in groups])
        for tensor in (tensor for tensors in groups for tensor in tensors):  # as Adam does when it first meets one
            optimizer.state[tensor] = {"step": torch.tensor(0.0)}
            optimizer.state[tensor] |= {name: torch.zeros_like(tensor) for name in ("exp_avg", "exp_avg_sq")}
        changing = [*self.changing(), *(value for moments in optimizer.state.values() for value in moments.values())]
        weights = self.first if best else list
        progress = Progress(state, on_epoch, epochs=epochs, state=lambda: numbers(changing), weights=weights)
        kept = progress.resumed()
        if kept:
            assign(changing, kept)
        labels, steps = fed.labels["train"], epochs * steps_per_epoch
        batches = shuffled(len(labels), batch_size, seed)
        for _ in range(len(progress.rows) * steps_per_epoch):
            next(batches)
        while not progress.over:
            done = len(progress.rows)
            torch.manual_seed(seed * 10_000 + done + 1)  # of dropout: so no state of a generator has to be kept
            self.module.train()
            losses, right = [], []
            for step in range(done * steps_per_epoch, (done + 1) * steps_per_epoch):
                for group, rate in zip(optimizer.param_groups, rates((step + 0.5) / steps), strict=True):
                    group["lr"] = rate
                trials = next(batches)
                scores = self.forward(*load(trials, step))
                genuine = torch.from_numpy(labels[trials]).to(scores)
                loss = torch.nn.functional.binary_cross_entropy_with_logits(scores, genuine)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                losses.append(loss.item())
                right.append(((scores > 0) == (genuine > 0)).float().mean().item())
            found, dev = self.scores(fed, "dev"), fed.labels["dev"]
            progress.add(
                {
                    "loss": np.mean(losses).item(),
                    "accuracy": np.mean(right).item(),
                    "val_loss": np.logaddexp(0, np.where(dev == 1, -found, found)).mean().item(),
                    "val_accuracy": ((found > 0) == (dev == 1)).mean().item(),
                }
            )
        if best:
            self.restore(progress.best)
        return progress.history

    def score(self, *arrays):
        if self.exported is None:  # an exported module is in that state for ever
            self.module.eval()
        with torch.no_grad():
            return self.forward(*arrays).cpu().numpy().astype(np.float64)

    def forward(self, *arrays):
        """Log-odds, ``[batch]``, with their graph."""
        device = self.changing()[0].device
        found = self.module(*(torch.from_numpy(np.ascontiguousarray(a)).to(device) for a in arrays))
        if found.ndim != 2 or found.shape[1] != 1:
            raise InputError(f"a module must give log-odds of the shape [batch, 1], got {list(found.shape)}")
        return found.squeeze(1)

    def changing(self):
        """Every tensor that a fit may change."""
        return list(self.module.state_dict().values())

    def first(self):
        return [array.copy() for array in numbers(self.changing())]

    def restore(self, first):
        assign(self.changing(), first)

    def save(self, folder):
        self.save_graph(folder, self.module, self._example, {0: torch.export.Dim("batch", min=1)})

    def save_graph(self, folder, module, example, dimensions):
        """Keep a fitted module as a graph, which needs no code of the notebook to be read."""
        exported = self.exported
        if exported is None:
            module = copy.deepcopy(module).cpu().eval()
            exported = torch.export.export(module, example, dynamic_shapes=tuple(dimensions for _ in example))
        torch.export.save(exported, Path(folder) / self.file)

    @classmethod
    def load(cls, folder):
        """The module that `save` kept; it scores and is not trained again."""
        exported = torch.export.load(Path(folder) / cls.file)
        found = cls(exported.module())
        found.exported = exported
        return found


def described(module):
    """What a module computes, beside its weights: its layers, and a digest of their settings and a user's own code."""
    parts = []
    for name, part in module.named_modules():
        settings = {key: plain(value) for key, value in vars(part).items() if key[0] != "_" and key != "training"}
        parts.append((name, type(part).__qualname__, settings, written(type(part))))
    return {"layers": repr(module), "settings": joblib.hash(parts)}


def numbers(tensors):
    """Arrays of what stands in tensors, without a copy where they are on the processor."""
    return [tensor.detach().cpu().numpy() for tensor in tensors]


def assign(tensors, arrays):
    """Set tensors in place."""
    with torch.no_grad():
        for tensor, array in zip(tensors, arrays, strict=True):
            tensor.copy_(torch.from_numpy(array))


def shuffled(count, batch_size, seed):
    """Endless batches of positions; each pass has an order of its own, the last batch reaches over its end."""
    order, rng = [], np.random.default_rng(seed)
    while True:
        while len(order) < batch_size:
            order.extend(rng.permutation(count))
        yield np.array(order[:batch_size])
        del order[:batch_size]
