"""What a user brings to a score: chords, a melody, drums."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from riffkit.score.harmony import Chord
from riffkit.score.notes import Note, Score

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


def octaves_moved(melody: Sequence[Note], score: Score) -> Iterator[str]:
    """A note for the user, where the instrument that plays a melody needs another octave."""
    lead = next((track for track in score.tracks if track.role == "lead"), None)
    if lead is None:
        return
    moved = [(b.pitch - a.pitch) // 12 for a, b in zip(melody, lead.notes, strict=False)]
    if len(set(moved)) == 1 and moved[0]:
        n, way = abs(moved[0]), "up" if moved[0] > 0 else "down"
        octaves = "an octave" if n == 1 else f"{n} octaves"
        yield f"melody: {octaves} {way}, where the {lead.instrument} can play it"
    elif n := sum(map(bool, moved)):
        yield (
            f"melody: {n} of its {len(moved)} notes are in another octave, where the "
            f"{lead.instrument} can play them"
        )
