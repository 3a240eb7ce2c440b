"""What there is to know of a style."""

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
