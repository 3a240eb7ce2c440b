"""Chord progressions that several styles share (riffkit.score.harmony reads the numerals)."""

from __future__ import annotations

POP_MAJOR = (
    "I V vi IV",
    "I IV vi V",
    "vi IV I V",
    "I vi IV V",
    "IV V iii vi",
    "I iii IV V",
    "I IV",
    "I Vsus4 IV I",
)
POP_MINOR = (
    "i bVI bIII bVII",
    "i iv bVI bVII",
    "i bVII bVI bVII",
    "i bIII bVII iv",
    "i bVI",
    "i v bVI iv",
)
DANCE_MINOR = (
    "i",
    "i bVI",
    "i bVII bVI bVII",
    "i bVI bIII bVII",
    "i iv",
    "i7 iv7",
    "i9 bVIM7",
    "i v bVI iv",
)
JAZZ_MAJOR = (
    "ii7 V7 IM7 VI7",
    "IM7 vi7 ii7 V7",
    "ii9 V13 IM9 IM9",
    "IM7 VI7 ii7 V7",
    "iii7 VI7 ii7 V7",
    "IM7 IVM7 iii7 vi7",
)
JAZZ_MINOR = ("iih7 V7 i6 i6", "i7 iv7 iih7 V7", "i9 bVIM7 iih7 V7", "i6 bVI7 V7 i6")
FOLK_MAJOR = ("I IV I V", "I V vi IV", "I IV V I", "I vi IV V", "I V")
CLASSIC_MAJOR = ("I IV V7 I", "I vi ii V7", "I V7 vi V7", "I ii V7 I", "I V7")
CLASSIC_MINOR = ("i iv V7 i", "i bVI iih7 V7", "i V7 i V7", "i bVII bVI V7", "i V7")
