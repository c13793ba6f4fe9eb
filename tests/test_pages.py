"""Executed notebooks as pages, and where their time went."""

import json
import re

import nbformat
import pandas as pd
import pytest
from bs4 import BeautifulSoup

from lib.runner import pages


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


def test_times_add_up_the_cells_below_a_heading_and_name_the_longest(notebook):
    found, longest = pages.times(notebook, 20.0)
    assert found == {"total": 20.0, "own": 10.5, "imports": 4.0, "around": 5.5}
    assert longest == "2. Training, 7 s"


def test_times_of_a_notebook_without_cells_are_all_around(tmp_path):
    (tmp_path / "empty.ipynb").write_text('{"cells": []}')
    found = pages.times(tmp_path / "empty.ipynb", 2.0)
    assert found == ({"total": 2.0, "own": 0, "imports": 0.0, "around": 2.0}, "")


def test_export_html_shows_markup_from_outside_as_text(tmp_path):
    outside = "<img src=x onerror=alert(1)> <script>alert(2)</script> [name](javascript:alert(3)) [a](data:text/html,b)"
    text = f"# A page\n> From the corpus' README: {outside} a < b\n\n| a |\n|--:|\n| {outside} |\n\n## 1. `x` & y\n"
    shown = nbformat.v4.new_output("display_data", {"text/markdown": text})
    cells = [nbformat.v4.new_markdown_cell(text), nbformat.v4.new_code_cell("1", outputs=[shown])]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "n.ipynb")
    pages.export_html(tmp_path / "n.ipynb", tmp_path / "n.html")
    page = (tmp_path / "n.html").read_text(encoding="utf-8")
    body = page[page.index("<body") :]
    assert "<img" not in body and "<script>alert" not in body
    assert 'href="javascript' not in body and 'href="data' not in body
    assert body.count("&lt;img") == 4 and body.count("<blockquote>") == 2 and "text-align:right" in body


def test_export_html_of_a_failed_run_has_the_notebooks_title(notebook):
    made = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_markdown_cell(text) for text in ("<span>no</span>", "# 11 · A")]
    )
    nbformat.write(made, notebook)
    pages.export_html(notebook, notebook.with_suffix(".html"))
    assert BeautifulSoup(notebook.with_suffix(".html").read_text(), "html.parser").title.text == "11 · A"


def test_export_html_sets_another_systems_scores_before_the_first_section(tmp_path):
    cells = [nbformat.v4.new_markdown_cell(text) for text in ("# A page", "## In short", "## 1. The runs", "## 2. x")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "n.ipynb")
    pages.export_html(tmp_path / "n.ipynb", tmp_path / "n.html", beside=pd.DataFrame({"run": ["<b>theirs"], "a": [1]}))
    page = (tmp_path / "n.html").read_text(encoding="utf-8")
    order = [page.rindex(text) for text in (">In short", ">The scores of another", "&lt;b&gt;theirs", ">1. The runs")]
    assert "<b>theirs" not in page and order == sorted(order)


PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


@pytest.fixture
def page(tmp_path):
    """The page of a notebook with two sections, a figure, a table and a widget, with code cells or without."""
    from nbformat import v4

    figure = v4.new_output(
        "display_data", {"image/png": PIXEL}, metadata={"image/png": {"alt": "eval: DET; run: 4.2 %"}}
    )
    table = v4.new_output("display_data", {"text/html": "<table><tr><td>1</td></tr></table>"})
    widget = {"application/vnd.jupyter.widget-view+json": {"model_id": "1"}, "text/plain": "VBox(children=())"}
    outputs = [figure, table, v4.new_output("display_data", widget)]
    cells = [
        v4.new_markdown_cell("# 11 · A <title> & more"),
        v4.new_markdown_cell("## 1. What it is, in %?\nprose"),
        v4.new_code_cell("secret = 1", outputs=outputs),
        v4.new_markdown_cell("## Reading"),
    ]
    notebook = v4.new_notebook(cells=cells)
    notebook.metadata["papermill"] = {"parameters": {"variant": "mfcc", "corpus": "tiny"}}
    nbformat.write(notebook, tmp_path / "notebook.ipynb")

    def written(code):
        pages.export_html(tmp_path / "notebook.ipynb", tmp_path / "notebook.html", code=code)
        return BeautifulSoup((tmp_path / "notebook.html").read_text(), "html.parser")

    return written


def test_page_needs_no_network_and_no_script(page):
    found = page(code=True)
    assert not found.find_all(["script", "iframe"])
    assert not re.search(r"(src|href)=.?(https?:)?//|@import|url\(", str(found))
    assert "secret = 1" in found.get_text() and "VBox" not in found.get_text()


def test_page_has_a_title_contents_that_lead_somewhere_and_alternative_texts(page):
    found = page(code=False)
    assert found.title.get_text() == "11 · A <title> & more: mfcc, corpus tiny"
    assert found.html["lang"] == "en" and found.find("meta", {"name": "viewport"})
    links = found.nav.find_all("a")
    assert [link.get_text() for link in links] == ["1. What it is, in %?", "Reading"]
    assert {link["href"][1:] for link in links} <= {heading["id"] for heading in found.find_all("h2")}
    assert [image["alt"] for image in found.find_all("img")] == ["eval: DET; run: 4.2 %"]
    assert "secret" not in found.get_text()
