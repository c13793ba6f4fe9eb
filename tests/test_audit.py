"""The check of a corpus finds what is there, and says which corpus it is."""

import json
import os

import fsspec
import numpy as np
import pytest
import soundfile
from conftest import COUNTS, put, tone, write_corpus

from lib.corpus import audit, open_corpus
from lib.corpus.protocol import LAYOUTS
from lib.errors import InputError
from lib.files import places

LAYOUT = "asvspoof2017_v2"


def test_check_complete_corpus_counts_and_finds_nothing(corpus_folder):
    found = audit.check("tiny", corpus_folder, LAYOUT)
    assert found["splits"] == {s: {"genuine": g, "spoof": n} for s, (g, n) in COUNTS.items()}
    assert (found["missing"], found["unreadable"], found["unlisted"]) == ([], {}, [])
    assert found["complete"]
    assert found["shared_speakers"] == {}
    assert "Not the published ASVspoof 2017" in found["remarks"][0]


def test_check_names_missing_unreadable_unlisted_and_notes(own_corpus):
    dev = own_corpus / "ASVspoof2017_V2_dev"
    (dev / "D_1000001.wav").unlink()
    (dev / "D_1000002.wav").write_bytes(b"")
    soundfile.write(dev / "D_1000003.wav", np.stack([tone(), tone()], axis=1), 16_000)
    soundfile.write(dev / "D_9999999.wav", tone(), 16_000)
    found = audit.check("tiny", own_corpus, LAYOUT)
    assert found["missing"] == ["dev/D_1000001.wav"]
    assert list(found["unreadable"]) == ["dev/D_1000002.wav"]
    assert "empty" in found["unreadable"]["dev/D_1000002.wav"]
    assert found["unlisted"] == ["dev/D_9999999.wav"]
    assert found["notes"] == {"2 channels averaged": 1}
    assert not found["complete"]
    text = audit.describe(found)
    assert "missing: 1\n  dev/D_1000001.wav" in text
    assert json.loads(json.dumps(found))["missing"] == ["dev/D_1000001.wav"]


def test_check_of_a_url_finds_what_the_folder_holds(own_corpus, memory):
    dev = own_corpus / "ASVspoof2017_V2_dev"
    (dev / "D_1000001.wav").unlink()
    (dev / "D_1000002.wav").write_bytes(b"")
    (dev / "D_1000003.wav").write_bytes(b"no sound")
    soundfile.write(dev / "D_9999999.wav", tone(), 16_000)
    here, there = audit.check("tiny", own_corpus, LAYOUT), audit.check("tiny", put(own_corpus, memory), LAYOUT)
    assert there["folder"] == memory and len(there["unreadable"]) == 2 and there["unlisted"] == ["dev/D_9999999.wav"]
    assert there | {"folder": here["folder"]} == here


def test_usable_place_that_falls_silent_leaves_nothing_out(own_corpus, memory, monkeypatch):
    def cut(self, path, **how):
        if path.endswith("D_1000003.wav"):
            raise ConnectionResetError("reset by peer")
        return cat_file(self, path, **how)

    driver = type(fsspec.filesystem("memory"))
    cat_file = driver.cat_file
    monkeypatch.setattr(driver, "cat_file", cut)
    with pytest.raises(places.Unreachable, match="D_1000003.wav: cannot be reached .reset by peer"):
        audit.usable("x", put(own_corpus, memory), LAYOUT, allow_partial=True)


def test_check_says_which_speakers_are_shared(own_corpus):
    protocol = own_corpus / "protocol_V2" / "ASVspoof2017_V2_eval.trl.txt"
    protocol.write_text(protocol.read_text().replace("M0020", "M0001"))
    found = audit.check("tiny", own_corpus, LAYOUT)
    assert found["shared_speakers"] == {"train/eval": ["M0001"]}


def test_check_version_1_counts_are_said(tmp_path):
    folder = write_corpus(tmp_path / "v1", {"train": (1, 1), "dev": (1, 1), "eval": (1, 1)})
    lines = [f"T_{k}.wav {'genuine' if k < 1508 else 'spoof'} M1 S1 - - -" for k in range(3016)]
    (folder / "protocol_V2" / "ASVspoof2017_V2_train.trn.txt").write_text("\n".join(lines))
    assert "Its train has the counts of asvspoof2017_v1" in audit.check("x", folder, LAYOUT)["remarks"][0]


def test_published_corpus_without_train_is_recognised_although_train_is_made_of_its_eval(tmp_path):
    folder, counts = str(tmp_path), LAYOUTS["asvspoof2021_la"]["published"]
    ours = {split: dict(zip(("genuine", "spoof"), pair, strict=True)) for split, pair in counts.items()}
    ours["train"], ours["eval"] = ({name: count // 4 * part for name, count in ours["eval"].items()} for part in (3, 1))
    for name, total in zip(ours["eval"], counts["eval"], strict=True):
        ours["eval"][name] = total - ours["train"][name]
    (remark,) = audit._which(folder, "asvspoof2021_la", ours)
    assert remark.startswith("Counts are those of the published ASVspoof 2021 LA")
    ours["dev"]["spoof"] += 1
    assert audit._which(folder, "asvspoof2021_la", ours)[0].startswith("Not the published")


def test_check_published_protocols_are_recognised(shared, tmp_path):
    published = shared / "data" / "protocols" / "asvspoof2017_v2"
    (tmp_path / "protocol_V2").mkdir()
    for path in published.glob("*.txt"):
        text = path.read_text().replace("\n", "\r\n")
        (tmp_path / "protocol_V2" / path.name).write_text(text)
    found = audit.check("asvspoof2017", tmp_path, LAYOUT)
    assert found["splits"]["eval"] == {"genuine": 1298, "spoof": 12008}
    (remark,) = found["remarks"]
    assert remark.startswith("Protocols and counts are those of the published ASVspoof 2017 Version 2.0 (H. Delgado")
    assert len(found["missing"]) == 18_030
    assert found["shared_speakers"] == {}
    first = tmp_path / "protocol_V2" / "ASVspoof2017_V2_dev.trl.txt"
    first.write_text(first.read_text().replace("M0011", "M9911"))
    assert "another corpus of the same size" in " ".join(audit.check("x", tmp_path, LAYOUT)["remarks"])


def test_usable_partial_only_on_request_and_said(own_corpus):
    (own_corpus / "ASVspoof2017_V2_eval" / "E_1000002.wav").unlink()
    (own_corpus / "ASVspoof2017_V2_eval" / "E_1000003.wav").write_bytes(b"noise")
    with pytest.raises(InputError, match="missing"):
        audit.usable("x", own_corpus, LAYOUT)
    corpus = audit.usable("x", own_corpus, LAYOUT, allow_partial=True)
    assert len(corpus.trials) == 56
    assert "2 of 58 recordings are left out" in " ".join(audit.provenance(corpus, LAYOUT))


def test_usable_nothing_left_of_a_label_is_refused(own_corpus):
    for path in (own_corpus / "ASVspoof2017_V2_dev").glob("*"):
        path.unlink()
    with pytest.raises(InputError, match="split dev has no usable trials of both labels"):
        audit.usable("x", own_corpus, LAYOUT, allow_partial=True)


def test_provenance_repeats_what_a_made_corpus_says_of_itself(own_corpus, memory):
    (own_corpus / "README.txt").write_text("Synthetic speech with simulated replay.\nMore of it.\n")
    for place in (own_corpus, put(own_corpus, memory)):
        sentences = audit.provenance(open_corpus("x", place, LAYOUT), LAYOUT)
        assert sentences[0] == "From the corpus' README: Synthetic speech with simulated replay."


def refused(folder, words):
    """Both the check and a run name the problem."""
    assert words in audit.check("x", folder, LAYOUT)["problems"][0]
    with pytest.raises(InputError, match=words):
        open_corpus("x", folder, LAYOUT)


def test_check_swapped_labels_of_a_split_are_a_problem(own_corpus):
    protocol = own_corpus / "protocol_V2" / "ASVspoof2017_V2_eval.trl.txt"
    text = protocol.read_text()
    protocol.write_text(text.replace("genuine", "TMP").replace("spoof", "genuine").replace("TMP", "spoof"))
    refused(own_corpus, "15 of 15 genuine trials of eval have a playback, 0 of 5 spoof trials: are labels swapped")
    protocol.write_text(text.replace("genuine M0020 S00 - - -", "genuine M0020 S00 - P02 -"))
    found = audit.check("x", own_corpus, LAYOUT)
    assert found["complete"] and "1 of 5 genuine trials of eval have a playback" in found["remarks"][1]


def test_check_devices_of_as_many_genuine_as_spoof_trials_are_a_problem(own_corpus):
    protocol = own_corpus / "protocol_V2" / "ASVspoof2017_V2_dev.trl.txt"
    protocol.write_text(protocol.read_text().replace("- - -", "E01 P01 R01"))
    refused(own_corpus, "6 of 6 genuine trials of dev have a playback, 8 of 8 spoof trials: are labels swapped")


def test_check_unlisted_recording_of_a_folder_of_several_splits_has_none(tmp_path):
    for k in range(6):
        soundfile.write(tmp_path / f"{k}.wav", tone(hz=300.0 + 50 * k), 16_000)
    rows = [f"{k}.wav,{('genuine', 'spoof')[k % 2]},{('train', 'dev', 'eval')[k // 2]}" for k in range(6)]
    (tmp_path / "trials.csv").write_text("\n".join(["path,label,split", *rows]))
    soundfile.write(tmp_path / "more.wav", tone(), 16_000)
    assert audit.check("x", tmp_path, "csv")["unlisted"] == ["-/more.wav"]


def test_check_recording_of_both_labels_is_a_problem_and_a_run_stops(own_corpus):
    train = own_corpus / "ASVspoof2017_V2_train"
    (train / "T_1000024.wav").write_bytes((train / "T_1000001.wav").read_bytes())
    refused(own_corpus, "1 recordings stand as genuine and as spoof, first train/T_1000001.wav and train/T_1000024.wav")


def test_check_dev_of_copies_of_train_is_a_problem_whatever_their_container(own_corpus):
    train, dev = (own_corpus / f"ASVspoof2017_V2_{split}" for split in ("train", "dev"))
    (dev / "D_1000001.wav").write_bytes((train / "T_1000001.wav").read_bytes())
    refused(own_corpus, "1 of 14 recordings of dev are copies of train's, first D_1000001.wav")
    y, rate = soundfile.read(train / "T_1000001.wav")
    soundfile.write(dev / "D_1000001.wav", y, rate, subtype="PCM_24")
    assert "copies of train's" in audit.check("x", own_corpus, LAYOUT)["problems"][0]


def test_check_clipped_split_is_remarked(own_corpus):
    for path in (own_corpus / "ASVspoof2017_V2_eval").glob("*"):
        y, rate = soundfile.read(path)
        soundfile.write(path, np.clip(5 * y, -1, 1), rate)
    found = audit.check("x", own_corpus, LAYOUT)
    assert found["remarks"][1:] == ["Clipped recordings of eval: 100 % of the genuine, 100 % of the spoof ones."]
    assert found["complete"]


@pytest.mark.parametrize(("clipped", "said"), [(1, False), (2, True)])
def test_check_a_tenth_of_a_label_clipped_is_remarked(own_corpus, clipped, said):
    for k in range(clipped):  # of 15 spoof trials of eval
        path = own_corpus / "ASVspoof2017_V2_eval" / f"E_{1000006 + k}.wav"
        y, rate = soundfile.read(path)
        soundfile.write(path, np.clip(5 * y, -1, 1), rate)
    remarks = audit.check("x", own_corpus, LAYOUT)["remarks"]
    assert remarks[1:] == ["Clipped recordings of eval: 0 % of the genuine, 13 % of the spoof ones."] * said


def test_open_corpus_change_behind_the_same_size_and_time_is_noticed(own_corpus):
    before = open_corpus("x", own_corpus, LAYOUT).digest
    path = own_corpus / "ASVspoof2017_V2_eval" / "E_1000003.wav"
    about, content = path.stat(), bytearray(path.read_bytes())
    content[3000] ^= 255
    path.write_bytes(content)
    os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (about.st_size, about.st_mtime_ns)
    assert open_corpus("x", own_corpus, LAYOUT).digest != before


@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_check_pipe_or_device_is_refused_without_being_read(own_corpus, kind):
    path = own_corpus / "ASVspoof2017_V2_eval" / "E_1000003.wav"
    path.unlink()
    os.mkfifo(path) if kind == "pipe" else path.symlink_to("/dev/zero")
    unreadable = audit.check("x", own_corpus, LAYOUT)["unreadable"]
    assert unreadable == {"eval/E_1000003.wav": "not a file: expected a recording"}
    with pytest.raises(InputError, match="are missing, first .*E_1000003.wav; see"):
        open_corpus("x", own_corpus, LAYOUT)
