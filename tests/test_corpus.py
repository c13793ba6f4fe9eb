"""Protocols and folders: what is accepted, what is refused and with which words."""

from collections import Counter

import fsspec
import pytest
import soundfile
from click.testing import CliRunner
from conftest import COUNTS, put, recording

from lib.cli import main
from lib.corpus import GENUINE, SPOOF, audit, folder, open_corpus, read_protocol, read_trials
from lib.errors import InputError
from lib.files import places

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
        ("", "no trial: expected one line per trial"),
        ("T_1.wav genuine M0001\n", "line 1: 3 columns"),
        (LINE + "\nT_2.wav forged M1 S1 - - -\n", "line 2: label 'forged' is unknown"),
        (LINE + "\n" + LINE + "\n", "line 2: duplicate trial 'T_1000001', first on line 1"),
        ("../T_1.wav genuine M1 S1 - - -\n", "line 1: file '../T_1.wav' leaves the folder"),
        ("/etc/passwd genuine M1 S1 - - -\n", "leaves the folder"),
        ("below/T_1.wav genuine M1 S1 - - -\n", "leaves the folder: expected a plain file name"),
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
    soundfile.write(path, -recording(rng, "genuine"), 16_000, subtype="PCM_16")
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
    with pytest.raises(InputError, match="train.trn.txt: no such protocol file, of layout asvspoof2017_v2$"):
        open_corpus("a", tmp_path, "asvspoof2017_v2")
    (tmp_path / "protocol").mkdir()
    (tmp_path / "protocol" / "ASVspoof2017_train.trn").write_text(LINE)
    with pytest.raises(InputError, match="of layout asvspoof2017_v2; the folder is like layout asvspoof2017_v1"):
        open_corpus("a", tmp_path, "asvspoof2017_v2")


def test_read_trials_same_trial_in_two_splits_is_refused(own_corpus):
    train = own_corpus / "protocol_V2" / "ASVspoof2017_V2_train.trn.txt"
    dev = own_corpus / "protocol_V2" / "ASVspoof2017_V2_dev.trl.txt"
    dev.write_text(dev.read_text() + train.read_text().splitlines()[0] + "\n")
    with pytest.raises(InputError, match="duplicate trial 'T_1000001', in two protocols or folders"):
        read_trials(own_corpus, "asvspoof2017_v2")


LAYOUT = "asvspoof2017_v2"


def test_open_corpus_at_a_url_is_the_corpus_of_the_folder(corpus_folder, memory):
    here = open_corpus("tiny", corpus_folder, LAYOUT)
    there = open_corpus("tiny", put(corpus_folder, memory), LAYOUT)
    assert there.digest == here.digest
    assert there.trials.drop(columns="path").equals(here.trials.drop(columns="path"))
    assert there.trials["path"].tolist() == [path.replace(here.folder, memory) for path in here.trials["path"]]


def test_open_corpus_by_file_url_is_the_folder(corpus_folder):
    assert open_corpus("tiny", f"file://{corpus_folder}", LAYOUT).folder == str(corpus_folder)


def test_open_corpus_in_a_bucket_lists_each_folder_once_and_reads_once(own_corpus, bucket, monkeypatch):
    calls = []
    fs = fsspec.filesystem("s3")
    call = type(fs)._call_s3

    async def counted(self, method, *arguments, **how):
        calls.append(method)
        return await call(self, method, *arguments, **how)

    url = put(own_corpus, f"{bucket}/tiny")
    monkeypatch.setattr(type(fs), "_call_s3", counted)
    opened = open_corpus("tiny", url, LAYOUT)
    few = {"list_objects_v2": 7}  # the folder, that of the protocols three times, those of the recordings
    assert Counter(calls) == {"get_object": 3 + len(opened.trials), **few}
    calls.clear()
    assert open_corpus("tiny", url, LAYOUT).digest == opened.digest
    assert Counter(calls) == {"get_object": 3, **few}  # the digest is kept
    changed = own_corpus / "ASVspoof2017_V2_dev" / "D_1000003.wav"
    changed.write_bytes(changed.read_bytes()[:-2] + b"xx")  # as many bytes as before
    put(own_corpus, url)
    assert open_corpus("tiny", url, LAYOUT).digest == open_corpus("tiny", own_corpus, LAYOUT).digest != opened.digest


def test_open_corpus_place_that_tells_no_change_is_read_each_time(own_corpus, memory, monkeypatch):
    monkeypatch.setattr(places, "_MARKS", ())
    before = open_corpus("tiny", put(own_corpus, memory), LAYOUT).digest
    changed = own_corpus / "ASVspoof2017_V2_dev" / "D_1000003.wav"
    changed.write_bytes(changed.read_bytes()[:-2] + b"xx")
    assert open_corpus("tiny", put(own_corpus, memory), LAYOUT).digest != before


def test_read_trials_names_without_ending_are_found_by_what_is_there(own_corpus, memory):
    for protocol in (own_corpus / "protocol_V2").iterdir():
        protocol.write_text(protocol.read_text().replace(".wav", ""))
    (own_corpus / "ASVspoof2017_V2_dev" / "D_1000002.wav").rename(own_corpus / "ASVspoof2017_V2_dev" / "D_1000002.flac")
    for place in (str(own_corpus), put(own_corpus, memory)):
        dev = open_corpus("tiny", place, LAYOUT).split("dev")
        assert dev["trial"].tolist()[:2] == ["D_1000001", "D_1000002"]
        assert [path.rpartition(".")[2] for path in dev["path"][:3]] == ["wav", "flac", "wav"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", ": no such folder: expected a corpus of layout asvspoof2017_v2"),
        ("protocol_V2/ASVspoof2017_V2_dev.trl.txt", "/protocol_V2/ASVspoof2017_V2_dev.trl.txt: no such protocol file"),
        ("ASVspoof2017_V2_eval/E_1000002.wav", ": 1 of 58 recordings that the protocols list are missing, first"),
    ],
)
def test_plan_corpus_url_that_lacks_something_is_refused_by_name(own_corpus, tracking, memory, name, words):
    url = f"{memory}/tiny"
    if name:
        (own_corpus / name).unlink()
        put(own_corpus, url)
    result = CliRunner().invoke(main, ["plan", "demo", "--data", f"{url}/"])
    assert result.exit_code == 2
    assert f"error: {url}{words}" in result.stderr
    assert len(result.stderr.splitlines()) <= 2


def test_plan_bucket_that_is_not_there_is_refused_by_name(bucket, tracking):
    result = CliRunner().invoke(main, ["plan", "demo", "--data", "s3://absent/tiny"])
    assert result.exit_code == 2
    assert "error: s3://absent/tiny: no such folder" in result.stderr


def test_plan_from_a_bucket_is_that_of_the_folder(corpus_folder, bucket, tracking):
    url = put(corpus_folder, f"{bucket}/tiny")
    here, there = (CliRunner().invoke(main, ["plan", "demo", "--data", place]) for place in (str(corpus_folder), url))
    assert here.exit_code == there.exit_code == 0, there.output
    assert there.stdout == here.stdout.replace(str(corpus_folder), url)


def test_make_demo_at_a_url_is_refused():
    result = CliRunner().invoke(main, ["make-demo", "--data", "s3://study/demo"])
    assert result.exit_code == 2
    assert "s3://study/demo: a URL; the corpus is made in a local folder" in result.stderr


def test_read_protocol_published_files_have_the_published_counts(shared):
    folder = shared / "data" / "protocols" / "asvspoof2017_v2"
    found = {}
    for split, ending in (("train", "trn"), ("dev", "trl"), ("eval", "trl")):
        labels = read_protocol(folder / f"ASVspoof2017_V2_{split}.{ending}.txt")["label"]
        found[split] = (int(labels.sum()), int((1 - labels).sum()))
    assert found == {"train": (1507, 1507), "dev": (760, 950), "eval": (1298, 12008)}


def test_open_corpus_takes_a_name_in_another_normalisation_and_says_so(own_corpus, memory):
    dev, protocol = own_corpus / "ASVspoof2017_V2_dev", own_corpus / "protocol_V2" / "ASVspoof2017_V2_dev.trl.txt"
    protocol.write_text(protocol.read_text().replace("D_1000001", "D_\u00e9"), encoding="utf-8")
    (dev / "D_1000001.wav").rename(dev / "D_e\u0301.wav")
    for place in (own_corpus, put(own_corpus, memory)):
        corpus, found = open_corpus("a", place, LAYOUT), audit.check("a", place, LAYOUT)
        assert corpus.split("dev")["path"][0].endswith("dev/D_e\u0301.wav")
        assert corpus.split("dev")["trial"][0] == "D_\u00e9" and found["complete"] and found["unlisted"] == []
        said = "1 recordings are named in another Unicode normalisation than the protocols have."
        assert said in corpus.notes and said in found["remarks"]


@pytest.mark.parametrize("damage", [lambda text: text[:-2], lambda text: text.replace(b'"', b"'")])
def test_open_corpus_kept_digest_that_was_damaged_is_made_again(own_corpus, damage):
    digest = open_corpus("a", own_corpus, LAYOUT).digest
    (kept,) = folder.DIGESTS.glob("*.json")
    kept.write_bytes(damage(kept.read_bytes()))
    assert open_corpus("a", own_corpus, LAYOUT).digest == digest
