"""The feature store: what was computed of a corpus, made once and read back.

Layout
------
``<store>/<feature>-<key>/<split>/<chunk>.npy`` holds one array for each of `CHUNK`
trials in protocol order, of pictures the cells that they show (`lib.features.images`);
``about.json`` beside the splits says in words what the key stands for. The key is a
digest of the corpus, the settings and the code that computes and keeps them, so nothing
stale is ever read. A chunk is written under another name and moved into place when it is
whole: work can be stopped at any moment and goes on where it was.

As a picture of 200 x 200 pixels shows 20 x 100 cells of an MFCC, its arrays differ in
shape. So a chunk is two arrays that `numpy.save` wrote one after the other: the values
of all its trials in one row, and their shapes, a row each.
"""

from lib.features.store.chunks import Stored, pending, write_about, write_chunk
from lib.features.store.pictures import Pictures, extract

__all__ = ["Pictures", "Stored", "extract", "pending", "write_about", "write_chunk"]
