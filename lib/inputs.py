"""What a system is fed, from the store or from samples alike: values that a notebook names and a run keeps."""

from dataclasses import asdict, dataclass, replace
from functools import cache, cached_property, partial
from typing import ClassVar

import numpy as np
from tqdm.auto import tqdm

from lib import audio
from lib.audio.augmentation import AUGMENTATIONS
from lib.corpus import SPLITS
from lib.errors import InputError
from lib.features import FeatureSettings, embeddings, settings_from, store
from lib.features.images import augmented, colormap, stretched
from lib.features.matrices import Judged, fixed, normalised, with_deltas

BLOCK = 16  # recordings that are scored at a time: what a network computes of them fits the processor's cache


# How the values 0 to 255 of an image reach a system. Not stated in the report.
_PIXEL_RANGES = {"0-255": (1.0, 0.0), "0-1": (1 / 255, 0.0), "-1-1": (2 / 255, -1.0)}


@dataclass(frozen=True)
class Image(Judged):
    """A feature as a coloured image, float32 ``[size, size, 3]``."""

    feature: str  # one of `lib.features.FEATURES`
    colours: str = "magma"  # a matplotlib colormap
    pixel_range: str = "0-255"  # how 0 to 255 reaches a system
    size: int = 200  # pixels
    settings: FeatureSettings = FeatureSettings()

    def resolved(self, values):
        return replace(self, size=values["image_size"], settings=settings_from(values))

    @property
    def wanted(self):
        return store.Wanted(self.feature, self.settings, self.size)

    def shown(self, kept):
        scale, offset = map(np.float32, _PIXEL_RANGES[self.pixel_range])
        values = colormap(self.colours).astype(np.float32) * scale + offset
        return values.take(kept, axis=0)  # NumPy looks up twice as many a second as tf.gather


@dataclass(frozen=True)
class Matrix(Judged):
    """A feature as numbers, float32: ``[trials, rows, frames, 1]``, or a list of ``[rows, frames]`` of any length."""

    feature: str  # one of `lib.features.FEATURES`
    normalisation: str = "none"  # none, mean or cmvn, over the frames of each recording
    deltas: int = 0  # frames of the slopes of first and second order that stand below the feature; 0 for none
    frames: int = 0  # that recordings are repeated or cut to; 0 keeps each whole
    settings: FeatureSettings = FeatureSettings()
    lengths: tuple = ()  # n_fft, win_length, hop_length of its own, samples; those of the run without

    def resolved(self, values):
        own = zip(("n_fft", "win_length", "hop_length"), self.lengths, strict=True) if self.lengths else ()
        return replace(self, settings=settings_from({**values, **dict(own)}))

    @property
    def wanted(self):
        return store.Wanted(self.feature, self.settings)

    def shown(self, kept):
        found = [normalised(with_deltas(m, self.deltas) if self.deltas else m, self.normalisation) for m in kept]
        return np.stack([fixed(m, self.frames) for m in found])[..., None] if self.frames else found


@dataclass(frozen=True)
class Embedding(Judged):
    """A wav2vec 2.0 embedding, float32 ``[values, 1]``."""

    weights: str  # as `lib.features.embeddings.find` takes them
    precision: str = "auto"  # auto, float32 or bfloat16
    digest: str = ""  # of the weights' content, empty until they are found
    sr: int = 16_000  # Hz
    size: ClassVar = 0  # it is no image

    def resolved(self, values):
        """With the precision of this machine, and the weights that stand under the name."""
        now = embeddings.find(self.weights).digest
        if self.digest not in ("", now):
            raise InputError(f"wav2vec_weights = {self.weights}: their digest is now {now}, expected {self.digest}")
        precision = embeddings.resolved(self.precision)
        return replace(self, precision=precision, digest=now, sr=values.get("sr", self.sr))

    @property
    def wanted(self):
        return self

    def name(self, corpus):
        """The folder of the store that holds them of a corpus."""
        if self.sr != 16_000:
            raise InputError(f"sr must be 16000 Hz, as in wav2vec 2.0's training, got {self.sr}")
        digest = embeddings.find(self.weights, self.digest).digest
        numbers = [corpus.digest, digest, embeddings.resolved(self.precision), embeddings.BATCH_SECONDS]
        packages = ("torch", "transformers", "soundfile")
        return f"wav2vec-{store.key(numbers, 'audio.reading', 'features.encoder', packages=packages)}"

    def vectors(self, clips):
        """Those of some samples, float32 [clips, values]."""
        weights, precision = embeddings.find(self.weights, self.digest), embeddings.resolved(self.precision)
        return embeddings.of_clips(clips, weights=weights, precision=precision)

    def shown(self, kept):
        return np.asarray(kept)[..., None]


@dataclass(frozen=True)
class Waveform(Judged):
    """The samples themselves, float32 ``[samples]``."""

    seconds: float = 0.0  # that recordings are repeated or cut to; 0 keeps each whole
    sr: int = 16_000  # Hz
    size: ClassVar = 0

    def resolved(self, values):
        return replace(self, sr=values.get("sr", self.sr))

    @property
    def wanted(self):
        return self

    def vectors(self, clips):
        return clips

    def shown(self, kept):
        length = round(self.seconds * self.sr)
        return np.stack([fixed(y[None], length)[0] for y in kept]) if length else list(kept)


# Each can be `resolved` with a run's settings; what is kept for it is what it `wanted`, and is `shown` to a system.
_KINDS = {kind.__name__: kind for kind in (Image, Matrix, Embedding, Waveform)}


def as_json(inputs):
    """Inputs as plain values, for ``inputs.json``."""
    return [{"kind": type(item).__name__, **asdict(item)} for item in inputs]


def from_json(content):
    """The inputs that `as_json` wrote; InputError when one is wrong, or weights are no longer those that were named."""
    found = []
    for given in content:
        kind, values = given.get("kind"), {name: value for name, value in given.items() if name != "kind"}
        if kind not in _KINDS:
            raise InputError(f"inputs.json: unknown kind of input; there are {', '.join(_KINDS)}")
        if "settings" in values:
            values["settings"] = FeatureSettings(**values["settings"])
        if "lengths" in values:
            values["lengths"] = tuple(values["lengths"])  # JSON has lists
        item = _KINDS[kind](**values)
        found.append(item.resolved({}) if kind == "Embedding" else item)
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
    augmentation: str = "none"  # of training images: none, audio or image; see `lib.features.images`
    seed: int = 0  # decides the augmentation
    waveform: tuple = ()  # of `lib.audio.augmentation`: what may have changed the copies
    copies: int = 0  # changed copies of each training recording, which follow the recordings themselves
    made: object = None  # makes them when they are first asked for

    @cached_property
    def labels(self):
        """Split -> labels in protocol order, those of changed copies behind them."""
        found = {split: self.corpus.split(split)["label"].to_numpy() for split in SPLITS}
        return found | {"train": np.tile(found["train"], 1 + self.copies)}

    @property
    def store(self):
        """Folder or URL of the store that the inputs come from, recordings themselves aside."""
        return next(part.url.rpartition("/")[0] for part in self.kept if hasattr(part, "url"))

    def load(self, split, positions, copy=0):
        """Of some trials a tuple, an array or list of matrices for each input; of training images a changed `copy`."""
        found = []
        for item, kept in zip(self.inputs, self.kept, strict=True):
            rows = self._rows(split, item, kept, positions)
            if isinstance(item, Image) and split == "train":
                rows = augmented(rows, positions, self.augmentation, copy=copy, seed=self.seed)
            found.append(item.shown(rows))
        return tuple(found)

    def _rows(self, split, item, kept, positions):
        """What is kept of some trials, the changed copies of training recordings among them."""
        read = kept.batch if isinstance(item, Image) else kept.arrays
        if not self.copies or split != "train":
            return read(split, positions)
        own, changed = len(self.corpus.split(split)), self.made()[item.wanted]
        rows = [read(split, [number])[0] if number < own else changed[number - own] for number in positions]
        return np.stack(rows) if isinstance(item, Image) else rows

    def changed(self, **changes):
        """With another augmentation or seed, or with the same change to every input (as `pixel_range`)."""
        own = {name: changes.pop(name) for name in ("augmentation", "seed") if name in changes}
        return replace(self, inputs=tuple(replace(item, **changes) for item in self.inputs), **own)

    def only(self, number):
        """The same with one of its inputs alone."""
        return replace(self, inputs=(self.inputs[number],), kept=(self.kept[number],))

    def copied(self, waveform, copies=1):
        """With changed copies behind the training recordings, each by one of `waveform` (`lib.audio.augmentation`)."""
        made = cache(partial(_copies, self.inputs, self.corpus, waveform, copies, self.seed))
        return replace(self, waveform=tuple(waveform), copies=copies, made=made)

    def identity(self):
        """What decides every number that is read here, as JSON takes it."""
        stored = [part.url.rpartition("/")[2] if hasattr(part, "url") else self.corpus.digest for part in self.kept]
        found = {"corpus": self.corpus.digest, "inputs": as_json(self.inputs), "stored": stored}
        return found | ({"waveform": list(self.waveform), "copies": self.copies} if self.copies else {})


def _copies(inputs, corpus, waveform, number, seed):
    """`wanted` of each input -> its arrays of changed copies: every training recording's first, then every second."""
    paths, clips, sr = corpus.split("train")["path"], [], rate(inputs)
    for copy in range(1, 1 + number):
        for position, path in enumerate(tqdm(paths, desc=f"copy {copy}, {', '.join(waveform)}", unit="clip")):
            rng = np.random.default_rng((seed, copy, position))
            change = AUGMENTATIONS[waveform[rng.integers(len(waveform))]]
            clips.append(change(audio.read(path, sr=sr)[0], sr, rng))
    return prepared(inputs, clips)


@dataclass(frozen=True)
class _Recordings:
    """The samples of a corpus, read when they are asked for."""

    corpus: object
    sr: int

    def arrays(self, split, positions):
        paths = self.corpus.split(split)["path"].to_numpy()[np.asarray(positions)]
        return [audio.read(path, sr=self.sr)[0] for path in paths]


def opened(inputs, corpus, *, store_url, jobs=2):
    """Resolved inputs of a corpus, a `Fed`; `jobs` processes make what the store lacks, in one pass over the audio."""
    wanted = [item.wanted for item in inputs if not isinstance(item, Waveform)]
    stored = store.extract(corpus, wanted, store=store_url, jobs=jobs)[0] if wanted else {}
    kept = [stored[i.wanted] if i.wanted in stored else _Recordings(corpus, i.sr) for i in inputs]
    return Fed(tuple(inputs), corpus, tuple(kept))


def prepared(inputs, clips):
    """What inputs are made from, of recordings at hand as samples: `wanted` -> its arrays, each computed once."""
    wanted = {item.wanted for item in inputs}
    found = store.from_clips(wanted, clips)
    for item in wanted:
        if item.size:
            found[item] = np.stack([stretched(cells, item.size) for cells in found[item]])
    return found


def scores(system, inputs, clips, *, arrays=None):
    """Scores of float32 samples, float64, higher = more genuine; `arrays` of `prepared` where systems share them."""
    arrays = prepared(inputs, clips) if arrays is None else arrays
    parts = [slice(start, start + BLOCK) for start in range(0, len(clips), BLOCK)]  # as a run scores its own trials
    return np.concatenate([system.score(*(item.shown(arrays[item.wanted][part]) for item in inputs)) for part in parts])
