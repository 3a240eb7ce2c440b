"""A pack holds the clip, its stems, notes, picture and recipe; projects hold its tracks."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
import soundfile as sf
import torch

import riffkit
from riffkit import Clip, Riff
from riffkit.audio import files
from riffkit.audio.encoding import Storage
from riffkit.errors import ParameterError
from riffkit.export.source import open_source
from riffkit.music.midi_score import read_score
from riffkit.music.outputs import targets_of, write_clip
from riffkit.score import Score

FAST: dict[str, Any] = {"steps": 2, "quality": "preview", "seed": 3}


@pytest.fixture(scope="module")
def trio(golden_riff: Riff) -> Clip:
    return golden_riff.generate("jazz trio", bars=1, bpm=120, stems=True, loop=True, **FAST)


@pytest.fixture
def song(trio: Clip, tmp_path: Path) -> Path:
    """As the command line writes it, in 24 bits, with its stems beside it."""
    (target,) = targets_of([tmp_path / "song.wav"])
    write_clip(trio, target, Storage(24))
    return target.audio


def db(rest: torch.Tensor, whole: torch.Tensor) -> float:
    return 10 * float((rest.square().mean() / whole.square().mean()).clamp_min(1e-20).log10())


@pytest.mark.parametrize("where", ["memory", "file"])
def test_a_pack_holds_everything(where: str, trio: Clip, song: Path, tmp_path: Path) -> None:
    clip = trio if where == "memory" else song
    exported = riffkit.export_pack(clip, tmp_path / "pack")
    assert sorted(exported.facts["files"]) == sorted(
        path.relative_to(exported.path).as_posix()
        for path in exported.path.rglob("*")
        if path.is_file()
    )
    (sound,) = exported.path.glob("*.wav")
    assert sound.name.startswith("jazz trio_120bpm_") and sound.name.endswith("_1bar.wav")
    whole, _ = files.load(sound)
    stems = [files.load(path)[0] for path in sorted((exported.path / "stems").iterdir())]
    assert len(stems) == len(trio.stems)
    assert db(sum(stems) - whole, whole) <= -90
    (midi,) = exported.path.glob("*.mid")
    assert trio.recipe.score is not None
    assert read_score(midi).score == Score.from_dict(trio.recipe.score)
    (picture,) = exported.path.glob("*.png")
    assert (riffkit.SpectrogramImage.open(picture).pixels == trio.image.pixels).all()
    (recipe,) = exported.path.glob("*.json")
    assert json.loads(recipe.read_text())["command"] == "generate"


def test_a_zip_holds_the_same_bytes_each_time(song: Path, tmp_path: Path) -> None:
    one, other = (riffkit.export_pack(song, tmp_path / f"{k}.zip") for k in "ab")
    assert one.path.read_bytes() == other.path.read_bytes()
    with zipfile.ZipFile(one.path) as archive:
        assert sorted(archive.namelist()) == one.facts["files"]
        assert archive.testzip() is None


def test_another_program_s_sound_is_packed_too(tmp_path: Path) -> None:
    noise = 0.1 * torch.randn(2, 44_100, generator=torch.Generator().manual_seed(0))
    files.save(tmp_path / "take.flac", noise, 44_100)
    exported = riffkit.export_pack(tmp_path / "take.flac", tmp_path / "take.zip")
    assert len(exported.facts["files"]) == 1
    assert exported.facts["files"][0].startswith("take")


def test_stems_of_another_sound_are_left_out(song: Path) -> None:
    assert open_source(song).stems
    stem = sorted(song.with_name("song-stems").glob("*.wav"))[0]
    waveform, rate = files.load(stem, allow_silence=True)
    sf.write(stem, 0.3 + waveform.numpy().T, rate)  # not riffkit's any more
    assert not open_source(song).stems


def test_projects_have_a_track_for_each_player(song: Path, trio: Clip, tmp_path: Path) -> None:
    project = riffkit.export_dawproject(song, tmp_path / "song.dawproject")
    reaper = riffkit.export_reaper(song, tmp_path / "song.rpp")
    n_tracks = len(trio.stems)
    assert project.facts["tracks"] == reaper.facts["tracks"] == n_tracks
    assert project.facts["notes"] == reaper.facts["notes"] > 0
    with zipfile.ZipFile(project.path) as archive:
        names = [name for name in archive.namelist() if name.startswith("audio/")]
        assert len(names) == n_tracks
        assert {"project.xml", "metadata.xml"} < set(archive.namelist())
        text = archive.read("project.xml").decode()
        assert all(f'path="{name}"' in text for name in names)
    assert reaper.path == tmp_path / "song"
    text = (reaper.path / "song.rpp").read_text()
    sounds = sorted((reaper.path / "audio").iterdir())
    assert len(sounds) == n_tracks
    assert all(f'FILE "audio/{path.name}"' in text for path in sounds)


def test_what_is_no_sound_is_refused(tmp_path: Path) -> None:
    riffkit.compose("funk", bars=1, seed=1).save(tmp_path / "a.mid")
    with pytest.raises(ParameterError, match="is MIDI"):
        riffkit.export_pack(tmp_path / "a.mid", tmp_path / "a.zip")
