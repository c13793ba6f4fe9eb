"""Settings: what a notebook declares, how YAML reads numbers, and which values are refused."""

import json
import math
import subprocess
import sys

import pytest
import scipy.signal

from lib import features, params
from lib.corpus.protocol import LAYOUTS
from lib.errors import InputError
from lib.features import images
from lib.params import settings, yaml_files

OWN = "gaussians: int = 512  # each\n"
FEATURES = settings.TABLE["rules"]["feature"]["choices"]


def refused(call, *arguments):
    """The message of the InputError that a call ends with."""
    with pytest.raises(InputError) as error:
        call(*arguments)
    return str(error.value)


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Writes a notebook ``21_own`` of a parameters cell and further code cells; declares it."""
    monkeypatch.setattr(settings, "NOTEBOOKS", tmp_path)

    def cell(source, *tags):
        return {
            "cell_type": "code", "metadata": {"tags": list(tags)}, "source": source.splitlines(keepends=True),
            "outputs": [], "execution_count": None,
        }  # fmt: skip

    def write(parameters, *sources):
        kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
        cells = [cell(parameters, "parameters"), *map(cell, sources)]
        content = {"nbformat": 4, "nbformat_minor": 4, "metadata": kernel, "cells": cells}
        (tmp_path / "21_own.ipynb").write_text(json.dumps(content))

    return write


# --- the schema


def test_schema_defaults_of_every_group_keep_their_rules():
    for settings_of_group in settings.GROUPS.values():
        for name, setting in settings_of_group.items():
            assert settings.judged(name, setting.default, None, "here") == setting.default
            assert type(setting.default).__name__ == setting.type


def test_schema_a_name_has_one_rule():
    named = [name for names in settings.TABLE["cells"].values() for name in names.split()]
    named += [name for known in settings.TABLE["settings"].values() for name in known]
    assert len(named) == len(set(named)) and set(named) == set(settings.RULES)


def test_schema_judges_no_parameter_that_no_notebook_has():
    assert set(settings.RULES) <= {name for notebook in params.notebooks() for name in params.declared(notebook)}


@pytest.mark.parametrize("notebook", params.notebooks())
def test_schema_knows_every_parameter_of_the_notebooks(notebook):
    for name, parameter in params.declared(notebook).items():
        assert settings.kind(name) == parameter.type, name


def test_schema_choices_are_those_of_the_rooms_that_use_them():
    assert set(FEATURES) - {"lfcc"} <= set(features.FEATURES) <= set(FEATURES)
    assert settings.TABLE["rules"]["matrix"]["pattern"].startswith(f"({'|'.join(FEATURES)})")
    for name, choices in {
        "threshold": ("0.5", "dev-eer"), "augmentation": images.KINDS, "precision": ("auto", "float32", "bfloat16"),
        "layout": LAYOUTS, "pixel_range": ("0-255", "0-1", "-1-1"), "batch_norm": ("inference", "training"),
    }.items():  # fmt: skip
        assert refused(settings.judged, name, "?", "str", "here").startswith(
            f"here: {name} must be one of {', '.join(choices)}, got '?'"
        )


# --- values


@pytest.mark.parametrize(
    ("name", "value", "kind", "expected"),
    [
        ("epochs", 3, "int", 3),
        ("head_epochs", 0, "int", 0),
        ("seed", 2**32 - 1, "int", 2**32 - 1),
        ("learning_rate", 1, "float", 1.0),
        ("threshold", 0.5, "str", "0.5"),
        ("colours", "viridis", "str", "viridis"),
        ("window", "boxcar", "str", "boxcar"),
        ("images", ["mfcc"], "list", ["mfcc"]),
        ("matrices", [], "list", []),
        ("corpora", [], "list", []),
        ("genuine", ["a", "s3://b"], "list", ["a", "s3://b"]),
        ("matrices", ["lfcc 512 320 160"], "list", ["lfcc 512 320 160"]),
        ("gaussians", 0, "int", 0),
        ("floor", -2, "float", -2.0),
        ("note", "", "str", ""),
        ("own", ["a", 1], "list", ["a", 1]),
        ("own", True, "bool", True),
    ],
)
def test_judged_right_value_is_taken_as_its_type(name, value, kind, expected):
    result = settings.judged(name, value, kind, "here")
    assert result == expected and type(result) is type(expected)


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("epochs", 0, "at least 1, got 0"),
        ("epochs", "3", "a whole number, got '3' (text); write it as a decimal number without quotes"),
        ("epochs", "010", "a whole number, got '010' (text); write it as a decimal number"),
        ("epochs", True, "a whole number, got True"),
        ("allow_partial", "true", "true or false, got 'true' (text); papermill's -p takes True or False"),
        ("epochs", 0.5, "a whole number, got 0.5"),
        ("head_epochs", -1, "at least 0, got -1"),
        ("patience", 0, "at least 1, got 0"),
        ("copies", 0, "at least 1, got 0"),
        ("seed", -1, "at least 0, got -1"),
        ("seed", 2**32, "below 4294967296, got 4294967296"),
        ("image_size", 7, "at least 8, got 7"),
        ("image_size", 2049, "at most 2048, got 2049"),
        ("learning_rate", 0.0, "above 0, got 0.0"),
        ("top_learning_rate", 1.5, "at most 1, got 1.5"),
        ("learning_rate", math.nan, "a finite number, got nan"),
        ("learning_rate", math.inf, "a finite number, got inf"),
        ("learning_rate", True, "a number, got True"),
        (
            "learning_rate", "1e-4",
            "a number, got '1e-4' (text); write it as a decimal number without quotes, such as 12 or 1.0e-4",
        ),
        ("allow_partial", 1, "true or false, got 1"),
        ("data", "", "text that is not empty, got ''"),
        ("data", 1, "text, got 1; write it in quotes"),
        ("corpus", "../x", "a plain name of at most 100 letters, digits, '.', '_' and '-', got '../x'"),
        ("variant", "a" * 101, "a plain name of at most 100 letters, digits, '.', '_' and '-', got 'aaa"),
        ("planned", "<img/onerror=x>", "a plain name of at most 100 letters, digits, '.', '_' and '-', got '<img"),
        ("feature", "MFCC", f"one of {', '.join(FEATURES)}, got 'MFCC'; did you mean mfcc?"),
        ("threshold", 0.4, "one of 0.5, dev-eer, got 0.4"),
        ("threshold", "dev_eer", "one of 0.5, dev-eer, got 'dev_eer'; did you mean dev-eer?"),
        ("colours", "Magma", "one of magma, coolwarm, gray, viridis, got 'Magma'; did you mean magma?"),
        ("window", "haning", "one of hann, hamming, blackman, boxcar, got 'haning'; did you mean hann?"),
        ("images", [], "a list that is not empty, got []"),
        ("images", ["mfcc", "mfcc"], "a list without repetitions (mfcc stands twice), got ['mfcc', 'mfcc']"),
        ("images", "mfcc", "a list, got 'mfcc'"),
        ("corpora", ["a", "a"], "a list without repetitions (a stands twice), got ['a', 'a']"),
        ("gaussians", -1, "at least 0, got -1"),
    ],
)  # fmt: skip
def test_judged_wrong_value_names_place_name_rule_and_value(name, value, rule):
    message = refused(settings.judged, name, value, "int", "a.yaml")
    assert message.startswith(f"a.yaml: {name} must be {rule}")


def test_judged_wrong_item_of_a_list_is_named():
    message = refused(settings.judged, "images", ["mfcc", "stf"], "list", "here")
    assert message.startswith("here: each of images must be one of") and message.endswith("; did you mean stft?")


@pytest.mark.parametrize("item", ["lfcc", "lfc 512 320 160", "lfcc 512 320", "lfcc 512 0 160", "lfcc 512 3.2 160", ""])
def test_judged_wrong_matrix_is_refused_with_an_example(item):
    message = refused(settings.judged, "matrices", [item], "list", "here")
    rule = "FEATURE N_FFT WIN_LENGTH HOP_LENGTH, such as lfcc 512 320 160"
    assert message.startswith(f"here: each of matrices must be {rule}, got {item!r}")


@pytest.mark.parametrize("item", ["11_paper_cnn/mfcc", "a/b against", "a/b against c/d against e/f", " against a/b"])
def test_schema_a_pair_is_two_runs(item):
    message = refused(settings.judged, "pairs", [item], "list", "here")
    assert message.startswith("here: each of pairs must be RUN against RUN, such as 11_paper_cnn/mfcc_grey against")
    assert settings.judged("pairs", ["score fusion against a/b"], "list", "here") == ["score fusion against a/b"]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"fmin": 4000, "fmax": 3000}, "b: fmin must be below fmax, got 4000.0 with fmax = 3000.0"),
        ({"fmax": 8001}, "b: fmax must be at most sr / 2, got 8001.0 with sr = 16000"),
        ({"sr": 8000}, "b: fmax must be at most sr / 2, got 8000.0 with sr = 8000"),
        ({"n_fft": 512}, "b: win_length must be at most n_fft, got 2048 with n_fft = 512"),
        ({"n_mfcc": 129}, "b: n_mfcc must be at most n_mels, got 129 with n_mels = 128"),
    ],
)
def test_resolve_values_that_do_not_fit_one_another_are_refused(values, words):
    assert refused(params.resolve, "11_paper_cnn", [("a", {"epochs": 2}), ("b", values)]) == words


def test_resolve_an_empty_band_is_refused():
    said = refused(params.resolve, "25_long_term", [("b", {"lowest": 7100.0, "highest": 156.0})])
    assert said == "b: lowest must be below highest, got 7100.0 with highest = 156.0"


def test_resolve_later_layers_win_and_unknown_is_refused():
    values = params.resolve("11_paper_cnn", [("a", {"epochs": 2}), ("b", {"epochs": 3})])
    assert values["epochs"] == 3 and values["steps_per_epoch"] == 8
    message = refused(params.resolve, "11_paper_cnn", [("b", {"epoch": 3})])
    assert message == "b: epoch is not a parameter of 11_paper_cnn; did you mean epochs?"
    message = refused(params.resolve, "91_compare", [("b", {"xyz": 3})])
    assert message == (
        "b: xyz is not a parameter of 91_compare; there are variant, compares, corpus, layout, data, allow_partial, "
        "store_url, jobs"
    )


# --- what a notebook declares


def test_declared_reads_types_and_defaults_of_cell_and_groups():
    found = params.declared("11_paper_cnn")
    assert found["epochs"] == settings.Parameter("int", 30, own=True)
    assert found["n_lfcc"] == settings.Parameter("int", 20, own=False)  # of a group in its call of study.begin


def test_declared_unknown_notebook_names_the_nearest():
    message = refused(params.declared, "11_paper_cn")
    assert "no such notebook; there are 01_corpus, 02_extract" in message
    assert message.endswith("; did you mean 11_paper_cnn?")


def test_declared_groups_come_after_the_cell_whose_defaults_win(write):
    cell = "feature: str = 'lfcc'  # what the gaussians are fitted to\n" + OWN + "n_mels: int = 64  # bands\n"
    write(cell, "%matplotlib inline", "run = study.begin('21_own', globals(), takes=('images',))\nrun.finish()")
    found = params.declared("21_own")
    corpus, images = settings.GROUPS["corpus"], settings.GROUPS["images"]
    assert list(found) == ["feature", "gaussians", "n_mels", *corpus, *(name for name in images if name != "n_mels")]
    assert found["n_mels"] == settings.Parameter("int", 64, own=True)
    assert found["image_size"] == settings.Parameter("int", 200, own=False)
    values = params.resolve("21_own", [("--set", {"n_lfcc": 10, "gaussians": 8})])
    assert (values["n_lfcc"], values["n_linear"], values["gaussians"], values["jobs"]) == (10, 20, 8, 2)
    assert refused(params.resolve, "21_own", [("--set", {"n_lfcc": 21})]) == (
        "--set: n_lfcc must be at most n_linear, got 21 with n_linear = 20"
    )


def test_declared_without_takes_has_the_group_corpus(write):
    write("gaussians: int = 512  # each\n", "run = study.begin('21_own', globals())")
    assert list(params.declared("21_own")) == ["gaussians", *settings.GROUPS["corpus"]]


@pytest.mark.parametrize("takes", ["takes='features'", "takes=['features']"])
def test_declared_takes_however_it_is_written(write, takes):
    write(OWN, f"run = study.begin('21_own', globals(), {takes})")
    assert "n_fft" in params.declared("21_own")


@pytest.mark.parametrize(
    ("cell", "code", "words"),
    [
        ("epochs: int = 0\n", "", "21_own.ipynb: epochs must be at least 1, got 0"),
        ("epochs: float = 3.0\n", "", "21_own.ipynb: epochs must be annotated int, got float"),
        ("x: dict = {}\n", "", "21_own.ipynb: x must be annotated int or float or str or bool or list, got dict"),
        ("x = 3\n", "", "21_own.ipynb: parameter line 'x = 3' is not 'name: type = literal'"),
        ("x: int = 3 *\n", "", "21_own.ipynb: a cell is not Python (invalid syntax: 'x: int = 3 *')"),
        ("x: int = 3\nx: int = 4\n", "", "21_own.ipynb: the parameter x stands twice"),
        (
            "",
            "study.begin('21_own', globals(), takes=('image',))",
            "takes must be a tuple of names of groups, written out; there are corpus, features, images",
        ),
        ("", "study.begin('21_own', globals(), takes=('image',))", "; did you mean images?"),
        ("", "study.begin('21_own', globals(), takes=groups)", "takes must be a tuple of names of groups, written out"),
    ],
)
def test_declared_wrong_notebook_is_named(write, cell, code, words):
    write(cell, code)
    assert words in refused(params.declared, "21_own")


def test_declared_file_that_is_no_notebook_is_named(write, tmp_path):
    (tmp_path / "21_own.ipynb").write_text("[]")
    assert refused(params.declared, "21_own").endswith("21_own.ipynb: not a notebook (its JSON cannot be read)")


# --- what holds in a running notebook

BEGIN = "study.begin('21_own', globals(), takes=('features',))"


def test_current_namespace_wins_over_defaults(write):
    write(OWN, BEGIN)
    values = params.current("21_own", {"gaussians": 8, "sr": 16000, "n_mels": 40, "unrelated": 3})
    assert list(values) == list(params.declared("21_own"))
    assert (values["gaussians"], values["n_mels"], values["n_fft"]) == (8, 40, 2048)


def test_current_modules_and_arrays_of_a_groups_name_are_no_settings(write):
    write(OWN, BEGIN)
    values = params.current("21_own", {"gaussians": 8, "window": scipy.signal.get_window("hann", 4), "corpus": json})
    assert (values["window"], values["corpus"]) == ("hann", "demo")


@pytest.mark.parametrize(
    ("namespace", "words"),
    [
        ({"gaussians": -1}, "21_own: gaussians must be at least 0, got -1"),
        ({"gaussians": None}, "21_own: gaussians must be a whole number, got None"),
        ({"n_mels": 10}, "21_own: n_mfcc must be at most n_mels, got 20 with n_mels = 10"),
        (
            {"In": ["", "# Parameters\ngaussian = 3\n"]},
            "21_own: gaussian is not a parameter of 21_own; did you mean gaussians?",
        ),
        (
            {"In": ["", "# Parameters\nwindow = None\n"], "window": None},
            "21_own: window must be one of hann, hamming, blackman, boxcar, got None",
        ),
    ],
)
def test_current_wrong_value_or_injected_name_is_refused(write, namespace, words):
    write(OWN, BEGIN)
    assert refused(params.current, "21_own", namespace) == words


@pytest.mark.parametrize(
    "history",
    [
        ["", OWN, "# Parameters\ngaussians = 3\nn_mels = 30\nfmin = float('nan')"],
        ["", OWN, "# Parameters\ngaussian = 3", "# Parameters\ngaussians = 3"],  # corrected by hand, executed again
        ["", "# Parameters of the figure\nwidth = 3", "gaussian = 3", "epochs = 3"],
        ["", "# Parameters\nfor epoch in range(3):\n    print(epoch)"],
        ["", "# Parameters\nwidth: int = 3  # inches", "%matplotlib inline", "# Parameters\n!ls"],
    ],
)
def test_current_cells_of_a_person_are_not_taken_for_papermills(write, history):
    write(OWN, BEGIN)
    assert params.current("21_own", {"In": history, "gaussians": 3})["gaussians"] == 3


def test_current_refuses_an_unknown_parameter_of_raw_papermill(write, tmp_path):
    code = (
        "import pathlib\nfrom lib import params\nfrom lib.params import settings\n"
        f"settings.NOTEBOOKS = pathlib.Path({str(tmp_path)!r})\nparams.current('21_own', globals())\n# {BEGIN}"
    )
    write(OWN, code)

    command = [
        sys.executable,
        "-m",
        "papermill",
        "21_own.ipynb",
        "o.ipynb",
        "-p",
        "gaussian",
        "3",
        "--cwd",
        params.ROOT,
    ]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode != 0
    assert "InputError: 21_own: gaussian is not a parameter of 21_own; did you mean gaussians?" in result.stderr


# --- YAML


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1e-4", 0.0001),
        ("1.5E+2", 150.0),
        ("-.5", -0.5),
        ("2.", 2.0),
        ("10", 10),
        ("-3", -3),
        ("0", 0),
        ("010", "010"),
        ("0x1f", "0x1f"),
        ("0b1", "0b1"),
        ("1_000", 1000),
        ("1_0.5", 10.5),
        (".", "."),
        ("-.", "-."),
        ("1.e3", 1000.0),
        ("00.5", "00.5"),
        ("1:30", "1:30"),
        ("0-255", "0-255"),
        ("-1-1", "-1-1"),
        ("2017-01-01", "2017-01-01"),
        ("'0.5'", "0.5"),
        ("true", True),
        ("", None),
        ("[1e-4, 010]", [0.0001, "010"]),
    ],
)
def test_parse_numbers_are_decimal(text, expected):
    result = yaml_files.parse(text, "here")
    assert result == expected and type(result) is type(expected)


def test_parse_infinities_and_nan_are_numbers():
    assert yaml_files.parse("[.inf, -.inf]", "here") == [math.inf, -math.inf]
    assert math.isnan(yaml_files.parse(".nan", "here"))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"epochs: 1\nepochs: 2\n", "not YAML (the key epochs stands twice in"),
        (b"a: {b: 1, b: 2}\n", "not YAML (the key b stands twice in"),
        (b"a: caf\xe9\n", "must be UTF-8 text, got the byte 0xe9"),
        (b"1: a\n", "the key 1 must be text"),
        (b"- a\n", "must be a mapping of keys to values, got a list"),
        (b"a: [1\n", "not YAML (while parsing a flow sequence"),
        (b"a: !!python/name:os.system\n", "not YAML (tags and aliases are not taken"),
        (b"a: {b: 1}\n", "a must be one value, got a mapping"),
    ],
)
def test_flat_yaml_wrong_file_is_named(tmp_path, content, words):
    path = tmp_path / "x.yaml"
    path.write_bytes(content)
    assert refused(params.flat_yaml, path).startswith(f"{path}: {words}")


def test_flat_yaml_missing_file_lists_the_others(tmp_path):
    (tmp_path / "a.yaml").write_text("")
    assert refused(params.flat_yaml, tmp_path / "b.yaml") == f"{tmp_path}/b.yaml: no such file; there are a"
    assert params.flat_yaml(tmp_path / "a.yaml") == {}


def test_params_needs_nothing_heavy():
    code = "import sys, lib.params.studies as s; s.load('demo'); print([m for m in %r if m in sys.modules])"
    heavy = ("numpy", "scipy", "matplotlib", "pandas", "mlflow", "tensorflow", "IPython")
    result = subprocess.run([sys.executable, "-c", code % (heavy,)], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
