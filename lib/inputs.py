"""What a system is fed: values that a notebook names and a run keeps.

The same value feeds a system from the store, when it is fitted, and from samples, when it
scores recordings of any kind, so the two cannot differ.
"""

from dataclasses import asdict, dataclass, replace
from functools import cached_property, lru_cache, partial

import numpy as np
from tqdm.auto import tqdm

from lib import audio
from lib.audio.augmentation import AUGMENTATIONS
from lib.corpus import SPLITS
from lib.errors import InputError
from lib.features import FEATURES, FeatureSettings, embeddings, settings_from, store
from lib.features.augment import augmented
from lib.features.chunks import CHUNK
from lib.features.frames import fixed, normalised, with_deltas
from lib.features.images import colormap, stretched
from lib.params.schema import judged

BLOCK = 16  # recordings that are scored at a time: what a network computes of them fits the processor's cache

# How the values 0 to 255 of an image reach a system. Not stated in the report.
PIXEL_RANGES = {"0-255": (1.0, 0.0), "0-1": (1 / 255, 0.0), "-1-1": (2 / 255, -1.0)}


@dataclass(frozen=True)
class Image:
    """A feature as a coloured image, float32 ``[size, size, 3]``.

    Examples
    --------
    >>> Image("mfcc", "coolwarm", "-1-1").shape
    (200, 200, 3)
    """

    feature: str  # one of `lib.features.FEATURES`
    colours: str = "magma"  # a matplotlib colormap
    pixel_range: str = "0-255"  # one of `PIXEL_RANGES`
    size: int = 200  # pixels
    settings: FeatureSettings = FeatureSettings()

    @property
    def shape(self):
        """Of what a system sees of one recording."""
        return self.size, self.size, 3

    def resolved(self, values):
        """With the size and the analysis settings of a run."""
        return replace(self, size=values["image_size"], settings=settings_from(values))

    @property
    def wanted(self):
        """What the store keeps for it."""
        return store.Wanted(self.feature, self.settings, self.size)

    def shown(self, kept):
        """Kept images, uint8 ``[trials, size, size]``, as a system sees them."""
        values = _colour_values(self.colours, self.pixel_range)
        return values.take(kept, axis=0)  # NumPy looks up twice as many a second as tf.gather


@lru_cache(maxsize=64)
def _colour_values(colours, pixel_range):
    """What a system sees of each of the 256 positions in a colormap, float32 ``[256, 3]``."""
    if pixel_range not in PIXEL_RANGES:
        raise InputError(f"pixel_range = {pixel_range!r}: must be one of {', '.join(PIXEL_RANGES)}")
    scale, offset = PIXEL_RANGES[pixel_range]
    return colormap(colours).astype(np.float32) * np.float32(scale) + np.float32(offset)


@dataclass(frozen=True)
class Matrix:
    """A feature as numbers, float32: ``[trials, rows, frames, 1]``, or a list of ``[rows, frames]`` of any length."""

    feature: str  # one of `lib.features.FEATURES`
    normalisation: str = "none"  # none, mean or cmvn, over the frames of each recording
    deltas: int = 0  # frames of the slopes of first and second order that stand below the feature; 0 for none
    frames: int = 0  # that recordings are repeated or cut to; 0 keeps each whole
    settings: FeatureSettings = FeatureSettings()
    lengths: tuple = ()  # n_fft, win_length, hop_length of its own, samples; those of the run without

    def resolved(self, values):
        """With the analysis settings of a run, or with its own lengths."""
        own = zip(("n_fft", "win_length", "hop_length"), self.lengths, strict=True) if self.lengths else ()
        return replace(self, settings=settings_from({**values, **dict(own)}))

    @property
    def wanted(self):
        """What the store keeps for it."""
        return store.Wanted(self.feature, self.settings)

    def shown(self, kept):
        """Kept matrices as a system sees them."""
        found = [normalised(with_deltas(m, self.deltas) if self.deltas else m, self.normalisation) for m in kept]
        return np.stack([fixed(m, self.frames) for m in found])[..., None] if self.frames else found


@dataclass(frozen=True)
class Embedding:
    """A wav2vec 2.0 embedding, float32 ``[values, 1]``."""

    weights: str  # as `lib.features.embeddings.find` takes them
    precision: str = "auto"  # auto, float32 or bfloat16
    digest: str = ""  # of the weights' content, empty until they are found
    sr: int = 16_000  # Hz

    def resolved(self, values):
        """With the precision of this machine, and the weights that stand under the name."""
        found = embeddings.find(self.weights)
        if self.digest not in ("", found.digest):
            raise InputError(
                f"wav2vec_weights = {self.weights}: their digest is now {found.digest}, expected {self.digest}"
            )
        precision = embeddings.resolved(self.precision)
        return replace(self, precision=precision, digest=found.digest, sr=values.get("sr", self.sr))

    @property
    def wanted(self):
        """What is kept for it: itself."""
        return self

    def shown(self, kept):
        """Kept vectors as a system sees them, with one channel."""
        return np.asarray(kept)[..., None]


@dataclass(frozen=True)
class Waveform:
    """The samples themselves, float32 ``[samples]``."""

    seconds: float = 0.0  # that recordings are repeated or cut to; 0 keeps each whole
    sr: int = 16_000  # Hz

    def resolved(self, values):
        """At the rate of a run."""
        return replace(self, sr=values.get("sr", self.sr))

    @property
    def wanted(self):
        """What is kept for it: itself, nothing in the store."""
        return self

    def shown(self, kept):
        """Samples as a system sees them."""
        length = round(self.seconds * self.sr)
        return np.stack([fixed(y[None], length)[0] for y in kept]) if length else list(kept)


_KINDS = {kind.__name__: kind for kind in (Image, Matrix, Embedding, Waveform)}


def as_json(inputs):
    """Inputs as plain values, for ``inputs.json``."""
    return [{"kind": type(item).__name__, **asdict(item)} for item in inputs]


def from_json(content):
    """The inputs that `as_json` wrote; InputError when weights are no longer those that were named."""
    found = []
    for values in content:
        values = dict(values)
        kind = _KINDS.get(values.pop("kind", None))
        if kind is None:
            raise InputError(f"inputs.json: unknown kind of input; there are {', '.join(_KINDS)}")
        if values.get("feature", FEATURES[0]) not in FEATURES:
            raise InputError(f"inputs.json: unknown feature {values['feature']!r}; there are {', '.join(FEATURES)}")
        if "size" in values:
            judged("image_size", values["size"], None, "inputs.json")
        if "settings" in values:
            values["settings"] = FeatureSettings(**values["settings"])
        if "lengths" in values:
            values["lengths"] = tuple(values["lengths"])  # JSON has lists
        item = kind(**values)
        found.append(item.resolved({}) if isinstance(item, Embedding) else item)
    return tuple(found)


def rate(inputs):
    """The rate of the recordings that inputs are made from, Hz."""
    return getattr(inputs[0], "settings", inputs[0]).sr


@dataclass(frozen=True)
class Fed:
    """Inputs of a corpus, ready to be read."""

    inputs: tuple  # of Image, Matrix, Embedding or Waveform, in the order in which a system takes them
    corpus: object  # lib.corpus.Corpus
    kept: tuple  # for each input what the store holds of it
    augmentation: str = "none"  # of training images: none, audio or image; see `lib.features.augment`
    seed: int = 0  # decides the augmentation
    waveform: tuple = ()  # augmentations of training recordings, see `lib.audio.augmentation`
    copies: int = 0  # changed copies of each training recording, which follow the recordings themselves

    @cached_property
    def labels(self):
        """Split -> labels in protocol order, those of changed copies behind them."""
        found = {split: self.corpus.split(split)["label"].to_numpy() for split in SPLITS}
        return found | {"train": np.tile(found["train"], 1 + self.copies)}

    def load(self, split, positions, copy=0):
        """What a system is fed of some trials, by their numbers in protocol order.

        A tuple, one array (or list of matrices) an input. `copy` is the changed copy of
        training images; 0 is the image itself.
        """
        return tuple(source(positions, copy) for source in self.sources(split))

    def sources(self, split):
        """One function (positions, copy) -> array for each input."""
        return [partial(self._load, split, item, kept) for item, kept in zip(self.inputs, self.kept, strict=True)]

    def _load(self, split, item, kept, positions, copy=0):
        if not isinstance(item, Image):
            return item.shown(kept.arrays(split, positions))
        rows = kept.batch(split, positions)
        if split == "train" and self.augmentation != "none":
            rows = augmented(rows, positions, self.augmentation, copy=copy, seed=self.seed)
        return item.shown(rows)

    def changed(self, **changes):
        """With another augmentation or seed, or with the same change to every input (as `pixel_range`)."""
        own = {name: changes.pop(name) for name in ("augmentation", "seed") if name in changes}
        return replace(self, inputs=tuple(replace(item, **changes) for item in self.inputs), **own)

    def only(self, number):
        """The same with one of its inputs alone."""
        return replace(self, inputs=(self.inputs[number],), kept=(self.kept[number],))

    def copied(self, waveform, copies=1):
        """With changed copies of each training recording behind the recordings, made when they are first asked for.

        Parameters
        ----------
        waveform : sequence of str
            Of `lib.audio.augmentation.AUGMENTATIONS`; each copy gets one of them by chance.
        copies : int > 0
        """
        made = _Copies(self.inputs, self.corpus, tuple(waveform), copies, self.seed)
        kept = tuple(_Copied(kept, item, made) for item, kept in zip(self.inputs, self.kept, strict=True))
        return replace(self, kept=kept, waveform=tuple(waveform), copies=copies)

    def recorded(self):
        """Without the changed copies: what a system is scored on."""
        return replace(self, kept=tuple(getattr(kept, "kept", kept) for kept in self.kept), waveform=(), copies=0)

    def identity(self):
        """What decides every number that is read here, as JSON takes it."""
        kept = self.recorded().kept
        stored = [part.url.rpartition("/")[2] if hasattr(part, "url") else self.corpus.digest for part in kept]
        found = {"corpus": self.corpus.digest, "inputs": as_json(self.inputs), "stored": stored}
        return found | ({"waveform": list(self.waveform), "copies": self.copies} if self.copies else {})


@dataclass(frozen=True)
class _Copies:
    """What inputs are made from, of changed copies of the training recordings."""

    inputs: tuple
    corpus: object
    waveform: tuple
    copies: int
    seed: int

    @cached_property
    def arrays(self):
        """`wanted` of each input -> its arrays: every recording's first copy, then every second."""
        paths, clips = self.corpus.split("train")["path"], []
        for copy in range(1, 1 + self.copies):
            for position, path in enumerate(tqdm(paths, desc=f"copy {copy}, {', '.join(self.waveform)}", unit="clip")):
                rng = np.random.default_rng((self.seed, copy, position))
                y, _ = audio.read(path, sr=rate(self.inputs))
                change = AUGMENTATIONS[self.waveform[rng.integers(len(self.waveform))]]
                clips.append(change(y, rate(self.inputs), rng))
        return prepared(self.inputs, clips)


@dataclass(frozen=True)
class _Copied:
    """What the store keeps of one input, and behind its training recordings their changed copies."""

    kept: object
    item: object
    made: _Copies

    def arrays(self, split, positions):
        return self._both(self.kept.arrays, split, positions)

    def batch(self, split, positions):
        return np.stack(self._both(self.kept.batch, split, positions))

    def _both(self, read, split, positions):
        own = len(self.made.corpus.split(split))
        first = [position for position in positions if position < own]
        recorded = iter(read(split, first) if first else ())
        changed = self.made.arrays[self.item.wanted] if len(first) < len(positions) else ()
        return [next(recorded) if position < own else changed[position - own] for position in positions]


@dataclass(frozen=True)
class _Recordings:
    """The samples of a corpus, read when they are asked for."""

    corpus: object
    sr: int

    def arrays(self, split, positions):
        paths = self.corpus.split(split)["path"].to_numpy()[np.asarray(positions)]
        return [audio.read(path, sr=self.sr)[0] for path in paths]


def opened(inputs, corpus, *, store_url, jobs=2):
    """Inputs of a corpus, made first where the store lacks them: all in one pass over the recordings.

    Parameters
    ----------
    inputs : sequence of Image, Matrix, Embedding or Waveform
        Resolved.
    corpus : lib.corpus.Corpus
    store_url : str
        Folder or URL of the store.
    jobs : int > 0
        Processes that extract.

    Returns
    -------
    Fed
    """
    wanted = [item.wanted for item in inputs if isinstance(item, (Image, Matrix))]
    found = store.extract(corpus, wanted, store=store_url, jobs=jobs)[0] if wanted else {}
    for item in inputs:
        if isinstance(item, Embedding):
            how = {"sr": item.sr, "precision": item.precision, "store": store_url, "jobs": jobs}
            found[item] = embeddings.extract(corpus, item.weights, **how)
        elif isinstance(item, Waveform):
            found[item] = _Recordings(corpus, item.sr)
    return Fed(tuple(inputs), corpus, tuple(found[item.wanted] for item in inputs))


def prepared(inputs, clips):
    """What inputs are made from, of recordings at hand as samples: `wanted` -> its arrays, each computed once."""
    wanted = {item.wanted for item in inputs}
    found = store.from_clips([item for item in wanted if isinstance(item, store.Wanted)], clips)
    for item, arrays in found.items():
        if item.size:
            found[item] = np.stack([stretched(cells, item.size) for cells in arrays])
    for item in wanted - found.keys():
        found[item] = list(clips) if isinstance(item, Waveform) else _embedded(item, clips)
    return found


def _embedded(item, clips):
    how = {"weights": embeddings.find(item.weights), "precision": item.precision}
    parts = [clips[start : start + CHUNK] for start in range(0, len(clips), CHUNK)]
    return np.concatenate([embeddings.of_clips(part, **how) for part in parts])


def scores(system, inputs, clips, *, arrays=None):
    """Scores of recordings at hand as float32 samples, float64, higher = more genuine.

    `arrays` are those of `prepared`, where several systems share them.
    """
    arrays = prepared(inputs, clips) if arrays is None else arrays
    parts = [slice(start, start + BLOCK) for start in range(0, len(clips), BLOCK)]  # as a run scores its own trials
    return np.concatenate([system.score(*(item.shown(arrays[item.wanted][part]) for item in inputs)) for part in parts])
