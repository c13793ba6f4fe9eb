"""A study: which runs, on which corpus, with which parameters and seeds."""

import fnmatch
import re
from dataclasses import dataclass, field
from pathlib import Path

from lib.errors import InputError
from lib.params.paths import PARAMS, absolute
from lib.params.schema import GROUPS, STUDY_FILE, judged, nearest, unknown
from lib.params.settings import declared, resolve
from lib.params.yaml_files import flat_yaml, parse, read_yaml

_FIXED = {  # what a study decides for all its runs -> where
    "seed": "seeds are given with --seeds 0,1,2 or the study's key seeds",
    "corpus": "the corpus is given with --corpus or the study's key corpus",
    "variant": "a run's name in the study's key runs decides it",
    "compares": "the study's own name is taken",
}


@dataclass(frozen=True)
class PlannedRun:
    """One notebook with one set of parameters, all resolved."""

    notebook: str
    variant: str
    parameters: dict = field(repr=False)

    @property
    def name(self):
        """The run's name in MLflow, ``<notebook>/<variant>``."""
        return f"{self.notebook}/{self.variant}"

    @property
    def seed(self):
        """The run's seed, or None when the notebook has none."""
        return self.parameters.get("seed")

    @property
    def key(self):
        """What tells the runs of one study apart: name and seed."""
        return self.name, self.seed

    @property
    def stage(self):
        """Runs of one stage do not need each other; stages follow one another.

        The comparison comes last: it says what the other pages over a study's runs found.
        """
        number = int(self.notebook[:2])
        if number < 3:  # a corpus is shown while its features are extracted
            return 1
        return 10 if 10 <= number < 80 else 99 if number == 91 else min(number, 90)

    @property
    def compares(self):
        """Whether it reads the study's runs below 90 (notebooks from 90 on)."""
        return self.stage >= 90


@dataclass(frozen=True)
class Study:
    """A study file with a corpus and the command line's changes applied."""

    name: str
    corpus: str
    runs: list
    only: tuple = ()

    def chooses(self, run):
        """Whether the command line asked for this run (for all, when it named none)."""
        return not self.only or any(_matches(run, pattern) for pattern in self.only)


def names(folder):
    """Names of the files in ``params/<folder>``."""
    return sorted(p.stem for p in (PARAMS / folder).glob("*.yaml"))


def load(study, *, corpus=None, data=None, store=None, only=(), changes=(), seeds=None):
    """Read a study, a name in ``params/studies``, and resolve every parameter of every run: a `Study`.

    `corpus` (a name in ``params/corpora``) and `seeds` (list of int) replace the study's own;
    `data` and `store` are folder or URL of the corpus and of the feature store; `only` has
    patterns of run names or notebooks, none for all; `changes` are ``KEY=VALUE``, for every
    notebook that has the parameter. InputError when a file, key, value or pattern is wrong.

    Examples
    --------
    >>> load("demo", changes=["learning_rate=1e-4"]).runs[2].parameters["learning_rate"]
    0.0001
    """
    where, content = _study_file(study)
    corpus = corpus or content["corpus"]
    corpus_file, in_set = str(PARAMS / "corpora" / f"{corpus}.yaml"), f"{where}, set"
    general, own_set = _split_set(in_set, content)
    given = _parse_changes(changes)
    if store is not None:
        given["store_url"] = absolute(store, Path.cwd())
    layers = {corpus_file: corpus_values(corpus, data), in_set: general, "--set": given}
    seeds = content.get("seeds", [0]) if seeds is None else judged("seeds", seeds, None, "--seeds", STUDY_FILE)

    runs = []
    for entry in content["runs"]:
        notebook, variant = entry.split("/")
        known = declared(notebook)
        mine = {
            source: {key: value for key, value in values.items() if key in known} for source, values in layers.items()
        }
        variant_file = PARAMS / notebook / f"{variant}.yaml"
        own = _without_fixed(variant_file, _named(variant_file, "variant"), ("seed", "corpus", "compares"))
        # The variant overrules the corpus; the study, then the command line overrule both.
        order = [(corpus_file, mine[corpus_file]), (variant_file, own), (in_set, mine[in_set])]
        order += [(f"{in_set}, {notebook}", own_set.get(notebook, {})), ("--set", mine["--set"])]
        order += [(where, {"compares": study})] * ("compares" in known)
        for seed in seeds if "seed" in known else [None]:
            seeded = [] if seed is None else [("seeds", {"seed": seed})]
            runs.append(PlannedRun(notebook, variant, resolve(notebook, order + seeded)))
    _refuse_unused(layers, runs)
    for pattern in only:
        if not any(_matches(run, pattern) for run in runs):
            there = ", ".join(dict.fromkeys(run.name for run in runs))
            raise InputError(f"--only {pattern}: no run of the study has such a name; there are {there}")
    return Study(study, corpus, runs, tuple(only))


def _study_file(study):
    if study not in names("studies"):
        raise unknown(study, names("studies"), f"study {study!r} is unknown")
    path = PARAMS / "studies" / f"{study}.yaml"
    content = read_yaml(path)
    for key, value in content.items():
        if key not in STUDY_FILE:
            raise unknown(key, STUDY_FILE, f"{path}: {key} is not a key of a study")
        judged(key, value, None, path, STUDY_FILE)
    _needed(path, content, ("corpus", "runs"), "a study")
    return str(path), content


def _needed(path, content, keys, what):
    for key in keys:
        if key not in content:
            raise InputError(f"{path}: {key} is missing; {what} names it")


def _split_set(where, content):
    """Values for every notebook that has the parameter, and values for one notebook under its name."""
    values = content.get("set", {})
    own = {key: value for key, value in values.items() if isinstance(value, dict)}
    named = sorted({entry.partition("/")[0] for entry in content["runs"]})
    for notebook, mine in own.items():
        if notebook not in named:
            raise unknown(notebook, named, f"{where}: {notebook} is not a notebook of the study")
        _without_fixed(f"{where}, {notebook}", mine)
    return _without_fixed(where, {key: value for key, value in values.items() if key not in own}), own


def _parse_changes(changes):
    values = {}
    for change in changes:
        key, equals, text = (part.strip() for part in change.partition("="))
        if not equals or not key:
            raise InputError(f"--set {change!r}: must be KEY=VALUE")
        if key in values:
            raise InputError(f"--set {change!r}: {key} is set twice")
        values[key] = parse(text, f"--set {change!r}")
    return _without_fixed("--set", values)


def _without_fixed(where, values, fixed=tuple(_FIXED)):
    """The values, or an InputError when one of them is decided elsewhere."""
    for key in fixed:
        if key in values:
            raise InputError(f"{where}: {key} cannot be set here; {_FIXED[key]}")
    return values


def _refuse_unused(layers, runs):
    every = sorted({name for run in runs for name in run.parameters})
    for source, values in layers.items():
        for key in values:
            if key not in every:
                there = nearest(key, every) or f"; there are {', '.join(every)}"
                raise InputError(f"{source}: {key} is a parameter of none of the study's notebooks{there}")


def _matches(run, pattern):
    return fnmatch.fnmatch(run.name, pattern) or fnmatch.fnmatch(run.notebook, pattern)


def parse_seeds(text):
    """Seeds as the command line gives them: different whole numbers below 2**32, or an InputError.

    Examples
    --------
    >>> parse_seeds("0,1, 2")
    [0, 1, 2]
    """
    for part in text.split(","):
        if not re.fullmatch(r"-?(0|[1-9][0-9]{0,99})", part.strip()):
            raise InputError(f"--seeds {text!r}: {part!r} is not a whole number; for example 0,1,2")
    return judged("seeds", [int(part) for part in text.split(",")], None, "--seeds", STUDY_FILE)


def corpus_values(name, data=None):
    """The values of a corpus file, judged; `data` (folder or URL) replaces the file's.

    Examples
    --------
    >>> corpus_values("demo")["layout"]
    'asvspoof2017_v2'
    """
    path, known = PARAMS / "corpora" / f"{name}.yaml", GROUPS["corpus"]
    if name not in names("corpora"):
        raise unknown(name, names("corpora"), f"{path}: no such file")
    values = _named(path, "corpus")
    for key in values:
        if key not in known:
            raise unknown(key, known, f"{path}: {key} is not a setting of a corpus")
    _needed(path, values, ("layout", "data"), "a corpus file")
    if data is not None:
        values["data"] = absolute(data, Path.cwd())
    return {key: judged(key, value, None, path) for key, value in values.items()}


def _named(path, key):
    """The values of a file, whose name stands in it under `key`."""
    values = flat_yaml(path)
    if values.get(key) != path.stem:
        raise InputError(f"{path}: {key} must be the file's name, {path.stem!r}, got {values.get(key)!r}")
    return values
