"""What is asked of a score. What isn't asked is left to the writer."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from riffkit.errors import ParameterError, unknown
from riffkit.score.harmony import SCALES, Chord
from riffkit.score.instruments import INSTRUMENTS
from riffkit.score.styles import STYLES

DENSITIES = ("sparse", "medium", "dense")
FIGURES = ("melody", "chords", "arpeggio", "riff", "bass line")
MIN_BEATS, MAX_BEATS = 2, 12
MAX_INSTRUMENTS = 15
"""As many as a MIDI file has channels for, beside that of the drums."""
MAX_PLAYERS = MAX_INSTRUMENTS + 1


@dataclass(frozen=True, kw_only=True)
class Brief:
    """A score's facts as far as they are asked for; None and () leave them open.

    `style` and `instruments` are names of `STYLES` and `INSTRUMENTS`; with `instruments`, no others
    play; those of `without` never do. `only_drums`: nobody else. `tonic` is 0 for C to 11 for B,
    `mode` a name of `SCALES`, `bpm` the tempo in quarter notes a minute, `beats_per_bar` 2 to 12 of
    them. `figure` is what the leading instrument plays. `players`: so many in all, the drummer too;
    where fewer are named, the style's join them. `chords`: of the first bars, and then repeated.
    Raises ParameterError for an unknown name and a number out of range.
    """

    style: str | None = None
    instruments: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    drums: bool | None = None
    only_drums: bool = False
    tonic: int | None = None
    mode: str | None = None
    bpm: float | None = None
    beats_per_bar: int | None = None
    density: str | None = None
    moods: tuple[str, ...] = ()
    figure: str | None = None
    players: int | None = None
    chords: tuple[Chord, ...] = ()

    def __post_init__(self) -> None:
        _known("style", self.style, STYLES)
        _known("mode", self.mode, SCALES)
        _known("density", self.density, DENSITIES)
        _known("figure", self.figure, FIGURES)
        for name in self.instruments:
            _known("instruments", name, INSTRUMENTS)
        if (n := len(self.instruments)) > MAX_INSTRUMENTS:
            raise ParameterError(f"{n} instruments are too many; name {MAX_INSTRUMENTS} at most")
        _within("tonic", self.tonic, 0, 11)
        _within("beats_per_bar", self.beats_per_bar, MIN_BEATS, MAX_BEATS)
        _within("bpm", self.bpm, 20, 400)
        _within("players", self.players, 1, MAX_PLAYERS)
        if self.chords and not any(chord.intervals for chord in self.chords):
            raise ParameterError("chords: all are silent; write at least one, such as Am")


def _known(name: str, value: str | None, known: Collection[str]) -> None:
    if value is not None and value not in known:
        raise ParameterError(f"{name}: {unknown(value, known)}")


def _within(name: str, value: int | float | None, least: int, most: int) -> None:
    if value is not None and not least <= value <= most:
        raise ParameterError(f"{name}={value:g}: must be between {least:g} and {most:g}")
