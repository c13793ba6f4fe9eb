"""The check of a corpus, on disk or at a URL: what the protocols promise against what is there.

Published counts are those of ASVspoof 2017 Version 2.0 (Delgado et al., "ASVspoof
2017 Version 2.0: meta-data analysis and baseline enhancements", Odyssey 2018) and of
Version 1 (Kinnunen et al., Interspeech 2017).
"""

import hashlib
from dataclasses import dataclass
from itertools import combinations

from tqdm.auto import tqdm

from lib import audio
from lib.corpus import SPLITS, UNKNOWN, open_corpus, read_trials
from lib.corpus.folder import count, layout_of, recordings_there
from lib.errors import InputError
from lib.files import places
from lib.files.text import read_text

PUBLISHED = {
    "train": {"genuine": 1507, "spoof": 1507},
    "dev": {"genuine": 760, "spoof": 950},
    "eval": {"genuine": 1298, "spoof": 12008},
}
VERSION_1_TRAIN = {"genuine": 1508, "spoof": 1508}

# SHA-256 of the published protocol lines, single blanks between the columns.
_PUBLISHED_PROTOCOLS = {
    "train": "6a84217c6f65146283ab81e39588b4c6e111cc08e193521dda4e99e0137651c8",
    "dev": "7ef3740cb4377b5d0f621da1f9c3679569cfa575a9056b711c6bf34e982c15d8",
    "eval": "fbb281ba8195ce6272b6a3aaaeb6c41086349e808a3ad88e1dcfad2575db5557",
}
_AUDIO_ENDINGS = (".wav", ".flac")


@dataclass(frozen=True)
class CorpusReport:
    """What the check found; `as_json` gives the fixed face of ``study corpus --json``.

    Attributes
    ----------
    splits : dict
        ``{"train": {"genuine": n, "spoof": n}, ...}`` as the protocols list them.
    missing, unlisted : list of str
        Recordings, as ``split/file``: listed and not there; there and not listed.
    unreadable : dict of str to str
        Recordings that are there and cannot be used, with the reason.
    notes : dict of str to int
        What reading had to do ("resampled from 8000 Hz") and how many times.
    shared_speakers, shared_configurations : dict of str to list
        ``{"train/dev": [...]}`` for each pair of splits that shares any; a
        configuration is environment/playback/recorder of a spoof.
    remarks : list of str
        Plain sentences: which corpus this is and is not.
    """

    corpus: str
    folder: str
    splits: dict
    missing: list
    unreadable: dict
    unlisted: list
    shared_speakers: dict
    shared_configurations: dict
    notes: dict
    remarks: list

    @property
    def complete(self):
        """Whether every listed recording is there and readable."""
        return not self.missing and not self.unreadable

    def as_json(self):
        """The report as plain dicts and lists."""
        return {**self.__dict__, "complete": self.complete}


def check(name, data, layout, *, jobs=2):
    """Check a corpus: counts, files and what the splits share.

    Every recording is decoded, so that a broken one is found here rather than in the
    middle of an extraction.

    Parameters
    ----------
    name, data, layout : str
        As `lib.corpus.open_corpus` takes them.
    jobs : int > 0
        Threads that decode; see `lib.files.places.each` for a URL.

    Returns
    -------
    CorpusReport

    Raises
    ------
    InputError
        Folder or protocols are missing or malformed, or the URL cannot be reached.
    """
    folder = places.absolute(data)
    trials = read_trials(folder, layout)
    keys = (trials["split"] + "/" + trials["file"]).tolist()
    there = recordings_there(folder, layout)
    missing = [key for key, path in zip(keys, trials["path"], strict=True) if path not in there]
    todo = {path: key for key, path in zip(keys, trials["path"], strict=True) if path in there}
    # Decoding releases the interpreter's lock, so threads do and start at once.
    results = places.each(_try_read, list(todo), threads=jobs)
    unreadable, notes = {}, {}
    bar = tqdm(results, "reading", len(todo), unit="clip")
    for key, (reason, remarks) in zip(todo.values(), bar, strict=True):
        if reason:
            unreadable[key] = reason
        for remark in remarks:
            notes[remark] = notes.get(remark, 0) + 1
    splits = count(trials)
    return CorpusReport(
        corpus=name,
        folder=folder,
        splits=splits,
        missing=missing,
        unreadable=unreadable,
        unlisted=_unlisted(there, folder, layout, trials),
        shared_speakers=_shared(trials, trials["speaker"]),
        shared_configurations=_shared(
            trials, trials["environment"] + "/" + trials["playback"] + "/" + trials["recorder"]
        ),
        notes=notes,
        remarks=_remarks(folder, layout, splits),
    )


def describe(report):
    """The report as text for a terminal."""
    lines = [f"corpus {report.corpus} in {report.folder}", ""]
    lines += [f"{'split':8}{'genuine':>9}{'spoof':>9}{'published':>22}"]
    for split in SPLITS:
        ours, published = report.splits[split], PUBLISHED[split]
        lines.append(
            f"{split:8}{ours['genuine']:>9,}{ours['spoof']:>9,}{published['genuine']:>12,} + {published['spoof']:>6,}"
        )
    lines += ["", *report.remarks]
    for title, files in (
        ("missing", report.missing),
        ("unusable", [f"{file} ({reason})" for file, reason in report.unreadable.items()]),
        ("unlisted", report.unlisted),
    ):
        lines.append(f"{title}: {len(files)}" + "".join(f"\n  {file}" for file in files[:5]))
        if len(files) > 5:
            lines.append(f"  ... and {len(files) - 5} more (--json lists all)")
    lines += [f"reading: {note} ({count} recordings)" for note, count in report.notes.items()]
    for title, shared in (
        ("speakers", report.shared_speakers),
        ("replay configurations", report.shared_configurations),
    ):
        found = "; ".join(f"{pair}: {len(values)}" for pair, values in shared.items())
        lines.append(f"{title} that splits share: {found or 'none'}")
    return "\n".join(lines)


def usable(name, data, layout, *, allow_partial=False, jobs=2):
    """Open a corpus for work, with what is unusable left out if that is allowed.

    Returns
    -------
    lib.corpus.Corpus

    Raises
    ------
    InputError
        Without `allow_partial`: a listed recording is missing.
    """
    if not allow_partial:
        return open_corpus(name, data, layout)
    report = check(name, data, layout, jobs=jobs)
    left_out = {key: "missing" for key in report.missing} | report.unreadable
    return open_corpus(name, data, layout, left_out=left_out)


def provenance(corpus, layout):
    """Plain sentences on which corpus this is, and which part; a page shows them.

    Returns
    -------
    list of str
    """
    sentences = _remarks(corpus.folder, layout, count(read_trials(corpus.folder, layout)))
    note = f"{corpus.folder}/README.txt"
    if places.exists(note):  # a made corpus says there what it is
        first = places.read(note).decode(errors="replace").strip().partition("\n")[0].rstrip()
        sentences.insert(0, f"The corpus says of itself: {first}")
    if corpus.left_out:
        sentences.append(
            f"A part of the corpus: {len(corpus.left_out)} of "
            f"{len(corpus.left_out) + len(corpus.trials)} recordings are left out as missing or unreadable."
        )
    return sentences


def _try_read(path):
    try:
        return None, audio.read(path)[1]
    except places.Unreachable:  # says nothing of the recording
        raise
    except InputError as error:
        return str(error).partition(": ")[2], ()


def _unlisted(there, folder, layout, trials):
    listed = set(trials["path"])
    split_of = {f"{folder}/{recordings}": split for split, (recordings, _) in layout_of(layout).items()}
    found = (path.rpartition("/") for path in there if path not in listed)
    return [f"{split_of[parent]}/{name}" for parent, _, name in found if name.lower().endswith(_AUDIO_ENDINGS)]


def _shared(trials, values):
    sets = {}
    for split in SPLITS:
        sets[split] = set(values[trials["split"] == split]) - {UNKNOWN, "-/-/-"}
    pairs = {f"{a}/{b}": sorted(sets[a] & sets[b]) for a, b in combinations(SPLITS, 2)}
    return {pair: shared for pair, shared in pairs.items() if shared}


def _remarks(folder, layout, splits):
    if splits["train"] == VERSION_1_TRAIN:
        return [
            "The training protocol lists 3,016 trials (1,508 genuine, 1,508 spoof): that is ASVspoof 2017 "
            "Version 1. Numbers of Version 1 and 2 are not comparable."
        ]
    if splits != PUBLISHED:
        return [
            "Not the published ASVspoof 2017 Version 2.0: "
            + "; ".join(
                f"{split} {splits[split]['genuine']:,} + {splits[split]['spoof']:,} trials "
                f"(published {PUBLISHED[split]['genuine']:,} + {PUBLISHED[split]['spoof']:,})"
                for split in SPLITS
            )
            + ", genuine + spoof."
        ]
    same = all(
        _protocol_digest(f"{folder}/{protocol}") == _PUBLISHED_PROTOCOLS[split]
        for split, (_, protocol) in layout_of(layout).items()
    )
    if same:
        return ["Protocols and counts are those of the published ASVspoof 2017 Version 2.0."]
    return [
        "The counts are those of ASVspoof 2017 Version 2.0, the protocol lines are not: another corpus of the "
        "same size."
    ]


def _protocol_digest(path):
    lines = read_text(path, "a protocol").splitlines()
    text = "".join(" ".join(line.split()) + "\n" for line in lines if line.split())
    return hashlib.sha256(text.encode()).hexdigest()
