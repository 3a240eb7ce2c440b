"""What a user brings to a score: chords, a melody, drums."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from riffkit.score.harmony import Chord
from riffkit.score.notes import Note

_STRAIGHT = (0.47, 0.53)  # of a beat: where an even off-beat is played
_SWUNG = (0.57, 0.72)


@dataclass(frozen=True)
class Given:
    """Each from the song's beginning, and repeated to its end.

    `chords` to play over, a `melody` for the lead, and `drums`.
    """

    chords: tuple[Chord, ...] = ()
    melody: tuple[Note, ...] = ()
    drums: tuple[Note, ...] = ()

    @property
    def is_straight(self) -> bool:
        """Whether its off-beats are even, so that nobody should swing beside it."""
        for notes in (self.melody, self.drums):
            n_even, n_swung = _count(notes, _STRAIGHT), _count(notes, _SWUNG)
            if n_even or n_swung:
                return n_even > n_swung
        return False


def _count(notes: Sequence[Note], within: tuple[float, float]) -> int:
    low, high = within
    return sum(low <= note.start % 1 <= high for note in notes)
