"""What judges a parameter: the rule of its name in params/settings.yaml, without one its annotation."""

import re
from functools import cache
from operator import le, lt
from typing import Annotated, NamedTuple

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

from lib.errors import InputError, nearest
from lib.params.paths import hide_login
from lib.params.yaml_files import read_table

KINDS = {"int": int, "float": float, "str": str, "bool": bool, "list": list}  # that a cell may name

# A setting, another one, the rule between them, and whether two values keep it.
_BETWEEN = (
    ("fmin", "fmax", "below fmax", lt),
    ("lowest", "highest", "below highest", lt),
    ("fmax", "sr", "at most sr / 2", lambda fmax, sr: fmax <= sr / 2),
    ("win_length", "n_fft", "at most n_fft", le),
    ("n_mfcc", "n_mels", "at most n_mels", le),
    ("n_lfcc", "n_linear", "at most n_linear", le),
)


class Parameter(NamedTuple):
    """What is known of a parameter before it has a value."""

    type: str  # a name of `KINDS`
    default: object
    own: bool  # it stands in the notebook's parameters cell, not in a group


TABLE = read_table("settings")
RULES = {name: rule for rule, names in TABLE["cells"].items() for name in names.split()}  # parameter -> its rule
RULES |= {name: rule for known in TABLE["settings"].values() for name, (rule, _) in known.items()}


def kind(name):
    """Name of a known parameter's type, such as ``int``; None for a name that no rule knows."""
    rule = TABLE["rules"][RULES[name]] if name in RULES else {"kind": None}
    return "list" if "of" in rule else rule.get("kind", "str")


# Group -> name -> `Parameter` of each setting that comes with it.
GROUPS = {
    group: {
        name: Parameter(kind(name), default, own=False)
        for part in parts
        for name, (_, default) in TABLE["settings"][part].items()
    }
    for group, parts in TABLE["groups"].items()
}


def judged(name, value, annotation, where):
    """The value as its type by the name's rule, else by the annotation's (one of `KINDS`), or an InputError."""
    return judged_by(RULES.get(name) or {"int": "whole"}.get(annotation, annotation), name, value, where)


def judged_by(rule, name, value, where):
    """The value as its type by a rule of params/settings.yaml, or an InputError that calls it by its name."""
    try:
        return _adapter(rule).validate_python(value)
    except ValidationError as refused:
        error = refused.errors(include_url=False)[0]
    context = {key: f"{bound:g}" if isinstance(bound, float) else bound for key, bound in error.get("ctx", {}).items()}
    got, must = error["input"], TABLE["words"].get(error["type"], "valid").format(**context)
    hint = ""
    if isinstance(got, str):
        hint = nearest(got, context.get("choices", ()))
        if error["type"] in ("int_type", "float_type") and re.match(r"[-+]?\.?\d", got):
            hint = " (text); write it as a decimal number without quotes, such as 12 or 1.0e-4"
        elif error["type"] == "bool_type":
            hint = " (text); papermill's -p takes True or False"
    elif error["type"] == "string_type" and isinstance(got, (int, float)):
        hint = "; write it in quotes"
    subject = f"each of {name}" if error["loc"] else name
    raise InputError(f"{where}: {subject} must be {must}, got {got!r}{hint}")


def judge_together(values, where, places=None):
    """Refuse values (dict) that do not fit one another; `places` has for a name where its value comes from."""
    places = places or {}
    for name, other, rule, keeps in _BETWEEN:
        if name in values and other in values and not keeps(values[name], values[other]):
            got = f"{values[name]!r} with {other} = {values[other]!r}"
            raise InputError(f"{places.get(name) or places.get(other) or where}: {name} must be {rule}, got {got}")


@cache
def _adapter(rule):
    return TypeAdapter(_type(rule), config=ConfigDict(strict=True, allow_inf_nan=False))


def _type(rule):
    """A rule, or an annotation, as a type for pydantic."""
    if rule in KINDS:
        return KINDS[rule]
    limits = dict(TABLE["rules"][rule])
    choices, pattern, must, unique = (limits.pop(name, None) for name in ("choices", "pattern", "must", "unique"))
    kind = list[_type(limits.pop("of"))] if "of" in limits else {**KINDS, "dict": dict}[limits.pop("kind", "str")]

    def check(value):
        """What the library's own limits cannot say."""
        if choices:
            value = str(value)  # a number may be written without quotes
            if value not in choices:
                raise _refused(f"one of {', '.join(choices)}", choices)
        if pattern and not re.fullmatch(pattern, value):
            raise _refused(must)
        for index, item in enumerate(value if unique else ()):
            if item in value[:index]:
                raise _refused(f"a list without repetitions ({item} stands twice)")
        return hide_login(value) if rule == "place" else value

    return Annotated[kind, Field(**limits), BeforeValidator(check) if choices else AfterValidator(check)]


def _refused(must, choices=()):
    return PydanticCustomError("own", "", {"must": must, "choices": choices})
