"""A study: which runs, on which corpus, with which parameters and seeds.

Planning needs neither TensorFlow nor MLflow; it turns names and files into a list of
`PlannedRun`, each with all its parameters resolved.
"""

import fnmatch
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from lib.errors import InputError
from lib.params.paths import PARAMS, absolute
from lib.params.settings import checked, declared, flat_yaml, read_yaml, resolve

_STUDY_KEYS = {"corpus": str, "seeds": list, "runs": list, "set": dict}


@dataclass(frozen=True)
class PlannedRun:
    """One notebook with one set of parameters.

    Attributes
    ----------
    notebook, variant : str
    parameters : dict
        Resolved: every parameter of the notebook.
    """

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
        """Runs of one stage do not need each other; stages follow one another."""
        number = int(self.notebook[:2])
        return 10 if 10 <= number < 80 else min(number, 90)

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


def names(kind):
    """Names of the files in ``params/<kind>``."""
    return sorted(p.stem for p in (PARAMS / kind).glob("*.yaml"))


def load(study, *, corpus=None, data=None, store=None, only=(), changes=(), seeds=None):
    """Read a study and resolve every parameter of every run.

    Parameters
    ----------
    study : str
        Name of ``params/studies/<study>.yaml``.
    corpus : str, optional
        Name of ``params/corpora/<corpus>.yaml``; the study's own without it.
    data, store : str, optional
        Folder or URL of the corpus, and of the feature store.
    only : sequence of str
        Patterns of run names or notebooks; nothing given means all.
    changes : sequence of str
        ``KEY=VALUE``, for every notebook that has the parameter.
    seeds : list of int, optional
        Instead of the study's.

    Returns
    -------
    Study

    Raises
    ------
    InputError
        A file, key, value or pattern is wrong; the message says what there is.
    """
    where, content = _study_file(study)
    where = str(where)
    corpus = corpus or content["corpus"]
    corpus_file = PARAMS / "corpora" / f"{corpus}.yaml"
    given = _parse_changes(changes)
    if store is not None:
        given["store_url"] = absolute(store, Path.cwd())
    general, own_set = _split_set(where, content)
    layers = {str(corpus_file): corpus_values(corpus, data), f"{where}, set": general, "--set": given}
    seeds = content.get("seeds", [0]) if seeds is None else seeds
    if not seeds:
        raise InputError("seeds: an empty list; at least one whole number is wanted")

    runs, used = [], set()
    for entry in content["runs"]:
        notebook, _, variant = str(entry).partition("/")
        known = declared(notebook)
        variant_file = PARAMS / notebook / f"{variant}.yaml"
        own = [(str(variant_file), flat_yaml(variant_file))]
        for source, values in layers.items():
            mine = {key: value for key, value in values.items() if key in known}
            used |= {(source, key) for key in mine}
            # the variant overrules the corpus, the study and the command line overrule both
            own.insert(0, (source, mine)) if source == str(corpus_file) else own.append((source, mine))
        own.insert(-1, (f"{where}, set, {notebook}", own_set.get(notebook, {})))  # the command line overrules it
        if "study" in known:
            own.append((where, {"study": study}))
        for seed in seeds if "seed" in known else [None]:
            extra = [] if seed is None else [("seeds", {"seed": seed})]
            runs.append(PlannedRun(notebook, variant, resolve(notebook, own + extra)))
    _refuse_unused(layers, used, runs)
    _refuse_unmatched(only, runs)
    return Study(study, corpus, runs, tuple(only))


def _study_file(study):
    path = PARAMS / "studies" / f"{study}.yaml"
    if not path.is_file():
        raise InputError(f"study {study!r} is unknown; there are {', '.join(names('studies'))}")
    content = read_yaml(path)
    for key, value in content.items():
        if key not in _STUDY_KEYS:
            raise InputError(f"{path}: {key} is no key of a study; there are {', '.join(_STUDY_KEYS)}")
        if not isinstance(value, _STUDY_KEYS[key]):
            raise InputError(f"{path}: {key} is a {type(value).__name__}; {_STUDY_KEYS[key].__name__} is wanted")
    for key in ("corpus", "runs"):
        if key not in content:
            raise InputError(f"{path}: {key} is missing; a study names it")
    return path, content


def _split_set(where, content):
    """Values for every notebook that has the parameter, and values for one notebook under its name."""
    values = content.get("set", {})
    own = {key: value for key, value in values.items() if isinstance(value, dict)}
    named = {str(entry).partition("/")[0] for entry in content["runs"]}
    for notebook in own:
        if notebook not in named:
            raise InputError(
                f"{where}, set: {notebook} is no notebook of the study; there are {', '.join(sorted(named))}"
            )
    return {key: value for key, value in values.items() if key not in own}, own


def _parse_changes(changes):
    values = {}
    for change in changes:
        key, equals, text = change.partition("=")
        if not equals or not key.strip():
            raise InputError(f"--set {change!r}: KEY=VALUE is wanted")
        try:
            values[key.strip()] = yaml.safe_load(text)
        except yaml.YAMLError:
            raise InputError(f"--set {change!r}: {text!r} is no YAML value") from None
    return values


def _refuse_unused(layers, used, runs):
    notebooks = sorted({run.notebook for run in runs})
    every = sorted({name for notebook in notebooks for name in declared(notebook)})
    for source, values in layers.items():
        for key in values:
            if (source, key) not in used:
                raise InputError(
                    f"{source}: {key} is a parameter of none of {', '.join(notebooks)}; there are {', '.join(every)}"
                )


def _matches(run, pattern):
    return fnmatch.fnmatch(run.name, pattern) or fnmatch.fnmatch(run.notebook, pattern)


def _refuse_unmatched(only, runs):
    for pattern in only:
        if not any(_matches(run, pattern) for run in runs):
            there = ", ".join(dict.fromkeys(run.name for run in runs))
            raise InputError(f"--only {pattern}: no run of the study has such a name; there are {there}")


def parse_seeds(text):
    """Seeds as the command line gives them: ``0,1,2``."""
    seeds = []
    for part in text.split(","):
        try:
            seeds.append(checked("seeds", int(part), "int", "--seeds"))
        except ValueError:
            raise InputError(f"--seeds {text!r}: {part!r} is no whole number; for example 0,1,2") from None
    return seeds


def corpus_values(name, data=None):
    """The values of ``params/corpora/<name>.yaml``, with another folder or URL if one is given."""
    values = flat_yaml(PARAMS / "corpora" / f"{name}.yaml")
    if data is not None:
        values["data"] = absolute(data, Path.cwd())
    return values
