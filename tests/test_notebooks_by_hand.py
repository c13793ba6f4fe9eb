"""Every notebook that needs no other run, executed by raw papermill on the tiny corpus."""

import pytest
from test_notebooks import by_hand, place  # noqa: F401

from lib import params

ALONE = [name for name in params.notebooks() if int(name[:2]) < 90]


@pytest.mark.parametrize("notebook", ALONE)
def test_raw_papermill_runs_each_notebook(place, notebook):  # noqa: F811
    by_hand(place, notebook)
