"""Score files of any toolkit, and what is wrong with them."""

import gzip

import numpy as np
import pandas as pd
import pytest

from lib.errors import InputError
from lib.scores import match, read_scores, written

TRIALS = ["E_1000001", "E_1000002", "E_1000003"]
TABLE = {"E_1000001": 1.5, "E_1000002": -0.25, "E_1000003": 1e-17}


@pytest.fixture
def file(tmp_path):
    def write(text):
        path = tmp_path / "scores.txt"
        path.write_bytes(text.encode())
        return path

    return write


def protocol(trials, labels):
    table = pd.DataFrame({"trial": trials, "label": labels})
    return table.assign(file=table["trial"] + ".wav", speaker="M0001", phrase="S01")


def test_written_random_numbers_read_back_bit_for_bit(tmp_path, rng):
    scores = np.concatenate([rng.normal(size=200) * 10.0 ** rng.integers(-300, 300, 200), [-0.0, 5e-324]])
    trials, labels = [f"T_{k}" for k in range(202)], rng.integers(0, 2, 202)
    (tmp_path / "s.tsv").write_text(written(trials, scores, labels))
    table = read_scores(tmp_path / "s.tsv")
    assert table["trial"].tolist() == trials
    assert table["score"].to_numpy().tobytes() == scores.tobytes()
    assert table["label"].tolist() == labels.tolist()


def test_written_float32_reads_back_the_same(tmp_path):
    score = np.float32(0.1)
    (tmp_path / "s.tsv").write_text(written(["T_1"], np.array([score])))
    assert np.float32(read_scores(tmp_path / "s.tsv")["score"][0]) == score


def test_written_labels_are_words():
    assert written(["T_1", "T_2"], [1, -1], [1, 0]) == "trial\tscore\tlabel\nT_1\t1.0\tgenuine\nT_2\t-1.0\tspoof\n"


@pytest.mark.parametrize(("score", "said"), [(np.nan, "'b' has the score nan"), (-np.inf, "'b' has the score -inf")])
def test_written_scores_that_are_not_finite_are_refused(score, said):
    with pytest.raises(InputError, match=said):
        written(["a", "b"], [1.0, score])


@pytest.mark.parametrize(
    "text",
    [
        "E_1000001 1.5\nE_1000002 -0.25\nE_1000003 1e-17\n",
        "E_1000001\t1.5\nE_1000002\t-0.25\nE_1000003\t1e-17",
        "E_1000001.wav 1.5\nE_1000002.WAV -0.25\nE_1000003.flac 1e-17\n",
        "\ufefftrial score\r\nE_1000001 1.5\r\n\r\nE_1000002   -0.25\r\nE_1000003 1e-17\r\n",
        "filename\tcm-score\nE_1000001\t1.5\nE_1000002\t-0.25\nE_1000003\t1e-17\n",
        "score trial\n1.5 E_1000001\n-0.25 E_1000002\n1e-17 E_1000003\n",
        "# trial score\nE_1000001 1.5\nE_1000002 -0.25\nE_1000003 1e-17\n",
        "# trial,score\nE_1000001,1.5\nE_1000002,-0.25\nE_1000003,1e-17\n",
        "E_1000001, 1.5\nE_1000002,-0.25\nE_1000003,1e-17\n",
        "E_1000001;1.5\nE_1000002;-0.25\nE_1000003;1e-17\n",
        "path,score,label,threshold\nE_1000001.wav,1.5,spoof,2\nE_1000002.wav,-0.25,spoof,2\n"
        "cut.wav,,cannot tell,2\nE_1000003.wav,1e-17,spoof,2\n",
        '[{"path": "E_1000001.wav", "score": 1.5, "label": "cannot tell", "threshold": 0.5}, {"path": "cut.wav", '
        '"score": null, "label": "cannot tell", "threshold": 0.5}, {"path": "E_1000002.wav", "score": -0.25, "label": '
        '"spoof", "threshold": 0.5}, {"path": "E_1000003.wav", "score": 1e-17, "label": "spoof", "threshold": 0.5}]',
    ],
    ids=[
        "spaces",
        "tabs",
        "endings",
        "windows",
        "asvspoof5",
        "header in another order",
        "NumPy's header",
        "NumPy's header with commas",
        "commas",
        "semicolons",
        "study score, CSV",
        "study score, JSON",
    ],  # fmt: skip
)
def test_read_scores_of_many_toolkits_gives_one_table(file, text):
    table = read_scores(file(text))
    assert list(table.columns[:2]) == ["trial", "score"] and "label" not in table
    assert dict(zip(table["trial"], table["score"], strict=True)) == TABLE


@pytest.mark.parametrize(
    "text",
    [
        "E_1000001 1.5 genuine\nE_1000002 -0.25 spoof\nE_1000003 1e-17 bonafide\n",
        "E_1000001 genuine 1.5\nE_1000002 SPOOF -0.25\nE_1000003 Bonafide 1e-17\n",
        "trial label score\nE_1000001 genuine 1.5\nE_1000002 spoof -0.25\nE_1000003 genuine 1e-17\n",
        "E_1000001 - bonafide 1.5\nE_1000002 A07 spoof -0.25\nE_1000003 - bonafide 1e-17\n",
        "Output, E_1000001, 1, 1.5\nOutput, E_1000002, 0, -0.25\nOutput, E_1000003, 1, 1e-17\n",
        "key,file,score\nbonafide,E_1000001,1.5\nspoof,E_1000002,-0.25\ngenuine,E_1000003,1e-17\n",
        '[{"utt": "E_1000001", "score": 1.5, "key": "genuine"}, {"utt": "E_1000002", "score": -0.25, "key": "spoof"}, '
        '{"utt": "E_1000003", "score": "1e-17", "key": "genuine"}]',
    ],
    ids=["score label", "label score", "header", "asvspoof2019", "Output", "CSV", "JSON"],
)
def test_read_scores_with_labels_tells_label_from_score(file, text):
    table = read_scores(file(text))
    assert dict(zip(table["trial"], table["score"], strict=True)) == TABLE
    assert table["label"].tolist() == [1, 0, 1]


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("", None, "is empty"),
        ("\n \n", None, "is empty"),
        ("trial score\n", None, "a header and no trial"),
        ("E_1 0.5\nE_2 nan\n", 2, "'nan' must be a finite number, with a decimal point"),
        ("E_1 0.5\nE_2 -inf\n", 2, "'-inf' must be a finite number"),
        ("E_1 1e999\n", 1, "'1e999' must be a finite number"),
        ("E_1 0.5\nE_2 0.4\nE_1.wav 0.3\n", 3, "duplicate trial 'E_1', first on line 1"),
        ("E_1 0.5\nE_2 0,4\n", 2, "'0,4' must be a finite number"),
        ("E_1 0,4\n", 1, "'E_1 0,4' has blanks and ',': expected decimal points"),
        ("E_1,4\nE_2 0,4\n", 2, "'E_2 0,4' has blanks and ','"),
        ("E_1;0,5\n", 1, "'0,5' must be a finite number"),
        ('E_1,"0.5\n', None, "not a list of values between ','"),
        ("file,cm_a,cm_b\nE_1,1,2\n", 1, "expected one column score; --score-column NAME says which"),
        ("file,score,llr\nE_1,1,2\n", 1, "expected one column score"),
        ("file,score,key,label\nE_1,1,spoof,spoof\n", None, "a column stands twice in trial, score, label, label"),
        ("path,score,label,threshold\na.wav,,cannot tell,0\n", None, "no recording has a score"),
        ("Output, E_1, 1, 0.5\nOutput, E_2, 2, 0.5\n", 2, "label '2' is unknown"),
        ("[1, 2]", None, "not a JSON list of objects"),
        ("[[0, 1], [0, 1]]", None, "not a JSON list of objects"),
        ('[{"path": "a", "score": 1}, {"path": "b"}]', None, "not a JSON list of objects"),
        ("[" * 100000, None, "not a JSON list of objects"),
        ("E_1 0.5\0\n", None, "not a text file in UTF-8"),
        ("E_1 0.5\nE_2 high\n", 2, "'high' must be a finite number"),
        ("E_1 0.5\nE_2 1_0\n", 2, "'1_0' must be a finite number"),
        ("E_1 0.5\nE_2\n", 2, "1 columns"),
        ("E_1 0.5\nE_2 0.5 spoof\n", 2, "3 columns"),
        ("E_1\n", 1, "the 1 columns"),
        ("LA_0001 E_1 - spoof 0.5\n", 1, "the 5 columns of"),
        ("0.5 E_1\n", 1, "'E_1' must be a finite number"),
        ("E_1 0 0.5\n", 1, "cannot tell the score"),
        ("E_1 spoof genuine\n", 1, "cannot tell the score"),
        ("E_1 0.5 spoof\nE_2 0.4 odd\n", 2, "label 'odd' is unknown"),
        ("name score\nE_1 0.5\n", 1, "unknown header 'name score'"),
        ("trial prob\nE_1 0.5\n", 1, "unknown header 'trial prob'"),
    ],
)
def test_read_scores_bad_file_names_file_line_and_rule(file, text, line, said):
    path = file(text)
    with pytest.raises(InputError, match=said) as error:
        read_scores(path)
    assert str(path) in str(error.value)
    assert line is None or f"line {line}:" in str(error.value)


@pytest.mark.parametrize(
    ("text", "column", "said"),
    [
        ("file,CM_a,cm_b,score\nx/E_1.wav,1,2,3\n", "cm_A", "CM_c"),
        ("file cm_a cm_b\nx/E_1 1 2\n", "cm_a", "cm_c"),
        ("Mine,filename\n1,x/E_1\n", "Mine", "cm_c"),
        ("x/E_1 1 2\n", "2", "4"),
        ("x/E_1 7 1 2\n", "3", "1"),
    ],
)
def test_read_scores_of_several_columns_takes_the_one_that_is_named(file, text, column, said):
    table = read_scores(file(text), column)
    assert (table["trial"][0], table["score"][0]) == ("x/E_1", 1.0)
    with pytest.raises(InputError, match=f"{said.lower()}|'{said}'"):
        read_scores(file(text), said)


def test_read_scores_keeps_other_columns_for_breakdowns(file):
    table = read_scores(file("file,attack,key,score\nE_1,-,bonafide,1\nE_2,A07,spoof,0\n"))
    assert table["attack"].tolist() == ["-", "A07"]
    table = read_scores(file("file,attack,key,score\nE_1,,bonafide,1\nE_2,A07,spoof,0\n"))
    assert table["attack"].tolist() == ["-", "A07"]


@pytest.mark.parametrize("text", ["trial\tscore\nmy clip 1.wav\t1.5\nb.wav\t2\n", "b\t2\nmy clip 1\t1.5\n"])
def test_read_scores_between_tabs_names_may_have_blanks(file, text):
    table = read_scores(file(text))
    assert dict(zip(table["trial"], table["score"], strict=True)) == {"my_clip_1": 1.5, "b": 2.0}
    assert read_scores(file("a\t1 \nb 2\nc \t 3\n"))["score"].tolist() == [1, 2, 3]


def test_read_scores_packed_file_is_to_be_unpacked(tmp_path):
    (tmp_path / "s.txt.gz").write_bytes(gzip.compress(b"E_1 0.5\n"))
    with pytest.raises(InputError, match="UTF-8, which is to be unpacked first: expected a score file"):
        read_scores(tmp_path / "s.txt.gz")


def test_read_scores_not_a_text_file_is_an_input_error(tmp_path):
    (tmp_path / "s").write_bytes(b"RIFF\xff\xfe\x00\x00")
    for path, said in ((tmp_path / "s", "UTF-8"), (tmp_path / "none", "No such file"), (tmp_path, "directory")):
        with pytest.raises(InputError, match=said):
            read_scores(path)


def test_match_gives_the_protocol_in_its_order(file):
    scores = read_scores(file("E_1000002 -1\nE_1000003 0.5\nE_1000001 2\n"))
    listed = protocol(TRIALS, [1, 0, 1])
    table = match(scores, listed)
    pd.testing.assert_frame_equal(table[listed.columns], listed)
    assert table["score"].tolist() == [2, -1, 0.5]
    assert table.attrs["missing"] == table.attrs["extra"] == []


def test_match_trials_missing_and_extra_are_counted_and_named(file):
    scores = read_scores(file("E_1000001 2\nE_1000002 -1\nE_9 0\n"))
    listed = protocol([*TRIALS, "E_1000004"], [1, 0, 1, 0])
    with pytest.raises(InputError) as error:
        match(scores, listed)
    message = str(error.value)
    assert "scores.txt: 2 trials of the protocol have no score (E_1000003, E_1000004)" in message
    assert "1 scores have no trial there (E_9)" in message
    table = match(scores, listed, allow_missing=True)
    assert table["trial"].tolist() == ["E_1000001", "E_1000002"]
    assert table.attrs["missing"] == ["E_1000003", "E_1000004"]
    assert table.attrs["extra"] == ["E_9"]


@pytest.mark.parametrize(
    ("scored", "listed", "said"),
    [
        (["D_1", "D_2"], ["E_1", "E_2"], "Another split: names start with D_ here, with E_"),
        (["x", "y"], ["E_1", "E_2"], "another corpus, or other names"),
        (["E_1", "E_2"], ["E_1", "E_2", "E_3"], "1 trials of the protocol have no score .E_3.. --allow-missing"),
        (["E_1", "E_2", "D_3"], ["E_1", "E_2"], "1 scores have no trial there .D_3.. --allow-missing measures"),
    ],
)
def test_match_other_trials_says_what_it_looks_like(scored, listed, said):
    scores = pd.DataFrame({"trial": scored, "score": 0.0})
    with pytest.raises(InputError, match=said):
        match(scores, protocol(listed, np.arange(len(listed)) % 2))


def test_match_no_common_trial_is_an_error_even_when_missing_is_allowed():
    scores = pd.DataFrame({"trial": ["D_1", "D_2"], "score": 0.0})
    with pytest.raises(InputError, match="Another split"):
        match(scores, protocol(["E_1", "E_2"], [1, 0]), allow_missing=True)


@pytest.mark.parametrize("name", ["/data/eval/{}.wav", "eval\\{}", "{}.npy", "x/{}.mp3"])
def test_match_folders_and_endings_are_left_out_where_names_match_only_so(file, name):
    scores = read_scores(file("".join(f"{name.format(trial)} {score}\n" for trial, score in TABLE.items())))
    table = match(scores, protocol(TRIALS, [1, 0, 1]))
    assert table["score"].tolist() == list(TABLE.values())
    assert name.format("E_1000001").removesuffix(".wav") in table.attrs["notes"][0]


def test_match_names_that_are_one_without_their_folders_do_not_match(file):
    with pytest.raises(InputError, match="No trial is common"):
        match(read_scores(file("a/E_1000001 1\nb/E_1000001 2\n")), protocol(TRIALS, [1, 0, 1]))


def test_match_without_a_protocol_takes_the_scores_own_labels(file):
    table = match(read_scores(file("E_1 genuine 1\nE_2 spoof 0\n")))
    assert table["label"].tolist() == [1, 0] and table.attrs["missing"] == []
    with pytest.raises(InputError, match="has no labels: expected a column of them, or a protocol"):
        match(read_scores(file("E_1 1\nE_2 0\n")))
    with pytest.raises(InputError, match="all 1 trials are spoof"):
        match(read_scores(file("E_1 spoof 1\n")))


def test_match_labels_against_the_protocol_are_an_error(file):
    text = "E_1000001 2 genuine\nE_1000002 -1 genuine\nE_1000003 1 genuine\n"
    with pytest.raises(InputError, match="1 of 3 labels contradict.*'E_1000002', genuine here and spoof there"):
        match(read_scores(file(text)), protocol(TRIALS, [1, 0, 1]))


@pytest.mark.parametrize(("label", "name"), [(0, "spoof"), (1, "genuine")])
def test_match_one_class_only_is_an_error(label, name):
    scores = pd.DataFrame({"trial": TRIALS, "score": 0.0})
    with pytest.raises(InputError, match=f"all 3 trials are {name}"):
        match(scores, protocol(TRIALS, [label] * 3))
