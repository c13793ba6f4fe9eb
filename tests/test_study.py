"""Parameters and studies: what is unknown, missing or ill-typed is said before anything starts."""

import re
import shutil
import subprocess
import sys

import pytest

from lib import params
from lib.errors import InputError
from lib.params import identity
from lib.params import studies as study

STUDIES, CORPORA = (", ".join(study.names(kind)) for kind in ("studies", "corpora"))  # a user's own too


def test_load_demo_resolves_every_parameter_of_every_run():
    loaded = study.load("demo")
    assert [run.name for run in loaded.runs][:2] == ["01_corpus/default", "02_extract/all"]
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


def test_stage_the_comparison_comes_after_all_other_pages():
    stages = {run.notebook: run.stage for name in ("demo", "bench", "best") for run in study.load(name).runs}
    assert stages["01_corpus"] == stages["02_extract"] < stages["11_paper_cnn"] == stages["15_dual_mobilenet"]
    assert stages["15_dual_mobilenet"] < stages["81_bench_extract"] < stages["82_bench_wav2vec"]
    assert stages["84_bench_training"] < stages["92_sensitivity"] == stages["94_elsewhere"] < stages["91_compare"]


def test_load_set_seeds_corpus_data_and_only():
    loaded = study.load(
        "demo", corpus="asvspoof2017", data="/some/where", store="/a/store", only=["11_*/mfcc"],
        changes=["epochs=2", "learning_rate=1e-4", "window=hamming", "threshold=0.5"], seeds="3, 4",
    )  # fmt: skip
    chosen = [run for run in loaded.runs if loaded.chooses(run)]
    assert [run.seed for run in chosen] == [3, 4]
    values = chosen[0].parameters
    assert (values["epochs"], values["learning_rate"], values["window"]) == (2, 0.0001, "hamming")
    assert {run.parameters["threshold"] for run in loaded.runs if "threshold" in run.parameters} == {"0.5"}
    assert (values["corpus"], values["data"], values["store_url"]) == ("asvspoof2017", "/some/where", "/a/store")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            {"study": "dem"},
            f"there are {STUDIES}; did you mean demo?",
        ),
        (
            {"study": "../studies/demo"},
            f"study '../studies/demo' is unknown; there are {STUDIES}",
        ),
        ({"study": "asvspoof2017"}, "'asvspoof2017' is unknown (it is a corpus: STUDY --corpus asvspoof2017); there"),
        ({"corpus": "dem"}, f"dem.yaml: no such file; there are {CORPORA}; did you mean demo?"),
        ({"corpus": "none"}, f"none.yaml: no such file; there are {CORPORA}"),
        ({"corpus": "../corpora/demo"}, f"/demo.yaml: no such file; there are {CORPORA}"),
        (
            {"changes": ["epoch=3"]},
            "--set: epoch is a parameter of none of the study's notebooks; did you mean epochs?",
        ),
        ({"changes": ["epochs=many"]}, "--set: epochs must be a whole number, got 'many'"),
        ({"changes": ["epochs"]}, "--set 'epochs': must be KEY=VALUE"),
        ({"changes": ["=3"]}, "--set '=3': must be KEY=VALUE"),
        ({"changes": ["epochs=1", "epochs=2"]}, "--set 'epochs=2': epochs is set twice"),
        ({"changes": ["epochs=[1"]}, "--set 'epochs=[1': not YAML"),
        ({"changes": ["epochs="]}, "--set: epochs must be a whole number, got None"),
        (
            {"changes": ["epochs=010"]},
            "--set: epochs must be a whole number, got '010' (text); write it as a decimal",
        ),
        ({"changes": ["epochs=0"]}, "--set: epochs must be at least 1, got 0"),
        ({"changes": ["epochs=-3"]}, "--set: epochs must be at least 1, got -3"),
        ({"changes": ["batch_size=0"]}, "--set: batch_size must be at least 1, got 0"),
        ({"changes": ["learning_rate=-0.001"]}, "--set: learning_rate must be above 0, got -0.001"),
        ({"changes": ["learning_rate=.nan"]}, "--set: learning_rate must be a finite number, got nan"),
        ({"changes": ["feature=MFCC"]}, "stft, cqcc, statistics, got 'MFCC'; did you mean mfcc?"),
        (
            {"changes": ["threshold=0.4"]},
            "--set: threshold must be one of 0.5, dev-eer, got 0.4",
        ),
        (
            {"changes": ["colours=magmaa"]},
            "--set: colours must be one of magma, coolwarm, gray, viridis, got 'magmaa'; did you mean",
        ),
        ({"changes": ["fmax=9000"]}, "--set: fmax must be at most sr / 2, got 9000.0 with sr = 16000"),
        ({"changes": ["seed=5"]}, "--set: seed cannot be set here; seeds are given with --seeds 0,1,2"),
        ({"changes": ["corpus=asvspoof2017"]}, "--set: corpus cannot be set here; the corpus is given with --corpus"),
        ({"changes": ["variant=mfcc"]}, "--set: variant cannot be set here; a run's name in the study's key runs"),
        ({"changes": ["compares=report"]}, "--set: compares cannot be set here; the study's own name is taken"),
        ({"only": ["77_*"]}, "--only 77_*: no run of the study has such a name; there are 01_corpus/default"),
        ({"seeds": ""}, "--seeds: seeds must be a list that is not empty, got []"),
        ({"seeds": "4294967296"}, "--seeds: each of seeds must be below 4294967296, got 4294967296"),
        ({"seeds": "0,a"}, "--seeds: each of seeds must be a whole number, got 'a'"),
        ({"seeds": "1.0"}, "--seeds: each of seeds must be a whole number, got 1.0"),
        ({"seeds": "010"}, "--seeds: each of seeds must be a whole number, got '010' (text)"),
        ({"seeds": "-1"}, "--seeds: each of seeds must be at least 0, got -1"),
        ({"seeds": "0]"}, "--seeds: not YAML"),
        ({"seeds": "9" * 5000}, "--seeds: not YAML"),
        ({"seeds": "0,1,0"}, "--seeds: seeds must be a list without repetitions (0 stands twice), got [0, 1, 0]"),
    ],
)
def test_load_wrong_argument_is_named(arguments, words):
    with pytest.raises(InputError) as error:
        study.load(**{"study": "demo", **arguments})
    assert words in str(error.value)


ONE = "corpus: demo\nruns: [11_paper_cnn/mfcc]\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            f"{ONE}sed: [1]\n",
            "x.yaml: sed is not a key of a study; there are corpus, runs, seeds, set; did you mean seeds?",
        ),
        ("corpus: demo\n", "x.yaml: runs is missing; a study names it"),
        ("corpus: demo\nruns: []\n", "x.yaml: runs must be a list that is not empty, got []"),
        ("corpus: demo\nruns: 3\n", "x.yaml: runs must be a list, got 3"),
        ("corpus: demo\nruns: [11_paper_cnn/none]\n", "none.yaml: no such file; there are fft, mel, mfcc"),
        ("corpus: demo\nruns: [11_paper_cn/mfcc]\n", "; did you mean 11_paper_cnn?"),
        (
            "corpus: demo\nruns: [11_paper_cnn/../../x]\n",
            "each of runs must be NOTEBOOK/VARIANT, such as 11_paper_cnn/mfcc, got '11_paper_cnn/../../x'",
        ),
        ("corpus: demo\nruns: [../11_paper_cnn/mfcc]\n", "got '../11_paper_cnn/mfcc'"),
        ("corpus: demo\nruns: [3]\n", "each of runs must be text, got 3"),
        (
            "corpus: demo\nruns: [11_paper_cnn/mfcc, 11_paper_cnn/mfcc]\n",
            "x.yaml: runs must be a list without repetitions (11_paper_cnn/mfcc stands twice), got [",
        ),
        (
            f"{ONE}set: {{nothing: 1}}\n",
            "x.yaml, set: nothing is a parameter of none of the study's notebooks; there are",
        ),
        (f"{ONE}set: {{seed: 1}}\n", "x.yaml, set: seed cannot be set here; seeds are given with --seeds 0,1,2 or"),
        (f"{ONE}seeds: [1, 1]\n", "x.yaml: seeds must be a list without repetitions (1 stands twice), got [1, 1]"),
        (f"{ONE}seeds: [true]\n", "x.yaml: each of seeds must be a whole number, got True"),
        (f"{ONE}seeds: []\n", "x.yaml: seeds must be a list that is not empty, got []"),
        (f"{ONE}corpus: demo\n", "the key corpus stands twice"),
        ("- a\n- b\n", "x.yaml: must be a mapping of keys to values, got a list"),
        ("a: [1\n", "x.yaml: not YAML"),
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


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("corpus: demo\nlayout: asvspoof2017_v2\ndata: d\n", "corpus must be the file's name, 'own', got 'demo'"),
        ("layout: asvspoof2017_v2\ndata: d\n", "corpus must be the file's name, 'own', got None"),
        ("corpus: own\nlayout: asvspoof2017_v2\n", "own.yaml: data is missing; a corpus file names it"),
        ("corpus: own\nlayout: asvspof\ndata: d\n", "own.yaml: layout must be one of asvspoof2017_v2, asv"),
        (
            "corpus: own\nlayout: asvspoof2017_v2\ndata: d\nfold: 1\n",
            "own.yaml: fold is not a key of a corpus file; there are",
        ),
    ],
)
def test_corpus_values_wrong_file_is_named(tmp_path, monkeypatch, content, words):
    (tmp_path / "corpora").mkdir()
    (tmp_path / "corpora" / "own.yaml").write_text(content)
    monkeypatch.setattr(study, "PARAMS", tmp_path)
    with pytest.raises(InputError) as error:
        study.corpus_values("own")
    assert words in str(error.value)


def test_corpus_values_data_of_the_command_line_wins(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    values = study.corpus_values("demo", "there")
    assert values == {
        "corpus": "demo", "layout": "asvspoof2017_v2", "data": str(tmp_path / "there"), "allow_partial": False,
    }  # fmt: skip


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
        ("12_other: {epochs: 4}", "12_other is not a notebook of the study; there are 11_paper_cnn"),
        (
            "11_paper_cnn: {epoch: 4}",
            "set, 11_paper_cnn: epoch is not a parameter of 11_paper_cnn; did you mean epochs?",
        ),
        ("11_paper_cnn: {seed: 4}", "set, 11_paper_cnn: seed cannot be set here; seeds are given with --seeds"),
    ],
)
def test_load_set_for_one_notebook_wrong_is_refused(own_study, values, words):
    with pytest.raises(InputError, match=re.escape(words)):
        own_study(f"corpus: demo\nruns: [11_paper_cnn/mfcc]\nset: {{{values}}}\n")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("# why?\nvariant: mfcc\n", "own.yaml: variant must be the file's name, 'own', got 'mfcc'"),
        ("# why?\nvariant: own\nseed: 3\n", "own.yaml: seed cannot be set here; seeds are given with --seeds"),
        ("# why?\nvariant: own\nlearning_rate: 1e-4\nepochs: 0\n", "own.yaml: epochs must be at least 1, got 0"),
    ],
)
def test_load_wrong_variant_file_is_named(own_study, text, words):
    (study.PARAMS / "11_paper_cnn" / "own.yaml").write_text(text)
    with pytest.raises(InputError) as error:
        own_study("corpus: demo\nruns: [11_paper_cnn/own]\n")
    assert words in str(error.value)


def test_plan_wrong_set_is_exit_code_2_before_anything_heavy_is_imported():
    code = "import lib.cli, sys; sys.argv = ['study', 'plan', 'demo', '--set', 'seed=5']\ntry: lib.cli.main()\n"
    code += (
        "except SystemExit as end: print(end.code, [m for m in ('numpy', 'mlflow', 'matplotlib') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "2 []"
    assert result.stderr.startswith("error: --set: seed cannot be set here; seeds are given with --seeds 0,1,2")
