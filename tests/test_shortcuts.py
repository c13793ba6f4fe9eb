"""Planted shortcuts are found, the absence of any is not called one, and metadata is counted right."""

import io

import numpy as np
import pandas as pd
import pytest
import soundfile
from conftest import SR, tone
from scipy import signal

from lib import comparison
from lib.audio import interventions
from lib.corpus import SPLITS, open_corpus
from lib.errors import InputError
from lib.judgement import shortcuts
from lib.judgement.shortcuts import cues, judgement

JUDGED = [group for group, about in shortcuts.GROUPS.items() if about["kind"] == "shortcut"]


def utterance(rng):
    """Syllables of noise over a floor 45 dB below, levels, lengths and silences from one law."""
    y = np.concatenate([rng.standard_normal(int(SR * s)) * np.hanning(int(SR * s)) for s in rng.uniform(0.15, 0.3, 4)])
    y = np.pad(y, [int(SR * s) for s in rng.uniform(0.05, 0.3, 2)])
    y = y + 10 ** (-45 / 20) * np.abs(y).max() * rng.standard_normal(len(y))
    return rng.uniform(0.2, 0.9) * y / np.abs(y).max()


@pytest.fixture(scope="module")
def utterances():
    """60 trials of both labels, four speakers, in each split; no difference between labels."""
    rng = np.random.default_rng(5)
    count = 60 * len(SPLITS)
    table = pd.DataFrame({"split": np.repeat(SPLITS, 60), "label": np.arange(count) % 2})
    table["speaker"] = [f"{split}{k // 2 % 4}" for k, split in enumerate(table["split"])]
    return table, [utterance(rng) for _ in range(count)]


@pytest.fixture(scope="module")
def described(utterances):
    table, recordings = utterances
    return table.join(pd.DataFrame([shortcuts.of_recording(y) for y in recordings]))


PLANTS = {
    "duration": lambda y, k: np.concatenate([y, y[-len(y) // 4 :]]),
    "peak": lambda y, k: 0.4 * y,
    "loudness": lambda y, k: 0.4 * y,
    "dc": lambda y, k: y + 0.003,
    "silence": lambda y, k: np.concatenate([np.resize(y[: SR // 20], SR // 5), y]),
    "clicks": lambda y, k: interventions.click(y, SR, k),
}


def single_click(y, k):
    y = y.copy()
    y[len(y) // 2] = np.sign(y[len(y) // 2]) * 4 * np.abs(y).max()
    return y / 4


def with_zeros(y, k):
    """The first 3 ms of half of the recordings exactly zero: no straight line finds that."""
    y = y.copy()
    y[: 50 * (k % 4 > 0)] = 0
    return y


def planted(described, utterances, change, label=1):
    table, recordings = utterances
    rows = np.flatnonzero(table["label"] == label)
    found = pd.DataFrame([shortcuts.of_recording(change(recordings[k], k)) for k in rows], index=rows)
    changed = described.copy()
    changed.loc[rows, found.columns] = found
    return changed


def verdict_of(table, group, groups):
    verdicts = shortcuts.judge(shortcuts.measure(table, groups=groups, resamples=200))
    return verdicts.set_index("group")["verdict"][group]


# -- cues ----------------------------------------------------------------------------------


def test_of_recording_of_a_tone_with_silences_measures_them():
    y = np.concatenate([np.zeros(3200), tone(0.5, hz=1000.0) + 0.01, np.zeros(1600)])
    found = shortcuts.of_recording(y)
    assert found["duration/seconds"] == pytest.approx(0.8)
    assert found["peak/peak"] == pytest.approx(20 * np.log10(0.51), abs=0.01)
    assert found["loudness/rms"] == pytest.approx(10 * np.log10(np.mean(y**2)))
    assert found["silence/before"] == pytest.approx(0.2)
    assert found["silence/after"] == pytest.approx(0.1)
    assert found["silence/zeros_before"] == pytest.approx(0.2, abs=1e-3)
    assert found["bandwidth/rolloff"] == pytest.approx(1000, abs=50)
    assert np.isfinite(list(found.values())).all()


def test_of_recording_edge_is_the_level_at_the_top_of_the_band(rng):
    white = 0.1 * rng.standard_normal(2 * SR)
    assert shortcuts.of_recording(white)["edge/top"] == pytest.approx(0, abs=0.5)
    gain = np.where(np.fft.rfftfreq(len(white), 1 / SR) > 7750, 0.1, 1)
    lower = np.fft.irfft(gain * np.fft.rfft(white), len(white))
    assert shortcuts.of_recording(lower)["edge/top"] == pytest.approx(-20, abs=0.5)
    assert shortcuts.of_recording(lower / 4)["edge/top"] == pytest.approx(-20, abs=0.5)


def test_of_recording_dc_that_stays_is_found_and_hum_is_not():
    hum = tone(1.0, hz=3.0)[: int(0.8 * SR)]  # 2.4 periods: a mean, and no direct current
    assert abs(hum.mean()) > 0.02
    assert abs(shortcuts.of_recording(hum)["dc/offset"]) < 0.25 * abs(hum.mean())
    assert shortcuts.of_recording(tone(1.0) + 0.01)["dc/offset"] == pytest.approx(0.01, rel=0.01)


@pytest.mark.parametrize("y", [np.full(1600, 0.1), np.zeros(8000), np.r_[1.0, np.zeros(1599)]])
def test_of_recording_of_an_odd_recording_is_finite(y):
    assert np.isfinite(list(shortcuts.of_recording(y).values())).all()


def test_describe_keeps_the_order_and_measures_what_of_recording_does(corpus_folder):
    trials = open_corpus("tiny", corpus_folder, "asvspoof2017_v2").trials
    table = shortcuts.describe(trials["path"][:6], jobs=1)
    y = cues.audio.read(trials["path"][4])[0]
    header = {"rate": 16000, "channels": 1, "bits": 16, "container": 0}
    in_header = {f"format/{name}": value for name, value in header.items()}
    assert table.iloc[4].to_dict() == shortcuts.of_recording(y) | in_header
    assert {name.partition("/")[0] for name in table} == set(shortcuts.GROUPS)


# -- judgement -----------------------------------------------------------------------------


def test_judge_corpus_without_shortcuts_sees_none(described):
    measured = shortcuts.measure(described, groups=JUDGED, resamples=200)
    verdicts = shortcuts.judge(measured)
    assert verdicts["verdict"].eq("no shortcut seen").all(), verdicts
    assert shortcuts.cue_sentences(measured, verdicts)[0].startswith("No shortcut seen in duration, peak")


@pytest.mark.parametrize(("group", "label"), [*((group, 1) for group in PLANTS), ("clicks", 0)])
def test_judge_planted_shortcut_is_caught(described, utterances, group, label):
    table = planted(described, utterances, PLANTS[group], label)
    assert verdict_of(table, group, (group,)) == "shortcut"


@pytest.mark.parametrize(("group", "change"), [("clicks", single_click), ("silence", with_zeros)])
def test_judge_click_anywhere_and_zeros_are_caught(described, utterances, group, change):
    assert verdict_of(planted(described, utterances, change), group, (group,)) == "shortcut"


def low_rate(y, k):
    """Resampled to 8 kHz and back."""
    return signal.resample_poly(signal.resample_poly(y, 1, 2), 2, 1, window=("kaiser", 12))


def telephone(y, k):
    """256 values of a logarithmic law."""
    law = np.round(np.sign(y) * np.log1p(255 * np.abs(y)) / np.log(256) * 127) / 127
    return np.round(np.sign(law) * np.expm1(np.abs(law) * np.log(256)) / 255 * 32768) / 32768


def through(container, subtype):
    def change(y, k):
        file = io.BytesIO()
        soundfile.write(file, y, SR, format=container, subtype=subtype)
        file.seek(0)
        return soundfile.read(file)[0]

    return change


def low_pass(y, k):
    return signal.fftconvolve(y, signal.firwin(401, 5000, fs=SR), "same")


def with_tone(y, k):
    return y + 0.05 * np.std(y) * np.sin(2 * np.pi * 5000 / SR * np.arange(len(y)))


def with_holes(y, k):
    """Bands of 250 Hz that are empty for 32 ms now and then, as a codec leaves them out."""
    _, _, cells = signal.stft(y, SR, nperseg=1024)
    rng = np.random.default_rng(k)
    kept = np.repeat(np.repeat(rng.uniform(size=(33, len(cells[0]) // 2 + 1)) > 0.4, 16, axis=0), 2, axis=1)
    return signal.istft(cells * kept[: len(cells), : len(cells[0])], SR, nperseg=1024)[1]


def few_clicks(y, k):
    y = y.copy()
    y[np.random.default_rng(k).integers(len(y), size=3)] += 0.9
    return y


@pytest.mark.parametrize(
    ("group", "change"),
    [
        ("cut", low_rate), ("cut", low_pass), ("cut", through("MP3", "MPEG_LAYER_III")), ("format", telephone),
        ("format", through("WAV", "PCM_U8")), ("tones", with_tone), ("codec", with_holes), ("clicks", few_clicks),
    ],
)  # fmt: skip
def test_judge_history_of_the_spoofs_is_caught(described, utterances, group, change):
    table = planted(described, utterances, change, label=0)
    assert verdict_of(table, group, (group,)) == "shortcut"


@pytest.mark.parametrize(
    "how",
    [
        {"channels": 2}, {"format": "FLAC"}, {"subtype": "PCM_24"}, {"samplerate": 8000},
    ],
)  # fmt: skip
def test_judge_file_format_of_the_spoofs_is_caught(described, utterances, tmp_path, how):
    """What only the header tells: the samples are those of any other recording."""
    table = utterances[0].copy()
    for label, given in ((1, {}), (0, how)):
        given = {"channels": 1, "format": "WAV", "subtype": "PCM_16", "samplerate": SR} | given
        samples = np.tile(utterances[1][0][:, np.newaxis], given.pop("channels"))
        soundfile.write(tmp_path / str(label), samples, **given)
    headers = pd.DataFrame([cues.of_header(tmp_path / str(label)) for label in table["label"]])
    assert verdict_of(described.assign(**headers), "format", ("format",)) == "shortcut"


def test_judge_shortcut_of_train_alone_or_reversed_is_named(described, utterances):
    longer = planted(described, utterances, PLANTS["duration"])
    alone = longer.where(longer["split"] == "train", described)
    assert verdict_of(alone, "duration", ("duration",)) == "train only"
    other = planted(described, utterances, PLANTS["duration"], label=0)
    reversed_ = longer.where(longer["split"] == "train", other)
    assert verdict_of(reversed_, "duration", ("duration",)) == "shortcut, reversed"
    outside = described.where(described["split"] == "train", longer)
    assert verdict_of(outside, "duration", ("duration",)) in ("shortcut", "shortcut outside train")


def row(group, split, auc, p, kind="shortcut"):
    ends = {"auc_ci_low": auc - 0.05, "auc_ci_high": auc + 0.05}
    return {"group": group, "kind": kind, "split": split, "auc": auc, "p_holm": p, **ends}


@pytest.mark.parametrize(
    ("train", "dev", "test", "p", "verdict"),
    [
        (0.7, 0.75, 0.5, 0.01, "shortcut"),
        (0.7, 0.62, 0.62, 0.01, "shortcut"),
        (0.5, 0.75, 0.5, 0.06, "no shortcut seen"),
        (0.5, 0.65, 0.5, 0.01, "no shortcut seen"),
        (0.65, 0.3, 0.3, 0.01, "shortcut, reversed"),
        (0.5, 0.3, 0.3, 0.01, "shortcut outside train"),
        (0.65, 0.5, 0.5, 0.01, "no shortcut seen"),
        (0.75, 0.5, 0.5, 0.01, "train only"),
    ],
)
def test_judge_needs_size_and_significance(train, dev, test, p, verdict):
    areas = {"train": train, "dev": dev, "eval": test}
    measured = pd.DataFrame([row("peak", split, area, p) for split, area in areas.items()])
    assert shortcuts.judge(measured)["verdict"].tolist() == [verdict]


@pytest.mark.parametrize(
    ("group", "area", "verdict"),
    [
        ("ltas", 0.55, "no difference seen"),
        ("ltas", 0.8, "differs as replay may"),
        ("bandwidth", 1.0, "unexplained"),
        ("edge", 1.0, "differs as replay may"),
        ("mfcc", 1.0, "not judged"),
    ],
)
def test_judge_every_cue_has_a_verdict(group, area, verdict):
    kind = shortcuts.GROUPS[group]["kind"]
    measured = pd.DataFrame([row(group, split, area, np.nan, kind) for split in SPLITS])
    verdicts = shortcuts.judge(measured)
    assert verdicts["verdict"].tolist() == [verdict]
    sentence = shortcuts.cue_sentences(measured, verdicts)[0]
    assert sentence.startswith(f"**{group}**: unexplained") == (verdict == "unexplained")


@pytest.mark.parametrize("by_speaker", [False, True])
def test_judge_random_scores_raise_no_more_alarms_than_promised(described, monkeypatch, by_speaker):
    """60 corpora of 3 tests; scores that know the speaker, and labels that speakers have unevenly."""
    rng = np.random.default_rng(11)
    alarms = 0
    for _ in range(60):
        speakers = rng.integers(0, 15, len(described))
        table = described[["split"]].assign(speaker=[f"s{k}" for k in speakers])
        shares = rng.uniform(0.2, 0.8, 15) if by_speaker else np.full(15, 0.5)
        table["label"] = (rng.uniform(size=len(table)) < shares[speakers]).astype(int)
        monkeypatch.setattr(judgement, "_scores", lambda table, _: ("none", scores_at_random(rng, table, by_speaker)))
        verdicts = shortcuts.judge(shortcuts.measure(table, groups=("duration",), resamples=100), size=0)
        alarms += verdicts["verdict"].ne("no shortcut seen").any()
    assert alarms <= 8  # 3 of 60 promised


def scores_at_random(rng, table, by_speaker):
    offsets = {name: rng.normal() for name in table["speaker"].unique()}
    noise = pd.Series(rng.normal(size=len(table)), table.index)
    scores = noise + (table["speaker"].map(offsets) if by_speaker else 0)
    return {split: scores[table["split"] == split].to_numpy() for split in SPLITS}


def test_measure_tiny_corpus_and_unknown_speakers_give_numbers(corpus_folder):
    trials = open_corpus("tiny", corpus_folder, "asvspoof2017_v2").trials
    table = trials.join(shortcuts.describe(trials["path"], jobs=1))
    few = table[table.groupby(["split", "label"]).cumcount() < 1]
    for part in (table, table.assign(speaker="-"), few):
        measured = shortcuts.measure(part, groups=("duration", "bandwidth"), resamples=50)
        assert np.isfinite(measured[["auc", "auc_ci_low", "auc_ci_high", "eer", "p"]]).all(axis=None)
        assert measured["p"].between(0, 1).all()
    assert measured.shape[0] == 6


@pytest.mark.slow
def test_measure_random_cues_raise_no_more_alarms_than_promised(described):
    rng = np.random.default_rng(3)
    alarms = 0
    for _ in range(12):
        table = described.copy()
        names = [name for group in JUDGED for name in shortcuts.columns_of(table, group)]
        table[names] = rng.normal(size=(len(table), len(names)))
        verdicts = shortcuts.judge(shortcuts.measure(table, groups=JUDGED, resamples=100), size=0)
        alarms += verdicts["verdict"].ne("no shortcut seen").any()
    assert alarms <= 3  # 1 of 12 promised


# -- metadata ------------------------------------------------------------------------------


def protocol(*rows):
    names = ("split", "label", "speaker", "phrase", "environment", "playback", "recorder")
    return pd.DataFrame(rows, columns=names).assign(file=[f"{k * 37 % 8}.wav" for k in range(len(rows))])


TRIALS = protocol(
    ("train", 1, "a", "1", "-", "-", "-"),
    ("train", 0, "a", "1", "E1", "P1", "R1"),
    ("train", 0, "b", "2", "E2", "P1", "R1"),
    ("dev", 1, "c", "1", "-", "-", "-"),
    ("dev", 0, "a", "3", "E1", "P1", "R1"),
    ("eval", 1, "d", "1", "-", "-", "-"),
    ("eval", 0, "d", "1", "E3", "P2", "R1"),
    ("eval", 0, "d", "2", "E3", "P2", "R2"),
)


def test_shared_counts_values_and_trials_of_each_pair():
    table = shortcuts.shared(TRIALS).set_index(["column", "first", "second"])
    assert len(table) == 18
    assert table.loc[("speaker", "train", "dev"), ["n_first", "n_second", "n_shared", "seen"]].tolist() == [
        2,
        2,
        1,
        0.5,
    ]
    assert table.loc[("phrase", "train", "eval"), ["n_shared", "seen"]].tolist() == [2, 1]
    assert table.loc[("recorder", "train", "eval"), ["n_second", "n_shared", "seen"]].tolist() == [2, 1, 0.5]
    assert table.loc[("configuration", "train", "dev"), "n_shared"] == 1


def test_concentration_finds_the_recorder_of_every_spoof_and_one_label_values():
    table = shortcuts.concentration(TRIALS).set_index(["column", "split"])
    assert table.loc[("recorder", "train"), ["values", "largest", "spoof_share"]].tolist() == [1, "R1", 1]
    assert np.isnan(table.loc[("recorder", "train"), "one_label"])
    assert table.loc[("speaker", "dev"), "one_label"] == 1
    assert table.loc[("speaker", "train"), "one_label"] == pytest.approx(1 / 3)
    # Speaker a: both labels of two trials alike with 1/9 + 4/9; b has one trial.
    assert table.loc[("speaker", "train"), "one_label_chance"] == pytest.approx((2 * 5 / 9 + 1) / 3)


def test_findings_name_what_is_shared_and_what_stands_for_a_label():
    text = " ".join(shortcuts.findings(TRIALS))
    assert "train and dev share 1 speakers: 50 % of dev's trials" in text
    assert "Every train spoof has the same recorder, R1." in text
    separate = pd.concat([TRIALS.assign(speaker=np.where(TRIALS["label"] == 1, "g", "s"))] * 20, ignore_index=True)
    assert "100 % of eval's trials are of a speaker with trials of one label only (by chance 0 %)" in " ".join(
        shortcuts.findings(separate)
    )


def test_findings_name_the_order_of_eval_alone():
    many = pd.DataFrame({"split": np.repeat(SPLITS, 40), "label": np.tile(np.repeat([1, 0], 20), 3)})
    many[["speaker", "phrase", "environment", "playback", "recorder"]] = "-"
    many["file"] = [f"x/{k:03d}.wav" for k in range(120)]
    (found,) = shortcuts.findings(many)
    assert found.startswith("The order of the files' names gives the label of eval's trials away (AUC 1.00)")
    mixed = np.where(many["split"] == "eval", many["label"].to_numpy()[::-1] ^ np.arange(120) % 2, many["label"])
    assert shortcuts.findings(many.assign(label=mixed)) == []


# -- sensitivity ---------------------------------------------------------------------------


def loudness_of(recordings):
    return np.array([np.mean(y) for y in recordings])


@pytest.fixture(scope="module")
def pairs():
    """20 genuine recordings with a direct current of 0.005, 20 spoof without."""
    rng = np.random.default_rng(2)
    labels = np.repeat([1, 0], 20)
    return [0.1 * tone() + 1e-4 * rng.normal() + 0.005 * label for label in labels], labels


def sensitivity(score, pairs, threshold, names=tuple(interventions.INTERVENTIONS)):
    scores = {name: score(version) for name, version in shortcuts.versions(pairs[0], names)}
    return shortcuts.sensitivity({"it": scores}, pairs[1], {"it": threshold}, resamples=100)


def test_sensitivity_of_a_dc_detector_is_seen(pairs):
    table = sensitivity(loudness_of, pairs, 0.0025, ("dc_added", "dc_removed"))
    none, added, removed = (row for row in table.itertuples())
    assert (none.intervention, none.far, none.frr, none.eer, none.far_p) == ("none", 0, 0, 0, 1)
    assert (added.far, added.frr, added.eer) == (1, 0, 1)
    assert added.far_p == pytest.approx(2 * 0.5**20)  # 20 of 20 changed one way
    assert (removed.far, removed.frr) == (0, 1)
    assert added.far_ci_low == pytest.approx(0.025 ** (1 / 20))  # p^20 is 2.5 %
    assert shortcuts.intervention_sentences(table)[0].startswith("**dc added** moves it (FAR 0 → 100 %")


def test_sensitivity_of_a_system_that_does_not_listen_is_nothing(pairs):
    table = sensitivity(lambda r: np.arange(len(r))[::-1].astype(float), pairs, 20)
    assert table["intervention"].tolist() == ["none", *interventions.INTERVENTIONS]
    assert table[["far_p", "frr_p"]].eq(1).all(axis=None)
    assert table["eer_change"].eq(0).all()
    (text,) = shortcuts.intervention_sentences(table)
    assert text.startswith("No significant change with click")


def test_sensitivity_wrong_input_is_named(pairs):
    with pytest.raises(InputError, match="scores of shape .40,. and labels of shape .3,."):
        sensitivity(loudness_of, (pairs[0], [1, 0, 1]), 0)


def test_versions_are_the_recordings_and_each_change_of_them(pairs):
    found = dict(shortcuts.versions(pairs[0], ("click", "dc_added")))
    assert list(found) == ["none", "click", "dc_added"]
    assert found["none"] is pairs[0]
    for name in ("click", "dc_added"):
        for k in (0, 39):
            np.testing.assert_array_equal(found[name][k], interventions.INTERVENTIONS[name](pairs[0][k], SR, k))


@pytest.fixture(scope="module")
def two_runs(pairs):
    """A run that hears direct current and one that hears nothing."""
    versions = dict(shortcuts.versions(pairs[0], ("dc_added", "dc_removed")))
    hears = {name: loudness_of(version) for name, version in versions.items()}
    deaf = {name: np.arange(40.0)[::-1] for name in versions}
    scores, thresholds = {"11_hears/x": hears, "11_deaf/x": deaf}, {"11_hears/x": 0.0025, "11_deaf/x": 20}
    return shortcuts.sensitivity(scores, pairs[1], thresholds, resamples=100)


def test_sensitivity_marks_what_moves_one_run_and_nothing_of_the_other(two_runs):
    assert two_runs["intervention"].tolist() == 2 * ["none", "dc_added", "dc_removed"]
    assert two_runs["run"].tolist() == 3 * ["11_hears/x"] + 3 * ["11_deaf/x"]
    assert two_runs["far_moved"].tolist() == [False, True, False, False, False, False]
    assert two_runs["frr_moved"].tolist() == [False, False, True, False, False, False]
    assert two_runs["far_change"].tolist() == [0, 1, 0, 0, 0, 0]
    assert two_runs["frr_change"].tolist() == [0, 0, 1, 0, 0, 0]


def test_sensitivity_corrects_for_all_that_is_tested(two_runs, pairs):
    scores = {"none": np.arange(40.0)[::-1], "click": np.arange(40.0)[::-1]}
    scores["click"][20:26] += 20  # 6 of 20 spoof trials: p = 0.03, alone below 5 %
    table = shortcuts.sensitivity({"11_a/x": scores}, pairs[1], {"11_a/x": 20}, resamples=100)
    assert table["far_p"].iloc[1] == pytest.approx(2 * 0.5**6)
    assert not table["far_moved"].any()


def test_intervention_sentences_name_run_intervention_and_rates(two_runs):
    added, removed = shortcuts.intervention_sentences(two_runs)
    assert added.startswith("**dc added** moves 1 of 2 runs: 11_hears/x (FAR 0 → 100 %")
    assert "FRR 0 → 100 %" in removed and "11_deaf" not in added + removed
    still = shortcuts.intervention_sentences(two_runs[two_runs["run"] == "11_deaf/x"])
    assert still == ["No significant change with dc added, dc removed."]


def test_sensitivity_says_how_large_a_change_must_be_and_names_the_largest_that_are_not(pairs):
    few = np.r_[0:5, 20:25]
    trials, names = ([pairs[0][k] for k in few], np.asarray(pairs[1])[few]), ("click", "dc_added")
    table = sensitivity(loudness_of, trials, 0.0025, names)
    assert table["far_change"].tolist() == [0, 0, 1] and not table["far_moved"].any()
    assert set(table["needed"]) == {8} and set(table["n_spoof"]) == {5}  # 2 * 0.5**8 * 6 tests < 0.05
    (*_, said) = shortcuts.intervention_sentences(table)
    limit = (
        "A change of FAR or FRR is significant here only if at least 8 decisions of 5 spoof or 5 genuine trials turn"
    )
    assert said.startswith(limit)
    assert said.endswith("the largest changes that are not: dc added, FAR of it by +100 points.")
    table = sensitivity(loudness_of, pairs, 0.0025, names)
    assert table["far_moved"].tolist() == [False, False, True] and (table["needed"] <= table["n_genuine"]).all()
    assert shortcuts.intervention_sentences(table.drop(columns="needed"))[1:] == ["No significant change with click."]


def test_matrix_of_changes_is_in_points_with_stars(two_runs):
    changed = two_runs[two_runs["intervention"] != shortcuts.UNCHANGED]
    shown = comparison.matrix(changed, "intervention", "far_change", "far_moved")
    assert shown.data.to_dict("index") == {
        "11_hears/x": {"dc_added": "100.0*", "dc_removed": "0.0"},
        "11_deaf/x": {"dc_added": "0.0", "dc_removed": "0.0"},
    }
    assert "100.0*" in shown.to_html()


# -- pages ---------------------------------------------------------------------------------


def test_metrics_hold_every_group(described):
    measured = shortcuts.measure(described, groups=("duration", "ltas"), resamples=50)
    verdicts = shortcuts.judge(measured)
    names = shortcuts.cue_metrics(measured, verdicts)
    assert names["shortcut/flagged"] == 0
    assert {"shortcut/duration/eval_auc", "shortcut/ltas/dev_eer"} <= names.keys()
