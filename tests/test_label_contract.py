"""A canary: labels followed from the protocol to a measured score file and back.

Every recording of the tiny corpus tells its own label: genuine ones are noise of the
full band, spoof ones are low-passed. So at each stage the label can be held against what
the recording or its picture shows. The protocols are shuffled, and classes unequal.
"""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from conftest import COUNTS, ENDINGS, write_corpus
from networks import paper_cnn
from test_store import SETTINGS

from lib import audio, metrics
from lib.cli import main
from lib.corpus import LABEL_NAMES, SPLITS, open_corpus, read_protocol
from lib.inputs import Image, opened
from lib.params import ROOT
from lib.scores import match, read_scores
from lib.systems import training
from lib.systems.networks import Network
from lib.systems.training import of_split
from lib.tracking import runs

SIZE = 24


def heard(path):
    """1 for a recording with half of its energy above 4 kHz, 0 for one with next to none."""
    power = np.abs(np.fft.rfft(audio.read(path)[0])) ** 2
    share = power[len(power) // 2 :].sum() / power.sum()
    assert not 0.05 < share < 0.3
    return int(share > 0.2)


def seen(pictures):
    """The same of grey pictures with values 0 to 1, high frequencies in their upper rows."""
    return (np.asarray(pictures)[:, : SIZE // 2].mean(axis=(1, 2, 3)) > 0.5).astype(int)


@pytest.fixture(scope="module")
def canary(tmp_path_factory):
    """The corpus, with shuffled protocols."""
    folder = write_corpus(tmp_path_factory.mktemp("canary") / "corpus")
    rng = np.random.default_rng(3)
    for split in SPLITS:
        lines = protocol(folder, split).read_text().splitlines()
        protocol(folder, split).write_text("\n".join(rng.permutation(lines)) + "\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lib.corpus.folder.DIGESTS", folder / "digests")
        return open_corpus("canary", folder, "asvspoof2017_v2")


def protocol(folder, split):
    return Path(folder) / "protocol_V2" / f"ASVspoof2017_V2_{split}.{ENDINGS[split]}.txt"


@pytest.fixture(scope="module")
def fed(canary, tmp_path_factory):
    """Grey images of it with values 0 to 1."""
    folder = str(tmp_path_factory.mktemp("canary-store"))
    return opened([Image("spectrogram", "gray", "0-1", SIZE, SETTINGS)], canary, store_url=folder, jobs=1)


@pytest.fixture(scope="module")
def system(fed):
    """Trained on the canary, for as long as it takes to tell the classes apart."""
    training.prepare(0)
    system = Network(paper_cnn(SIZE))
    system.fit(fed, seed=0, epochs=25, steps_per_epoch=4, batch_size=8, learning_rate=0.01)
    return system


@pytest.fixture(scope="module")
def scored(canary, fed, system):
    """The scores table of eval, as a run makes it."""
    return canary.split("eval").assign(score=system.scores(fed, "eval"))


def test_genuine_is_said_to_be_one_in_a_single_place():
    found = [
        path.name
        for path in (ROOT / "lib").rglob("*.py")
        if re.search(r"^[A-Z, ]*\bGENUINE\b.* = ", path.read_text(), re.M)
    ]
    assert found == ["protocol.py"]
    assert LABEL_NAMES[1] == "genuine" and LABEL_NAMES[0] == "spoof"


@pytest.mark.parametrize("split", SPLITS)
def test_protocol_words_become_the_labels_of_their_own_recordings(canary, split):
    trials = canary.split(split)
    words = dict(line.split()[:2] for line in protocol(canary.folder, split).read_text().splitlines())
    assert [LABEL_NAMES[label] for label in trials["label"]] == [words[file] for file in trials["file"]]
    assert trials["label"].tolist() == [heard(path) for path in trials["path"]]
    assert trials["label"].sum() == COUNTS[split][0]
    assert trials["label"].tolist() != sorted(trials["label"], reverse=True)  # the order tells nothing


@pytest.mark.parametrize("split", SPLITS)
def test_batches_in_order_carry_the_label_of_each_image(canary, fed, split):
    labels = canary.split(split)["label"].to_numpy()
    x, y = (np.concatenate(parts) for parts in zip(*of_split(fed, split, batch_size=5), strict=True))
    np.testing.assert_array_equal(y[:, 0], labels)
    np.testing.assert_array_equal(seen(x), labels)


@pytest.mark.parametrize("across", [True, False])
def test_training_batches_carry_the_label_of_each_image_in_any_order(fed, across):
    for x, y in of_split(fed, "train", batch_size=7, seed=5, across=across).take(8):
        np.testing.assert_array_equal(seen(x), y[:, 0])


def test_training_makes_genuine_images_score_higher(fed, system):
    (x,) = fed.load("train", range(len(fed.labels["train"])))
    scores = system.score(x)
    assert scores[seen(x) == 1].min() > scores[seen(x) == 0].max()


def test_scores_stand_beside_their_own_trials(scored):
    truth = np.array([heard(path) for path in scored["path"]])
    assert scored["score"][truth == 1].min() > scored["score"][truth == 0].max()


def test_metrics_count_genuine_as_genuine(scored):
    scores, labels = scored["score"].to_numpy(), scored["label"].to_numpy()
    measured = metrics.evaluate(scores, labels)
    assert (measured["auc"], measured["eer"]) == (1, 0)
    assert (measured["n_genuine"], measured["n_spoof"]) == COUNTS["eval"]
    between = (scores[labels == 1].min() + scores[labels == 0].max()) / 2
    np.testing.assert_array_equal(metrics.confusion(scores, labels, between), [[15, 0], [0, 5]])


def test_recorded_score_file_measures_the_same_by_command(canary, scored, tracking):
    run = runs.start("11_paper_cnn", {"corpus": "canary", "variant": "x"}, corpus_digest=canary.digest)
    recorded = runs.log_split(run, "eval", scored)
    file = run.client.download_artifacts(run.run_id, "scores/eval.tsv")
    assert read_scores(file)[["trial", "score", "label"]].equals(scored[["trial", "score", "label"]])
    answer = CliRunner().invoke(main, ["evaluate", file, "--protocol", str(protocol(canary.folder, "eval")), "--json"])
    found = json.loads(answer.output)
    assert (found["auc"], found["eer"], found["n_genuine"], found["n_spoof"]) == (1, 0, *COUNTS["eval"])
    assert {name: found[name] for name in ("accuracy", "cllr")} == {n: recorded[n] for n in ("accuracy", "cllr")}


def test_score_file_in_any_order_meets_the_labels_by_name(canary, scored, tmp_path):
    mixed = scored.sample(frac=1, random_state=1)
    lines = [f"{trial}.wav {score!r}" for trial, score in zip(mixed["trial"], mixed["score"], strict=True)]
    (tmp_path / "scores.txt").write_text("\n".join(lines))
    table = match(read_scores(tmp_path / "scores.txt"), read_protocol(protocol(canary.folder, "eval")))
    pd.testing.assert_series_equal(table["score"], scored["score"])
    assert metrics.auc(table["score"], table["label"]) == 1


def test_swapped_words_and_swapped_signs_do_not_pass(canary, scored, tmp_path):
    path, by_name = tmp_path / "scores.txt", ["evaluate", "", "--protocol", str(protocol(canary.folder, "eval"))]
    by_name[1] = str(path)
    rows = list(zip(scored["trial"], scored["score"], scored["label"], strict=True))
    path.write_text("\n".join(f"{trial} {score} {LABEL_NAMES[1 - label]}" for trial, score, label in rows))
    refused = CliRunner().invoke(main, by_name)
    assert refused.exit_code == 2 and "20 of 20 labels contradict the protocol" in refused.output
    path.write_text("\n".join(f"{trial} {-score}" for trial, score, _ in rows))
    warned = CliRunner().invoke(main, by_name)
    assert warned.exit_code == 0 and "the scores are inverted" in warned.output
