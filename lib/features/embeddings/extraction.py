"""Embeddings of a whole corpus, batched by length, chunk by chunk into the store."""

from functools import partial

from lib import audio
from lib.errors import InputError
from lib.features.embeddings.weights import find
from lib.features.store import chunks, filled
from lib.files import places

PRECISIONS = ("auto", "float32", "bfloat16")

# Sorted within a chunk of 128 clips of speech, batches of 10 s hold 1 % padding, of 60 s
# 7 %; longer ones were no faster (tried: 2 to 32 clips of 3.4 s).
BATCH_SECONDS = 10.0


def extract(corpus, weights, *, sr, precision, store, jobs=2, batch_seconds=BATCH_SECONDS, progress=True):
    """Make the embeddings of a corpus that the store does not hold yet.

    Work can be stopped at any moment and goes on where it was, with the same result:
    batches never reach over a chunk.

    Parameters
    ----------
    corpus, store, progress
        As `lib.features.store.extract` takes them.
    weights : str
        As `find` takes it.
    sr : int, Hz
        16000, the rate of the speech that wav2vec 2.0 is trained on.
    precision : str
        One of `PRECISIONS`, see `resolved`.
    jobs : int > 0
        Processes, each with one thread and a model of its own (1.2 GB for
        wav2vec2-base); a GPU is used by one process.
    batch_seconds : float >= 0
        Most seconds of padded audio in a batch; with 0 each recording is alone.

    Returns
    -------
    lib.features.store.Stored
        float32 vectors, the mean over time of the encoder's last hidden state.

    Raises
    ------
    InputError
        Weights cannot be had, a recording cannot be used, the store cannot be written.

    Examples
    --------
    >>> vectors = extract(corpus, "random", sr=16_000, precision="auto", store="data/store")  # doctest: +SKIP
    >>> vectors.batch("train", [0, 1]).shape  # doctest: +SKIP
    (2, 768)
    """
    if sr != 16_000:
        raise InputError(f"sr must be 16000 Hz, as in wav2vec 2.0's training, got {sr}")
    found, precision = find(weights), resolved(precision)
    about = {
        "weights": weights,
        "weights_digest": found.digest,
        "precision": precision,
        "batch_seconds": batch_seconds,
        "vector": "float32, mean over time of the last hidden state; clips at 16 kHz, zero mean, unit variance",
    }
    numbers = [corpus.digest, found.digest, precision, batch_seconds]
    packages = ("torch", "transformers", "soundfile")
    key = chunks.key(numbers, "audio.reading", "features.embeddings.encoder", packages=packages)
    urls, sizes, _ = filled(
        corpus,
        {"wav2vec": (f"wav2vec-{key}", about)},
        partial(_make_chunk, weights=found, sr=sr, precision=precision, batch_seconds=batch_seconds),
        store=store,
        processes=lambda tasks: 1 if _encoder().device().type == "cuda" else min(jobs, tasks),
        doing="embedding",
        progress=progress,
    )
    return chunks.Stored(urls["wav2vec"], sizes)


def resolved(precision):
    """The precision that is computed with on this machine, ``float32`` or ``bfloat16``.

    The latter keeps 8 bits instead of 24 of each factor of a multiplication; ``auto`` is
    bfloat16 where the processor has it.
    """
    if precision not in PRECISIONS:
        raise InputError(f"precision must be one of {', '.join(PRECISIONS)}, got {precision!r}")
    return _encoder().native_precision() if precision == "auto" else precision


def of_recordings(paths, *, weights, sr, precision, batch_seconds):
    """Embeddings of files, as `of_clips` makes them of their samples."""
    clips = [y for y, _ in places.each(partial(audio.read, sr=sr), paths)]
    return of_clips(clips, weights=weights, precision=precision, batch_seconds=batch_seconds)


def of_clips(clips, *, weights, precision, batch_seconds=BATCH_SECONDS):
    """Embeddings of samples at 16 kHz, float32 [clips, values], made by one thread or by the GPU.

    One thread a process: threads wait for each other in every layer, so on a busy
    two-core machine two such processes did 2.1 clips/s where one process with two
    threads did 0.9 to 1.9 and used twice the processor time.
    Weights are those that `find` found, the precision is resolved.
    """
    encoder = _encoder()
    with encoder.threads(1):
        return encoder.embed(encoder.load(weights), clips, precision=precision, batch_seconds=batch_seconds)


def _make_chunk(paths, targets, **how):
    chunks.write_chunk(targets["wav2vec"], of_recordings(paths, **how))
    return len(paths), {}


def _encoder():
    from lib.features.embeddings import encoder  # imports PyTorch: seconds that stored embeddings do not need

    return encoder
