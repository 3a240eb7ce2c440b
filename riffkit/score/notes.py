"""What a score is: notes in beats, grouped by track, and the facts that captions are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from riffkit.score.harmony import Chord


@dataclass(frozen=True)
class Note:
    """One note: start and duration in beats, MIDI pitch 0-127, velocity 1-127."""

    start: float
    duration: float
    pitch: int
    velocity: int


@dataclass(frozen=True)
class Track:
    """The notes of one player. `pan` is -1 (left) to 1 (right); `send` 0-1 goes to the reverb.

    `level_db` is relative to full scale: the loud moments of the track are brought to it, because
    the instruments of a soundfont differ by 20 dB.
    """

    instrument: str
    role: str
    bank: int
    program: int
    level_db: float
    pan: float
    send: float
    notes: tuple[Note, ...]

    @property
    def is_drums(self) -> bool:
        return self.role == "drums"


@dataclass(frozen=True)
class Mix:
    """How a style sounds in its room: decay of the room, low-pass, vinyl noise, ducking by kick."""

    reverb_s: float = 0.8
    lowpass_hz: float | None = None
    crackle: float = 0.0
    duck: float = 0.0


@dataclass(frozen=True)
class ScoreFacts:
    """What is true of a score. `key` and `mode` are None where nothing has a pitch.

    `instruments` are ordered by prominence, drums left out. `figure` says what a solo or a duo's
    first instrument plays ("melody", "chords", "arpeggio", "riff", "bass line"), else "".
    """

    seed: int
    style: str
    instruments: tuple[str, ...]
    drums: bool
    key: str | None
    mode: str | None
    bpm: float
    beats_per_bar: int
    n_beats: int
    density: str
    mood: tuple[str, ...]
    texture: str
    figure: str = ""
    kit: str = ""

    @property
    def is_minor(self) -> bool:
        """Whether the third of the scale is minor."""
        return self.mode in ("minor", "dorian", "phrygian")

    def to_dict(self) -> dict[str, Any]:
        """For JSON: tuples become lists."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ScoreFacts:
        """The inverse of to_dict; what it does not know is left out."""
        names = {f.name for f in fields(cls)}
        known: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in values.items() if k in names
        }
        return cls(**known)


@dataclass(frozen=True)
class Score:
    """Bars that play round. `form` has a letter for each phrase of two bars."""

    facts: ScoreFacts
    tracks: tuple[Track, ...]
    chords: tuple[Chord, ...]
    mix: Mix = field(default_factory=Mix)
    form: str = "A"

    @property
    def bpm(self) -> float:
        return self.facts.bpm

    @property
    def n_beats(self) -> int:
        return self.facts.n_beats

    @property
    def notes(self) -> dict[str, tuple[Note, ...]]:
        """The notes by track, keyed by role and instrument: "lead: violin"."""
        return {f"{t.role}: {t.instrument}": t.notes for t in self.tracks}
