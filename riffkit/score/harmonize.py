"""Finds chords for a melody: those that hold its notes best and follow one another well.

The chords are found by dynamic programming over the groups of beats that a bar is counted in. A
chord gains by the notes that it holds, weighted by their length and by where they begin; a change
gains where the style's own progressions have it. So do harmonizers since Raphael and Stoddard,
"Functional Harmonic Analysis Using Probabilistic Models" (2004), whose scores are learned.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

from riffkit.score.harmony import Chord, parse_numeral
from riffkit.score.notes import Note

_DIATONIC = {
    "major": ("I", "ii", "iii", "IV", "V", "vi"),
    "minor": ("i", "bIII", "iv", "v", "V", "bVI", "bVII"),
    "dorian": ("i", "ii", "bIII", "IV", "v", "bVII"),
    "phrygian": ("i", "bII", "bIII", "iv", "bVI", "bvii"),
    "mixolydian": ("I", "ii", "IV", "v", "vi", "bVII"),
    "blues": ("I7", "IV7", "V7"),
}
_DOMINANTS = {"major": "V", "minor": "V", "dorian": "bVII", "phrygian": "bII"}
_DOMINANTS |= {"mixolydian": "bVII", "blues": "V7"}
"""What leads home in each mode."""
_ON_BAR, _ON_GROUP, _ON_BEAT, _BETWEEN = 2.0, 1.5, 1.2, 0.6
_TONES = {0: 1.0, 3: 1.0, 4: 1.0, 7: 0.9, 10: 0.6, 11: 0.5, 9: 0.5, 14: 0.4, 2: 0.4}
_NEIGHBOR = 0.3  # of a gain, where the chord also has the note a semitone away, as C and B of CM7
_PASSING, _RUB = -1.0, -1.3  # a note that isn't the chord's; one a semitone above a note that is
_WITHIN_BAR, _OVER_BAR = -0.6, 0.0  # a change there
_FIFTH_DOWN, _USUAL, _RARE = 0.15, 0.2, -0.25
_PRIMARY = {0: 0.2, 5: 0.1, 7: 0.1}  # a chord on these steps of the key, a span
_BEGIN_HOME, _END_HOME, _CADENCE = 1.0, 1.5, 0.6


@dataclass(frozen=True)
class _Span:
    """A group of a bar's beats, and the notes that sound in it with their weights."""

    start: float
    duration: float
    opens_bar: bool
    notes: tuple[tuple[int, float], ...]


def harmonize(
    notes: Sequence[Note],
    *,
    tonic: int,
    mode: str,
    n_beats: int,
    groups: Sequence[int],
    progressions: Sequence[str],
) -> tuple[Chord, ...]:
    """Chords under a melody.

    Args:
        notes: the melody.
        tonic: of its key, a pitch class.
        mode: of its key, a name of `SCALES`.
        n_beats: its length in beats, whole bars.
        groups: the beats that a bar is counted in: (4,), (3,), (3, 2). Chords change with them, and
            in the middle of four.
        progressions: the style's, as Roman numerals: its chords, and what follows what.

    Returns:
        Chords that follow one another without gaps. They begin and end at home where the melody
        lets them.

    Example:
        harmonize(tune, tonic=0, mode="major", n_beats=32, groups=(4,), progressions=("I IV V I",))
    """
    numerals = _numerals(mode, progressions)
    chords = {
        numeral: Chord(numeral, *parse_numeral(numeral, tonic), 0.0, 0.0) for numeral in numerals
    }
    spans = _spans(notes, n_beats, groups)
    step_of = {one: (chord.root, 3 in chord.intervals) for one, chord in chords.items()}
    follows = {
        (step_of[one], step_of[other])
        for progression in progressions
        for one, other in itertools.pairwise([*progression.split(), progression.split()[0]])
    }
    home = {numeral for numeral, chord in chords.items() if chord.root == tonic}
    leading = {
        numeral
        for numeral, chord in chords.items()
        if chord.root == parse_numeral(_DOMINANTS[mode], tonic)[0]
        or (chord.root == (tonic + 7) % 12 and 4 in chord.intervals)
    }

    primary = {
        numeral: _PRIMARY.get((chord.root - tonic) % 12, 0.0) for numeral, chord in chords.items()
    }

    def step(before: str, after: str, *, opens_bar: bool) -> float:
        if before == after:
            return 0.0
        gain = _OVER_BAR if opens_bar else _WITHIN_BAR
        gain += _FIFTH_DOWN * ((chords[before].root - chords[after].root) % 12 == 7)
        return gain + (_USUAL if (step_of[before], step_of[after]) in follows else _RARE)

    best: dict[str, tuple[float, tuple[str, ...]]] = {
        numeral: (_held(spans[0], chord) + _BEGIN_HOME * (numeral in home), (numeral,))
        for numeral, chord in chords.items()
    }
    for number, span in enumerate(spans[1:], 1):
        is_last, is_near_last = number == len(spans) - 1, number == len(spans) - 2
        reached = {}
        for numeral, chord in chords.items():
            gain, path = max(
                (total + step(before, numeral, opens_bar=span.opens_bar), so_far)
                for before, (total, so_far) in best.items()
            )
            gain += _held(span, chord) + primary[numeral]
            gain += _END_HOME * (is_last and numeral in home)
            gain += _CADENCE * (is_near_last and numeral in leading)
            reached[numeral] = gain, (*path, numeral)
        best = reached
    _, path = max(best.values())
    return _joined(spans, [chords[numeral] for numeral in path])


def _numerals(mode: str, progressions: Sequence[str]) -> list[str]:
    """The style's chords, and the scale's on other steps; a sixth beside each major seventh, for
    melodies that stand on the root.
    """
    own = sorted({numeral for progression in progressions for numeral in progression.split()})
    parsed = {numeral: parse_numeral(numeral, 0) for numeral in own}
    steps = {(root, 3 in intervals) for root, intervals in parsed.values()}
    more = {
        numeral.partition("M")[0] + "6" for numeral, (_, of) in parsed.items() if {4, 11} <= set(of)
    }
    for numeral in _DIATONIC[mode]:
        root, intervals = parse_numeral(numeral, 0)
        if (root, 3 in intervals) not in steps:
            more.add(numeral)
    return [*own, *sorted(more - set(own))]


def _spans(notes: Sequence[Note], n_beats: int, groups: Sequence[int]) -> list[_Span]:
    halves = [size for group in groups for size in ((2, 2) if group == 4 else (group,))]
    found: list[_Span] = []
    start = 0.0
    for number, size in zip(itertools.count(), itertools.cycle(halves), strict=False):
        if start >= n_beats - 1e-6:
            return found
        opens_bar = number % len(halves) == 0
        heard = []
        for note in notes:
            length = min(note.start + note.duration, start + size) - max(note.start, start)
            if length > 1e-6:
                heard.append((note.pitch % 12, length * _weight(note, start, opens_bar)))
        found.append(_Span(start, float(size), opens_bar, tuple(heard)))
        start += size
    return found


def _weight(note: Note, start: float, opens_bar: bool) -> float:
    """How much a note counts by where it begins; one that is held counts as on a beat."""
    if note.start < start - 1e-6:
        return _ON_BEAT
    if note.start < start + 1e-6:
        return _ON_BAR if opens_bar else _ON_GROUP
    return _ON_BEAT if note.start % 1 < 1e-6 else _BETWEEN


def _held(span: _Span, chord: Chord) -> float:
    """How well a chord holds the notes of a span, by their share of it."""
    return sum(weight * _fit(pitch, chord) for pitch, weight in span.notes) / span.duration


def _fit(pitch_class: int, chord: Chord) -> float:
    step = (pitch_class - chord.root) % 12
    tones = {interval % 12 for interval in chord.intervals}
    if step in tones:
        gain = _TONES.get(step, 0.4)
        return gain * _NEIGHBOR if tones & {(step - 1) % 12, (step + 1) % 12} else gain
    return _RUB if (step - 1) % 12 in tones else _PASSING


def _joined(spans: Sequence[_Span], chords: Sequence[Chord]) -> tuple[Chord, ...]:
    """The chords of the spans; one that comes again within a bar is one chord."""
    found: list[Chord] = []
    for span, chord in zip(spans, chords, strict=True):
        if found and found[-1].numeral == chord.numeral and not span.opens_bar:
            found[-1] = replace(found[-1], duration=found[-1].duration + span.duration)
        else:
            found.append(replace(chord, start=span.start, duration=span.duration))
    return tuple(found)
