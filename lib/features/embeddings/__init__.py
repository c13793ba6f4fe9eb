"""wav2vec 2.0 embeddings: one vector a recording, kept in the store like any feature.

`weights` finds what was asked for and says what it is, `extraction` fills the store,
`encoder` computes. Only `encoder` needs PyTorch, which is imported when there is
something to compute: embeddings that are stored are read without it.
"""

from lib.features.embeddings.extraction import BATCH_SECONDS, PRECISIONS, extract, of_clips, of_recordings, resolved
from lib.features.embeddings.weights import Weights, described, find

__all__ = [
    "BATCH_SECONDS",
    "PRECISIONS",
    "Weights",
    "described",
    "extract",
    "find",
    "of_clips",
    "of_recordings",
    "resolved",
]
