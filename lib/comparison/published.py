"""Figures that others published (params/published.yaml), with ours of the same kind beside them."""

import pandas as pd
import yaml

from lib.comparison.tables import label, with_interval
from lib.params import PARAMS

_CONTENT = yaml.load((PARAMS / "published.yaml").read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
PUBLISHED = sorted(_CONTENT, key=lambda figure: figure["eer"])


def beside_published(rows, kind=None):
    """Eval EERs of others on ASVspoof 2017 Version 2.0, the lowest first, and of our runs of their kind.

    Parameters
    ----------
    rows : list of dict
        From `lib.tracking.query.compare`.
    kind : str, optional
        A run's name: only the figures of systems of its kind.

    Returns
    -------
    pandas.DataFrame [one row a figure]
    """
    return pd.DataFrame(
        {
            "system": figure["system"],
            "published eval EER %": f"{figure['eer']:.2f}",
            "trained on": figure["trained_on"],
            "source": figure["source"],
            "how sure": figure["sure"],
            "ours, eval EER % on the convex hull (plain)": _ours(rows, figure["beside"]),
        }
        for figure in PUBLISHED
        if kind is None or kind in figure["beside"]
    )


def _ours(rows, names):
    both = "{}: {} ({})"
    found = [
        both.format(label(row), *(with_interval(row, f"eval/{name}") for name in ("eer_hull", "eer")))
        for row in rows
        if row["run"] in names
    ]
    return "; ".join(found) or "-"
