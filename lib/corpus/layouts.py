"""How corpora are laid out: declarations in params/layouts.yaml."""

from functools import cache

from lib.files import places
from lib.params import read_table


@cache
def layouts():
    """Name -> declaration of every layout."""
    return read_table("layouts")


def protocol_of(folder, files):
    """The place of a protocol, under the first of its names that is there; None if there is none."""
    return next((f"{folder}/{name}" for name in files[1:] if places.exists(f"{folder}/{name}")), None)


def fitting(folder, *, of=all):
    """Names of the layouts of whose protocols, or folders, all (or any) are there."""
    found = []
    for name, layout in layouts().items():
        pairs = layout.get("folders", {}).values()
        there = [places.is_folder(f"{folder}/{part}") for pair in pairs for part in pair]
        there += [protocol_of(folder, files) is not None for files in layout.get("files", {}).values()]
        if of(there):
            found.append(name)
    return found
