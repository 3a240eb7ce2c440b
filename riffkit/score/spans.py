"""Notes and chords of a span of beats, and scores: cut out, and repeated to fill it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from riffkit.score.harmony import Chord
from riffkit.score.notes import Note, Score, Section, Track

_NEARLY = 1e-6
_LATE = 0.25  # of a bar: a note that is held a little longer begins no bar


def whole_bars(notes: Sequence[Note], beats_per_bar: int) -> int:
    """The bars that notes fill; the last may ring on a little."""
    end = max((note.start + note.duration for note in notes), default=0.0)
    last = max((note.start for note in notes), default=0.0)
    begun = math.floor(last / beats_per_bar + _NEARLY) + 1
    return max(1, begun, math.ceil(end / beats_per_bar - _LATE))


def until(end: int | float, notes: Sequence[Note]) -> tuple[Note, ...]:
    """The notes that begin before the end, and no longer than that."""
    return tuple(note.at_most(end - note.start) for note in notes if note.start < end - _NEARLY)


def repeated(notes: Sequence[Note], period: int | float, end: int | float) -> tuple[Note, ...]:
    """The notes again and again, each time `period` beats later, up to the end."""
    times = range(math.ceil(end / period - _NEARLY))
    again = [note.later(k * period) for k in times for note in until(period, notes)]
    return until(end, again)


def in_bars(score: Score, bars: int) -> Score:
    """A score of another length: cut, or repeated. A track whose notes are cut stays, without."""
    period, end = score.n_beats, bars * score.facts.beats_per_bar
    tracks = (replace(track, notes=repeated(track.notes, period, end)) for track in score.tracks)
    sections = tuple(
        replace(one, start=start, n_beats=min(one.n_beats, end - start))
        for time in range(math.ceil(end / period))
        for one in score.sections
        if (start := one.start + time * period) < end - _NEARLY
    )
    return replace(
        score,
        facts=replace(score.facts, n_beats=end),
        tracks=tuple(tracks),
        chords=chords_between(score.chords, 0.0, float(end)) if score.chords else (),
        sections=sections,
    )


def span_of(score: Score, begin: int, end: int) -> Score:
    """The beats of a score from `begin` to `end`; what begins there, and no longer than that."""
    tracks = (
        replace(
            track,
            notes=tuple(
                replace(note, start=max(0.0, note.start - begin))
                for note in until(end, track.notes)
                if note.start > begin - _NEARLY
            ),
        )
        for track in score.tracks
    )
    sections = (
        (one.name, max(float(begin), one.start), min(float(end), one.start + one.n_beats))
        for one in score.sections
    )
    return replace(
        score,
        facts=replace(score.facts, n_beats=end - begin),
        tracks=tuple(tracks),
        chords=chords_between(score.chords, float(begin), float(end)) if score.chords else (),
        sections=tuple(
            Section(name, start - begin, stop - start)
            for name, start, stop in sections
            if stop > start + _NEARLY
        ),
    )


def joined(scores: Sequence[Score]) -> Score:
    """Scores one after another as one, in the first one's tempo, key, metre and mix.

    A player who is in several of them is one track, as loud as in the first.
    """
    players: dict[object, Track] = {}
    chords: list[Chord] = []
    sections: list[Section] = []
    begin = 0
    for score in scores:
        same: Counter[object] = Counter()
        for track in score.tracks:
            sound = track.instrument, track.role, track.bank, track.program, track.name
            same[sound] += 1
            later = tuple(note.later(begin) for note in track.notes)
            one = players.setdefault((sound, same[sound]), replace(track, notes=()))
            players[sound, same[sound]] = replace(one, notes=(*one.notes, *later))
        chords += (replace(chord, start=chord.start + begin) for chord in score.chords)
        sections += (replace(one, start=one.start + begin) for one in score.sections)
        begin += score.n_beats
    tracks = tuple(track for track in players.values() if track.notes)
    names = dict.fromkeys(track.instrument for track in tracks if not track.is_drums)
    facts = replace(
        scores[0].facts,
        n_beats=begin,
        instruments=tuple(names),
        drums=any(track.is_drums for track in tracks),
    )
    return replace(
        scores[0], facts=facts, tracks=tracks, chords=tuple(chords), sections=tuple(sections)
    )


def chords_between(chords: Sequence[Chord], begin: float, end: float) -> tuple[Chord, ...]:
    """What of the chords, repeated, sounds from `begin` to `end`; its beats count from `begin`."""
    period = chords[-1].start + chords[-1].duration
    found = []
    for time in range(math.floor(begin / period + _NEARLY), math.ceil(end / period - _NEARLY)):
        for chord in chords:
            start = max(begin, chord.start + time * period)
            stop = min(end, chord.start + chord.duration + time * period)
            if stop > start + _NEARLY:
                found.append(replace(chord, start=start - begin, duration=stop - start))
    return tuple(found)


def chords_of_group(
    chords: Sequence[Chord], beats_per_bar: int, first: int, n_beats: int, size: int
) -> tuple[Chord, ...]:
    """The chords over some beats of each of two bars, in bars of `size` beats instead.

    The beats are `first` and those after it; the last chord is held where a bar has more of them.
    """
    found: list[tuple[int, Chord]] = []
    for bar in range(2):
        begin = float(bar * beats_per_bar + first)
        inside = [
            (k, max(chord.start, begin), min(chord.start + chord.duration, begin + n_beats))
            for k, chord in enumerate(chords)
        ]
        inside = [(k, start, stop) for k, start, stop in inside if stop > start + _NEARLY]
        for k, start, stop in inside:
            shift = bar * size - begin
            stop = begin + size if k == inside[-1][0] else stop
            here = replace(chords[k], start=start + shift, duration=stop - start)
            if found and found[-1][0] == k:  # one chord over both bars
                before = found.pop()[1]
                here = replace(before, duration=before.duration + here.duration)
            found.append((k, here))
    return tuple(chord for _, chord in found)


def without_silence(chords: Sequence[Chord]) -> tuple[Chord, ...]:
    """Chords that are played under: where there is silence, the chord before goes on."""
    last = next(chord for chord in reversed(chords) if chord.intervals)
    found = []
    for chord in chords:
        held = replace(last, start=chord.start, duration=chord.duration)
        last = chord if chord.intervals else held
        found.append(last)
    return tuple(found)


def not_in_silence(notes: Sequence[Note], chords: Sequence[Chord]) -> list[Note]:
    """The notes that begin where a chord sounds, and no longer than it does."""
    silent = [chord for chord in chords if not chord.intervals]
    kept = []
    for note in notes:
        ends = [c.start for c in silent if c.start + c.duration > note.start + _NEARLY]
        stop = min(ends, default=math.inf)
        if note.start < stop - _NEARLY:
            kept.append(note.at_most(stop - note.start))
    return kept
