"""Making what the store lacks of a corpus, chunk by chunk, in parallel."""

from collections import Counter

from tqdm.auto import tqdm

from lib import cluster
from lib.corpus import SPLITS
from lib.errors import InputError
from lib.features.store import chunks
from lib.files import places


def filled(corpus, abouts, make, *, store, processes, doing, progress=True, scheduler=None):
    """Make the chunks that the store lacks, all that a recording lacks in one call.

    `abouts`: wanted value -> name of its folder, and what its ``about.json`` says.
    `make`: paths of recordings, and wanted value -> URL of the chunk to write -> how many
    recordings were read, and note -> how many times. `processes`: number of chunks to make
    -> number of processes. Returns wanted value -> URL of its folder, split -> number of
    trials, note -> how many times.
    """
    root = places.absolute(store)
    urls = {item: f"{root}/{name}" for item, (name, _) in abouts.items()}
    sizes = {split: len(corpus.split(split)) for split in SPLITS}
    try:
        targets = {}  # (split, first trial) -> wanted -> URL of its chunk
        for item, (_, about) in abouts.items():
            chunks.write_about(urls[item], {"corpus": corpus.name, "corpus_digest": corpus.digest, **about})
            for place, url in chunks.pending(urls[item], sizes).items():
                targets.setdefault(place, {})[item] = url
        paths = {split: corpus.split(split)["path"].tolist() for split in SPLITS}
        tasks = [(paths[split][start : start + chunks.CHUNK], lacking) for (split, start), lacking in targets.items()]
        jobs = processes(len(tasks)) if tasks else 1
        notes, total = Counter(), sum(len(part) for part, _ in tasks)
        with tqdm(total=total, desc=doing, unit="clip", disable=not (progress and tasks)) as bar:
            for clips, found in cluster.unordered(make, tasks, jobs=jobs, scheduler=scheduler):
                bar.update(clips)
                notes.update(found)
    except OSError as error:
        raise InputError(f"{root}: the store cannot be written ({error.strerror or error})") from None
    return urls, sizes, dict(notes)
