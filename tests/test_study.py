"""Parameters and studies: what is unknown, missing or ill-typed is said before anything starts."""

import shutil

import pytest

from lib import params
from lib.errors import InputError
from lib.params import identity
from lib.params import studies as study


def test_declared_reads_types_defaults_and_comments():
    found = params.declared("11_paper_cnn")
    assert found["epochs"].default == 30
    assert found["learning_rate"].type == "float"
    assert found["epochs"].comment.startswith("passes of steps_per_epoch")


def test_declared_unknown_notebook_lists_what_there_is():
    with pytest.raises(InputError, match="no such notebook; there are 01_corpus, 02_extract"):
        params.declared("99_none")


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [(3, "int", 3), (3, "float", 3.0), (0.5, "float", 0.5), (True, "bool", True), (["a"], "list", ["a"])],
)
def test_checked_right_type_is_taken(value, kind, expected):
    result = params.checked("x", value, kind, "here")
    assert result == expected and type(result) is type(expected)


@pytest.mark.parametrize(
    ("value", "kind"),
    [("3", "int"), (True, "int"), (0.5, "int"), (True, "float"), (1, "bool"), (1, "str"), ("a", "list")],
)
def test_checked_wrong_type_names_key_value_and_type(value, kind):
    with pytest.raises(InputError, match=f"here: x = .* is of type .*; {kind} is wanted"):
        params.checked("x", value, kind, "here")


def test_resolve_later_layers_win_and_unknown_is_refused():
    values = params.resolve("11_paper_cnn", [("a", {"epochs": 2}), ("b", {"epochs": 3})])
    assert values["epochs"] == 3 and values["steps_per_epoch"] == 8
    with pytest.raises(InputError, match="b: epoch is no parameter of 11_paper_cnn; there are variant, corpus"):
        params.resolve("11_paper_cnn", [("b", {"epoch": 3})])


def test_load_demo_resolves_every_parameter_of_every_run():
    loaded = study.load("demo")
    assert [run.name for run in loaded.runs][:2] == ["01_corpus/default", "02_extract/pictures"]
    mfcc = next(run for run in loaded.runs if run.name == "11_paper_cnn/mfcc")
    assert mfcc.parameters.keys() == params.declared("11_paper_cnn").keys()
    assert (mfcc.parameters["feature"], mfcc.parameters["variant"], mfcc.seed) == ("mfcc", "mfcc", 0)


def test_load_data_and_store_by_url_keep_the_fingerprints():
    here, there = study.load("demo", data="x", store="y"), study.load("demo", data="s3://b/x/", store="file:///y")
    assert [run.parameters["data"] for run in there.runs] == ["s3://b/x"] * len(there.runs)
    assert {run.parameters["store_url"] for run in there.runs if "store_url" in run.parameters} == {"/y"}
    marks = [
        [identity.fingerprint(identity.identity(run, "0" * 16)) for run in loaded.runs] for loaded in (here, there)
    ]
    assert marks[0] == marks[1]


def test_stage_pages_over_all_runs_share_the_last_one():
    stages = {run.notebook: run.stage for name in ("demo", "bench") for run in study.load(name).runs}
    assert stages["01_corpus"] < stages["02_extract"] < stages["11_paper_cnn"] == stages["15_dual_mobilenet"]
    assert stages["15_dual_mobilenet"] < stages["81_bench_extract"] < stages["82_bench_wav2vec"]
    assert stages["84_bench_training"] < stages["91_compare"] == stages["92_sensitivity"]


def test_load_set_seeds_corpus_data_and_only():
    loaded = study.load(
        "demo", corpus="asvspoof2017", data="/some/where", store="/a/store", only=["11_*/mfcc"],
        changes=["epochs=2", "learning_rate=1", "window=hamming"], seeds=[3, 4],
    )  # fmt: skip
    chosen = [run for run in loaded.runs if loaded.chooses(run)]
    assert [run.seed for run in chosen] == [3, 4]
    values = chosen[0].parameters
    assert (values["epochs"], values["learning_rate"], values["window"]) == (2, 1.0, "hamming")
    assert (values["corpus"], values["data"], values["store_url"]) == ("asvspoof2017", "/some/where", "/a/store")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"study": "none"}, "study 'none' is unknown; there are bench, demo"),
        ({"corpus": "none"}, "none.yaml: no such file; there are asvspoof2017, demo"),
        ({"changes": ["epoch=3"]}, "--set: epoch is a parameter of none of"),
        ({"changes": ["epochs=many"]}, "--set: epochs = 'many' is of type str; int is wanted"),
        ({"changes": ["epochs"]}, "--set 'epochs': KEY=VALUE is wanted"),
        ({"changes": ["epochs=[1"]}, "is no YAML value"),
        ({"only": ["77_*"]}, "--only 77_*: no run of the study has such a name; there are 01_corpus/default"),
        ({"seeds": []}, "seeds: an empty list"),
    ],
)
def test_load_wrong_argument_is_named(arguments, words):
    with pytest.raises(InputError) as error:
        study.load(**{"study": "demo", **arguments})
    assert words in str(error.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("corpus: demo\nruns: [11_paper_cnn/mfcc]\nsed: [1]\n", "sed is no key of a study; there are corpus"),
        ("corpus: demo\n", "runs is missing"),
        ("corpus: demo\nruns: 3\n", "runs is a int; list is wanted"),
        ("corpus: demo\nruns: [11_paper_cnn/none]\n", "none.yaml: no such file; there are fft, mel, mfcc"),
        ("corpus: demo\nruns: [11_paper_cnn/mfcc]\nset: {nothing: 1}\n", "set: nothing is a parameter of none of"),
        ("- a\n- b\n", "a list; a mapping of keys to values is wanted"),
        ("a: [1\n", "not YAML"),
    ],
)
def test_load_wrong_study_file_is_named(tmp_path, monkeypatch, text, words):
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies" / "x.yaml").write_text(text)
    for name in ("corpora", "11_paper_cnn"):
        (tmp_path / name).symlink_to(params.PARAMS / name)
    monkeypatch.setattr(study, "PARAMS", tmp_path)
    with pytest.raises(InputError) as error:
        study.load("x")
    assert words in str(error.value)


def test_parse_seeds():
    assert study.parse_seeds("0,1, 2") == [0, 1, 2]
    with pytest.raises(InputError, match="--seeds '0,a': 'a' is no whole number"):
        study.parse_seeds("0,a")


@pytest.fixture
def own_study(tmp_path, monkeypatch):
    """Writes a study file of the test's own beside a copy of the params."""
    folder = tmp_path / "params"
    shutil.copytree(params.PARAMS, folder)
    monkeypatch.setattr(study, "PARAMS", folder)

    def write(text):
        (folder / "studies" / "own.yaml").write_text(text)
        return study.load("own", changes=["steps_per_epoch=3"])

    return write


def test_load_set_for_one_notebook_leaves_the_others(own_study):
    runs = "runs: [11_paper_cnn/mfcc, 13_modified_cnn/cured]"
    loaded = own_study(
        f"corpus: demo\n{runs}\nset: {{batch_size: 8, 13_modified_cnn: {{epochs: 4, steps_per_epoch: 5}}}}\n"
    )
    paper, modified = (run.parameters for run in loaded.runs)
    assert (paper["epochs"], paper["batch_size"], paper["steps_per_epoch"]) == (30, 8, 3)
    assert (modified["epochs"], modified["batch_size"], modified["steps_per_epoch"]) == (4, 8, 3)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ("12_other: {epochs: 4}", "12_other is no notebook of the study; there are 11_paper_cnn"),
        ("11_paper_cnn: {epoch: 4}", "set, 11_paper_cnn: epoch is no parameter of 11_paper_cnn"),
    ],
)
def test_load_set_for_one_notebook_wrong_is_refused(own_study, values, words):
    with pytest.raises(InputError, match=words):
        own_study(f"corpus: demo\nruns: [11_paper_cnn/mfcc]\nset: {{{values}}}\n")
