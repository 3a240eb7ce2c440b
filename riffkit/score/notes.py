"""What a score is: notes in beats, grouped by track, and the facts that captions are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from riffkit.errors import ParameterError
from riffkit.limits import MINOR_MODES
from riffkit.score.harmony import Chord


@dataclass(frozen=True)
class Note:
    """One note: start and duration in beats, MIDI pitch 0-127, velocity 1-127."""

    start: float
    duration: float
    pitch: int
    velocity: int

    # composing moves and cuts many: `dataclasses.replace` takes twice as long

    def later(self, beats: float) -> Note:
        """The note, that many beats later."""
        return Note(self.start + beats, self.duration, self.pitch, self.velocity)

    def at_most(self, beats: float) -> Note:
        """The note, no longer than that."""
        if self.duration <= beats:
            return self
        return Note(self.start, beats, self.pitch, self.velocity)

    def at_pitch(self, pitch: int) -> Note:
        """The note at another MIDI pitch."""
        return Note(self.start, self.duration, pitch, self.velocity)


@dataclass(frozen=True)
class Track:
    """The notes of one player. `pan` is -1 (left) to 1 (right); `send` 0-1 goes to the reverb.

    `level_db` is relative to full scale: the loud moments of the track are brought to it, because
    the instruments of a soundfont differ by 20 dB. `name` is what a file calls the track.
    """

    instrument: str
    role: str
    bank: int
    program: int
    level_db: float
    pan: float
    send: float
    notes: tuple[Note, ...]
    name: str = field(default="", repr=False)  # digests of scores hold the repr

    @property
    def is_drums(self) -> bool:
        return self.role == "drums"

    def to_dict(self) -> dict[str, Any]:
        """For JSON: a note is [start, duration, pitch, velocity]."""
        values = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "notes"}
        notes = [[n.start, n.duration, n.pitch, n.velocity] for n in self.notes]
        return {**values, "notes": notes}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Track:
        """The inverse of to_dict."""
        notes = tuple(Note(*note) for note in values["notes"])
        return cls(**{**values, "notes": notes})


@dataclass(frozen=True)
class Section:
    """A part of a song, such as "chorus": where it begins, and its length, in beats."""

    name: str
    start: float
    n_beats: float


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
        return self.mode in MINOR_MODES

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
    """Bars that play round. `chords` may be empty; so may `sections`, or leave parts unnamed."""

    facts: ScoreFacts
    tracks: tuple[Track, ...]
    chords: tuple[Chord, ...]
    mix: Mix = field(default_factory=Mix)
    sections: tuple[Section, ...] = ()

    @property
    def bpm(self) -> float:
        return self.facts.bpm

    @property
    def n_beats(self) -> int:
        return self.facts.n_beats

    @property
    def form(self) -> str:
        """A letter for each section, the same for those of one name: "AABA"."""
        names = [section.name for section in self.sections] or ["A"]
        if all(len(name) == 1 for name in names):
            return "".join(names)
        letters = {name: _letter(k) for k, name in enumerate(dict.fromkeys(names))}
        return "".join(letters[name] for name in names)

    @property
    def notes(self) -> dict[str, tuple[Note, ...]]:
        """The notes by track, keyed by role and instrument: "lead: violin"."""
        return {f"{t.role}: {t.instrument}": t.notes for t in self.tracks}

    def to_dict(self) -> dict[str, Any]:
        """For JSON, exactly: lists for tuples, and for each note, chord and section one list.

        Returns:
            Plain values, which `from_dict` turns into the same score.

        Example:
            same = Score.from_dict(json.loads(json.dumps(score.to_dict())))
        """
        return {
            "facts": self.facts.to_dict(),
            "tracks": [track.to_dict() for track in self.tracks],
            "chords": [
                [c.numeral, c.root, list(c.intervals), c.start, c.duration, c.bass]
                for c in self.chords
            ],
            "mix": asdict(self.mix),
            "sections": [[s.name, s.start, s.n_beats] for s in self.sections],
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Score:
        """A score from plain values.

        Args:
            values: what `to_dict` gave.

        Returns:
            The same score.

        Raises:
            ParameterError: it isn't a score, or is from a later version.
        """
        try:
            score = cls(
                ScoreFacts.from_dict(values["facts"]),
                tuple(Track.from_dict(track) for track in values["tracks"]),
                tuple(
                    Chord(numeral, root, tuple(intervals), *rest)
                    for numeral, root, intervals, *rest in values["chords"]
                ),
                Mix(**values["mix"]),
                tuple(Section(*section) for section in values["sections"]),
            )
            if not score._is_sound:
                raise ValueError
        except (TypeError, KeyError, ValueError, AttributeError) as error:
            raise ParameterError("score: not readable by this version; update riffkit") from error
        return score

    @property
    def _is_sound(self) -> bool:
        """Whether its notes and sections begin within it, and MIDI has numbers for all."""
        length, facts = self.n_beats, self.facts
        notes = [note for track in self.tracks for note in track.notes]
        return (
            0 < length <= _MOST_BEATS
            and _LEAST_BPM <= facts.bpm <= _MOST_BPM
            and 0 < facts.beats_per_bar < 256
            and all(0 <= section.start < length for section in self.sections)
            and all(
                0 <= note.start < length and 0 < note.duration <= length + 1e-6 for note in notes
            )
            and all(0 <= note.pitch < 128 and 0 < note.velocity < 128 for note in notes)
        )


_MOST_BEATS = 1_000_000
_LEAST_BPM, _MOST_BPM = 60e6 / (2**24 - 1), 60e6


def _letter(number: int) -> str:
    """A to Z, and a to z for a song of more."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    return letters[number % len(letters)]
