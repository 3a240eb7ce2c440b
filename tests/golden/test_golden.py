"""Files of earlier versions replayed: what they were made from makes them again.

Version 0.1.0 (commit 1673c5b) made `files/` with make.py, a later one what came later. On the
machine that they were made on, this code gives equal pixels and samples; with other instructions
(ATEN_CPU_CAPABILITY=default for AVX2) at most one level in 0.014 % of the pixels, and sound whose
spectrogram is 0.074 levels off. The phases of a clip that was painted player by player may go
another way: from the same pictures, 0.04, 0.08 and 2.2 levels on three machines.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from riffkit.music.clip import recorded_recipe
from riffkit.music.outputs import stored_recipe
from tests.golden.check import names, replayed

FILES = Path(__file__).parent / "files"


@pytest.mark.parametrize("name", names(FILES))
def test_a_file_of_an_earlier_version_is_made_again(name: str, golden_folder: Path) -> None:
    found = replayed(FILES, name, str(golden_folder))
    assert found.same_recipe
    by_players = (stored_recipe(FILES / f"{name}.flac") or {}).get("arguments", {}).get("stems")
    assert found.levels <= 2
    assert found.pixels <= 1e-3
    assert found.heard <= (4 if by_players else 0.5)
    if not (found.pixels or by_players):
        assert found.sound_db < -60


def test_every_painting_command_has_a_golden_recipe() -> None:
    from riffkit.music.clip import read_recipe
    from riffkit.music.registry import tasks

    commands = {recipe.command for path in FILES.glob("*.flac") if (recipe := read_recipe(path))}
    assert {*tasks(), "decode"} <= commands


def test_a_melody_of_an_earlier_version_is_refused(golden_folder: Path) -> None:
    """It was followed note by note, without accompaniment: another picture."""
    from riffkit.errors import ParameterError
    from riffkit.music.replay import Places, remake
    from riffkit.provenance.recipe import Recipe

    made = FILES / "generate-melody.flac"
    values = {k: v for k, v in recorded_recipe(made).to_dict().items() if k != "score"}
    kept = {
        k: v for k, v in values["arguments"].items() if k not in ("chords", "stems", "humanize")
    }
    old = Recipe.from_dict({**values, "arguments": kept, "schema": 3})
    assert old.arguments["stems"] is False
    with pytest.raises(ParameterError, match="an earlier version followed its melody"):
        remake(old, Places(made, model=str(golden_folder), device="cpu"))
