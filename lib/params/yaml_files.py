"""YAML as people write it: ``1e-4`` is a number, ``010`` is not 8, and no key stands twice."""

import re
from pathlib import Path

import yaml

from lib.errors import InputError, one_line, unknown
from lib.params.paths import PARAMS


class _Loader(yaml.SafeLoader):
    """The safe loader with decimal numbers only; without dates, tags and aliases, which can grow without end."""

    def compose_node(self, parent, index):
        event = self.peek_event()
        if getattr(event, "tag", None) or isinstance(event, yaml.AliasEvent):
            raise yaml.composer.ComposerError(None, None, "tags and aliases are not taken", event.start_mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node, deep=False):
        seen = set()
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"the key {key.value} stands twice", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


_WHOLE = r"[-+]?(?:0|[1-9][0-9_]*)"
_FRACTION = rf"{_WHOLE}?\.[0-9]*(?:[eE][-+]?[0-9]+)?|{_WHOLE}[eE][-+]?[0-9]+|[-+]?\.(?:inf|nan)"
_KEPT = ("tag:yaml.org,2002:bool", "tag:yaml.org,2002:null")
_Loader.yaml_implicit_resolvers = {
    first: [resolver for resolver in resolvers if resolver[0] in _KEPT]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(f"^{_WHOLE}$"), "-+0123456789")
_Loader.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(rf"^(?![-+]?\.$)(?:{_FRACTION})$"), "-+.0123456789")


def parse(text, where):
    """The value of a YAML text; `where` names it in an error's message."""
    try:
        return yaml.load(text, _Loader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InputError(f"{where}: not YAML ({one_line(error)})") from None


def read_yaml(path):
    """The mapping in a YAML file, or an InputError."""
    path = Path(path)
    if not path.is_file():
        raise unknown(path.stem, sorted(p.stem for p in path.parent.glob("*.yaml")), f"{path}: no such file")
    try:
        content = parse(path.read_text(encoding="utf-8"), path)
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: must be UTF-8 text, got the byte {error.object[error.start]:#x}") from None
    if not isinstance(content, (dict, type(None))):
        raise InputError(f"{path}: must be a mapping of keys to values, got a {type(content).__name__}")
    for key in content or ():
        if not isinstance(key, str):
            raise InputError(f"{path}: the key {key!r} must be text")
    return content or {}


def read_table(name):
    """What a table of params holds; the code that reads it so is other code when its content changes."""
    path = PARAMS / f"{name}.yaml"
    return parse(path.read_text(encoding="utf-8"), path)


def flat_yaml(path):
    """A YAML mapping of names to plain values, as raw papermill takes with ``-f``."""
    content = read_yaml(path)
    for key, value in content.items():
        if isinstance(value, dict):
            raise InputError(f"{path}: {key} must be one value, got a mapping")
    return content
