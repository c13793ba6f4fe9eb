"""Executed notebooks as pages."""

from lib.errors import InputError
from lib.tracking import query
from lib.tracking.client import artifact


def export_html(notebook, target, *, code=True):
    """Write an executed notebook as one HTML page.

    Parameters
    ----------
    notebook, target : Path
    code : bool
        Whether the page shows the code cells.
    """
    from nbconvert import HTMLExporter

    exporter = HTMLExporter(exclude_input=not code, exclude_output_prompt=not code, embed_images=True)
    target.write_text(exporter.from_filename(str(notebook))[0], encoding="utf-8")


def comparison_page(chosen, target):
    """Write the page of the study's newest comparison run, without code cells.

    Raises
    ------
    lib.errors.InputError
        No comparison has finished, or the page cannot be written.
    """
    run_id = query.newest_comparison(chosen.name, chosen.corpus)
    if run_id is None:
        raise InputError(
            f"study {chosen.name} has no finished comparison on corpus {chosen.corpus}; "
            f"`study run {chosen.name} --corpus {chosen.corpus}` makes it"
        )
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with artifact(run_id, "notebook.ipynb") as executed:
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
