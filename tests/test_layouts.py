"""Corpora of any layout: the published protocol files, lists, folders, and splits that are made."""

import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import soundfile
import yaml
from click.testing import CliRunner
from conftest import SR

from lib.cli import main
from lib.corpus import audit, open_corpus, read_protocol, read_trials
from lib.corpus.folder import protocol_of
from lib.corpus.protocol import LAYOUTS, SPLITS
from lib.errors import InputError
from lib.params import NOTEBOOKS, PARAMS, studies

OTHER = "data/protocols/other"
PUBLISHED = {  # file -> layout, split, genuine, spoof
    "2019_LA/ASVspoof2019.LA.cm.train.trn.txt": ("asvspoof2019_la", "train", 2580, 22800),
    "2019_LA/ASVspoof2019.LA.cm.dev.trl.txt": ("asvspoof2019_la", "dev", 2548, 22296),
    "2019_LA/ASVspoof2019.LA.cm.eval.trl.txt": ("asvspoof2019_la", "eval", 7355, 63882),
    "in_the_wild/in_the_wild.csv": ("in_the_wild", "all", 19963, 11816),
}
SAMPLES = {  # file -> what its last line says
    "2019_PA/ASVspoof2019.PA.cm.train.sample.txt": {"trial": "PA_T_0005731", "label": 0, "attack": "AA"},
    "2021/LA.CM.trial_metadata.sample.txt": {"label": 1, "codec": "none", "attack": "-", "split": "hidden"},
    "2021/PA.CM.trial_metadata.sample.txt": {"label": 0, "attack_room": "r5", "split": "dev"},
    "2021/DF.CM.trial_metadata.sample.txt": {"codec": "mp3m4a", "attack": "Task2-team33", "split": "eval"},
    "asvspoof5/ASVspoof5.train.sample.tsv": {"trial": "T_0000000011", "label": 1, "speaker": "T_3734", "attack": "-"},
    "in_the_wild/meta.sample.csv": {"trial": "45", "file": "45.wav", "label": 1, "speaker": "Mark Zuckerberg"},
    "fake_or_real/fake_or_real_for-norm_testing.csv": {"label": 0},
}


@pytest.mark.parametrize("file", PUBLISHED)
def test_read_protocol_published_counts_are_those_of_the_layout(shared, file):
    layout, split, *counts = PUBLISHED[file]
    labels = read_protocol(shared / OTHER / file)["label"]
    assert [labels.sum(), (1 - labels).sum()] == counts == LAYOUTS[layout]["published"][split]


@pytest.mark.parametrize("file", SAMPLES)
def test_read_protocol_of_every_layout_reads_the_real_lines(shared, file):
    last = read_protocol(shared / OTHER / file).iloc[-1].to_dict()
    assert last | SAMPLES[file] == last


def test_read_protocol_without_labels_is_refused(shared):
    with pytest.raises(
        InputError, match="line 1: 2 columns in 'E_1000001.wav S03': expected 7, trial label.*header that"
    ):
        read_protocol(shared / "data/protocols/asvspoof2017_v1/ASVspoof2017_eval.trl")


def test_layouts_know_what_they_are_and_each_line_tells_its_layout():
    columns = {}
    for name, layout in LAYOUTS.items():
        assert ("files" in layout) != ("folders" in layout) and layout["title"], name
        assert ("published" in layout) == ("source" in layout)
        if "columns" in layout:
            names = layout["columns"].split()
            columns.setdefault((len(names), names.index("label")), set()).add(layout["columns"])
            assert {"trial", "label"} <= set(names)
    assert all(len(several) == 1 for several in columns.values())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("path,label\n", "a header and no trial"),
        ("path,label\na.wav,genuine,x\n", "line 2: 3 columns in 'a.wav genuine x': expected 2"),
        (
            "path,label,split\na.wav,genuine,first\n",
            "line 2: split 'first' is unknown: expected one of train, training",
        ),
        ("path,label\n../a.wav,genuine\n", "line 2: file '../a.wav' leaves the folder"),
        ("path,label\na.wav,spoof\n/b.wav,genuine\n", "line 3: file '/b.wav' leaves the folder"),
        ('path,label\n"a.wav,genuine\n', "line 2: not a list of values"),
        ("path,file,label\na.wav,b,genuine\n", "trials.csv: a column stands twice in trial, trial, label"),
    ],
)
def test_read_protocol_malformed_list_names_line_and_rule(tmp_path, text, words):
    (tmp_path / "trials.csv").write_text(text)
    with pytest.raises(InputError) as error:
        read_protocol(tmp_path / "trials.csv")
    assert words in str(error.value)


def test_read_protocol_is_the_same_however_its_own_path_is_written(tmp_path, monkeypatch):
    text = "path,label\n/else/audio/a/x.wav,genuine\n/else/audio/b/y.wav,spoof\n"
    table = read_protocol_of(tmp_path, text)
    monkeypatch.chdir(tmp_path)
    pd.testing.assert_frame_equal(read_protocol("trials.csv"), table)
    assert table["file"].tolist() == ["a/x.wav", "b/y.wav"]


def read_protocol_of(folder, text):
    (folder / "trials.csv").write_text(text)
    return read_protocol(folder / "trials.csv")


def test_read_protocol_list_names_paths_and_every_other_column(tmp_path):
    text = 'Speaker;PATH;class;attack\nA;"a b/1.flac";bonafide;bonafide\n\nB;c/1.wav;Fake;tts\n'
    (tmp_path / "trials.csv").write_text(text)
    table = read_protocol(tmp_path / "trials.csv")
    assert table["trial"].tolist() == ["a_b/1", "c/1"] and table["file"].tolist() == ["a b/1.flac", "c/1.wav"]
    assert table["label"].tolist() == [1, 0] and table["attack"].tolist() == ["-", "tts"]
    assert read_protocol_of(tmp_path, '"path","label"\n"a.wav","genuine"\n')["trial"].tolist() == ["a"]
    here = f"path,label\n{tmp_path}/x/1.wav,genuine\n{tmp_path}/x/2.wav,spoof\n"
    for text, files in ((here, ["x/1.wav", "x/2.wav"]), (here.replace(str(tmp_path), "/else"), ["1.wav", "2.wav"])):
        (tmp_path / "trials.csv").write_text(text)
        assert read_protocol(tmp_path / "trials.csv")["file"].tolist() == files


def write_list(folder, **columns):
    """A corpus of 30 speakers with a genuine and two spoof recordings each, as a list."""
    (folder / "wav").mkdir(parents=True)
    rng = np.random.default_rng(1)
    table = pd.DataFrame({"path": [f"wav/{k:02d}.wav" for k in range(90)], "label": ["genuine", "spoof", "fake"] * 30})
    for path in table["path"]:
        soundfile.write(folder / path, 0.1 * rng.normal(size=2000), SR)
    table.assign(**columns).to_csv(folder / "trials.csv", index=False)
    return folder


SPEAKERS = [f"s{k // 3}" for k in range(90)]


def test_read_trials_list_without_splits_makes_them_of_speakers(tmp_path):
    trials = read_trials(write_list(tmp_path / "own", speaker=SPEAKERS), "csv")
    assert trials.groupby("speaker")["split"].nunique().eq(1).all()
    assert trials["split"].value_counts().to_dict() == {"train": 54, "dev": 18, "eval": 18}
    (note,) = trials.attrs["notes"]
    assert note.startswith("No split train, dev, eval in the corpus: made of all trials by speaker (30), seed 0")
    assert trials.equals(read_trials(tmp_path / "own", "csv"))


def test_read_trials_names_without_ending_are_found_in_any_folder_and_with_any_dots(tmp_path):
    folder = write_list(tmp_path / "own")
    table = pd.read_csv(folder / "trials.csv")
    (folder / "wav/00.wav").rename(folder / "wav/v1.train.00.wav")
    (folder / "wav/01.wav").rename(folder / "wav/01.WAV")
    there = table["path"].replace({"wav/00.wav": "wav/v1.train.00.wav", "wav/01.wav": "wav/01.WAV"})
    table.assign(path=there.str[:-4]).to_csv(folder / "trials.csv", index=False)
    assert read_trials(folder, "csv")["path"].tolist() == [f"{folder}/{path}" for path in there]
    table.assign(path=there.replace({"wav/02.wav": "gone", "wav/03.wav": "gone.ogg"})).to_csv(folder / "trials.csv")
    assert read_trials(folder, "csv")["path"][2:4].tolist() == [f"{folder}/gone.wav", f"{folder}/gone.ogg"]


def test_read_trials_missing_dev_is_taken_out_of_train(tmp_path):
    split = ["eval" if k < 30 else "train" for k in range(90)]
    trials = read_trials(write_list(tmp_path / "own", split=split), "csv")
    assert trials["split"].value_counts().to_dict() == {"eval": 30, "train": 45, "dev": 15}
    assert trials["split"][:30].eq("eval").all()
    assert "made of the train that is there by trial, since speakers are unknown" in trials.attrs["notes"][0]


def test_read_trials_too_few_speakers_for_splits_are_refused(tmp_path):
    with pytest.raises(InputError, match="it cannot be made: with 2 speakers dev lacks a label"):
        read_trials(write_list(tmp_path / "own", speaker=["a"] * 45 + ["b"] * 45), "csv")
    one_is_genuine = [f"s{k % 10}" if k % 3 else "g" for k in range(90)]
    with pytest.raises(InputError, match="it cannot be made: with 11 speakers [a-z]+ lacks a label"):
        read_trials(write_list(tmp_path / "other", speaker=one_is_genuine), "csv")


def test_read_trials_with_some_speakers_unknown_are_dealt_by_trial(tmp_path):
    trials = read_trials(write_list(tmp_path / "own", speaker=["-", *SPEAKERS[1:]]), "csv")
    assert "made of all trials by trial, since speakers are unknown" in trials.attrs["notes"][0]


def test_read_trials_some_without_split_are_refused(tmp_path):
    with pytest.raises(InputError, match="trial wav/01 has no split, and others have one"):
        read_trials(write_list(tmp_path / "own", split=["dev", ""] * 45), "csv")


def test_read_trials_hidden_sets_of_2021_are_left_out_and_said(tmp_path):
    files = LAYOUTS["asvspoof2021_la"]["files"]["all"]
    (tmp_path / "keys/LA/CM").mkdir(parents=True)
    line = "LA_{k:04d} LA_E_{n} alaw ita_tx {attack} {label} notrim {phase}\n"
    text = ""
    for n in range(60):
        attack, label = ("bonafide", "bonafide") if n % 2 else ("A07", "spoof")
        text += line.format(k=n // 4, n=n, attack=attack, label=label, phase="eval progress hidden".split()[n // 4 % 3])
    (tmp_path / files[1]).write_text(text)
    trials = read_trials(tmp_path, "asvspoof2021_la")
    assert protocol_of(str(tmp_path), files) == f"{tmp_path}/{files[1]}"
    assert trials["split"].value_counts().to_dict() == {"dev": 20, "train": 16, "eval": 4}
    assert trials.attrs["notes"][1] == "20 trials of hidden sets are left out."
    assert trials["path"][0] == f"{tmp_path}/{files[0]}/LA_E_0.wav"


def test_open_corpus_of_folders_takes_labels_and_splits_from_them(tmp_path):
    rng = np.random.default_rng(2)
    for split in ("train", "dev", "eval"):
        for label in ("genuine", "spoof"):
            (tmp_path / split / label).mkdir(parents=True)
            soundfile.write(tmp_path / split / label / "1.wav", 0.1 * rng.normal(size=2000), SR)
    corpus = open_corpus("own", tmp_path, "folders")
    assert corpus.counts() == dict.fromkeys(("train", "dev", "eval"), {"genuine": 1, "spoof": 1})
    assert corpus.trials["trial"].tolist()[:2] == ["train/genuine/1", "train/spoof/1"]
    assert audit.check("own", tmp_path, "folders")["complete"]


def test_corpus_page_counts_what_is_known_of_a_list_and_takes_nothing_unknown_for_one(tmp_path):
    write_list(tmp_path / "own", split=["train", "dev", "eval"] * 30, speaker=SPEAKERS)
    shown = json.loads((NOTEBOOKS / "01_corpus.ipynb").read_text())["cells"]
    (code,) = ("".join(cell["source"]) for cell in shown if "known = run.corpus" in "".join(cell["source"]))
    code, _, last = code.partition("pd.DataFrame(")
    trials = read_trials(tmp_path / "own", "csv")
    names = {"run": SimpleNamespace(corpus=SimpleNamespace(trials=trials)), "pd": pd, "UNKNOWN": "-", "SPLITS": SPLITS}
    exec(f"{code}found = pd.DataFrame({last}", names)
    assert names["found"]["speakers"].tolist() == [30, 30, 30]
    assert not names["found"].drop(columns="speakers").any().any()


def test_corpus_new_finds_the_layout_writes_its_file_once_and_says_what_is_next(tmp_path, monkeypatch):
    for module in ("lib.corpus.audit", "lib.params.studies"):
        monkeypatch.setattr(f"{module}.PARAMS", tmp_path / "params")
    (tmp_path / "params/corpora").mkdir(parents=True)
    (tmp_path / "params/layouts.yaml").write_bytes((PARAMS / "layouts.yaml").read_bytes())
    data = write_list(tmp_path / "own", speaker=SPEAKERS)
    result = CliRunner().invoke(main, ["corpus", "new", "mine", "--data", str(data)])
    assert result.exit_code == 0, result.output
    assert "layout csv; genuine + spoof train 18 + 36, dev 6 + 12, eval 6 + 12. No split train" in result.output
    assert "Next: study corpus mine" in result.output
    written = (tmp_path / "params/corpora/mine.yaml").read_text()
    assert yaml.safe_load(written) == studies.corpus_values("mine")
    for arguments, words in (
        (["mine"], "there is such a corpus already"),
        (["../mine"], "must be a plain name"),
        (["other", "--layout", "x"], "--layout: layout must be one of asvspoof2017_v2"),
        (["other", "--layout", "folders"], "no recording in train/genuine or train/spoof"),
    ):
        refused = CliRunner().invoke(main, ["corpus", "new", *arguments, "--data", str(data)])
        assert refused.exit_code == 2 and words in refused.stderr, refused.output
    empty = CliRunner().invoke(main, ["corpus", "new", "other", "--data", str(tmp_path / "params")])
    assert "laid out as none of the known: expected --layout, one of asvspoof2017_v2" in empty.stderr
    assert "a list of your own is trials.csv there, with the columns path,label" in empty.stderr
    gone = CliRunner().invoke(main, ["corpus", "new", "other", "--data", str(tmp_path / "gone")])
    assert gone.exit_code == 2 and f"{tmp_path}/gone: no such folder" in gone.stderr
    assert (tmp_path / "params/corpora/mine.yaml").read_text() == written
    assert CliRunner().invoke(main, ["corpus", "new", "1e3", "--data", str(data)]).exit_code == 0
    assert studies.corpus_values("1e3")["corpus"] == "1e3"


def test_evaluate_breaks_down_by_any_column_of_the_key(tmp_path):
    rng, lines, scores = np.random.default_rng(4), [], []
    for k in range(120):
        genuine, codec = k % 3 == 0, ("alaw", "opus")[k // 3 % 2]
        attack, label = ("bonafide", "bonafide") if genuine else (f"A{k % 2}", "spoof")
        lines.append(f"LA_{k % 5:04d} LA_E_{k} {codec} ita_tx {attack} {label} notrim eval\n")
        scores.append(f"LA_E_{k} {rng.normal() + 2 * genuine}\n")
    (tmp_path / "trial_metadata.txt").write_text("".join(lines))
    (tmp_path / "scores.txt").write_text("".join(scores))
    arguments = ["evaluate", str(tmp_path / "scores.txt"), "--protocol", str(tmp_path / "trial_metadata.txt"), "--json"]
    result = CliRunner().invoke(main, [*arguments, "--by", "attack", "--by", "codec"])
    found = json.loads(result.output)["breakdown"]
    counts = {by: [(r["group"], r["n_genuine"], r["n_spoof"], r["pooled"]) for r in rows] for by, rows in found.items()}
    assert counts["attack"] == [("A0", 40, 40, True), ("A1", 40, 40, True)]
    assert counts["codec"] == [("alaw", 20, 40, False), ("opus", 20, 40, False)]
    refused = CliRunner().invoke(main, [*arguments, "--by", "vocoder"])
    assert refused.exit_code == 2 and "no column 'vocoder' to break down by: expected one of speaker" in refused.stderr
