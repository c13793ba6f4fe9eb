"""What starts before any work is done: commands, kernels, imports, pages."""

import subprocess
import sys
from pathlib import Path

from lib.params import NOTEBOOKS, ROOT


def command(*arguments):
    """For `side_by_side`: a Python process with these arguments, to its end.

    Raises
    ------
    subprocess.CalledProcessError
        It did not end with exit code 0.
    """
    words = [sys.executable, *arguments]
    return lambda: len([subprocess.run(words, cwd=ROOT, check=True, capture_output=True)])


def first_cells(notebook, target):
    """A notebook's imports alone, and the same notebook without any code.

    Parameters
    ----------
    notebook : str
        Name without ending.
    target : str or Path
        Folder for both.

    Returns
    -------
    imports, empty : Path
    """
    import nbformat

    whole = nbformat.read(NOTEBOOKS / f"{notebook}.ipynb", 4)
    first = next(cell for cell in whole.cells if cell.cell_type == "code")
    paths = []
    for name, cells in (("imports", [first]), ("empty", [])):
        part = nbformat.v4.new_notebook(cells=cells, metadata=whole.metadata)
        paths.append(Path(target) / f"{name}.ipynb")
        nbformat.write(part, paths[-1])
    return tuple(paths)
