"""The metre that a prompt asks for, in quarter notes per bar."""

from __future__ import annotations

import pytest

from riffkit.prompt.metre import Metre, metre_of, named_metre
from riffkit.prompt.prompt import choose_metre, read_prompt
from riffkit.prompt.traits import ModelTraits

ENGLISH = ModelTraits(english=True, style_bpm={"waltz": 126.0})


@pytest.mark.parametrize(
    ("prompt", "beats"),
    [
        ("waltz with piano", 3),
        ("folk in 3/4", 3),
        ("folk, in three, slow", 3),
        ("a minuet for harpsichord", 3),
        ("three beats per bar", 3),
        ("6/8 ballad", 3),  # as long as three quarter notes
        ("ballad in six-eight", 3),
        ("12/8 blues", 6),
        ("jazz, 5/4", 5),
        ("five-four time", 5),
        ("march, 2/4", 2),
        ("2/2", 4),
        ("piano, 4/4", 4),
        ("piano", None),
        ("1/16 notes", None),
        ("in three parts", None),
        ("open 24/7", None),
        ("13/8", None),
    ],
)
def test_a_named_metre_is_read(prompt: str, beats: int | None) -> None:
    metre = named_metre(prompt)
    assert (None if metre is None else metre.beats) == beats
    assert metre is None or not metre.remark


def test_what_whole_beats_cannot_hold_is_two_bars_in_one() -> None:
    assert named_metre("7/8 groove") == Metre(7, halved="7/8")
    assert Metre(7, "7/8").remark == "7/8: two of its bars are one bar of 7 beats here"
    assert [metre_of(n, 8) for n in (3, 5, 9)] == [Metre(n, f"{n}/8") for n in (3, 5, 9)]
    assert metre_of(0, 4) is metre_of(1, 4) is metre_of(13, 8) is metre_of(3, 64) is None


@pytest.mark.parametrize(
    ("prompt", "beats"),
    [
        ("Walzer mit Klavier", 3),
        ("Klavier im Dreivierteltakt", 3),
        ("Klavier im 6/8-Takt", 3),
        ("piano à trois temps", 3),
        ("guitarra, cinco por cuatro", 5),
        ("піаніно на три чверті", 3),
        ("вальс", 3),
        ("пианино, три четверти", 3),
        ("钢琴，三拍子", 3),
        ("圆舞曲", 3),
    ],
)
def test_in_other_languages(prompt: str, beats: int) -> None:
    assert choose_metre(read_prompt(prompt, ENGLISH)) == beats


def test_option_then_prompt_then_four() -> None:
    waltz = read_prompt("waltz", ENGLISH)
    assert choose_metre(waltz, beats_per_bar=5) == 5
    assert choose_metre(waltz) == 3
    assert choose_metre(read_prompt("folk, no waltz", ENGLISH)) == 4
    assert choose_metre(read_prompt("folk", ModelTraits())) == 4
    assert choose_metre(read_prompt("folk in 3/4", ModelTraits())) == 3
