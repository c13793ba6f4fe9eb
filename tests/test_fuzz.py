"""Texts and recordings that a person may hand in, damaged at random: taken whole, or refused in a line or two."""

import io
import json
import math
import random

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from lib import audio
from lib.cli import main
from lib.corpus import read_protocol
from lib.errors import InputError
from lib.params import NOTEBOOKS, PARAMS, flat_yaml, resolve, studies
from lib.scores import read_scores

ODD = (
    b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\r", b"\n\n", b"\t", b" ", b"-", b".", b"..", b"/", b"../", b"\\",
    b"'", b'"', b"#", b",", b";", b":", b": ", b"[", b"[" * 3000, b"{", b"}", b"]", b"&a", b"*a", b"!!",
    b"!!binary ", b"!!timestamp ", b"!!int ", b"!!set ", b"!!python/object/apply:os.system [ls]", b"<<: ", b"|",
    b">", b"%", b"@", b"`", b"~", b"nan", b"inf", b"-inf", b"1e999", b"1e-999", b"9" * 5000, b"a" * 300,
    b"2020-13-45", b"0x1f", b"1_0", b"010", b"1:30", b"true", b"null", b"genuine", b"spoof", b"bonafide", b"trial",
    b"score", b"label", "٣".encode(), "\u2028".encode(), "\u00a0".encode(), b"\xed\xa0\x80",
)  # fmt: skip
SCORES = b"trial\tscore\tlabel\nT_1\t1.5\tgenuine\nT_2\t-0.25\tspoof\nT_3\t1e-3\tgenuine\n"
PROTOCOL = b"T_1.wav genuine M0001 S01 - - -\nT_2.wav spoof M0002 S02 E01 P01 R01\nT_3.wav spoof M1 S1 E1 P1 R1\n"


def damaged(text, chance):
    """The bytes with a few pieces cut, doubled, moved or put in."""
    for _ in range(chance.choice((1, 1, 2, 4))):
        a, b = sorted(chance.choices(range(len(text) + 1), k=2))
        b = min(b, a + chance.choice((1, 5, 40)))
        piece = chance.choice((b"", text[a:b] * 2, chance.choice(ODD), chance.randbytes(1)))
        text = text[:a] + piece + text[b:] if chance.random() < 0.7 else text[:a] + piece + text[a:]
    return text


def refused_in_a_line(function, *arguments):
    """Its result, or None when it refused the input in words."""
    try:
        return function(*arguments)
    except InputError as error:
        assert 0 < len(str(error).splitlines()) <= 2, error


def scores_taken(path):
    table = refused_in_a_line(read_scores, path)
    if table is not None:
        assert len(table) and table["trial"].is_unique and all(map(math.isfinite, table["score"]))
        assert "label" not in table or set(table["label"]) <= {0, 1}
    return table


def protocol_taken(path):
    table = refused_in_a_line(read_protocol, path)
    if table is not None:
        assert len(table) and table["trial"].is_unique and set(table["label"]) <= {0, 1}
        assert not any("/" in file or "\x00" in file for file in table["file"])
    return table


def params_taken(path):
    values = refused_in_a_line(flat_yaml, path)
    found = values and refused_in_a_line(resolve, "11_paper_cnn", [(path, values)])
    if found:
        json.dumps(found, allow_nan=False)
    return found


@pytest.mark.parametrize(
    ("take", "text"),
    [
        (scores_taken, SCORES),
        (scores_taken, SCORES.partition(b"\n")[2]),
        (protocol_taken, PROTOCOL),
        (params_taken, (PARAMS / "11_paper_cnn" / "mfcc.yaml").read_bytes()),
    ],
    ids=["scores with header", "scores", "protocol", "params"],
)
def test_damaged_files_are_taken_whole_or_refused(tmp_path, take, text, times=200):
    chance, taken = random.Random(1), 0
    for _ in range(times):
        (tmp_path / "file").write_bytes(damaged(text, chance))
        taken += take(tmp_path / "file") is not None
    assert 0 < taken < times


@pytest.mark.parametrize("container", ["WAV", "FLAC", "OGG", "MP3"])
def test_damaged_recordings_are_taken_whole_or_refused(tmp_path, rng, container, times=150):
    whole, chance, taken = io.BytesIO(), random.Random(4), 0
    soundfile.write(whole, rng.uniform(-0.5, 0.5, 8000), 16_000, format=container)
    for _ in range(times):
        (tmp_path / "file").write_bytes(damaged(whole.getvalue(), chance))
        found = refused_in_a_line(audio.read, tmp_path / "file")
        if found is not None:
            assert found[0].dtype == np.float32 and np.isfinite(found[0]).all() and np.ptp(found[0]) > 0
            taken += 1
    assert taken < times


@pytest.mark.parametrize("name", ["studies/demo", "corpora/demo", "11_paper_cnn/mfcc"])
def test_damaged_studies_load_or_are_refused(tmp_path, monkeypatch, name, times=25):
    folder = tmp_path / "params"
    for kept in (f"{name}.yaml", "studies/demo.yaml", "corpora/demo.yaml", "11_paper_cnn/mfcc.yaml"):
        (folder / kept).parent.mkdir(parents=True, exist_ok=True)
        (folder / kept).write_bytes((PARAMS / kept).read_bytes())
    (folder / "studies/demo.yaml").write_text(
        "corpus: demo\nseeds: [0, 1]\nruns: [11_paper_cnn/mfcc]\nset: {epochs: 2}\n"
    )
    monkeypatch.setattr(studies, "PARAMS", folder)
    text, chance = (folder / f"{name}.yaml").read_bytes(), random.Random(2)
    for _ in range(times):
        (folder / f"{name}.yaml").write_bytes(damaged(text, chance))
        study = refused_in_a_line(studies.load, "demo")
        for run in study.runs if study else ():
            assert (NOTEBOOKS / f"{run.notebook}.ipynb").is_file() and run.parameters["corpus"] == "demo"
            json.dumps(run.parameters, allow_nan=False)


def test_odd_arguments_are_refused_in_a_line(times=60):
    chance = random.Random(3)
    asked = (
        ("plan", "demo", "--set", "epochs="), ("plan", "demo", "--seeds", ""), ("plan", "demo", "--corpus", ""),
        ("plan", ""), ("plan", "demo", "--only", ""), ("corpus", ""), ("evaluate", ""), ("verdict", ""),
        ("compare", ""), ("evaluate", "none", "--protocol", ""),
        ("evaluate", "none", "--protocol", "none", "--p-spoof", ""),
    )  # fmt: skip
    for _ in range(times):
        *before, last = chance.choice(asked)
        odd = b"".join(chance.choices(ODD, k=chance.choice((1, 1, 2)))).decode(errors="surrogateescape")
        result = CliRunner().invoke(main, [*before, last + odd.replace("\x00", "")])
        assert isinstance(result.exception, (SystemExit, type(None))), (before, odd[:80], result.exception)
        assert result.exit_code in (0, 2), (before, odd[:80], result.output)
        assert len(result.output) < 3000 or result.output.startswith("Usage:")  # click repeats what it was given
