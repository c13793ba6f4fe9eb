"""How long the parts of an executed notebook took, as papermill noted it."""

import json
from pathlib import Path

IMPORTS = "imports"
_TITLE = "before section 1"


def sections(notebook):
    """Seconds of each section's cells.

    Parameters
    ----------
    notebook : str or Path
        Executed by papermill, to its end or not.

    Returns
    -------
    dict of str to float
        In the notebook's order: `IMPORTS` (the first code cell), what stands before the
        first section, then each heading of the second level.
    """
    spent, heading = {}, IMPORTS
    for cell in json.loads(Path(notebook).read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "markdown":
            title = "".join(cell["source"]).partition("\n")[0]
            heading = title.removeprefix("## ") if title.startswith("## ") else heading
        elif cell["cell_type"] == "code":
            seconds = cell["metadata"].get("papermill", {}).get("duration") or 0.0
            spent[heading] = spent.get(heading, 0.0) + seconds
            heading = _TITLE if heading == IMPORTS else heading
    return spent


def summary(spent, total):
    """Where a run's time went.

    Parameters
    ----------
    spent : dict of str to float
        From `sections`.
    total : float
        Seconds from the run's start to its end.

    Returns
    -------
    dict of str to float
        Seconds: `total`, `own` (the notebook's own work), `imports`, and `around` (the
        kernel's start and end, pages and artifacts).
    """
    cells = sum(spent.values())
    imports = spent.get(IMPORTS, 0.0)
    return {"total": total, "own": cells - imports, "imports": imports, "around": total - cells}


def longest(spent):
    """The section that took longest, imports aside, in words; empty without any."""
    own = {heading: seconds for heading, seconds in spent.items() if heading != IMPORTS}
    if not own:
        return ""
    heading = max(own, key=own.get)
    return f"{heading}, {own[heading]:.0f} s"
