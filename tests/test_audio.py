"""Recordings: every odd one is handled, noted or refused by name."""

import os
from contextlib import suppress

import numpy as np
import pytest
import soundfile
from conftest import SR, put, tone

from lib import audio
from lib.errors import InputError


def save(path, y, sr=SR, **how):
    soundfile.write(path, y, sr, **how)
    return path


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("a.wav", {"subtype": "PCM_16"}),
        ("a.wav", {"subtype": "PCM_24"}),
        ("a.wav", {"subtype": "FLOAT"}),
        ("a.flac", {"subtype": "PCM_16"}),
        ("a.flac", {"subtype": "PCM_24"}),
    ],
)
def test_read_any_sample_format_gives_the_same_samples(tmp_path, name, how):
    y, notes = audio.read(save(tmp_path / name, tone(), **how))
    assert y.dtype == np.float32
    assert notes == ()
    np.testing.assert_allclose(y, tone(), atol=2 / 32768)


@pytest.mark.parametrize("how", [{}, {"format": "WAVEX"}, {"format": "RF64"}, {"endian": "BIG"}], ids=str)
@pytest.mark.parametrize("shape", [(8000,), (8000, 3)])
def test_read_16_bit_equals_soundfile_exactly(tmp_path, rng, shape, how):
    path = save(tmp_path / "a.wav", rng.uniform(-1, 1, shape), subtype="PCM_16", **how)
    expected = soundfile.read(path, dtype="float32", always_2d=True)[0].mean(axis=1)
    np.testing.assert_array_equal(audio.read(path)[0], expected)


@pytest.mark.parametrize("unknown", [b"\0\0\0\0", b"\xff\xff\xff\xff"], ids=["0", "most"])
def test_read_wav_whose_header_leaves_the_length_open(tmp_path, rng, unknown):
    path = save(tmp_path / "a.wav", rng.uniform(-1, 1, 8000), subtype="PCM_16")
    expected = audio.read(path)[0]
    content = path.read_bytes()
    path.write_bytes(content[:4] + unknown + content[8:40] + b"\xff\xff\xff\xff" + content[44:])
    np.testing.assert_array_equal(audio.read(path)[0], expected)


def test_read_wav_that_ends_within_a_sample_keeps_the_whole_ones(tmp_path, rng):
    path = save(tmp_path / "a.wav", rng.uniform(-1, 1, (8000, 2)), subtype="PCM_16")
    expected = audio.read(path)[0]
    content = path.read_bytes()
    path.write_bytes(content[:4] + (len(content) - 9).to_bytes(4, "little") + content[8:-1])
    np.testing.assert_array_equal(audio.read(path)[0], expected[:-1])


def test_read_stereo_is_averaged_and_noted(tmp_path):
    y, notes = audio.read(save(tmp_path / "a.wav", np.stack([tone(), 0 * tone()], axis=1)))
    assert notes == ("2 channels averaged",)
    np.testing.assert_allclose(y, tone() / 2, atol=2 / 32768)


@pytest.mark.parametrize("second", [-0.7, 0.0, 1.0])  # what is left of the power is 3 %, half and all of it
def test_read_channels_that_do_not_cancel_are_averaged(tmp_path, second):
    y, notes = audio.read(save(tmp_path / "a.wav", np.stack([tone(), second * tone()], axis=1)))
    assert notes == ("2 channels averaged",)
    np.testing.assert_allclose(y, (1 + second) / 2 * tone(), atol=2 / 32768)


@pytest.mark.parametrize("gain", [-1.0, -0.98])
def test_read_channels_that_cancel_leave_the_loudest(tmp_path, gain):
    y, notes = audio.read(save(tmp_path / "a.wav", np.stack([gain * tone(), 1.01 * tone()], axis=1)))
    assert notes == ("channel 2 of 2 taken, as they cancel each other",)
    np.testing.assert_allclose(y, 1.01 * tone(), atol=2 / 32768)


@pytest.mark.parametrize(
    ("riff", "data", "words"),
    [
        (0x7FFFF024, 0x7FFFF000, "SoX to a pipe"),
        (0x80000024, 0x80000000, "a recorder that was killed"),
        (16044, 16000, "the header's own size counted"),
        (0, 0, "never filled in"),
    ],
)
def test_read_wav_with_a_wrong_length_is_whole_and_noted(tmp_path, rng, riff, data, words):
    path = save(tmp_path / "a.wav", rng.uniform(-1, 1, 8000), subtype="PCM_16")
    expected, content = audio.read(path)[0], path.read_bytes()
    path.write_bytes(
        content[:4] + riff.to_bytes(4, "little") + content[8:40] + data.to_bytes(4, "little") + content[44:]
    )
    y, notes = audio.read(path)
    np.testing.assert_array_equal(y, expected, err_msg=words)
    assert notes == ("the length in its header is wrong",)
    assert (audio.duration(path), audio.header(path)) == (0.5, ("WAV", "PCM_16", SR, 1))


def test_read_wav_with_an_odd_chunk_that_is_not_padded(tmp_path, rng):
    path = save(tmp_path / "a.wav", rng.uniform(-1, 1, 8000), subtype="PCM_16")
    expected, content = audio.read(path)[0], path.read_bytes()
    path.write_bytes(content[:36] + b"LIST\x03\0\0\0abc" + content[36:])
    np.testing.assert_array_equal(audio.read(path)[0], expected)
    assert (audio.duration(path), audio.header(path)) == (0.5, ("WAV", "PCM_16", SR, 1))


@pytest.mark.parametrize("subtype", ["PCM_S8", "PCM_16", "PCM_24"])
def test_read_flac_without_a_length_is_whole_and_with_a_wrong_checksum_refused(tmp_path, subtype):
    path = save(tmp_path / "a.flac", np.stack([tone(), tone() / 2], axis=1), subtype=subtype)
    expected, content = audio.read(path)[0], path.read_bytes()
    header = (int.from_bytes(content[18:26], "big") >> 36 << 36).to_bytes(8, "big")  # as an encoder leaves it in a pipe
    for checksum in (content[26:42], bytes(16)):
        path.write_bytes(content[:18] + header + checksum + content[42:])
        np.testing.assert_array_equal(audio.read(path)[0], expected)
        assert audio.duration(path) == 0.5
    path.write_bytes(content[:26] + b"x" * 16 + content[42:])
    with pytest.raises(InputError, match="a.flac: damaged, its samples do not agree with the checksum"):
        audio.read(path)


def test_read_what_is_no_file_is_refused(tmp_path):
    os.mkfifo(tmp_path / "a.wav")
    for path in (tmp_path, tmp_path / "a.wav"):
        with pytest.raises(InputError, match="not a file: expected a recording"):
            audio.read(path)


def test_read_gsm_in_wav(tmp_path):
    y, _ = audio.read(save(tmp_path / "a.wav", tone(sr=8000), 8000, subtype="GSM610"), sr=8000)
    assert np.corrcoef(y[:4000], tone(sr=8000))[0, 1] > 0.99


def frames_of(mp3):
    """Without the first frame, in which encoders note the length."""
    return mp3[mp3.index(mp3[:2], 4) :]


@pytest.mark.parametrize("sr", [16_000, 44_100])
@pytest.mark.parametrize(
    ("change", "extra"),
    [
        (lambda mp3: mp3, 0),
        (lambda mp3: b"ID3\3\0\0\0\3\x10\0" + bytes(51_200) + mp3, 0),
        (lambda mp3: mp3 + b"TAG" + bytes(125), 0),
        (frames_of, 3 * 1152),
    ],
    ids=["whole", "a picture before", "a tag after", "no length"],
)
def test_read_mp3_of_any_kind_is_whole(tmp_path, sr, change, extra):
    path = save(tmp_path / "a.mp3", tone(2.0, sr), sr, bitrate_mode="VARIABLE")
    path.write_bytes(change(path.read_bytes()))
    y, _ = audio.read(path, sr=sr)
    assert 2 * sr <= len(y) <= 2 * sr + extra
    assert audio.duration(path) == len(y) / sr


def test_read_goes_by_the_content_and_not_by_the_name(tmp_path, rng):
    for name in ("a.gsm", "a.vox", "a.raw", "a.mp3"):
        (tmp_path / name).write_bytes(rng.bytes(5000))
        with pytest.raises(InputError, match=f"{name}: not readable as audio .Error opening it: Format not recognised"):
            audio.read(tmp_path / name)


@pytest.mark.parametrize("sr", [8_000, 44_100, 48_000])
def test_read_other_rate_is_resampled_and_noted(tmp_path, sr):
    y, notes = audio.read(save(tmp_path / "a.wav", tone(sr=sr), sr))
    assert notes == (f"resampled from {sr} Hz",)
    assert len(y) == SR // 2
    np.testing.assert_allclose(y[1000:-1000], tone()[1000:-1000], atol=2e-3)


def truncated(path):
    save(path, tone())
    path.write_bytes(path.read_bytes()[:3000])


UNUSABLE = pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda p: p.write_bytes(b""), "the file is empty"),
        (lambda p: p.write_bytes(b"this is no sound at all" * 50), "not readable as audio"),
        (truncated, "truncated, 3000 of 16044 bytes are there"),
        (lambda p: save(p, np.zeros(8000)), "silent throughout"),
        (lambda p: save(p, tone(0.05)), "800 samples at 16000 Hz: must last at least 0.1 s"),
        (lambda p: save(p, np.zeros(0)), "0 samples"),
        (lambda p: save(p, np.zeros(0), subtype="FLOAT"), "0 samples"),
        (lambda p: save(p, np.r_[tone(), np.nan], subtype="FLOAT"), "sample 8000 is nan: samples must be finite"),
        (lambda p: save(p, np.r_[np.inf, tone()], subtype="FLOAT"), "sample 0 is inf"),
        (
            lambda p: save(p, 1e30 * tone(), subtype="FLOAT"),
            "a sample is 5e+29: must be at most 10, as full scale is 1",
        ),
        (lambda p: save(p, np.minimum(30 * tone(), 0), subtype="FLOAT"), "a sample is 15: must be at most 10"),
        (lambda p: save(p, 1e-30 * tone(), subtype="FLOAT"), "constant throughout: samples must differ"),
        (lambda p: save(p, 0.25 + 0 * tone()), "constant throughout: samples must differ by more than 2e-05 of full"),
        (lambda p: save(p, tone(), 1), "its rate is 1 Hz: must be 4000 to 192000 Hz"),
        (lambda p: save(p, np.zeros(4_000 * 3601), 4_000, format="FLAC"), "3601 s or longer: must last at most 3600 s"),
        (
            lambda p: p.write_bytes(b"\0\0\0\x20ftypM4A " + bytes(3000)),
            "not readable as audio (Error opening it: Format not recognised): expected WAV",
        ),
    ],
)


@UNUSABLE
def test_read_unusable_recording_is_refused_with_file_and_rule(tmp_path, make, words):
    path = tmp_path / "bad.wav"
    make(path)
    with pytest.raises(InputError) as error:
        audio.read(path)
    assert words in str(error.value)
    assert str(error.value).startswith(str(path))


@UNUSABLE
def test_read_unusable_recording_at_a_url_is_refused_in_the_same_words(tmp_path, memory, make, words):
    make(tmp_path / "bad.wav")
    put(tmp_path, memory)
    said = []
    for place in (str(tmp_path), memory):
        with pytest.raises(InputError) as error:
            audio.read(f"{place}/bad.wav")
        said.append(str(error.value))
    assert words in said[0]
    assert said[1] == said[0].replace(str(tmp_path), memory)


def test_read_truncated_flac_is_refused(tmp_path, rng):
    path = save(tmp_path / "a.flac", rng.uniform(-0.5, 0.5, SR))
    path.write_bytes(path.read_bytes()[:9000])
    with pytest.raises(InputError, match=r"a\.flac: damaged or truncated .flac decoder lost sync"):
        audio.read(path)


def test_read_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match="absent.wav: no such recording"):
        audio.read(tmp_path / "absent.wav")


def test_read_missing_file_at_a_url_is_named(memory):
    with pytest.raises(InputError, match="memory://test/absent.wav: no such recording"):
        audio.read(f"{memory}/absent.wav")


@pytest.mark.parametrize("name", ["a.wav", "a.flac"])
def test_read_of_a_url_is_that_of_the_file(tmp_path, memory, rng, name):
    save(tmp_path / name, rng.uniform(-1, 1, (8000, 2)), 8000)
    put(tmp_path, memory)
    here, there = audio.read(tmp_path / name), audio.read(f"{memory}/{name}")
    np.testing.assert_array_equal(here[0], there[0])
    assert here[1] == there[1] == ("2 channels averaged", "resampled from 8000 Hz")
    assert audio.duration(tmp_path / name) == audio.duration(f"{memory}/{name}") == 1.0


def test_duration_of_no_audio_names_the_url(tmp_path, memory):
    (tmp_path / "a.wav").write_bytes(b"this is no sound at all")
    with pytest.raises(InputError, match="memory://test/a.wav: not readable as audio .Error opening it: Format not"):
        audio.duration(f"{put(tmp_path, memory)}/a.wav")


def test_find_recordings_finds_both_endings_in_folder_and_url(tmp_path, memory):
    (tmp_path / "a.wav").touch()
    (tmp_path / "b.flac").touch()
    (tmp_path / "c.wav").mkdir()
    for place in (str(tmp_path), put(tmp_path, memory)):
        assert audio.find_recordings(f"{place}/", ["b", "a"]) == [f"{place}/b.flac", f"{place}/a.wav"]
        with pytest.raises(InputError, match=f"{place}: no recording c.wav or c.flac: expected the folder of"):
            audio.find_recordings(place, ["a", "c"])
    (tmp_path / "below").mkdir()
    (tmp_path / "below/a name.wav").touch()
    assert audio.find_recordings(tmp_path, ["a.WAV"]) == [f"{tmp_path}/a.wav"]
    names = ["below/a name.wav", "below/a name", "b.flac"]
    assert [p.removeprefix(f"{tmp_path}/") for p in audio.find_recordings(tmp_path, names)] == [names[0], *names[::2]]


@pytest.mark.parametrize("ending", ["wav", "flac", "ogg", "mp3"])
def test_read_a_damaged_file_is_refused_in_one_line_or_gives_usable_samples(tmp_path, rng, ending):
    whole = save(tmp_path / f"a.{ending}", tone()).read_bytes()
    path = tmp_path / f"damaged.{ending}"
    for number in range(60):
        content, start = bytearray(whole), rng.integers(120 if number % 2 else len(whole))
        content[start : start + rng.integers(1, 40)] = rng.bytes(rng.integers(40))
        path.write_bytes(content)
        try:
            y, _ = audio.read(path)
        except InputError as error:
            assert str(error).startswith(str(path)) and "\n" not in str(error)
        else:
            assert np.isfinite(y).all() and SR // 10 <= len(y) <= 8 * SR and np.ptp(y) > 0


def test_read_damaged_mp3_writes_nothing_of_its_own(tmp_path, rng, capfd):
    path = save(tmp_path / "a.mp3", tone(2.0, 16_000), 16_000)
    content = bytearray(path.read_bytes())
    for place in rng.integers(200, len(content), 60):
        content[place] ^= 255
    path.write_bytes(content)
    with suppress(InputError):  # what the decoder makes of it is not the point
        audio.read(path)
    assert capfd.readouterr().err == ""
