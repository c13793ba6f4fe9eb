"""Executed notebooks: as pages, and where their time went as papermill noted it."""

import json
from pathlib import Path

from lib.errors import InputError
from lib.files import places
from lib.tracking import query
from lib.tracking.client import artifact

IMPORTS = "imports"
_MARKDOWN = (
    "a blockquote br code div em h1 h2 h3 h4 h5 h6 hr li ol p pre span strong sub sup table tbody td th thead tr ul"
).split()


def export_html(notebook, target, *, code=True):
    """Write an executed notebook as one HTML file that needs no network, with or without its code cells."""
    from jinja2 import pass_context
    from nbconvert import HTMLExporter

    template = {"template_name": "page", "extra_template_basedirs": [str(Path(__file__).parent)]}
    exporter = HTMLExporter(exclude_input=not code, exclude_output_prompt=True, exclude_input_prompt=True, **template)
    drawn = exporter.environment.filters["markdown2html"]
    exporter.register_filter("markdown2html", pass_context(lambda context, text: _harmless(drawn(context, text))))
    with places.whole_file(str(target)) as file:
        file.write(exporter.from_filename(str(notebook))[0].encode())


def _harmless(html):
    """HTML from Markdown, in which names and texts from outside may stand: what could run or load is shown as text."""
    import bleach
    from bleach.css_sanitizer import CSSSanitizer

    given = {"*": ["id", "class"], "a": ["href", "title"], "th": ["style"], "td": ["style"]}
    return bleach.clean(html, _MARKDOWN, given, css_sanitizer=CSSSanitizer(["text-align"]))


def comparison_page(chosen, target):
    """Write the page of the study's newest finished comparison, without code cells."""
    made = query.newest(chosen.corpus, "91_compare", **{query.in_study(chosen.name): "yes"})
    if made is None:
        raise InputError(
            f"study {chosen.name} has no finished comparison on corpus {chosen.corpus}; "
            f"`study run {chosen.name} --corpus {chosen.corpus}` makes it"
        )
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with artifact(made.run_id, "notebook.ipynb") as executed:
            export_html(executed, target, code=False)
    except OSError as error:
        raise InputError(f"{target}: cannot be written ({error.strerror})") from None


def one_line_a_bar(executed):
    """Leave of each progress bar what a terminal would show at its end."""
    import nbformat
    from nbconvert.preprocessors import CoalesceStreamsPreprocessor

    notebook = nbformat.read(executed, 4)
    notebook, _ = CoalesceStreamsPreprocessor(enabled=True).preprocess(notebook, {})
    nbformat.write(notebook, executed)


def sections(notebook):
    """Seconds by section, in order: the first code cell is `IMPORTS`, the others go by their second-level heading."""
    spent, heading = {}, IMPORTS
    for cell in json.loads(Path(notebook).read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "markdown":
            title = "".join(cell["source"]).partition("\n")[0]
            heading = title.removeprefix("## ") if title.startswith("## ") else heading
        elif cell["cell_type"] == "code":
            seconds = cell["metadata"].get("papermill", {}).get("duration") or 0.0
            spent[heading] = spent.get(heading, 0.0) + seconds
            heading = "before section 1" if heading == IMPORTS else heading
    return spent


def summary(spent, total):
    """Seconds of a run in all: its `own` work, `imports`, and `around` (kernel, pages and artifacts)."""
    cells = sum(spent.values())
    imports = spent.get(IMPORTS, 0.0)
    return {"total": total, "own": cells - imports, "imports": imports, "around": total - cells}


def longest(spent):
    """The section that took longest, imports aside, in words; empty without any."""
    own = {heading: seconds for heading, seconds in spent.items() if heading != IMPORTS}
    heading = max(own, key=own.get, default="")
    return heading and f"{heading}, {own[heading]:.0f} s"
