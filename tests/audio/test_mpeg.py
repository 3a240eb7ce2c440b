"""MP3s as players take them: without a Xing frame, with junk around, cut, joined."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from riffkit.audio.files import iter_blocks, load
from riffkit.audio.mpeg import find_frames, read_header
from riffkit.audio.reader import describe
from riffkit.errors import AudioFileError

SECONDS = 12
DELAY = 529  # of the decoder


def tune(rate: int, channels: int) -> np.ndarray:
    time = np.arange(SECONDS * rate) / rate
    beat = time * 2 % 1
    sound = 0.3 * np.exp(-12 * beat) * np.sin(2 * np.pi * 60 * time)
    sound += 0.2 * np.sin(2 * np.pi * (220 + 20 * time) * time)
    return np.stack([sound] * channels, 1)


def encoded(path: Path, *, mode: str = "VARIABLE", rate: int = 44_100, channels: int = 2) -> bytes:
    sound = tune(rate, channels)
    soundfile.write(path, sound, rate, format="MP3", bitrate_mode=mode, compression_level=0.5)
    return path.read_bytes()


def without_index(data: bytes) -> tuple[bytes, int]:
    """The file without its Xing or Info frame, and its length in samples."""
    first = read_header(data, 0)
    assert first is not None
    bare = data[first.size :]
    frames = find_frames(bare)
    assert frames is not None and frames.told is None
    return bare, frames.n_frames * (1_152 if first.kind[0] == 3 else 576)


COVER = b"ID3\x04\0\0\0\x06\x20\0" + bytes(range(256)) * 400  # 102,400 bytes
APE = (
    b"APETAGEX"
    + struct.pack("<IIII8x", 2000, 1_532, 1, 1 << 31)
    + b"\xff\xfb\x90" * 500
    + bytes(32)
)
ID3V1 = b"TAG" + b"x" * 125


@pytest.mark.parametrize("mode", ["VARIABLE", "CONSTANT"])
@pytest.mark.parametrize(("rate", "channels"), [(44_100, 2), (22_050, 1), (8_000, 2)])
@pytest.mark.parametrize(
    ("before", "behind"),
    [
        (b"", b""),
        (COVER, b""),
        (b"", APE),
        (b"", APE + ID3V1),
        (bytes(5_000), b""),
        (b"\xff\xfb junk " * 300, b"\xff" * 700),
        (COVER + COVER, ID3V1),
    ],
    ids=["bare", "cover", "ape", "ape and id3", "zeros", "junk", "two covers"],
)
def test_without_an_index_all_is_read(
    tmp_path: Path, mode: str, rate: int, channels: int, before: bytes, behind: bytes
) -> None:
    whole = tmp_path / "whole.mp3"
    bare, n_samples = without_index(encoded(whole, mode=mode, rate=rate, channels=channels))
    path = tmp_path / "bare.mp3"
    path.write_bytes(before + bare + behind)
    sound, _ = load(path)
    assert sound.shape[-1] in (n_samples, n_samples - DELAY)
    assert describe(path).n_samples == sound.shape[-1]
    assert torch.equal(torch.cat(list(iter_blocks(path, 10_000)), -1), sound)
    right, _ = load(whole)  # without the delays of encoder and decoder
    delay = 576 + DELAY - (n_samples - sound.shape[-1])
    assert torch.equal(sound[:, delay : delay + right.shape[-1]], right)


@pytest.mark.parametrize("mode", ["VARIABLE", "CONSTANT"])
def test_blocks_are_what_one_read_gives(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "a.mp3"
    encoded(path, mode=mode)
    whole = torch.from_numpy(soundfile.read(path, dtype="float32")[0].T)
    assert torch.equal(load(path)[0], whole)


def test_one_with_an_index_has_the_length_that_was_encoded(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    data = encoded(path)
    frames = find_frames(data)
    assert frames is not None and not frames.needs_view
    assert describe(path).n_samples == SECONDS * 44_100
    for before, behind in ((COVER, APE), (COVER + b"junk" * 99, b"\xff" * 99), (bytes(999), b"")):
        path.write_bytes(before + data + behind)
        assert describe(path).n_samples == SECONDS * 44_100


def test_junk_in_the_middle_is_passed_over(tmp_path: Path) -> None:
    bare, n_samples = without_index(encoded(tmp_path / "a.mp3"))
    frames = find_frames(bare)
    assert frames is not None
    place = 0
    for _ in range(100):
        header = read_header(bare, place)
        assert header is not None
        place += header.size
    path = tmp_path / "b.mp3"
    path.write_bytes(bare[:place] + b"\0\xff\xfb\x90\0junk" * 50 + bare[place:])
    assert load(path)[0].shape[-1] in (n_samples, n_samples - DELAY)


def test_joined_files_are_one(tmp_path: Path) -> None:
    data = encoded(tmp_path / "a.mp3")
    _, n_samples = without_index(data)
    path = tmp_path / "b.mp3"
    path.write_bytes(data + COVER + data)
    assert load(path)[0].shape[-1] in (2 * n_samples, 2 * n_samples - DELAY)


@pytest.mark.parametrize("n_bytes", [4, 9, 14, 40, 45, 300])
def test_a_stub_is_said_to_be_one(tmp_path: Path, n_bytes: int) -> None:
    data = encoded(tmp_path / "a.mp3")
    path = tmp_path / "stub.mp3"
    path.write_bytes(data[:n_bytes])
    with pytest.raises(AudioFileError, match=r"stub.mp3' is truncated"):
        load(path)
    path.write_bytes(COVER[: max(12, n_bytes)])
    with pytest.raises(AudioFileError, match=r"stub.mp3' is (damaged|truncated|not audio)"):
        load(path)


def test_a_cut_file_with_an_index_is_truncated(tmp_path: Path) -> None:
    data = encoded(tmp_path / "a.mp3")
    path = tmp_path / "b.mp3"
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(AudioFileError, match="is truncated"):
        load(path)


@pytest.mark.parametrize("content", [b"not audio, " * 400, b"\xff" * 9_000, bytes(9_000)])
def test_what_is_no_mp3_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.mp3"
    path.write_bytes(content)
    with pytest.raises(AudioFileError, match="not audio"):
        load(path)
