"""How corpora are laid out: declarations in params/layouts.yaml."""

from functools import cache

from lib.errors import InputError
from lib.files import places
from lib.params import PARAMS, read_yaml


@cache
def layouts():
    """Name -> declaration of every layout."""
    return read_yaml(PARAMS / "layouts.yaml")


def layout_of(name):
    """The declaration of a layout; InputError if it is unknown."""
    if name not in layouts():
        raise InputError(f"layout {name!r} is unknown: expected one of {', '.join(layouts())}")
    return layouts()[name]


def protocol_of(folder, files):
    """The place of a protocol, under the first of its names that is there; None if there is none."""
    return next((f"{folder}/{name}" for name in files[1:] if places.exists(f"{folder}/{name}")), None)


def fitting(folder, *, of=all):
    """Names of the layouts of whose protocols, or folders, all (or any) are there."""
    return [name for name, layout in layouts().items() if of(_there(folder, layout))]


def _there(folder, layout):
    if "folders" in layout:
        return [places.is_folder(f"{folder}/{part}") for pair in layout["folders"].values() for part in pair]
    return [protocol_of(folder, files) is not None for files in layout["files"].values()]
