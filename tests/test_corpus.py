"""Protocols and folders: what is accepted, what is refused and with which words."""

import pytest
import soundfile
from conftest import COUNTS, recording

from lib.corpus import GENUINE, SPOOF, open_corpus, read_protocol, read_trials
from lib.errors import InputError

LINE = "T_1000001.wav genuine M0001 S01 - - -"


def write(tmp_path, text, **how):
    path = tmp_path / "protocol.txt"
    path.write_bytes(text.encode(**how) if isinstance(text, str) else text)
    return path


def test_read_protocol_asvspoof_line_gives_every_column(tmp_path):
    table = read_protocol(write(tmp_path, f"{LINE}\nT_1000002.wav spoof M0002 S03 E01 P02 R04\n"))
    assert table["trial"].tolist() == ["T_1000001", "T_1000002"]
    assert table["label"].tolist() == [GENUINE, SPOOF] == [1, 0]
    assert table.iloc[1][["speaker", "phrase", "environment", "playback", "recorder"]].tolist() == [
        "M0002", "S03", "E01", "P02", "R04",
    ]  # fmt: skip


def test_read_protocol_bom_windows_ends_and_blank_lines_are_accepted(tmp_path):
    path = write(tmp_path, f"{LINE}\r\n\r\nT_1000002.wav bonafide M0002 S03 - - -\r\n", encoding="utf-8-sig")
    table = read_protocol(path)
    assert table["trial"].tolist() == ["T_1000001", "T_1000002"]
    assert table["recorder"].tolist() == ["-", "-"]
    assert table["label"].tolist() == [1, 1]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "holds no trial"),
        ("T_1.wav genuine M0001\n", "line 1: 3 columns"),
        (LINE + "\nT_2.wav fake M1 S1 - - -\n", "line 2: label 'fake' is unknown"),
        (LINE + "\n" + LINE + "\n", "line 2: trial 'T_1000001' stands on line 1 already"),
        ("../T_1.wav genuine M1 S1 - - -\n", "line 1: file '../T_1.wav' leaves the folder"),
        ("/etc/passwd genuine M1 S1 - - -\n", "leaves the folder"),
        ("a\\..\\b.wav genuine M1 S1 - - -\n", "leaves the folder"),
        (b"\xff\xfe\x00\x01", "not a text file in UTF-8"),
    ],
)
def test_read_protocol_malformed_names_line_and_rule(tmp_path, text, words):
    path = write(tmp_path, text)
    with pytest.raises(InputError) as error:
        read_protocol(path)
    assert words in str(error.value)
    assert str(path) in str(error.value)


def test_read_protocol_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match="absent.txt: a protocol cannot be read there .No such file"):
        read_protocol(tmp_path / "absent.txt")


def test_open_corpus_counts_and_paths(corpus_folder):
    corpus = open_corpus("tiny", corpus_folder, "asvspoof2017_v2")
    assert corpus.counts() == {s: {"genuine": g, "spoof": n} for s, (g, n) in COUNTS.items()}
    assert all(soundfile.info(path).samplerate == 16_000 for path in corpus.split("dev")["path"])


def test_open_corpus_digest_follows_content_not_place(own_corpus, tmp_path, rng):
    before = open_corpus("a", own_corpus, "asvspoof2017_v2").digest
    moved = own_corpus.rename(tmp_path / "elsewhere")
    assert open_corpus("b", moved, "asvspoof2017_v2").digest == before
    path = moved / "ASVspoof2017_V2_dev" / "D_1000003.wav"
    soundfile.write(path, recording(rng, "genuine"), 16_000, subtype="PCM_16")
    assert open_corpus("b", moved, "asvspoof2017_v2").digest != before


def test_open_corpus_missing_recording_is_refused_and_may_be_left_out(own_corpus):
    (own_corpus / "ASVspoof2017_V2_eval" / "E_1000002.wav").unlink()
    with pytest.raises(InputError, match="1 of 58 recordings that the protocols list are missing, first .*E_1000002"):
        open_corpus("a", own_corpus, "asvspoof2017_v2")
    part = open_corpus("a", own_corpus, "asvspoof2017_v2", left_out={"eval/E_1000002.wav": "missing"})
    assert len(part.trials) == 57


def test_open_corpus_folder_missing_empty_or_version_1_is_said(tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        open_corpus("a", tmp_path / "absent", "asvspoof2017_v2")
    with pytest.raises(InputError, match="the folder is empty"):
        open_corpus("a", tmp_path, "asvspoof2017_v2")
    (tmp_path / "protocol").mkdir()
    (tmp_path / "protocol" / "ASVspoof2017_train.trn").write_text(LINE)
    with pytest.raises(InputError, match="Version 1"):
        open_corpus("a", tmp_path, "asvspoof2017_v2")


def test_read_trials_same_trial_in_two_splits_is_refused(own_corpus):
    train = own_corpus / "protocol_V2" / "ASVspoof2017_V2_train.trn.txt"
    dev = own_corpus / "protocol_V2" / "ASVspoof2017_V2_dev.trl.txt"
    dev.write_text(dev.read_text() + train.read_text().splitlines()[0] + "\n")
    with pytest.raises(InputError, match="'T_1000001' stands in two splits"):
        read_trials(own_corpus, "asvspoof2017_v2")


def test_read_trials_unknown_layout_lists_the_known(own_corpus):
    with pytest.raises(InputError, match="layout 'x' is unknown; there are asvspoof2017_v2"):
        read_trials(own_corpus, "x")


def test_read_protocol_published_files_have_the_published_counts(shared):
    folder = shared / "data" / "protocols" / "asvspoof2017_v2"
    found = {}
    for split, ending in (("train", "trn"), ("dev", "trl"), ("eval", "trl")):
        labels = read_protocol(folder / f"ASVspoof2017_V2_{split}.{ending}.txt")["label"]
        found[split] = (int(labels.sum()), int((1 - labels).sum()))
    assert found == {"train": (1507, 1507), "dev": (760, 950), "eval": (1298, 12008)}
