"""`riff compose`: a MIDI file, a line about it, and what the words weren't."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

import riffkit
from riffkit.commands.app import application
from riffkit.music.brought import read_lead
from riffkit.score.midi import write_midi
from tests.score.tunes import TUNES


def run(line: list[str]) -> tuple[str, str]:
    done = CliRunner().invoke(application(), ["compose", *line], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout, done.stderr


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_it_says_what_it_wrote(here: Path) -> None:
    out, err = run(
        ["jazz with piano and upright bass, C minor", "--bars", "3", "--seed", "4", "-o", "a.mid"]
    )
    assert out == (
        "a.mid: 3 bars of 4/4, 136 BPM, C minor, jazz swing: piano, upright bass, seed 4\n"
    )
    assert err == ""
    assert max(n.start + n.duration for n in read_lead(here / "a.mid").notes) <= 12


def test_json_has_all_of_it_and_notes_go_to_stderr() -> None:
    out, err = run(["wibble techno, drums only", "--seed", "1", "--bpm", "130", "--json"])
    facts = json.loads(out)
    assert facts == {
        "midi": "wibble-techno-drums-only.mid",
        "bars": 8,
        "bpm": 130.0,
        "key": None,
        "beats_per_bar": 4,
        "style": "techno",
        "instruments": ["drums"],
        "form": "AABA",
        "chords": None,
        "seed": 1,
    }
    assert "not known to the composer: 'wibble'" in err


def test_names_are_not_taken_twice_and_its_own_file_is_replaced(here: Path) -> None:
    for _ in range(2):
        run(["solo harp", "--bars", "1", "-q"])
    assert sorted(path.name for path in here.iterdir()) == ["solo-harp-2.mid", "solo-harp.mid"]
    run(["solo flute", "--bars", "1", "-o", "solo-harp.mid"])


@pytest.fixture
def tune(here: Path) -> Path:
    """Amazing Grace, at 90 BPM on a flute."""
    grace = TUNES["Amazing Grace"]
    score = riffkit.compose("solo flute, 3/4, 90 bpm", bars=16, seed=1).score
    (track,) = score.tracks
    write_midi(here / "grace.mid", replace(score, tracks=(replace(track, notes=grace.notes),)))
    return here / "grace.mid"


def test_chords_are_as_given_and_come_round() -> None:
    out, _ = run(["pop", "--chords", "Am7 | F | C/G | G7sus4", "--seed", "1", "--json"])
    facts = json.loads(out)
    assert facts["chords"] == "Am7 | F | C/G | G7sus4 | Am7 | F | C/G | G7sus4"
    assert (facts["bars"], facts["key"]) == (8, "A minor")
    out, _ = run(["pop", "--chords", "Dm G C", "--seed", "1", "--json"])
    assert json.loads(out)["bars"] == 9
    out, _ = run(["waltz", "--chords", "Dm G C", "--bars", "2", "--json"])
    facts = json.loads(out)
    assert (facts["bars"], facts["beats_per_bar"], facts["chords"]) == (2, 3, "Dm | G")


def test_a_melody_gives_its_tempo_metre_key_and_length(here: Path, tune: Path) -> None:
    out, err = run(["folk at 140 bpm, F major, 4/4", "--melody", tune.name, "--seed", "2"])
    assert ": 16 bars of 3/4, 90 BPM, G major, folk: " in out
    assert err.replace("--bpm", "bpm") == (
        "note: prompt: the melody's 3 beats per bar are kept\n"
        "note: prompt: 140 BPM isn't used; the melody's tempo, 90 BPM, is kept; set bpm to "
        "change it\n"
        "note: prompt: F major isn't used; the melody's key, G major, is kept\n"
    )
    out, _ = run(["folk", "--melody", tune.name, "--bpm", "140", "--bars", "4", "--seed", "2"])
    assert ": 4 bars of 3/4, 140 BPM, " in out


def test_a_recipe_with_its_files_gives_the_same_score(here: Path, tune: Path) -> None:
    riffkit.compose("techno, only drums, 3/4", bars=2, seed=3).save("beat.mid")
    made = riffkit.compose("pop", melody=tune, drums="beat.mid", humanize=0.4, seed=6)
    assert {name: of["name"] for name, of in made.recipe.inputs.items()} == {
        "melody": "grace.mid",
        "drums": "beat.mid",
    }
    again = riffkit.compose(**made.recipe.arguments, melody=tune, drums="beat.mid")
    assert (again.score, again.recipe) == (made.score, made.recipe)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (["--chords", "Am7 | Fmx"], "chords='Fmx': unknown; nearest: "),
        (["--melody", "none.mid"], "melody='none.mid': no such file"),
        (["--melody", "note.wav"], "melody='note.wav': must be a MIDI file, such as tune.mid"),
        (["--melody", "beat.mid"], "melody='beat.mid': contains drums alone"),
        (["--drums", "duo.mid"], "drums='duo.mid': has 2 parts and none on channel 10"),
        (["--humanize", "2"], "humanize=2: must be between 0 and 1"),
        (["--bars", "513"], "bars=513: must be between 1 and 512"),
    ],
)
def test_what_can_t_be_is_said_in_a_line(here: Path, line: list[str], message: str) -> None:
    riffkit.compose("techno, only drums", bars=1, seed=3).save("beat.mid")
    riffkit.compose("violin and cello", bars=1, seed=3).save("duo.mid")
    (here / "note.wav").write_bytes(b"RIFF0000WAVE")
    with pytest.raises(riffkit.ParameterError) as raised:
        CliRunner().invoke(application(), ["compose", "pop", *line], catch_exceptions=False)
    assert str(raised.value).startswith(message)
    assert "\n" not in str(raised.value)


def test_what_it_reads_isn_t_replaced(here: Path, tune: Path) -> None:
    line = ["compose", "pop", "--melody", tune.name, "-o", tune.name, "--force"]
    with pytest.raises(riffkit.OutputError, match="is what the command reads"):
        CliRunner().invoke(application(), line, catch_exceptions=False)
