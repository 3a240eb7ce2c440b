"""The metre in a prompt, as beats per bar on a grid whose beats are quarter notes.

A bar of 6/8 lasts as long as three quarter notes, as it does in a MIDI file. Where a bar has no
whole number of quarter notes, two of its bars are one here: 7/8 is bars of seven beats.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

FEWEST_BEATS, MOST_BEATS = 2, 12
DEFAULT_BEATS = 4

_NUMBERS = {
    **{"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "nine": 9, "twelve": 12},
    **{str(n): n for n in range(FEWEST_BEATS, MOST_BEATS + 1)},
}
_UNITS = {"half": 2, "halves": 2, "four": 4, "quarter": 4, "quarters": 4, "eight": 8, "eighth": 8}
_UNITS |= {"eights": 8, "eighths": 8}
_NUMBER, _UNIT = "|".join(_NUMBERS), "|".join(_UNITS)
_FRACTION = re.compile(r"(?<![\d/.,])(\d{1,2}) ?/ ?(2|4|8|16)(?![\d/])")
_SPOKEN = re.compile(
    rf"\bin ({_NUMBER})[ -]({_UNIT})\b"
    rf"|\b({_NUMBER})[ -]({_UNIT})(?=[ -](?:time|met(?:re|er)|feel)\b)",
    re.I,
)
_BEATS = re.compile(
    rf"\b({_NUMBER})[ -]beats? (?:(?:per|to the|to a|in a|in the|a) )?(?:bars?|measures?)\b", re.I
)
_COUNTED = re.compile(
    r"\bin (three|five|seven|3|5|7)(?=\s*(?:[.,;:!?)]|$|\b(?:time|with|and|at|in|for)\b))", re.I
)
_IN_THREE = re.compile(
    r"\b(?:waltz(?:es)?|minuets?|mazurkas?|triple[ -](?:time|met(?:re|er)))\b", re.I
)


@dataclass(frozen=True)
class Metre:
    """`beats` quarter notes a bar; `halved` is a metre of which it holds two bars, such as 7/8."""

    beats: int
    halved: str = ""

    @property
    def remark(self) -> str:
        """What the user should know of it; usually nothing."""
        if not self.halved:
            return ""
        return f"{self.halved}: two of its bars are one bar of {self.beats} beats here"


def metre_of(count: int, unit: int) -> Metre | None:
    """The metre of a time signature such as 3/4; None if it can't be laid out.

    1/4 isn't one: bars of a beat are upbeats, or a metronome's.
    """
    for bars in (1, 2):
        beats, rest = divmod(bars * count * 4, unit)
        if not rest and count > 1 and FEWEST_BEATS <= beats <= MOST_BEATS:
            return Metre(beats, f"{count}/{unit}" if bars == 2 else "")
    return None


def named_metre(text: str) -> Metre | None:
    """The metre named in a text ("3/4", "in three", "six-eight time", "waltz"), or None."""
    for match in _FRACTION.finditer(text):
        if (metre := metre_of(int(match[1]), int(match[2]))) is not None:
            return metre
    if spoken := _SPOKEN.search(text):
        count, unit = filter(None, spoken.groups())
        return metre_of(_NUMBERS[count.lower()], _UNITS[unit.lower()])
    if counted := _BEATS.search(text) or _COUNTED.search(text):
        return metre_of(_NUMBERS[counted[1].lower()], 4)
    return Metre(3) if _IN_THREE.search(text) else None
