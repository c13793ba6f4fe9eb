"""Where an executed notebook's time went."""

import json

import pytest

from lib.runner import pages as durations


def cell(kind, source, duration=None):
    noted = {"papermill": {"duration": duration}} if kind == "code" else {}
    return {"cell_type": kind, "source": source, "metadata": noted}


@pytest.fixture
def notebook(tmp_path):
    cells = [
        cell("markdown", ["# A title\n", "and more"]),
        cell("code", "import this", 4.0),
        cell("code", "epochs: int = 1", 0.5),
        cell("markdown", ["## 1. Pictures\n", "made"]),
        cell("code", "make()", 2.0),
        cell("markdown", "A sentence."),
        cell("code", "show()", 1.0),
        cell("markdown", "## 2. Training"),
        cell("code", "train()", 7.0),
        cell("code", "never reached"),
    ]
    path = tmp_path / "executed.ipynb"
    path.write_text(json.dumps({"cells": cells}))
    return path


def test_sections_add_up_the_cells_below_a_heading(notebook):
    found = durations.sections(notebook)
    assert found == {"imports": 4.0, "before section 1": 0.5, "1. Pictures": 3.0, "2. Training": 7.0}


def test_summary_parts_make_the_total(notebook):
    found = durations.summary(durations.sections(notebook), 20.0)
    assert found == {"total": 20.0, "own": 10.5, "imports": 4.0, "around": 5.5}
    assert found["own"] + found["imports"] + found["around"] == found["total"]


def test_longest_names_the_section(notebook):
    assert durations.longest(durations.sections(notebook)) == "2. Training, 7 s"
    assert durations.longest({"imports": 9.0}) == ""
