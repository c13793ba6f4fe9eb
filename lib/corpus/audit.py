"""The check of a corpus: what the protocols list against what is there, and against what was published."""

import hashlib
import json
from collections import Counter
from itertools import combinations
from pathlib import Path

import numpy as np
import yaml
from tqdm.auto import tqdm

from lib import audio
from lib.corpus import open_corpus, read_trials
from lib.corpus.folder import copies, count, fitting, odd_labels, protocol_of, with_recordings
from lib.corpus.protocol import LAYOUTS, SPLITS, UNKNOWN
from lib.errors import InputError, without_logins
from lib.files import places
from lib.params import PARAMS
from lib.params.settings import judged

_CLIPPED = 0.001  # share of samples at the largest value of all; speech that is not clipped has some in 100,000
_MISSING = "no such recording"


def check(name, data, layout, *, jobs=2):
    """Check a corpus: counts, files and what the splits share; every recording is decoded by one of `jobs` threads.

    `name`, `data` and `layout` as for `lib.corpus.open_corpus`. Returns what ``study corpus --json`` gives: `splits`
    (trials as listed, {"train": {"genuine": n, "spoof": n}, ...}), `missing` and `unlisted` (lists of "split/file"),
    `unreadable` (file -> reason), `speakers` (split -> how many are known), `shared_speakers` ("train/dev" ->
    speakers), `notes` (what reading had to do -> how many times), sentences: `remarks` (which corpus this is, what is
    odd in it) and `problems` (what should stop a run, which compares bytes and not samples), and `complete` (nothing is
    missing or a problem). InputError if protocols are malformed or cannot be reached.
    """
    folder = places.absolute(data)
    trials, there = with_recordings(read_trials(folder, layout))
    paths, keys = trials["path"].tolist(), trials["split"] + "/" + trials["file"]
    # Decoding releases the interpreter's lock, so threads suffice and start at once.
    results = tqdm(places.each(_try_read, paths, threads=jobs), "reading", len(paths), unit="clip")
    reasons, notes, contents, clipped = zip(*results, strict=True)
    unusable = {key: reason for key, reason in zip(keys, reasons, strict=True) if reason}
    doubts = [*odd_labels(trials), *copies(trials, contents)]
    problems = [text for stops, text in doubts if stops]
    remarks = [*trials.attrs["notes"], *(text for stops, text in doubts if not stops), *_clipping(trials, clipped)]
    speakers = {split: set(trials["speaker"][trials["split"] == split]) - {UNKNOWN} for split in SPLITS}
    shared = {f"{a}/{b}": sorted(speakers[a] & speakers[b]) for a, b in combinations(SPLITS, 2)}
    splits = count(trials)
    return {
        "corpus": name,
        "folder": folder,
        "splits": splits,
        "missing": [key for key, reason in unusable.items() if reason == _MISSING],
        "unreadable": {key: reason for key, reason in unusable.items() if reason != _MISSING},
        "unlisted": _unlisted(there, trials),
        "speakers": {split: len(names) for split, names in speakers.items()},
        "shared_speakers": {pair: names for pair, names in shared.items() if names},
        "notes": dict(Counter(note for several in notes for note in several)),
        "remarks": [*_which(folder, layout, splits), *remarks],
        "problems": problems,
        "complete": not (unusable or problems),
    }


def write_corpus_file(name, data, layout=None):
    """Write ``params/corpora/<name>.yaml``, never over another one; returns its path and a sentence on the trials."""
    path = PARAMS / "corpora" / f"{judged('corpus', name, 'str', 'NAME')}.yaml"
    if path.exists():
        raise InputError(f"{path}: there is such a corpus already; another name, or remove that file first")
    folder = places.absolute(data, Path.cwd())
    if not places.is_folder(folder):
        raise InputError(f"{without_logins(folder)}: no such folder: expected that of the corpus")
    fits = [judged("layout", layout, "str", "--layout")] if layout else fitting(folder)
    if len(fits) != 1:
        which = f"laid out as {' and '.join(fits) or 'none'} of the known"
        own = "" if fits else "; a list of your own is trials.csv there, with the columns path,label"
        raise InputError(f"{folder}: {which}: expected --layout, one of {', '.join(LAYOUTS)}{own}")
    trials = read_trials(folder, *fits)
    values = yaml.safe_dump({"layout": fits[0], "data": folder, "allow_partial": False}, sort_keys=False)
    with open(path, "x", encoding="utf-8") as file:  # the name in quotes: 1e3 would be a number
        file.write(f"# Layout: {LAYOUTS[fits[0]]['title']}.\ncorpus: {json.dumps(name)}\n{values}")
    counts = ["{} {:,} + {:,}".format(split, *counts.values()) for split, counts in count(trials).items()]
    return path, " ".join([f"layout {fits[0]}; genuine + spoof {', '.join(counts)}.", *trials.attrs["notes"]])


def describe(report):
    """The report as text for a terminal."""
    lines = [f"corpus {report['corpus']} in {report['folder']}", "", f"{'split':8}{'genuine':>9}{'spoof':>9}"]
    lines += ["{:8}{:>9,}{:>9,}".format(split, *counts.values()) for split, counts in report["splits"].items()]
    lines += ["", *(f"PROBLEM: {problem}" for problem in report["problems"]), *report["remarks"]]
    unusable = [f"{file} ({reason})" for file, reason in report["unreadable"].items()]
    for title, files in (("missing", report["missing"]), ("unusable", unusable), ("unlisted", report["unlisted"])):
        lines.append(f"{title}: {len(files)}" + "".join(f"\n  {file}" for file in files[:5]))
        if len(files) > 5:
            lines.append(f"  ... and {len(files) - 5} more (--json lists all)")
    lines += [f"reading: {note} ({count} recordings)" for note, count in report["notes"].items()]
    shared = "; ".join(f"{pair}: {len(values)}" for pair, values in report["shared_speakers"].items())
    known = "none" if all(report["speakers"].values()) else "unknown"
    return "\n".join([*lines, f"speakers that splits share: {shared or known}"])


def usable(name, data, layout, *, allow_partial=False):
    """Open a corpus for work (`lib.corpus.open_corpus`), without its unusable recordings if `allow_partial`."""
    if not allow_partial:
        return open_corpus(name, data, layout)
    report = check(name, data, layout)
    return open_corpus(name, data, layout, left_out=dict.fromkeys(report["missing"], "missing") | report["unreadable"])


def provenance(corpus, layout):
    """Sentences on which corpus this is, and which part of it, for a page; a list of str."""
    listed = read_trials(corpus.folder, layout) if corpus.left_out else corpus.trials
    sentences = [*_which(corpus.folder, layout, count(listed)), *corpus.notes]
    note = f"{corpus.folder}/README.txt"
    if places.exists(note):  # a made corpus describes itself there
        first = places.read(note).decode(errors="replace").strip().partition("\n")[0].rstrip()
        sentences.insert(0, f"From the corpus' README: {first}")
    if left_out := len(corpus.left_out):
        whole = left_out + len(corpus.trials)
        sentences.append(
            f"A part of the corpus: {left_out} of {whole} recordings are left out as missing or unreadable."
        )
    return sentences


def _try_read(path):
    """Why a recording cannot be read or None, what reading had to do, digest of its samples, whether it is clipped."""
    try:
        y, notes = audio.read(path)
    except places.Unreachable:  # not the recording's fault
        raise
    except InputError as error:
        return str(error).partition(": ")[2], (), None, None
    level = np.abs(y)
    return None, notes, hashlib.blake2b(y, digest_size=16).digest(), (level >= level.max() - 2e-5).mean() > _CLIPPED


def _clipping(trials, clipped):
    """Sentences on splits of whose recordings of a label a tenth is clipped, by whether each is (None: not read)."""
    shares = trials.assign(clipped=clipped).dropna(subset="clipped").groupby(["split", "label"])["clipped"].mean()
    for split, share in shares.astype(float).unstack(fill_value=0).reindex(columns=(0, 1), fill_value=0).iterrows():
        if share.max() >= 0.1:
            genuine, spoof = (f"{100 * share[label]:.0f} %" for label in (1, 0))
            yield f"Clipped recordings of {split}: {genuine} of the genuine, {spoof} of the spoof ones."


def _unlisted(there, trials):
    """Recordings beside the listed ones, as "split/file" where their folder has one split, else "-/file"."""
    parents, listed = trials["path"].str.rpartition("/")[0], set(trials["path"])
    of_folder = trials["split"].groupby(parents).unique()
    found = (path.rpartition("/") for path in there if path not in listed and path.lower().endswith(audio.ENDINGS))
    return [f"{of_folder[parent][0] if len(of_folder[parent]) == 1 else UNKNOWN}/{name}" for parent, _, name in found]


def _which(folder, layout, splits):
    """Sentences on which corpus this is, by its counts and the lines of its protocols."""
    declared, ours = LAYOUTS[layout], {split: list(counts.values()) for split, counts in splits.items()}
    ours["all"] = [sum(several) for several in zip(*ours.values(), strict=True)]
    if not {"train", "all"} & declared.get("published", {}).keys():  # of eval, from which train was made
        ours["eval"] = [sum(pair) for pair in zip(ours["train"], ours["eval"], strict=True)]
    published, title = declared.get("published", {}), f"{declared['title']} ({declared.get('source')})"
    if any(ours[split] != counts for split, counts in published.items()):
        line = "{} {:,} + {:,} (published {:,} + {:,})"
        parts = [line.format(split, *ours[split], *counts) for split, counts in published.items()]
        like = [name for name, other in LAYOUTS.items() if other.get("published", {}).get("train") == ours["train"]]
        also = f" Its train has the counts of {like[0]}: numbers on the two are not comparable." if like else ""
        return [f"Not the published {title}: genuine + spoof {'; '.join(parts)}.{also}"]
    for split, digest in declared.get("sha256", {}).items():
        lines = places.read_text(protocol_of(folder, declared["files"][split]), "a protocol").splitlines()
        text = "".join(" ".join(line.split()) + "\n" for line in lines if line.split())
        if hashlib.sha256(text.encode()).hexdigest() != digest:
            return [f"Counts as in {title}, but not the protocol lines: another corpus of the same size."]
    what = "Protocols and counts" if "sha256" in declared else "Counts"
    return [f"{what} are those of the published {title}."] if published else []
