"""A tune in: read from MIDI and from sound, and heard in what is made."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import mido
import pytest

from riffkit.audio import files
from riffkit.errors import ParameterError
from riffkit.music.melody import chroma, read_melody, similarity
from riffkit.music.replay import replay
from riffkit.music.riff import Riff
from riffkit.score.notes import Note
from riffkit.spectrogram.beat_grid import BeatGrid
from tests.voice import play

RATE = 44_100
GRID = BeatGrid(100.0, 8)
PITCHES = (69, 72, 76, 74, 72, 71, 69, 64)
TUNE = tuple(Note(float(k), 0.9, pitch, 114) for k, pitch in enumerate(PITCHES))


@pytest.fixture
def midi(tmp_path: Path) -> Path:
    song = mido.MidiFile(ticks_per_beat=480)
    track = mido.MidiTrack()
    song.tracks.append(track)
    track.append(mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(100)))
    for pitch in PITCHES:
        track.append(mido.Message("note_on", note=pitch, velocity=100, time=0))
        track.append(mido.Message("note_off", note=pitch, time=480))
    song.save(tmp_path / "tune.mid")
    return tmp_path / "tune.mid"


@pytest.fixture
def hummed(tmp_path: Path) -> Path:
    files.save(tmp_path / "tune.wav", play(TUNE, GRID, RATE), RATE)
    return tmp_path / "tune.wav"


def test_midi_gives_its_notes_tempo_and_key(midi: Path) -> None:
    tune = read_melody(midi, bpm=None, beats_per_bar=4)
    assert [note.pitch for note in tune.notes] == list(PITCHES)
    assert [note.start for note in tune.notes] == list(range(8))
    assert tune.bpm == pytest.approx(100, abs=0.01)
    assert tune.bars == 2


def test_sound_gives_its_pitch_classes_where_they_lie(hummed: Path) -> None:
    tune = read_melody(hummed, bpm=100.0, beats_per_bar=4)
    steps = chroma(tune.notes, 8)
    for beat, pitch in enumerate(PITCHES):
        middle = steps[4 * beat + 1 : 4 * beat + 3].sum(axis=0)
        assert middle.argmax() == pitch % 12
    assert similarity(play(TUNE, GRID, RATE), RATE, tune, GRID, beats_per_bar=4) > 0.85
    upside_down = [replace(note, pitch=note.pitch + 6) for note in TUNE]
    assert similarity(play(upside_down, GRID, RATE), RATE, tune, GRID, beats_per_bar=4) < 0.3


def test_the_tune_is_heard(riff: Riff, hummed: Path) -> None:
    options = {"bpm": 100.0, "loop": True, "seed": 1, "steps": 10, "quality": "preview"}
    tune = read_melody(hummed, bpm=100.0, beats_per_bar=4)
    guided = riff.generate("solo flute", melody=hummed, **options)
    assert guided.waveform.shape[-1] == GRID.n_samples(RATE)
    free = riff.generate("solo flute", key="A minor", **options)
    with_it, without = (
        similarity(c.waveform, RATE, tune, GRID, beats_per_bar=4) for c in (guided, free)
    )
    assert with_it > without + 0.2
    assert any("melody:" in note for note in guided.notes)
    guided.save(hummed.with_name("flute.wav"))
    assert replay(hummed.with_name("flute.wav"), hummed.with_name("again.wav")).same


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [("text.mid", b"no music", "can't be read as MIDI"), ("none.mid", None, "no such file")],
)
def test_files_that_are_no_tune_are_refused(
    tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ParameterError, match=message):
        read_melody(tmp_path / name, bpm=None, beats_per_bar=4)


def test_a_file_without_notes_is_refused(tmp_path: Path) -> None:
    mido.MidiFile().save(tmp_path / "empty.mid")
    with pytest.raises(ParameterError, match="contains no notes"):
        read_melody(tmp_path / "empty.mid", bpm=None, beats_per_bar=4)


def test_of_a_song_eight_bars_are_followed(thin: Riff, tmp_path: Path) -> None:
    """Half a minute of a tune: 15 bars at 120 BPM."""
    notes = [Note(float(k), 0.9, 60 + (0, 4, 7, 12)[k % 4], 102) for k in range(60)]
    sound = play(notes, BeatGrid(120.0, 60), 22_050)
    files.save(tmp_path / "song.flac", sound, 22_050)
    options = {"melody": tmp_path / "song.flac", "bpm": 120, "steps": 1, "quality": "preview"}
    clip = thin.generate("solo flute", seed=1, **options)
    assert clip.recipe.arguments["bars"] == 8
    (note,) = (note for note in clip.notes if "bars" in note)
    assert note == "song.flac: 15 bars (0:30); the first 8 are followed (more with `bars`)"
    clip = thin.generate("solo flute", bars=9, seed=1, **options)
    assert clip.seconds == pytest.approx(9 * 2, abs=0.01)
    assert not [note for note in clip.notes if "are followed" in note]
