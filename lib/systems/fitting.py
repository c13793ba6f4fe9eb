"""Fine-tuning, epoch by epoch, in a way that can be cut off and goes on with the same result."""

import math
import time

import numpy as np
import pandas as pd
import torch
from tqdm.auto import tqdm

from lib.features.frames import fixed
from lib.systems.modules import shuffled, validation

_SECONDS = 60.0  # between two states that are kept of a fit


def fit(
    system, fed, *, seed, epochs, steps_per_epoch, batch_size, length, learning_rates, warm_up, on_epoch=None,
    state=None,
):  # fmt: skip
    """Train a system in place and leave it as it was after the epoch of the lowest dev loss.

    Parameters
    ----------
    system : lib.systems.finetuning.FineTuned
    length : int > 0, samples
        Of the crops.
    learning_rates : sequence of float
        One for each of the system's `groups`.

    The others, and what comes back, as `FineTuned.fit` has them.
    """
    optimizer = torch.optim.Adam([{"params": tensors} for tensors in system.groups()])
    run, labels = _State(system, optimizer, state), fed.labels["train"]
    for epoch, row in enumerate(run.rows if on_epoch else (), 1):
        on_epoch(epoch, row)
    batches, steps = shuffled(len(labels), batch_size, seed), epochs * steps_per_epoch
    for _ in range(len(run.rows) * steps_per_epoch):
        next(batches)
    for epoch in tqdm(range(len(run.rows) + 1, epochs + 1), desc="fine-tuning", unit="epoch"):
        torch.manual_seed(seed * 10_000 + epoch)  # of dropout: so no state of a generator has to be kept
        system.module.train()
        losses, right = [], []
        for step in range((epoch - 1) * steps_per_epoch, epoch * steps_per_epoch):
            for group, rate in zip(optimizer.param_groups, learning_rates, strict=True):
                group["lr"] = rate * rate_at((step + 0.5) / steps, warm_up)
            positions = next(batches)
            scores = system.forward(crops(fed.load("train", positions)[0], length, [seed, step]))
            genuine = torch.from_numpy(labels[positions]).to(scores)
            loss = torch.nn.functional.binary_cross_entropy_with_logits(scores, genuine)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            right.append(((scores > 0) == (genuine > 0)).float().mean().item())
        dev = validation(system.scores(fed, "dev"), fed.labels["dev"])
        run.add({"loss": np.mean(losses).item(), "accuracy": np.mean(right).item(), **dev}, last=epoch == epochs)
        if not math.isfinite(run.rows[-1]["loss"]):
            break
        if on_epoch:
            on_epoch(epoch, run.rows[-1])
    system.restore(run.best)
    return pd.DataFrame(run.rows, index=pd.RangeIndex(1, len(run.rows) + 1, name="epoch"))


class _State:
    """History, best epoch, weights and optimizer of a fit under way; taken up from its file when that is whole."""

    def __init__(self, system, optimizer, file):
        self.system, self.optimizer, self.file = system, optimizer, file
        self.rows, self.best = [], system.first()
        self.started = self.saved = time.monotonic()
        try:
            found = torch.load(file, map_location=system.encoder.device, weights_only=True)
            system.restore(found["weights"])
            optimizer.load_state_dict(found["optimizer"])
            self.rows, self.best = found["rows"], found["best"]
        except Exception:  # none is kept, or a damaged one, which raises whatever its reader raises
            return

    def add(self, row, *, last):
        """Note an epoch."""
        if row["val_loss"] < min((before["val_loss"] for before in self.rows), default=math.inf):
            self.best = self.system.first()
        self.rows.append(row)
        now = time.monotonic()
        if self.file and (now - self.saved >= _SECONDS or last and now - self.started >= _SECONDS):
            self._save()
            self.saved = now

    def _save(self):
        content = {"rows": self.rows, "best": self.best, "weights": self.system.first()}
        self.file.parent.mkdir(parents=True, exist_ok=True)
        part = self.file.with_suffix(".part")
        torch.save({**content, "optimizer": self.optimizer.state_dict()}, part)
        part.replace(self.file)


def rate_at(share, warm_up):
    """Part of a learning rate after a share of all steps: it rises, stays, and falls in the second half.

    References
    ----------
    A. Baevski et al., "wav2vec 2.0", NeurIPS 2020: a tri-state schedule of 10, 40 and 50 %
    of the updates.

    Examples
    --------
    >>> [rate_at(share, 0.1) for share in (0.05, 0.1, 0.5, 0.75, 1.0)]
    [0.5, 1.0, 1.0, 0.5, 0.0]
    """
    return min(share / warm_up if warm_up else 1.0, 1.0, 2 * (1 - share))


def crops(waves, length, seed):
    """So many samples of each recording from a random place, a short one repeated: float32 ``[recordings, length]``.

    Examples
    --------
    >>> crops([np.arange(3), np.arange(100, 200)], 5, 0).tolist()
    [[0, 1, 2, 0, 1], [181, 182, 183, 184, 185]]
    """
    rng = np.random.default_rng(seed)
    starts = [int(rng.integers(max(len(wave) - length, 0) + 1)) for wave in waves]
    parts = [wave[start : start + length] for wave, start in zip(waves, starts, strict=True)]
    return np.stack([fixed(part[None], length)[0] for part in parts])
