"""`riff compose`: a MIDI file, a line about it, and what the words weren't."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from riffkit.commands.app import application
from riffkit.music.midi import read_midi


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
    assert max(n.start + n.duration for n in read_midi(here / "a.mid").notes) <= 12


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
        "seed": 1,
    }
    assert "not known to the composer: 'wibble'" in err


def test_names_are_not_taken_twice_and_its_own_file_is_replaced(here: Path) -> None:
    for _ in range(2):
        run(["solo harp", "--bars", "1", "-q"])
    assert sorted(path.name for path in here.iterdir()) == ["solo-harp-2.mid", "solo-harp.mid"]
    run(["solo flute", "--bars", "1", "-o", "solo-harp.mid"])
