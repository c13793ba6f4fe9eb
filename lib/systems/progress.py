"""How far a fit has come, and the file from which it goes on when it was cut off."""

import json
import math
import time

import numpy as np
import pandas as pd

from lib.files import places

SECONDS = 20.0  # between two states that are kept; a shorter fit is made again sooner than found


class Progress:
    """Epochs of a fit under way, a dict of `loss`, `accuracy`, `val_loss`, `val_accuracy` each.

    `state` and `weights` give lists of arrays: all that decides how the fit goes on, and what is to be
    `best` after the lowest dev loss. `on_epoch(epoch, row)` is told every epoch, those before a cut-off too.
    """

    def __init__(self, file, on_epoch, *, epochs, patience=None, state, weights):
        self.file, self.on_epoch, self.epochs, self.patience = file, on_epoch, epochs, patience
        self.state, self.weights = state, weights
        self.rows, self.best = [], weights()
        self.started = self.saved = time.monotonic()

    @property
    def over(self):
        """Whether the last epoch is done, dev loss was not lower for `patience` of them, or the loss is no number."""
        losses = [row["val_loss"] for row in self.rows]
        waited = len(losses) - 1 - losses.index(min(losses)) if losses else 0
        ended = len(losses) >= self.epochs or bool(self.patience) and waited >= self.patience
        return ended or bool(self.rows) and not math.isfinite(self.rows[-1]["loss"])

    @property
    def history(self):
        """The epochs, a DataFrame of one row each, numbered from 1."""
        return pd.DataFrame(self.rows, index=pd.RangeIndex(1, len(self.rows) + 1, name="epoch"))

    def resumed(self):
        """Take up the file; the arrays of its `state`, or None without a whole one."""
        try:
            with np.load(self.file) as kept:
                about = json.loads(str(kept["about"]))
                arrays = [kept[f"arr_{number}"] for number in range(len(kept.files) - 1)]
        except Exception:  # none is kept, or a damaged one, which raises whatever its reader raises
            return None
        for row in about["rows"]:
            self._note(row)
        self.best = arrays[about["state"] :]
        return arrays[: about["state"]]

    def add(self, row):
        """Note an epoch, and keep the state if the last one is old."""
        if row["val_loss"] < min((before["val_loss"] for before in self.rows), default=math.inf):
            self.best = self.weights()
        self._note(row)
        now = time.monotonic()
        if self.file and now - (self.started if self.over else self.saved) >= SECONDS:
            state = self.state()
            about = json.dumps({"rows": self.rows, "state": len(state)})
            with places.whole_file(self.file) as file:
                np.savez(file, *state, *self.best, about=about)
            self.saved = now

    def _note(self, row):
        self.rows.append(row)
        if self.on_epoch:
            self.on_epoch(len(self.rows), row)
