"""What `riff inspect` and `riff models show` print."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import mido
import pytest
import torch

import riffkit
from riffkit import Riff
from riffkit.audio import files
from riffkit.commands.shown import file_lines, model_lines
from riffkit.models.catalogue import describe_model
from riffkit.music.inspect import inspect

RATE = 44_100
SAMPLES = Path(__file__).parents[2] / "samples"
FAST: dict[str, Any] = {"steps": 2, "quality": "preview", "seed": 3}


def shown(path: Path) -> list[str]:
    return list(file_lines(inspect(path)))


def test_what_the_file_says_stands_before_what_was_measured() -> None:
    lines = shown(SAMPLES / "lofi.flac")
    assert lines[:4] == [
        "lofi.flac: 12.00 s, 44,100 Hz, stereo, 16 bits",
        "tempo: 80 BPM (measured: 160 BPM)",
        "key: Ab major (measured: F minor)",
        "loudness: -16.0 LUFS, true peak -1.0 dBFS",
    ]
    assert lines[5:7] == ["recipe: generate", "  prompt: lo-fi hip hop with piano, bass and drums"]
    assert not any("threads" in line or "deep_cache" in line for line in lines)


def test_drums_alone_are_in_no_key() -> None:
    assert "key: unclear" in shown(SAMPLES / "techno.flac")


@pytest.mark.parametrize("name", ["edited", "extended", "melody", "restyled", "strings"])
def test_the_samples_keys_are_named(name: str) -> None:
    facts = inspect(SAMPLES / f"{name}.flac")
    assert facts["measured"]["key"] == facts["key"]


def test_an_image_says_nothing_of_a_level_it_does_not_have(
    golden_riff: Riff, tmp_path: Path
) -> None:
    clip = golden_riff.generate("house", bars=1, bpm=122.4567, loop=True, **FAST)
    clip.image.save(tmp_path / "a.png")
    lines = shown(tmp_path / "a.png")
    assert lines[0] == "a.png: 1.96 s, 256 × 64 px, golden, 4 beats"
    assert lines[1].startswith("tempo: 122.46 BPM (measured: ")
    assert not [line for line in lines if line.startswith(("loudness", "not in"))]
    assert "  loop: True" in lines


def test_a_file_without_a_recipe_is_measured(tmp_path: Path) -> None:
    noise = 0.1 * torch.randn(1, 3 * RATE, generator=torch.Generator().manual_seed(0))
    files.save(tmp_path / "noise.wav", noise, RATE, subtype="PCM_24")
    lines = shown(tmp_path / "noise.wav")
    assert lines[0] == "noise.wav: 3.00 s, 44,100 Hz, mono, 24 bits"
    assert lines[2] == "key: unclear"
    files.save(tmp_path / "silence.wav", torch.zeros(1, RATE), RATE)
    assert shown(tmp_path / "silence.wav")[1:] == [
        "tempo: unclear",
        "key: unclear",
        "loudness: silent",
    ]


def test_midi_shows_its_chords_and_tracks(tmp_path: Path) -> None:
    song = mido.MidiFile(ticks_per_beat=96)
    song.tracks.append(track := mido.MidiTrack())
    track.append(mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(90)))
    for note in (57, 60, 64, 69):
        track.append(mido.Message("note_on", note=note, velocity=90, time=0))
        track.append(mido.Message("note_off", note=note, time=96))
    song.save(tmp_path / "tune.mid")
    assert shown(tmp_path / "tune.mid") == [
        "tune.mid: MIDI, 90 BPM, A minor, 1 bar of 4/4, 4 notes",
        "chords: Am",
        "tracks:",
        "  1 piano: solo, 4 notes, A3 to A4",
    ]


def test_composed_midi_shows_its_score_and_recipe(tmp_path: Path) -> None:
    made = riffkit.compose(
        "funk with slap bass, clavinet and drums", bars=20, key="A minor", seed=3
    )
    made.save(tmp_path / "a.mid")
    lines = shown(tmp_path / "a.mid")
    assert lines[0].startswith("a.mid: MIDI, ") and "A minor, 20 bars of 4/4" in lines[0]
    assert lines[1].startswith("chords: A") and lines[1].endswith(" | … (20 bars)")
    assert lines[2].startswith("sections: A 1-2, A 3-4, B 5-6")
    tracks = lines[4 : lines.index("recipe: compose")]
    assert [line.split(":")[0] for line in tracks] == ["  1 clavinet", "  2 slap bass", "  3 drums"]
    assert "  prompt: funk with slap bass, clavinet and drums" in lines
    assert not any("humanize" in line for line in lines)


def test_a_clip_painted_from_notes_shows_them(golden_riff: Riff, tmp_path: Path) -> None:
    clip = golden_riff.generate("house", bars=1, **FAST)
    plain = tmp_path / "plain.wav"
    clip.save(plain)
    assert inspect(plain)["score"] is None
    score = riffkit.compose("house", bars=1, seed=1).score
    replace(clip, recipe=replace(clip.recipe, score=score.to_dict())).save(tmp_path / "a.wav")
    lines = shown(tmp_path / "a.wav")
    assert any(line.startswith("chords: ") for line in lines)
    assert lines.index("tracks:") < lines.index("recipe: generate")


def test_a_model_is_a_few_lines() -> None:
    lines = list(model_lines(describe_model("mini")))
    assert len(lines) < 12
    assert lines[0] == "mini: 18.0 million parameters"
    assert "defaults: 20 steps, guidance 3, 100 BPM" in lines
    assert "paints in: D, Ab" in lines
