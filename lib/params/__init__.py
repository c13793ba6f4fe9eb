"""Settings of notebooks, and studies: which runs there are to be. Needs neither TensorFlow nor MLflow."""

from lib.params.paths import NOTEBOOKS, PARAMS, ROOT, local_path
from lib.params.settings import (
    PLACES,
    checked,
    current,
    declared,
    flat_yaml,
    notebooks,
    read_yaml,
    resolve,
)

__all__ = [
    "NOTEBOOKS",
    "PARAMS",
    "PLACES",
    "ROOT",
    "checked",
    "current",
    "declared",
    "flat_yaml",
    "local_path",
    "notebooks",
    "read_yaml",
    "resolve",
]
