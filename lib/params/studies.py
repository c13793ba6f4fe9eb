"""A study: which runs, on which corpus, with which parameters and seeds."""

from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

from lib.errors import InputError, nearest, unknown
from lib.params.paths import PARAMS, absolute
from lib.params.settings import GROUPS, RULES, TABLE, declared, judged_by, resolve
from lib.params.yaml_files import flat_yaml, parse, read_yaml

_FIXED = TABLE["fixed"]


@dataclass(frozen=True)
class PlannedRun:
    """One notebook with one set of parameters, all resolved."""

    notebook: str
    variant: str
    parameters: dict = field(repr=False)

    @property
    def name(self):
        return f"{self.notebook}/{self.variant}"

    @property
    def seed(self):
        return self.parameters.get("seed")

    @property
    def stage(self):
        """Runs of one stage do not need each other; stages follow one another, the comparison last."""
        number = int(self.notebook[:2])
        if number < 3:  # a corpus is shown while its features are extracted
            return 1
        return 10 if 10 <= number < 80 else 99 if number == 91 else min(number, 90)

    @property
    def compares(self):
        """Whether it reads the study's runs below 90 (notebooks from 90 on)."""
        return self.stage >= 90

    def matches(self, pattern):
        """Whether a pattern of ``--only`` means this run."""
        return fnmatch(self.name, pattern) or fnmatch(self.notebook, pattern)


@dataclass(frozen=True)
class Study:
    """A study file with a corpus and the command line's changes applied."""

    name: str
    corpus: str
    runs: list
    only: tuple = ()

    def chooses(self, run):
        """Whether the command line asked for this run (for all, when it named none)."""
        return not self.only or any(run.matches(pattern) for pattern in self.only)


def names(folder):
    """Names of the files in ``params/<folder>``."""
    return sorted(p.stem for p in (PARAMS / folder).glob("*.yaml"))


def load(study, *, corpus=None, data=None, store=None, only=(), changes=(), seeds=None):
    """Read a study of ``params/studies``, and resolve every parameter of every run: a `Study`, or an InputError.

    `corpus` (of ``params/corpora``) and `seeds` (text, ``0,1,2``) replace the study's own; `data` and `store` are
    folder or URL; `only` has patterns of runs or notebooks; `changes` are ``KEY=VALUE``.
    """
    if study not in names("studies"):
        corpus = f" (it is a corpus: STUDY --corpus {study})" if study in names("corpora") else ""
        raise unknown(study, names("studies"), f"study {study!r} is unknown{corpus}")
    where = str(PARAMS / "studies" / f"{study}.yaml")
    content = _keys(where, read_yaml(where), TABLE["study"], ("corpus", "runs"), "a study")
    corpus, in_set = content["corpus"] if corpus is None else corpus, f"{where}, set"
    notebooks = sorted({entry.partition("/")[0] for entry in content["runs"]})
    given_set = content.get("set", {})
    own = {key: value for key, value in given_set.items() if isinstance(value, dict)}  # for one notebook alone
    for key in own:
        if key not in notebooks:
            raise unknown(key, notebooks, f"{in_set}: {key} is not a notebook of the study")
        _without_fixed(f"{in_set}, {key}", own[key])
    general = _without_fixed(in_set, {key: value for key, value in given_set.items() if key not in own})
    given = _parse_changes(changes) | ({} if store is None else {"store_url": absolute(store, Path.cwd())})
    of_corpus = str(PARAMS / "corpora" / f"{corpus}.yaml"), corpus_values(corpus, data)
    shared = [of_corpus, (in_set, general), ("--set", given)]
    chosen = content.get("seeds", [0])
    if seeds is not None:
        chosen = judged_by("seeds", "seeds", parse(f"[{seeds}]", "--seeds"), "--seeds")

    runs = []
    for entry in content["runs"]:
        notebook, variant = entry.split("/")
        known, file = declared(notebook), PARAMS / notebook / f"{variant}.yaml"
        of_corpus, of_study, of_command = (
            (place, {key: value for key, value in values.items() if key in known}) for place, values in shared
        )
        of_variant = (file, _without_fixed(file, _named(file, "variant"), ("seed", "corpus", "compares")))
        of_notebook = (f"{in_set}, {notebook}", own.get(notebook, {}))
        order = [of_corpus, of_variant, of_study, of_notebook, of_command]  # each overrules those before
        order += [(where, {"compares": study})] * ("compares" in known)
        for seed in chosen if "seed" in known else [None]:
            seeded = [] if seed is None else [("seeds", {"seed": seed})]
            runs.append(PlannedRun(notebook, variant, resolve(notebook, order + seeded)))
    every = sorted({name for run in runs for name in run.parameters})
    for place, key in ((place, key) for place, values in shared for key in values):
        if key not in every:
            there = nearest(key, every) or f"; there are {', '.join(every)}"
            raise InputError(f"{place}: {key} is a parameter of none of the study's notebooks{there}")
    for pattern in only:
        if not any(run.matches(pattern) for run in runs):
            there = ", ".join(dict.fromkeys(run.name for run in runs))
            raise InputError(f"--only {pattern}: no run of the study has such a name; there are {there}")
    return Study(study, corpus, runs, tuple(only))


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


def corpus_values(name, data=None):
    """The values of a corpus file, judged; `data` (folder or URL) replaces the file's."""
    path = PARAMS / "corpora" / f"{name}.yaml"
    if name not in names("corpora"):
        raise unknown(name, names("corpora"), f"{path}: no such file")
    known = {key: RULES[key] for key in GROUPS["corpus"]}
    values = _keys(path, _named(path, "corpus"), known, ("layout", "data"), "a corpus file")
    return values if data is None else values | {"data": absolute(data, Path.cwd())}


def _named(path, key):
    """The values of a file, whose name stands in it under `key`."""
    values = flat_yaml(path)
    if values.get(key) != path.stem:
        raise InputError(f"{path}: {key} must be the file's name, {path.stem!r}, got {values.get(key)!r}")
    return values


def _keys(path, values, known, needed, what):
    """The values of a file, each judged by its rule in `known`."""
    for key in values:
        if key not in known:
            raise unknown(key, known, f"{path}: {key} is not a key of {what}")
    for key in needed:
        if key not in values:
            raise InputError(f"{path}: {key} is missing; {what} names it")
    return {key: judged_by(known[key], key, value, path) for key, value in values.items()}
