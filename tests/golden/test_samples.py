"""The clips in samples/ are what the bundled model makes: each has its command, and replays.

With two threads on the machine that made them, pixels and samples are equal. With one thread the
melody is 0.1 % of its pixels off by a level, and its sound's spectrogram 0.64 levels.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from riffkit.music.clip import read_recipe
from tests.golden.check import names, replayed

SAMPLES = Path(__file__).parents[2] / "samples"
NAMES = names(SAMPLES)


def test_every_sample_has_its_command_and_every_command_its_sample() -> None:
    page = (SAMPLES / "README.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"^riff .* -o samples/(\w+)\.flac$", page, re.M)) == NAMES


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_sample_is_what_the_bundled_model_makes(name: str) -> None:
    recipe = read_recipe(SAMPLES / f"{name}.flac")
    assert recipe is not None
    assert recipe.model["name"] == "mini"
    found = replayed(SAMPLES, name, None)
    assert found.same_recipe
    assert found.levels <= 2
    assert found.pixels <= 1e-2
    assert found.heard <= 1
    if not found.pixels:
        assert found.sound_db < -60
