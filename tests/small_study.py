"""A study of tiny notebooks in a folder of the test's own: a run takes a second and trains nothing."""

import json
from pathlib import Path

import pytest

from lib.params import identity, settings, studies
from lib.runner import execution

PARAMETERS = """variant: str = "a"  # name of this parameter set
corpus: str = "tiny"  # name of the corpus
layout: str = "asvspoof2017_v2"  # how the folder is laid out
data: str = "nowhere"  # folder of the corpus
allow_partial: bool = False  # use the part that is there
seed: int = 0  # decides nothing
epochs: int = 3  # passes
backbone_weights: str = "random"  # a file, or random"""


def write_notebook(path, *cells):
    """A notebook of a parameters cell and code cells."""
    code = {"cell_type": "code", "execution_count": None, "outputs": []}
    made = [code | {"metadata": {"tags": ["parameters"]}, "source": PARAMETERS}]
    made += [code | {"metadata": {}, "source": cell} for cell in cells]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    path.write_text(json.dumps({"cells": made, "metadata": kernel, "nbformat": 4, "nbformat_minor": 4}))


class SmallStudy:
    """Its folder, and what a test changes in it."""

    def __init__(self, folder):
        self.folder = folder

    def notebook(self, name, *cells):
        write_notebook(self.folder / "notebooks" / f"{name}.ipynb", *cells)

    def study(self, *runs):
        (self.folder / "params" / "studies" / "s.yaml").write_text(f"corpus: tiny\nruns: [{', '.join(runs)}]\n")

    def load(self, **given):
        return studies.load("s", **given)


@pytest.fixture
def small(tmp_path, monkeypatch, tracking, corpus_folder):
    """Runs 11_one/a and 12_two/a on the tiny corpus."""
    for module in (settings, identity, execution):
        monkeypatch.setattr(module, "NOTEBOOKS", tmp_path / "notebooks")
    monkeypatch.setattr(studies, "PARAMS", tmp_path / "params")
    for folder in ("notebooks", "params/corpora", "params/studies", "params/11_one", "params/12_two"):
        Path(tmp_path / folder).mkdir(parents=True)
    (tmp_path / "params/corpora/tiny.yaml").write_text(
        f"corpus: tiny\nlayout: asvspoof2017_v2\ndata: {corpus_folder}\nallow_partial: false\n"
    )
    made = SmallStudy(tmp_path)
    for name in ("11_one", "12_two"):
        (tmp_path / f"params/{name}/a.yaml").write_text("variant: a\n")
        made.notebook(name, "from lib import errors, plots", "print(epochs)")
    made.study("11_one/a", "12_two/a")
    return made
