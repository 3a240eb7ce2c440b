"""MIDI at the command line: `riff inspect`, `riff replay`, `riff export midi`."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import mido
import pytest
from typer.testing import CliRunner

import riffkit
from riffkit import Riff
from riffkit.audio import files
from riffkit.commands.app import application
from riffkit.errors import OutputError, ParameterError
from riffkit.music.midi_score import read_score
from riffkit.score.notes import Note
from riffkit.spectrogram.beat_grid import BeatGrid
from tests.voice import play


def run(*words: str) -> str:
    done = CliRunner().invoke(application(), words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_what_was_composed_is_replayed(here: Path) -> None:
    run("compose", "waltz with piano", "--bars", "5", "--seed", "4", "-o", "a.mid")
    assert run("replay", "a.mid") == "a-replay.mid: identical bytes\n"
    assert (here / "a.mid").read_bytes() == (here / "a-replay.mid").read_bytes()


def test_a_melody_and_drums_of_one_s_own_are_found_again(here: Path) -> None:
    run("compose", "jazz with flute", "--bars", "4", "--seed", "1", "-o", "tune.mid")
    run("compose", "drums only", "--bars", "2", "--seed", "1", "-o", "beat.mid")
    given = ("--melody", "tune.mid", "--drums", "beat.mid", "--humanize", "0.5")
    run("compose", "bossa nova", *given, "--seed", "2", "-o", "a.mid")
    assert run("replay", "a.mid") == "a-replay.mid: identical bytes\n"
    (here / "tune.mid").unlink()
    with pytest.raises(ParameterError, match=r"input='tune.mid': not found"):
        run("replay", "a.mid", "--force")


def test_another_version_s_notes_are_compared(here: Path) -> None:
    made = riffkit.compose("waltz", bars=2, seed=1)
    older = replace(made, recipe=replace(made.recipe, versions={"riffkit": "0.1"}))
    older.save(here / "a.mid")
    assert run("replay", "a.mid").startswith("a-replay.mid: identical notes (riffkit 0.1 then")
    other = replace(older, score=riffkit.compose("waltz", bars=2, seed=2).score)
    other.save(here / "a.mid")
    assert run("replay", "a.mid").startswith("a-replay.mid: different notes")


def test_a_file_that_nobody_composed_is_not_replayed(here: Path) -> None:
    track = mido.MidiTrack([mido.Message("note_on", note=60), mido.Message("note_off", time=96)])
    mido.MidiFile(tracks=[track]).save(here / "a.mid")
    with pytest.raises(ParameterError, match="contains no recipe"):
        run("replay", "a.mid")
    with pytest.raises(ParameterError, match=r"file='b.mid': no such file"):
        run("replay", "b.mid")


def test_inspect_has_it_all_in_json() -> None:
    run("compose", "funk with slap bass, clavinet and drums", "--seed", "4", "-o", "a.mid")
    facts = json.loads(run("inspect", "a.mid", "--json"))
    assert facts["kind"] == "MIDI" and facts["recipe"]["arguments"]["seed"] == 4
    score = facts["score"]
    assert [track["instrument"] for track in score["tracks"]] == ["clavinet", "slap bass", "drums"]
    assert [track["track"] for track in score["tracks"]] == [1, 2, 3]
    assert "kick" in score["tracks"][2]["parts"]
    assert score["sections"][0] == {"name": "A", "bar": 1.0, "bars": 2.0}
    assert len(score["chords"].split(" | ")) == score["bars"] == 8


def test_a_clip_s_notes_are_exported(golden_riff: Riff, here: Path) -> None:
    clip = golden_riff.generate("funk", bars=1, steps=2, quality="preview", seed=3)
    score = riffkit.compose("funk", bars=2, seed=1).score
    replace(clip, recipe=replace(clip.recipe, score=score.to_dict())).save("a.wav")
    n_notes = sum(len(track.notes) for track in score.tracks)
    for _ in range(2):  # its own file is replaced
        assert run("export", "midi", "a.wav") == f"a.mid: {n_notes} notes in 2 bars\n"
    assert read_score(here / "a.mid").score == score
    (here / "b.mid").write_bytes(b"another's")
    with pytest.raises(OutputError, match="isn't riffkit's own"):
        run("export", "midi", "a.wav", "-o", "b.mid")


def test_a_recording_s_notes_are_transcribed(here: Path) -> None:
    tune = tuple(Note(float(beat), 0.9, 60 + 4 * beat, 100) for beat in range(4))
    files.save("a.wav", play(tune, BeatGrid(bpm=120.0, n_beats=4), 44_100), 44_100)
    words = ("export", "midi", "a.wav", "--quantize", "1/8")
    done = CliRunner().invoke(application(), words, catch_exceptions=False)
    assert done.exit_code == 0
    assert re.fullmatch(r"a\.mid: \d+ notes in 1 bar\n", done.stdout)
    assert "note: it wasn't painted from a score" in done.stderr
    facts = json.loads(run("export", "midi", "a.wav", "--json", "--quiet", "--transcribe"))
    assert facts["bars"] == 1


def test_neither_inspecting_nor_exporting_needs_torch(golden_riff: Riff, here: Path) -> None:
    clip = golden_riff.generate("funk", bars=1, steps=2, quality="preview", seed=3)
    score = riffkit.compose("funk", bars=1, seed=1).score
    replace(clip, recipe=replace(clip.recipe, score=score.to_dict())).save("a.wav")
    code = (
        "import riffkit, sys; riffkit.export_midi('a.wav', 'a.mid'); riffkit.inspect('a.mid');"
        "print(sorted({'torch', 'numba', 'scipy', 'diffusers'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
