"""The feature store: what was computed of a corpus, made once and read back.

Layout
------
``<store>/<feature>-<key>/<split>/<chunk>.npy`` holds one array for each of `CHUNK`
trials in protocol order, of images the cells that they show (`lib.features.images`);
``about.json`` beside the splits says in words what the key stands for. The key is a
digest of the corpus, the settings and the code that computes and keeps them, so nothing
stale is ever read. A chunk is written under another name and moved into place when it is
whole: work can be stopped at any moment and goes on where it was.

As recordings are of different lengths, their arrays differ in shape. So a chunk is two
arrays that `numpy.save` wrote one after the other: the values of all its trials in one
row, and their shapes, a row each.
"""

from lib.features.store.chunks import Stored
from lib.features.store.extraction import Images, extract, from_clips
from lib.features.store.filling import filled
from lib.features.wanted import Drawn, Framed

__all__ = ["Drawn", "Framed", "Images", "Stored", "extract", "filled", "from_clips"]
