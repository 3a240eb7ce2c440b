"""The score in a clip's recipe comes out as it went in, whatever the file."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import riffkit
from riffkit import Clip, Riff
from riffkit.analysis.transcription import basic_pitch
from riffkit.analysis.transcription.basic_pitch import hear_pitches
from riffkit.audio import files
from riffkit.errors import AudioFileError, ModelError, OutputError, ParameterError
from riffkit.export.midi import score_of
from riffkit.music.midi_score import read_score
from riffkit.music.outputs import stored_recipe
from riffkit.score import Note, Score
from riffkit.spectrogram.beat_grid import BeatGrid
from riffkit.spectrogram.convert import waveform_to_image
from riffkit.spectrogram.params import CRISP
from tests.voice import play

FAST: dict[str, Any] = {"steps": 2, "quality": "preview", "seed": 3, "bars": 1}


@pytest.fixture(scope="module")
def score() -> Score:
    return riffkit.compose("big funk band with drums", bars=4, seed=5).score


@pytest.fixture
def clip(golden_riff: Riff, score: Score) -> Clip:
    made = golden_riff.generate("funk", **FAST)
    recipe = replace(made.recipe, score=score.to_dict())
    image = replace(made.image, recipe=recipe.to_dict())
    return replace(made, recipe=recipe, image=image)


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3", "png"])
def test_every_kind_of_file_gives_the_score(
    suffix: str, clip: Clip, score: Score, tmp_path: Path
) -> None:
    path = tmp_path / f"a.{suffix}"
    (clip.image if suffix == "png" else clip).save(path)
    exported = riffkit.export_midi(path, tmp_path / "a.mid")
    assert exported.path == tmp_path / "a.mid"
    assert exported.facts == {"bars": 4, "notes": sum(len(t.notes) for t in score.tracks)}
    assert read_score(tmp_path / "a.mid").score == score
    assert stored_recipe(tmp_path / "a.mid") == {}


def test_a_clip_in_memory_does_too(clip: Clip, score: Score, tmp_path: Path) -> None:
    riffkit.export_midi(clip, tmp_path / "a.mid")
    assert read_score(tmp_path / "a.mid").score == score


HEARD = "it wasn't painted from a score, so its notes are as heard; some may be wrong"
TUNE = tuple(Note(float(beat), 0.9, 60 + 4 * beat, 100) for beat in range(4))


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    sound = play(TUNE, BeatGrid(bpm=120.0, n_beats=4), 44_100)
    files.save(tmp_path / "b.wav", sound, 44_100)
    return tmp_path / "b.wav"


def test_what_has_no_score_is_transcribed(recording: Path, tmp_path: Path) -> None:
    exported = riffkit.export_midi(recording, tmp_path / "b.mid", quantize="1/8", bpm=120.0)
    assert exported.notes[0] == HEARD
    score = read_score(tmp_path / "b.mid").score
    heard = {(note.start, note.pitch) for track in score.tracks for note in track.notes}
    assert heard >= {(1.0, 64), (2.0, 68), (3.0, 72)}
    assert len(heard) == exported.facts["notes"]
    assert (score.bpm, score.n_beats) == (120, 4)


@pytest.mark.parametrize("kind", ["sound", "image"])
def test_basic_pitch_hears_a_line(kind: str, recording: Path, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    clip: Any = recording
    if kind == "image":
        waveform, rate = files.load(recording)
        image = waveform_to_image(waveform, rate, CRISP, grid=BeatGrid(bpm=120.0, n_beats=4))
        image.save(clip := tmp_path / "b.png")
    bpm = 120.0 if kind == "sound" else None
    options: dict[str, Any] = {"listener": "basic-pitch", "quantize": "1/8", "bpm": bpm}
    riffkit.export_midi(clip, tmp_path / "b.mid", **options)
    (track,) = read_score(tmp_path / "b.mid").score.tracks
    heard = {(note.start, note.pitch) for note in track.notes}
    assert heard >= {(1.0, 64), (2.0, 68), (3.0, 72)}
    assert sum(pitch <= 72 for _, pitch in heard) == 4  # an overtone may be taken for a note


def test_a_long_note_is_one_note_for_basic_pitch() -> None:
    pytest.importorskip("onnxruntime")
    seconds = torch.arange(6 * 44_100) / 44_100
    tone = sum(torch.sin(2 * torch.pi * 220 * k * seconds) / k**2 for k in range(1, 6))
    tone = 0.3 * tone * ((seconds > 0.7) & (seconds < 5.2))
    (note,) = hear_pitches(tone[None], 44_100).notes
    assert note.pitch == 57
    assert note.start == pytest.approx(0.7, abs=0.03)
    assert note.duration == pytest.approx(4.5, abs=0.1)


def test_basic_pitch_says_what_to_install(
    recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    basic_pitch._network.cache_clear()
    with pytest.raises(ModelError, match=r"pip install 'riffkit\[basic-pitch\]'"):
        riffkit.export_midi(recording, tmp_path / "b.mid", listener="basic-pitch", bpm=120.0)
    assert not (tmp_path / "b.mid").exists()


def test_an_image_is_transcribed_without_its_sound(recording: Path, tmp_path: Path) -> None:
    sound, rate = files.load(recording)
    image = waveform_to_image(sound, rate, CRISP, grid=BeatGrid(bpm=120.0, n_beats=4))
    image.save(tmp_path / "b.png")
    exported = riffkit.export_midi(tmp_path / "b.png", tmp_path / "b.mid", bpm=90.0)
    assert exported.notes == (HEARD, "bpm: isn't used; the image is on a beat grid of its own")
    assert read_score(tmp_path / "b.mid").score.bpm == 120


def test_a_known_score_is_heard_only_where_asked(
    recording: Path, clip: Clip, score: Score, tmp_path: Path
) -> None:
    output, n_notes = tmp_path / "a.mid", sum(len(track.notes) for track in score.tracks)
    known = replace(clip, waveform=files.load(recording)[0])
    exported = riffkit.export_midi(known, output, quantize="1/8", bpm=100.0)
    assert exported.facts["notes"] == n_notes
    assert exported.notes == (
        "quantize: isn't used; the notes are the score's own",
        "bpm: isn't used; the notes are the score's own",
    )
    exported = riffkit.export_midi(known, output, transcribe=True, quantize="1/8")
    assert exported.notes[0] == "its notes are as heard, not those of its score"
    assert 0 < exported.facts["notes"] < 10 < n_notes


def test_what_can_t_be_exported_is_said(golden_riff: Riff, tmp_path: Path) -> None:
    made = golden_riff.generate("funk", **FAST)
    with pytest.raises(ParameterError, match="is MIDI already"):
        riffkit.export_midi("b.mid", tmp_path / "a.mid")
    with pytest.raises(OutputError, match=r"must end in \.mid"):
        riffkit.export_midi(made, tmp_path / "a.wav")
    noise = torch.randn(1, 88_200, generator=torch.Generator().manual_seed(0))
    files.save(tmp_path / "c.wav", 0.1 * noise, 44_100)
    with pytest.raises(ParameterError, match=r"clip='c.wav': contains no notes that can be heard"):
        riffkit.export_midi(tmp_path / "c.wav", tmp_path / "a.mid")
    with pytest.raises(AudioFileError):
        riffkit.export_midi(tmp_path / "none.wav", tmp_path / "a.mid")
    assert not (tmp_path / "a.mid").exists()


def test_the_score_alone_is_asked_for_by_the_server(golden_riff: Riff, tmp_path: Path) -> None:
    made = golden_riff.generate("funk", **FAST)
    made.save(tmp_path / "a.wav")
    with pytest.raises(ParameterError, match="wasn't painted from a score"):
        score_of(tmp_path / "a.wav")
    files.save(tmp_path / "b.wav", made.waveform, made.sample_rate)
    with pytest.raises(ParameterError, match="contains no recipe"):
        score_of(tmp_path / "b.wav")
