"""Any sound as a WAV for DAWs: its samples as they were, and what is said of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import mutagen
import numpy as np
import pytest
import soundfile
import torch
import wavinfo
from mutagen.easyid3 import EasyID3

import riffkit
from riffkit import Clip, Riff
from riffkit.audio import files
from riffkit.audio.acid import Acid, read_acid
from riffkit.audio.shown import Shown
from riffkit.audio.stated import Stated, stated
from riffkit.errors import AudioFileError, OutputError, ParameterError
from riffkit.export.wav import export_wav
from riffkit.music.clip import read_recipe

RATE = 44_100
FAST: dict[str, Any] = {"steps": 2, "quality": "preview", "seed": 1, "bpm": 120.0}


def drums(bpm: float, n_beats: int, *, late: float = 0.0, per_bar: int = 4) -> torch.Tensor:
    """A kick on each first beat and clicks on the others, `late` seconds after the start."""
    n_samples = round(n_beats * 60 / bpm * RATE)
    sound = np.zeros(n_samples + round(late * RATE) + RATE, np.float32)
    time = np.arange(round(0.12 * RATE)) / RATE
    kick = 0.8 * np.sin(2 * np.pi * 60 * time) * np.exp(-30 * time)
    click = 0.3 * np.random.default_rng(1).standard_normal(len(time)) * np.exp(-60 * time)
    for beat in range(n_beats):
        begin = round((beat * 60 / bpm + late) * RATE)
        sound[begin : begin + len(time)] += click + (0 if beat % per_bar else kick)
    return torch.from_numpy(sound[: n_samples + round(late * RATE)])[None]


def cues(path: Path) -> list[float]:
    """In seconds."""
    return [c.sample_offset / RATE for c in wavinfo.WavInfoReader(path).cues.cues]


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
def test_another_programs_loop_is_measured(tmp_path: Path, subtype: str) -> None:
    """Eight bars that fit to the sample; the sound and its bits stay."""
    source, made = tmp_path / "take.wav", tmp_path / "out.wav"
    soundfile.write(source, drums(126.0, 32)[0].numpy(), RATE, subtype=subtype)
    found = export_wav(source, made)
    assert (found.facts["is_loop"], found.facts["bars"], found.facts["beats_per_bar"]) == (
        True,
        8,
        4,
    )
    assert found.facts["bpm"] == pytest.approx(126.0, abs=0.01)
    acid = read_acid(made)
    assert acid is not None
    assert (acid.beats, acid.metre) == (32, (4, 4))
    assert acid.beats * 60 / acid.bpm == pytest.approx(32 * 60 / 126, abs=1e-4)
    notes = "\n".join(found.notes)
    for said in ("126 BPM detected (override with `bpm`)", "4/4 assumed", "8 whole bars"):
        assert said in notes
    assert soundfile.info(made).subtype == subtype
    assert np.array_equal(*(soundfile.read(p, dtype="int32")[0] for p in (source, made)))
    assert wavinfo.WavInfoReader(made).bext.description == "take"


def test_a_recording_has_its_bars_where_they_are_heard(tmp_path: Path) -> None:
    """From 0.7 s on, and no loop: 17.3 beats."""
    sound = drums(110.0, 36, late=0.7)[:, : round(19 * RATE)]
    files.save(tmp_path / "a.flac", sound, RATE)
    found = export_wav(tmp_path / "a.flac", tmp_path / "a.wav")
    assert not found.facts["is_loop"]
    assert found.facts["bpm"] == pytest.approx(110, abs=0.1)
    bars = np.array(cues(tmp_path / "a.wav"))
    assert np.diff(bars) == pytest.approx(4 * 60 / 110, abs=0.01)
    assert bars[0] == pytest.approx(0.7, abs=0.03)
    assert wavinfo.WavInfoReader(tmp_path / "a.wav").smpl is None
    acid = read_acid(tmp_path / "a.wav")
    assert acid is not None
    assert acid.beats is None


def test_what_the_user_says_is_written(tmp_path: Path) -> None:
    files.save(tmp_path / "a.wav", drums(126.0, 24), RATE)
    found = export_wav(
        tmp_path / "a.wav", tmp_path / "b.wav", bpm=63.0, key="C# minor", beats_per_bar=3
    )
    assert (
        found.facts["bpm"],
        found.facts["key"],
        found.facts["beats_per_bar"],
        found.facts["bars"],
    ) == (63.0, "C#m", 3, 4)
    assert read_acid(tmp_path / "b.wav") == Acid(63.0, 12, root=61, metre=(3, 4))
    assert wavinfo.WavInfoReader(tmp_path / "b.wav").smpl.midi_note == 61
    assert found.notes == ("a.wav: 4 whole bars, so it is marked as a loop",)


def test_a_file_in_tune_has_its_key(tmp_path: Path) -> None:
    time = torch.arange(4 * RATE) / RATE
    chord = sum(
        0.1 * torch.sin(2 * torch.pi * 220 * 2 ** (step / 12) * time) for step in (0, 3, 7, 12)
    )
    assert isinstance(chord, torch.Tensor)
    files.save(tmp_path / "a.wav", chord[None], RATE)
    found = export_wav(tmp_path / "a.wav", tmp_path / "b.wav", bpm=120.0)
    assert found.facts["key"] == "Am"
    assert "a.wav: A minor detected (override with `key`)" in found.notes


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".mp3"])
@pytest.mark.parametrize("loop", [True, False])
def test_a_clip_says_the_same_from_memory_and_from_any_file(
    golden_riff: Riff, tmp_path: Path, loop: bool, suffix: str
) -> None:
    clip = golden_riff.generate(
        "Waltz, piano", bars=2, loop=loop, beats_per_bar=3, key="A minor", **FAST
    )
    clip.save(tmp_path / f"a{suffix}")
    whole = export_wav(clip, tmp_path / "memory.wav")
    found = export_wav(tmp_path / f"a{suffix}", tmp_path / "file.wav")
    assert replace(found, path=whole.path) == whole
    assert (found.facts["bpm"], found.facts["key"], found.facts["beats_per_bar"]) == (
        120.0,
        "Am",
        3,
    )
    assert (found.facts["is_loop"], found.facts["bars"], found.notes) == (loop, 2, ())
    assert read_acid(tmp_path / "file.wav") == Acid(120.0, 6 if loop else None, 69, (3, 4))
    recipe = read_recipe(tmp_path / "file.wav")
    assert recipe == read_recipe(tmp_path / f"a{suffix}")
    assert mutagen.File(tmp_path / "file.wav").tags["TIT2"] == "Waltz, piano"
    clip.save(tmp_path / "own.wav")
    assert (tmp_path / "memory.wav").read_bytes() == (tmp_path / "own.wav").read_bytes()


def test_a_loop_is_one_at_another_rate(golden_riff: Riff, tmp_path: Path) -> None:
    clip = golden_riff.generate("house", bars=1, loop=True, **FAST)
    clip.save(tmp_path / "a.flac")
    export_wav(tmp_path / "a.flac", tmp_path / "b.wav", sample_rate=48_000, bits=24)
    clip.save(tmp_path / "c.wav", sample_rate=48_000, bits=24)
    one, other = (files.load(tmp_path / name)[0] for name in ("b.wav", "c.wav"))
    assert one.shape == other.shape == (1, 2 * 48_000)
    assert (one - other).abs().max() < 1e-4  # the FLAC has 16 bits
    (loop,) = wavinfo.WavInfoReader(tmp_path / "b.wav").smpl.sample_loops
    assert loop.end == 2 * 48_000 - 1


def test_a_loop_at_a_tempo_that_does_not_fit_is_said(clip: Clip, tmp_path: Path) -> None:
    found = export_wav(clip, tmp_path / "a.wav", bpm=100.0)
    assert (found.facts["is_loop"], found.facts["bpm"]) == (False, 100.0)
    assert "isn't whole beats at 100 BPM" in found.notes[0]


@pytest.fixture
def clip(golden_riff: Riff) -> Clip:
    return golden_riff.generate("house", bars=1, loop=True, **FAST)


EasyID3.RegisterTextKey("initialkey", "TKEY")


def test_noise_has_no_key(tmp_path: Path) -> None:
    noise = 0.1 * torch.randn(1, 2 * RATE, generator=torch.Generator().manual_seed(1))
    files.save(tmp_path / "a.wav", noise, RATE)
    found = export_wav(tmp_path / "a.wav", tmp_path / "b.wav", bpm=120.0)
    assert found.facts["key"] == ""
    assert "a.wav: no clear key, so none is written (set `key`)" in found.notes


def test_tags_of_other_programs_are_read(tmp_path: Path) -> None:
    """ID3v2.4 by mutagen, comments by mutagen, an acid chunk."""
    sound = drums(120.0, 37)
    for suffix in (".mp3", ".flac", ".ogg"):
        path = tmp_path / f"a{suffix}"
        files.save(path, sound, RATE)
        tags = mutagen.File(path, easy=True)
        tags["bpm"], tags["artist"] = "121", "Mara"
        tags["title"], tags["initialkey"] = "Хвиля", "F#m"
        tags.save()
        found = export_wav(path, tmp_path / "b.wav")
        assert (found.facts["bpm"], found.facts["key"]) == (121.0, "F#m")
        info = wavinfo.WavInfoReader(tmp_path / "b.wav", info_encoding="utf-8").info
        assert (info.artist, info.title) == ("Mara", "Хвиля")
    files.save(tmp_path / "a.wav", sound, RATE, shown=Shown("x", 118.0, "D", 2, 36, 3))
    assert stated(tmp_path / "a.wav") == Stated(118.0, "D", 2, loop=True, beats_per_bar=3)


@pytest.mark.parametrize("n_samples", [1, 999, 30_000])
@pytest.mark.parametrize("silent", [True, False])
def test_hardly_any_sound_is_written_too(tmp_path: Path, n_samples: int, silent: bool) -> None:
    sound = 0.1 * torch.ones(1, n_samples) * (not silent)
    files.save(tmp_path / "a.wav", sound, RATE)
    found = export_wav(tmp_path / "a.wav", tmp_path / "b.wav")
    assert torch.equal(
        *(files.load(tmp_path / n, allow_silence=True)[0] for n in ("a.wav", "b.wav"))
    )
    if silent:
        assert (found.facts["bpm"], found.facts["is_loop"], found.facts["key"]) == (None, False, "")
        assert any("no tempo found" in note for note in found.notes)


def test_mistakes_are_told(tmp_path: Path, clip: Clip) -> None:
    files.save(tmp_path / "a.wav", drums(120.0, 4), RATE)
    before = (tmp_path / "a.wav").read_bytes()
    clip.image.save(tmp_path / "a.png")
    (tmp_path / "a.mid").write_bytes(b"MThd")
    for given, output, options, error, said in [
        ("a.wav", "a.wav", {}, OutputError, "is what is exported"),
        ("a.wav", "b.flac", {}, OutputError, "must end in .wav"),
        ("a.png", "b.wav", {}, ParameterError, "decode it first"),
        ("a.mid", "b.wav", {}, ParameterError, "is MIDI"),
        ("a.wav", "b.wav", {"bpm": 7.0}, ParameterError, "between 20 and 400"),
        ("a.wav", "b.wav", {"key": "H"}, ParameterError, "must be a note and a mode"),
        ("a.wav", "b.wav", {"beats_per_bar": 1}, ParameterError, "between 2 and 12"),
        ("a.wav", "b.wav", {"sample_rate": 5}, ParameterError, "sample_rate=5"),
        ("c.wav", "b.wav", {}, AudioFileError, "check the path"),
    ]:
        with pytest.raises(error, match=said):
            export_wav(tmp_path / given, tmp_path / output, **options)
    assert not (tmp_path / "b.wav").exists()
    assert (tmp_path / "a.wav").read_bytes() == before


def test_a_damaged_tag_is_no_obstacle(tmp_path: Path) -> None:
    files.save(tmp_path / "a.mp3", drums(120.0, 8), RATE, shown=Shown("x", 99.0))
    data = bytearray((tmp_path / "a.mp3").read_bytes())
    place = data.index(b"TBPM")
    data[place + 4 : place + 8] = b"\xff\xff\xff\xff"
    (tmp_path / "a.mp3").write_bytes(data)
    export_wav(tmp_path / "a.mp3", tmp_path / "b.wav")
    assert riffkit.inspect(tmp_path / "b.wav")["samples"]
