"""The feature store: what was computed of a corpus, made once and read back.

Layout
------
``<store>/<feature>-<key>/<split>/<chunk>.npy`` holds one array for each of `CHUNK`
trials in protocol order; ``about.json`` beside the splits says in words what the key
stands for. The key is a digest of the corpus, the settings and the code that computes
them, so nothing stale is ever read. A chunk is written under another name and moved
into place when it is whole: work can be stopped at any moment and goes on where it was.
"""

from lib.store.chunks import Stored, pending, write_about, write_chunk
from lib.store.pictures import extract

__all__ = ["Stored", "extract", "pending", "write_about", "write_chunk"]
