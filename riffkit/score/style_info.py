"""What there is to know of a style, and the chord progressions that several styles share."""

from __future__ import annotations

from dataclasses import dataclass, field

from riffkit.score.notes import Mix


@dataclass(frozen=True)
class StyleInfo:
    """One style. Family names point into riffkit.score.phrases and riffkit.score.drums.

    `modes` maps a mode to its progressions (Roman numerals, evenly spread over two bars); a style
    without `grooves` has no drums. `swing` is the place of the off-beat in its `swing_unit` beats.
    """

    bpm_range: tuple[int, int]
    default_bpm: int
    moods: tuple[str, ...]
    modes: dict[str, tuple[str, ...]]
    chords: tuple[str, ...]
    comping: tuple[str, ...]
    bass: tuple[str, ...]
    bass_lines: tuple[str, ...]
    leads: tuple[str, ...]
    melodies: tuple[str, ...]
    grooves: tuple[str, ...] = ()
    kits: tuple[str, ...] = ()
    pads: tuple[str, ...] = ()
    arpeggios: tuple[str, ...] = ()
    arpeggio_rhythms: tuple[str, ...] = ("eighths",)
    words: tuple[str, ...] = ()
    weight: float = 1.0
    swing: float = 0.5
    swing_unit: float = 1.0
    beats_per_bar: tuple[int, ...] = (4,)
    fills: bool = True
    rolls: bool = False
    pentatonic: float = 0.3
    mix: Mix = field(default_factory=Mix)


# riffkit.score.harmony reads the numerals.
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
