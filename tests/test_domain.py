"""What a run was made on is measured once a corpus, and recordings outside of it are told."""

import numpy as np
import pytest
from conftest import SR, tone

from lib import audio
from lib.corpus import open_corpus
from lib.judgement import domain


@pytest.fixture(scope="module")
def corpus(tmp_path_factory, corpus_folder):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lib.corpus.folder.DIGESTS", tmp_path_factory.mktemp("digests"))
        yield open_corpus("tiny", corpus_folder, "asvspoof2017_v2")


@pytest.fixture(scope="module")
def known(corpus, tmp_path_factory):
    store = str(tmp_path_factory.mktemp("store"))
    return domain.checked(domain.of_run(domain.of_corpus(corpus, SR, store=store), [-1.0, 3.0], ["A note."]))


def test_describe_cues_of_a_full_scale_sine():
    (seconds, level, clipped, upper, variation, flatness), spectrum = domain.describe(2 * tone(1.0, hz=500.0), SR)
    assert (seconds, level) == (1.0, pytest.approx(-3.01, abs=0.01))
    assert clipped == pytest.approx(6.25)  # two samples of every 32
    assert upper < -60 and variation < 1 and flatness < -20
    assert spectrum.shape == (72,)


def test_describe_noise_is_flat_and_half_of_its_power_is_above(rng):
    (*_, upper, variation, flatness), _ = domain.describe(0.1 * rng.normal(size=SR), SR)
    assert upper == pytest.approx(-3.01, abs=0.3)
    assert variation < 1 and flatness > -4


def test_describe_silence_is_finite():
    cues, spectrum = domain.describe(np.zeros(SR), SR)
    assert np.isfinite([*cues, *spectrum]).all()


def test_outside_own_recordings_lie_inside_and_others_do_not(corpus, known):
    trials = corpus.split("train")["path"].tolist() + corpus.split("dev")["path"].tolist()
    clips = [audio.read(path)[0] for path in trials]
    assert sum(bool(domain.outside(known, y)) for y in clips) <= 1
    for y, words in (
        (tone(0.6), "Spectrum"), (0.001 * clips[0], "Level"), (np.clip(50 * clips[0], -1, 1), "Samples at full scale"),
        (np.zeros(SR // 2), "Level"), (np.tile(clips[0], 9), "Duration"),
    ):  # fmt: skip
        assert any(text.startswith(words) for text in domain.outside(known, np.float32(y))), words
    assert not any(text.startswith("Duration") for text in domain.outside(known, np.tile(clips[0], 9), window=True))
    quiet = domain.outside(known, np.tile(0.001 * clips[0], 9), window=True)
    assert any(text.startswith("Level") for text in quiet)  # of a window everything but its length counts


def test_of_corpus_is_kept_and_a_damaged_one_made_again(corpus, tmp_path, monkeypatch):
    found = domain.of_corpus(corpus, SR, store=str(tmp_path))
    (kept,) = (tmp_path / "domains").iterdir()
    kept.write_bytes(kept.read_bytes()[:500])
    assert domain.of_corpus(corpus, SR, store=str(tmp_path)) == found
    monkeypatch.setattr(domain, "describe", None)  # not asked again
    assert domain.of_corpus(corpus, SR, store=str(tmp_path)) == found


@pytest.mark.parametrize("change", [{"center": [np.nan]}, {"distance": np.inf}, {"ranges": {}}])
def test_checked_damaged_is_refused(known, change):
    with pytest.raises((KeyError, ValueError)):
        domain.checked({**known, **change})
