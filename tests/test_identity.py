"""What decides a run: each part changes the fingerprint and is named, prose and places do not."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from small_study import write_notebook

from lib.params import PARAMS, identity, studies, yaml_files

NOTHING = {"cells": "c", "parameters": {}, "corpus": "d", "rooms": {}, "versions": {}, "weights": {}, "reads": ""}


def parts(small, **changes):
    run = small.load().runs[0]
    return identity.identity(replace(run, parameters=run.parameters | changes), "d")


def test_identity_is_plain_json_and_short_enough_for_a_tag(small):
    found = parts(small, variant="a" * 9000)
    assert json.loads(identity.marks(found)["identity"]) == found
    assert len(identity.marks(found)["identity"]) < 8000
    assert parts(small, variant="a" * 9001) != found


def test_identity_of_each_run_of_the_report_fits_into_a_tag():
    for run in studies.load("report").runs:
        assert len(identity.marks(identity.identity(run, "d" * 16, ["r" * 32] * 200))["identity"]) < 4000, run


def test_cells_follow_code_but_neither_prose_comments_nor_defaults(small):
    before = parts(small)["cells"]
    path = small.folder / "notebooks" / "11_one.ipynb"
    content = json.loads(path.read_text())
    content["cells"].insert(1, {"cell_type": "markdown", "metadata": {}, "source": "A sentence."})
    content["cells"][0]["source"] = content["cells"][0]["source"].replace("epochs: int = 3", "epochs: int = 4")
    content["cells"][3]["source"] = "print( epochs )  # how many"
    path.write_text(json.dumps(content))
    assert parts(small)["cells"] == before
    small.notebook("11_one", "from lib import errors, plots", "print(epochs + 1)")
    assert parts(small)["cells"] != before


def test_cells_with_a_magic_count_as_they_are_written(small):
    small.notebook("11_one", "%time print(1)")
    first = parts(small)
    small.notebook("11_one", "%time print(2)")
    assert first["cells"] != parts(small)["cells"] and first["rooms"] == {}


def test_rooms_are_those_that_imports_reach(small):
    assert {"errors", "plots", "metrics"} <= parts(small)["rooms"].keys()  # plots imports metrics
    assert not {"runner", "cli", "demo", "tracking"} & parts(small)["rooms"].keys()
    small.notebook("11_one", "import lib.errors")
    assert parts(small)["rooms"] == {"errors": identity.code_digest("errors")}


def test_parameters_leave_places_aside(small):
    assert parts(small, data="/elsewhere") == parts(small)
    assert parts(small, epochs=4) != parts(small)


def test_weights_follow_the_content_of_file_and_folder(small):
    file, folder = small.folder / "w.h5", small.folder / "weights"
    folder.mkdir()
    found = set()
    for content in (b"first", b"other"):
        file.write_bytes(content)
        (folder / "model.safetensors").write_bytes(content)
        found |= {identity.fingerprint(parts(small, backbone_weights=str(place))) for place in (file, folder)}
    assert len(found) == 4
    assert parts(small, backbone_weights="imagenet")["weights"] == {"backbone_weights": "imagenet"}


def test_weights_are_read_again_only_after_a_change(small, monkeypatch):
    file = small.folder / "w.h5"
    file.write_bytes(b"first")
    first = identity.weights({"backbone_weights": str(file)})
    monkeypatch.setattr(identity.hashlib, "file_digest", lambda *_: pytest.fail("it was read again"))
    assert identity.weights({"backbone_weights": str(file)}) == first


def test_weights_of_a_hub_name_follow_the_commit_in_the_cache(small, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(small.folder / "hub"))
    values = {"wav2vec_weights": "owner/name"}
    planned = NOTHING | {"weights": identity.weights(values)}
    assert planned["weights"] == {"wav2vec_weights": "owner/name"}
    refs = small.folder / "hub" / "models--owner--name" / "refs"
    refs.mkdir(parents=True)
    (refs / "main").write_text("0123456789abcdef")
    kept = identity.settled(planned, values)  # the run itself has downloaded them
    assert kept["weights"] == identity.weights(values) == {"wav2vec_weights": "owner/name@0123456789ab"}
    (refs / "main").write_text("fedcba9876543210")
    assert identity.settled(kept, values) == kept  # what came later was not used
    assert identity.reasons(kept, NOTHING | {"weights": identity.weights(values)}) == ["weights changed"]


def test_versions_of_computing_libraries_are_there(small):
    assert {"tensorflow", "keras", "numpy", "scipy", "torch", "librosa"} <= parts(small)["versions"].keys()


@pytest.mark.parametrize(
    ("change", "words", "fits"),
    [
        ({}, [], ""),
        ({"cells": "x"}, ["notebook changed"], "fits are kept where network and training are the same"),
        ({"corpus": "x"}, ["corpus changed"], ""),
        ({"parameters": {"epochs": 2, "new": 1}}, ["parameters changed: epochs, new, gone"], ""),
        ({"rooms": {"plots": "2", "audio": "1"}}, ["lib/plots changed"], "fits are kept"),
        ({"rooms": {"plots": "2", "audio": "2"}}, ["lib/plots, lib/audio changed"], ""),
        ({"rooms": dict.fromkeys(("plots", "audio", "inputs", "systems"), "2")}, ["4 rooms of lib changed"], ""),
        ({"rooms": {"plots": "2", "audio": "1", "scores": "1"}}, ["lib/plots changed"], "fits are kept"),
        ({"versions": {"tensorflow": "2.22.0"}}, ["TensorFlow 2.21.0 -> 2.22.0"], ""),
        ({"weights": {"backbone_weights": "2"}}, ["weights changed"], ""),
        ({"reads": "x"}, ["the runs that it reads changed"], "fits are kept"),
    ],
)
def test_reasons_name_what_changed_and_whether_fits_are_kept(change, words, fits):
    old = NOTHING | {
        "parameters": {"epochs": 1, "gone": 1}, "rooms": dict.fromkeys(("plots", "audio", "inputs", "systems"), "1"),
        "versions": {"tensorflow": "2.21.0"}, "weights": {"backbone_weights": "1"},
    }  # fmt: skip
    new = old | change
    assert identity.reasons(old, new) == words
    assert identity.kept(old, new) == fits
    assert (identity.fingerprint(old) == identity.fingerprint(new)) == (not words)


def test_reasons_of_a_run_that_is_new_or_of_before_identities():
    assert identity.reasons(None, NOTHING) == ["new"] and identity.kept(None, NOTHING) == ""
    assert identity.reasons({}, NOTHING) == ["made by an older version"] and identity.kept({}, NOTHING) == ""


def test_notebook_changed_within_a_process_is_seen(small):
    before = parts(small)
    write_notebook(small.folder / "notebooks" / "11_one.ipynb", "print(2)")
    assert parts(small)["cells"] != before["cells"]


def test_rooms_follow_the_tables_that_their_modules_read(tmp_path, monkeypatch):
    before, other = (identity.code_digest.__wrapped__(part) for part in ("judgement.diagnosis", "metrics.paired"))
    table = shutil.copy(PARAMS / "causes.yaml", tmp_path)
    monkeypatch.setattr(yaml_files, "PARAMS", tmp_path)
    Path(table).write_text("# a comment\n" + Path(table).read_text())
    assert identity.code_digest.__wrapped__("judgement.diagnosis") == before
    Path(table).write_text(Path(table).read_text().replace("trained", "made"))
    assert identity.code_digest.__wrapped__("judgement.diagnosis") != before
    assert identity.code_digest.__wrapped__("metrics.paired") == other
