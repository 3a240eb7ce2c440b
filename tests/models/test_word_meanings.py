"""Words near in meaning are found by the bundled model's token table, without torch."""

from __future__ import annotations

import subprocess
import sys

import pytest

from riffkit.models.locate import find_model
from riffkit.models.word_meanings import token_meanings

WORDS = {"somber", "underwater", "farmhouse", "army", "monks", "piano", "guitar", "winter"}


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("submarine", "underwater"),
        ("buddha", "monks"),
        ("snow", "winter"),
        ("pizza", None),
        ("wibble", None),  # no word
        ("winters", None),  # it begins alike: letters, not meaning
    ],
)
def test_the_nearest_is_found_if_it_is_near(word: str, meant: str | None) -> None:
    assert token_meanings(find_model("mini")).nearest(word, WORDS) == meant


def test_misspelled_words_are_none() -> None:
    meanings = token_meanings(find_model("mini"))
    assert all(meanings.is_word(word) for word in ("piano", "haunted", "castle"))
    assert not any(meanings.is_word(word) for word in ("pianno", "raggae", "saxaphone"))


def test_composing_for_unknown_words_stays_light() -> None:
    code = (
        "import sys, riffkit; riffkit.compose('tombstone jazz, pianno', seed=1); "
        "sys.exit(int('torch' in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
