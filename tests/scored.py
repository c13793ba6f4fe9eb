"""What the tests of scoring share."""

import numpy as np
from conftest import SR

from lib.judgement import domain

# What a run was made on, when every recording is of that kind.
ANYTHING = {
    "sr": SR, "seconds": 1.0, "ranges": dict.fromkeys(domain.CUES, (-np.inf, np.inf)), "center": np.zeros(72),
    "whitening": np.zeros((1, 72)), "distance": 1.0, "scores": (-np.inf, np.inf), "notes": [],
}  # fmt: skip
