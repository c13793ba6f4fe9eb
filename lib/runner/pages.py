"""Executed notebooks: as pages, and where their time went as papermill noted it."""

import json
from pathlib import Path

from lib.errors import InputError
from lib.files import places
from lib.tracking import query
from lib.tracking.client import artifact

_MARKDOWN = (
    "a blockquote br code div em h1 h2 h3 h4 h5 h6 hr li ol p pre span strong sub sup table tbody td th thead tr ul"
).split()
_ATTRIBUTES = {"*": ["id", "class"], "a": ["href", "title"], "th": ["style"], "td": ["style"]}


def export_html(notebook, target, *, code=True, beside=None):
    """Write an executed notebook as one HTML file that needs no network; `beside`, a table, stands before section 1."""
    from bleach import Cleaner
    from bleach.css_sanitizer import CSSSanitizer
    from jinja2 import pass_context
    from nbconvert import HTMLExporter
    from nbformat import read, v4

    template = {"template_name": "page", "extra_template_basedirs": [str(Path(__file__).parent)]}
    exporter = HTMLExporter(exclude_input=not code, exclude_output_prompt=True, exclude_input_prompt=True, **template)
    # Names and texts from outside may stand in Markdown: what could run or load is shown as text.
    harmless = Cleaner(_MARKDOWN, _ATTRIBUTES, css_sanitizer=CSSSanitizer(["text-align"])).clean
    drawn = exporter.environment.filters["markdown2html"]
    exporter.register_filter("markdown2html", pass_context(lambda context, text: harmless(drawn(context, text))))
    page = read(str(notebook), 4)
    if beside is not None:
        first = next(place for place, cell in enumerate(page.cells) if cell.source.startswith("## 1. "))
        narrow = beside.style.hide(axis="index").format(escape="html").set_properties(**{"white-space": "nowrap"})
        shown = v4.new_output("display_data", {"text/html": narrow.to_html()})
        title = v4.new_markdown_cell("## The scores of another system")
        page.cells[first:first] = [title, v4.new_code_cell(outputs=[shown])]
    content = exporter.from_notebook_node(page, {"metadata": {"name": Path(notebook).stem}})[0].encode()
    with places.whole_file(str(target)) as file:
        file.write(content)


def comparison_page(chosen, target, beside=None):
    """Write the page of the study's newest finished comparison, without code cells; `beside` as `export_html` has."""
    made = query.newest(chosen.corpus, "91_compare", **{query.in_study(chosen.name): "yes"})
    if made is None:
        raise InputError(
            f"study {chosen.name} has no finished comparison on corpus {chosen.corpus}; "
            f"`study run {chosen.name} --corpus {chosen.corpus}` makes it"
        )
    try:
        with artifact(made.run_id, "notebook.ipynb") as executed:
            export_html(executed, target, code=False, beside=beside)
    except OSError as error:
        raise InputError(f"{target}: cannot be written ({error.strerror})") from None


def times(notebook, total):
    """Where `total`, a run's seconds, went (`imports`: its first code cell), and in words its longest section."""
    spent, heading, imports = {}, "before section 1", None
    for cell in json.loads(Path(notebook).read_text(encoding="utf-8"))["cells"]:
        title = "".join(cell["source"]).partition("\n")[0]
        if cell["cell_type"] == "markdown" and title.startswith("## "):
            heading = title.removeprefix("## ")
        elif cell["cell_type"] == "code":
            seconds = cell["metadata"].get("papermill", {}).get("duration") or 0.0
            if imports is None:
                imports = seconds
            else:
                spent[heading] = spent.get(heading, 0.0) + seconds
    own, imports = sum(spent.values()), imports or 0.0
    longest = max(spent, key=spent.get, default="")
    parts = {"total": total, "own": own, "imports": imports, "around": total - own - imports}
    return parts, longest and f"{longest}, {spent[longest]:.0f} s"
