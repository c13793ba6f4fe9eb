"""A corpus: protocols, layouts, and the trials of a folder, on disk or at a URL.

A *trial* is one recording under test, named by its file stem (``T_1000001``). Labels are numbers in every array of the
study, **1 = genuine, 0 = spoof**, as `GENUINE`, `SPOOF` and `LABEL_NAMES` define here.
"""

from lib.corpus.folder import Corpus, open_corpus, read_trials
from lib.corpus.protocol import GENUINE, LABEL_NAMES, SPLITS, SPOOF, UNKNOWN, read_protocol
