"""What a corpus is: protocols, layouts, and the trials of a folder, on disk or at a URL.

Conventions
-----------
A *trial* is one recording under test, named by its file stem (``T_1000001``).
A *protocol* is a table with one row a trial, in the order of its file.
Labels are numbers in every array of the study: **1 = genuine, 0 = spoof**. This is
the one place that says so; `GENUINE`, `SPOOF` and `LABEL_NAMES` carry it.
"""

from lib.corpus.folder import Corpus, open_corpus, read_trials
from lib.corpus.protocol import GENUINE, LABEL_NAMES, SPLITS, SPOOF, UNKNOWN, read_protocol

__all__ = [
    "GENUINE",
    "LABEL_NAMES",
    "SPLITS",
    "SPOOF",
    "UNKNOWN",
    "Corpus",
    "open_corpus",
    "read_protocol",
    "read_trials",
]
