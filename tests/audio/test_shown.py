"""Titles, tempi and keys in files, read by another library; the sound and our tags as before."""

from __future__ import annotations

import struct
from pathlib import Path

import mutagen
import pytest
import torch

import riffkit
from riffkit.audio import files
from riffkit.audio.containers import riff_chunks
from riffkit.audio.reader import read_tags
from riffkit.audio.shown import Shown

TITLE = "сумне піаніно – lo-fi"
SHOWN = Shown(TITLE, bpm=84.3333, key="C#m", tonic=1, beats=16, beats_per_bar=4)


def noise() -> torch.Tensor:
    return 0.1 * torch.randn(2, 30_001, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("tags", [{}, {"riffkit": "x"}, {"riffkit": "кіт" * 40_000}])
@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".mp3"])
def test_other_programs_read_them(tmp_path: Path, suffix: str, tags: dict[str, str]) -> None:
    plain, path = tmp_path / f"plain{suffix}", tmp_path / f"clip{suffix}"
    files.save(plain, noise(), 44_100, tags=tags)
    files.save(path, noise(), 44_100, tags=tags, shown=SHOWN)
    found = mutagen.File(path).tags
    comments = ("title", "bpm", "initialkey", "key", "encoder")
    names = {".flac": comments, ".ogg": comments}
    wanted = names.get(suffix, ("TIT2", "TBPM", "TKEY", "TKEY", "TSSE"))
    told = [TITLE, "84.33", "C#m", "C#m", f"riffkit {riffkit.__version__}"]
    assert [str(found[name][0]) for name in wanted] == told
    assert torch.equal(files.load(path)[0], files.load(plain)[0])
    if tags:
        assert read_tags(path) == tags


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".mp3"])
def test_the_bytes_are_the_same_each_time(tmp_path: Path, suffix: str) -> None:
    one, two = tmp_path / f"one{suffix}", tmp_path / f"two{suffix}"
    for path in (one, two):
        files.save(path, noise(), 44_100, tags={"riffkit": "x"}, shown=SHOWN)
    assert one.read_bytes() == two.read_bytes()


def chunks(path: Path) -> dict[bytes, bytes]:
    with path.open("rb") as file:
        found = {}
        for chunk in list(riff_chunks(file)):
            file.seek(chunk.start)
            found[chunk.name] = file.read(chunk.size)
    return found


def test_a_loop_says_its_beats_to_a_daw(tmp_path: Path) -> None:
    """In the layout of libsndfile's wav.c: 84.33 BPM, 16 beats of 4/4, on C sharp."""
    files.save(tmp_path / "a.wav", noise(), 44_100, shown=SHOWN)
    flags, root, _, _, beats, upper, lower, bpm = struct.unpack(
        "<IHHfIHHf", chunks(tmp_path / "a.wav")[b"acid"]
    )
    assert (flags, root, beats, upper, lower) == (2 | 4, 61, 16, 4, 4)
    assert bpm == pytest.approx(84.3333, abs=1e-4)


def test_what_is_no_loop_says_no_beats(tmp_path: Path) -> None:
    files.save(tmp_path / "a.wav", noise(), 44_100, shown=Shown("Song", bpm=90.0))
    found = chunks(tmp_path / "a.wav")
    flags, _, _, _, beats, upper, lower, bpm = struct.unpack("<IHHfIHHf", found[b"acid"])
    assert (flags, beats, upper, lower, bpm) == (1, 0, 4, 4, 90.0)  # a one-shot
    assert b"smpl" not in found
    assert found[b"LIST"].count(b"INAM") == 1
    assert mutagen.File(tmp_path / "a.wav").tags["TBPM"] == "90"
