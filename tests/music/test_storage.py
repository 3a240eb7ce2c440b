"""Bits and sample rates of files: what `Clip.save`, batches and replay write."""

from __future__ import annotations

import math
import struct
from pathlib import Path
from typing import Any

import mutagen
import pytest
import soundfile
import torch

import riffkit
from riffkit import Clip, ParameterError, Recipe, Riff
from riffkit.audio import files
from riffkit.audio.acid import read_acid
from riffkit.audio.encoding import Bits
from riffkit.audio.reader import describe
from riffkit.spectrogram.beat_grid import BeatGrid
from riffkit.spectrogram.image import SpectrogramImage
from riffkit.spectrogram.params import preset

FAST: dict[str, Any] = {"steps": 2, "quality": "preview", "bpm": 130.0}
RATE = 44_100


def tone(n_beats: int, bpm: float, *, loop: bool) -> tuple[Clip, float]:
    """A clip of whole turns of a sine, and its frequency."""
    grid = BeatGrid(bpm, n_beats)
    hz = round(1_000 * grid.seconds) / grid.seconds
    n_samples = grid.n_samples(RATE)
    phase = 2 * math.pi * round(hz * grid.seconds) * torch.arange(n_samples).double() / n_samples
    pixels = torch.full((512, grid.n_frames, 3), 255, dtype=torch.uint8).numpy()
    image = SpectrogramImage(pixels, preset("riffusion-v1"), grid=grid)
    return Clip(0.5 * phase.sin().float()[None], RATE, image, Recipe("x", {}), loop=loop), hz


@pytest.mark.parametrize("rate", [48_000, 22_050, 96_000])
@pytest.mark.parametrize("bpm", [97.3, 130.0])
def test_a_loop_is_one_at_any_rate(tmp_path: Path, rate: int, bpm: float) -> None:
    """As long as its beats to the sample, and the sine goes on over the seam."""
    clip, hz = tone(7, bpm, loop=True)
    clip.save(tmp_path / "a.wav", bits="float", sample_rate=rate)
    found, found_rate = files.load(tmp_path / "a.wav")
    n_samples = round(7 * 60 / bpm * rate)
    assert (found_rate, found.shape[-1]) == (rate, n_samples)
    turns = round(hz * clip.image.grid.seconds) if clip.image.grid else 0
    ideal = 0.5 * (2 * math.pi * turns * torch.arange(n_samples).double() / n_samples).sin()
    assert (found[0] - ideal).abs().max() < 1e-5


def test_what_is_no_loop_is_filtered_from_silence(tmp_path: Path) -> None:
    clip, _ = tone(7, 97.3, loop=False)
    clip.save(tmp_path / "a.wav", sample_rate=48_000)
    assert describe(tmp_path / "a.wav").n_samples == round(7 * 60 / 97.3 * 48_000)


@pytest.mark.parametrize(
    ("name", "bits", "subtype", "error"),
    [
        ("a.wav", None, "PCM_16", 2**-16),
        ("a.wav", 24, "PCM_24", 2**-24),
        ("a.flac", 24, "PCM_24", 2**-24),
        ("a.wav", "float", "FLOAT", 0.0),
    ],
)
def test_a_sample_is_off_by_half_a_step(
    tmp_path: Path, name: str, bits: Bits | None, subtype: str, error: float
) -> None:
    clip, _ = tone(4, 120.0, loop=True)
    clip.save(tmp_path / name, bits=bits)
    assert soundfile.info(tmp_path / name).subtype == subtype
    found, _ = files.load(tmp_path / name)
    assert (found - clip.waveform).abs().max() <= error * 1.001


@pytest.mark.parametrize("name", ["a.mp3", "a.ogg"])
def test_what_a_format_cannot_store_is_said(tmp_path: Path, name: str) -> None:
    clip, _ = tone(4, 120.0, loop=True)
    with pytest.raises(ParameterError, match="no bits per sample"):
        clip.save(tmp_path / name, bits=24)
    with pytest.raises(ParameterError, match="sample_rate=500"):
        clip.save(tmp_path / name, sample_rate=500)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "bits", "rate"),
    [
        ("a.wav", 24, 48_000),
        ("a.wav", "float", None),
        ("a.flac", 24, 96_000),
        ("a.mp3", None, 48_000),
    ],
)
def test_a_replay_is_stored_alike(
    golden_riff: Riff, golden_folder: Path, tmp_path: Path, name: str, bits: Any, rate: int | None
) -> None:
    clip = golden_riff.generate("house", bars=1, loop=True, seed=1, **FAST)
    clip.save(tmp_path / name, bits=bits, sample_rate=rate)
    again = riffkit.replay(tmp_path / name, tmp_path / f"b{name}", model=str(golden_folder))
    assert again.same
    assert again.compared == ("samples" if name == "a.mp3" else "bytes")
    assert describe(tmp_path / f"b{name}") == describe(tmp_path / name)


def test_a_batch_keeps_what_is_stored_as_asked(golden_riff: Riff, tmp_path: Path) -> None:
    asked = {"seed": 1, "workers": 1, "bars": 1, **FAST}
    kept = [
        made.kept
        for stored in ({}, {"bits": 24, "sample_rate": 48_000}, {"bits": 24, "sample_rate": 48_000})
        for made in golden_riff.batch(["house"], tmp_path, **stored, **asked)
    ]
    assert kept == [False, False, True]
    (path,) = tmp_path.glob("*.wav")
    info = describe(path)
    assert (info.sample_rate, info.subtype) == (48_000, "PCM_24")


def test_players_are_told_what_a_clip_is(golden_riff: Riff, tmp_path: Path) -> None:
    """The words, the tempo and the key; an ACID chunk has a loop's beats."""
    asked: dict[str, Any] = {"bars": 1, "key": "F# minor", "seed": 1, "beats_per_bar": 3, **FAST}
    loop = golden_riff.generate("Walzer, Klavier", loop=True, **asked)
    loop.save(tmp_path / "a.wav", sample_rate=48_000)
    song = golden_riff.generate("Walzer, Klavier", duration=1.2, **{**asked, "bars": None})
    song.save(tmp_path / "b.wav")
    for name in ("a.wav", "b.wav"):
        tags = mutagen.File(tmp_path / name).tags
        found = [str(tags[frame]) for frame in ("TIT2", "TBPM", "TKEY")]
        assert found == ["Walzer, Klavier", "130", "F#m"]
    data = (tmp_path / "a.wav").read_bytes()
    acid = data[data.index(b"acid") + 8 :]
    assert struct.unpack_from("<IHHf", acid, 12) == (3, 3, 4, 130.0)
    one_shot = read_acid(tmp_path / "b.wav")
    assert one_shot is not None
    assert one_shot.beats is None
    assert b"smpl" not in (tmp_path / "b.wav").read_bytes()


def test_a_replay_of_a_renamed_input_has_the_same_title(
    golden_riff: Riff, golden_folder: Path, tmp_path: Path
) -> None:
    golden_riff.generate("house", bars=1, loop=True, seed=1, **FAST).save(tmp_path / "beat.wav")
    golden_riff.vary(tmp_path / "beat.wav", count=1, seed=1, **FAST)[0].save(tmp_path / "v.flac")
    assert mutagen.File(tmp_path / "v.flac").tags["title"] == ["beat sibling"]
    renamed = (tmp_path / "beat.wav").rename(tmp_path / "other.wav")
    again = riffkit.replay(
        tmp_path / "v.flac", tmp_path / "w.flac", sources=[renamed], model=str(golden_folder)
    )
    assert (again.same, again.compared) == (True, "bytes")


@pytest.mark.parametrize("loop", [True, False])
def test_a_decoded_image_is_a_loop_if_it_was_painted_as_one(
    loop: bool, golden_riff: Riff, tmp_path: Path
) -> None:
    golden_riff.generate("house", bars=1, loop=loop, seed=1, **FAST).image.save(tmp_path / "a.png")
    riffkit.decode(tmp_path / "a.png", quality="preview").save(tmp_path / "a.wav")
    acid = read_acid(tmp_path / "a.wav")
    assert acid is not None
    assert (acid.beats is not None) == loop
    assert (b"smpl" in (tmp_path / "a.wav").read_bytes()) == loop
