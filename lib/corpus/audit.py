"""The check of a corpus: what the protocols list against what is there, and against what was published.

Version 2.0: H. Delgado et al., Odyssey 2018; Version 1: T. Kinnunen et al., Interspeech 2017.
"""

import hashlib
from collections import Counter
from dataclasses import dataclass
from itertools import combinations

from tqdm.auto import tqdm

from lib import audio
from lib.corpus import SPLITS, UNKNOWN, open_corpus, read_trials
from lib.corpus.folder import count, layout_of, recordings_there
from lib.errors import InputError
from lib.files import places

PUBLISHED = {
    "train": {"genuine": 1507, "spoof": 1507},
    "dev": {"genuine": 760, "spoof": 950},
    "eval": {"genuine": 1298, "spoof": 12008},
}
_VERSION_1_TRAIN = {"genuine": 1508, "spoof": 1508}

# SHA-256 of the published protocol lines, single blanks between the columns.
_PUBLISHED_PROTOCOLS = {
    "train": "6a84217c6f65146283ab81e39588b4c6e111cc08e193521dda4e99e0137651c8",
    "dev": "7ef3740cb4377b5d0f621da1f9c3679569cfa575a9056b711c6bf34e982c15d8",
    "eval": "fbb281ba8195ce6272b6a3aaaeb6c41086349e808a3ad88e1dcfad2575db5557",
}


@dataclass(frozen=True)
class CorpusReport:
    """The result of `check`; `as_json` is the output of ``study corpus --json``."""

    corpus: str
    folder: str
    splits: dict  # trials as listed, {"train": {"genuine": n, "spoof": n}, ...}
    missing: list  # recordings as "split/file"
    unreadable: dict  # recording -> reason
    unlisted: list
    shared_speakers: dict  # pair of splits, "train/dev" -> what it shares
    shared_configurations: dict  # the same of environment/playback/recorder of spoofs
    notes: dict  # what reading had to do, "resampled from 8000 Hz" -> how many times
    remarks: list  # sentences on which corpus this is

    @property
    def complete(self):
        """Whether every listed recording is there and readable."""
        return not self.missing and not self.unreadable

    def as_json(self):
        """The report as plain dicts and lists."""
        return {**self.__dict__, "complete": self.complete}


def check(name, data, layout, *, jobs=2):
    """Check a corpus: counts, files and what the splits share; every recording is decoded by one of `jobs` threads.

    `name`, `data` and `layout` as for `lib.corpus.open_corpus`. Returns a `CorpusReport`.
    InputError if folder or protocols are missing or malformed, or the URL cannot be reached.
    """
    folder = places.absolute(data)
    trials = read_trials(folder, layout)
    there = recordings_there(folder, layout)
    keys = dict(zip(trials["path"], trials["split"] + "/" + trials["file"], strict=True))
    todo = [path for path in keys if path in there]
    # Decoding releases the interpreter's lock, so threads suffice and start at once.
    results = places.each(_try_read, todo, threads=jobs)
    unreadable, notes = {}, Counter()
    for path, (reason, remarks) in zip(todo, tqdm(results, "reading", len(todo), unit="clip"), strict=True):
        if reason:
            unreadable[keys[path]] = reason
        notes.update(remarks)
    splits, configuration = count(trials), trials["environment"] + "/" + trials["playback"] + "/" + trials["recorder"]
    return CorpusReport(
        corpus=name,
        folder=folder,
        splits=splits,
        missing=[key for path, key in keys.items() if path not in there],
        unreadable=unreadable,
        unlisted=_unlisted(there, folder, layout, keys),
        shared_speakers=_shared(trials, trials["speaker"]),
        shared_configurations=_shared(trials, configuration),
        notes=dict(notes),
        remarks=_remarks(folder, layout, splits),
    )


def describe(report):
    """The report as text for a terminal."""
    lines = [f"corpus {report.corpus} in {report.folder}", ""]
    lines += [f"{'split':8}{'genuine':>9}{'spoof':>9}{'published':>22}"]
    for split in SPLITS:
        counts = (*report.splits[split].values(), *PUBLISHED[split].values())
        lines.append("{:8}{:>9,}{:>9,}{:>12,} + {:>6,}".format(split, *counts))
    lines += ["", *report.remarks]
    unusable = [f"{file} ({reason})" for file, reason in report.unreadable.items()]
    for title, files in (("missing", report.missing), ("unusable", unusable), ("unlisted", report.unlisted)):
        lines.append(f"{title}: {len(files)}" + "".join(f"\n  {file}" for file in files[:5]))
        if len(files) > 5:
            lines.append(f"  ... and {len(files) - 5} more (--json lists all)")
    lines += [f"reading: {note} ({count} recordings)" for note, count in report.notes.items()]
    kinds = {"speakers": report.shared_speakers, "replay configurations": report.shared_configurations}
    for title, shared in kinds.items():
        found = "; ".join(f"{pair}: {len(values)}" for pair, values in shared.items())
        lines.append(f"{title} that splits share: {found or 'none'}")
    return "\n".join(lines)


def usable(name, data, layout, *, allow_partial=False):
    """Open a corpus for work (`lib.corpus.open_corpus`), without its unusable recordings if `allow_partial`."""
    if not allow_partial:
        return open_corpus(name, data, layout)
    report = check(name, data, layout)
    left_out = dict.fromkeys(report.missing, "missing") | report.unreadable
    return open_corpus(name, data, layout, left_out=left_out)


def provenance(corpus, layout):
    """Sentences on which corpus this is, and which part of it, for a page; a list of str."""
    sentences = _remarks(corpus.folder, layout, count(read_trials(corpus.folder, layout)))
    note = f"{corpus.folder}/README.txt"
    if places.exists(note):  # a made corpus describes itself there
        first = places.read(note).decode(errors="replace").strip().partition("\n")[0].rstrip()
        sentences.insert(0, f"From the corpus' README: {first}")
    if corpus.left_out:
        left_out = len(corpus.left_out)
        sentences.append(
            f"A part of the corpus: {left_out} of {left_out + len(corpus.trials)} recordings are left out as missing "
            "or unreadable."
        )
    return sentences


def _try_read(path):
    try:
        return None, audio.read(path)[1]
    except places.Unreachable:  # not the recording's fault
        raise
    except InputError as error:
        return str(error).partition(": ")[2], ()


def _unlisted(there, folder, layout, listed):
    split_of = {f"{folder}/{recordings}": split for split, (recordings, _) in layout_of(layout).items()}
    found = (path.rpartition("/") for path in there if path not in listed)
    return [f"{split_of[parent]}/{name}" for parent, _, name in found if name.lower().endswith(audio.ENDINGS)]


def _shared(trials, values):
    sets = {split: set(values[trials["split"] == split]) - {UNKNOWN, "-/-/-"} for split in SPLITS}
    pairs = {f"{a}/{b}": sorted(sets[a] & sets[b]) for a, b in combinations(SPLITS, 2)}
    return {pair: shared for pair, shared in pairs.items() if shared}


def _remarks(folder, layout, splits):
    if splits["train"] == _VERSION_1_TRAIN:
        return [
            "The training protocol lists 3,016 trials (1,508 genuine, 1,508 spoof): that is ASVspoof 2017 "
            "Version 1. Numbers of Version 1 and 2 are not comparable."
        ]
    if splits != PUBLISHED:
        parts = []
        for split in SPLITS:
            ours, published = (f"{n['genuine']:,} + {n['spoof']:,}" for n in (splits[split], PUBLISHED[split]))
            parts.append(f"{split} {ours} trials (published {published})")
        return [f"Not the published ASVspoof 2017 Version 2.0: {'; '.join(parts)}, genuine + spoof."]
    protocols = {split: f"{folder}/{protocol}" for split, (_, protocol) in layout_of(layout).items()}
    if all(_protocol_digest(path) == _PUBLISHED_PROTOCOLS[split] for split, path in protocols.items()):
        return ["Protocols and counts are those of the published ASVspoof 2017 Version 2.0."]
    return ["Counts as in ASVspoof 2017 Version 2.0, but not the protocol lines: another corpus of the same size."]


def _protocol_digest(path):
    lines = places.read_text(path, "a protocol").splitlines()
    text = "".join(" ".join(line.split()) + "\n" for line in lines if line.split())
    return hashlib.sha256(text.encode()).hexdigest()
