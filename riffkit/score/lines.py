"""Single lines: melodies that grow from a motif, and bass lines that spell the chords."""

from __future__ import annotations

import random
from collections.abc import Sequence

from riffkit.score.harmony import Chord, chord_at, nearest, pitches_within, scale_over
from riffkit.score.notes import Note
from riffkit.score.rhythm import Hit, loudness, read_rhythm

_STEPS = (-2, -1, -1, -1, 1, 1, 1, 2, 0, 3, -3)


def melody(
    chords: Sequence[Chord],
    scale: Sequence[int],
    tonic: int,
    rhythms: Sequence[str],
    beats_per_bar: int,
    low: int,
    high: int,
    rng: random.Random,
    *,
    keep: float = 1.0,
) -> list[Note]:
    """Two bars of melody: a motif in the first, repeated or answered in the second.

    Chord tones fall on the beats; between them it walks the scale. `keep` thins the off-beats.
    """
    rhythm = rng.choice(rhythms).split("|")[0]
    first = _thin(read_rhythm(rhythm, beats_per_bar, 1), keep, rng)
    start = rng.uniform(low + 0.3 * (high - low), low + 0.7 * (high - low))
    motif = _walk(first, chords, scale, tonic, low, high, start, rng)
    form = rng.choice(("repeat", "repeat", "tail", "tail", "answer"))
    second = (
        first
        if form != "answer"
        else _thin(read_rhythm(rng.choice(rhythms).split("|")[0], beats_per_bar, 1), keep, rng)
    )
    second = [Hit(h.start + beats_per_bar, h.duration, h.symbol) for h in second]
    if form == "answer":
        reply = _walk(second, chords, scale, tonic, low, high, float(motif[-1]), rng)
    else:
        reply = _echo(motif, second, chords, scale, tonic, low, high, form == "tail", rng)
    return [
        Note(h.start, h.duration * 0.96, p, loudness(h.symbol, rng))
        for h, p in zip([*first, *second], [*motif, *reply], strict=True)
    ]


def _thin(hits: list[Hit], keep: float, rng: random.Random) -> list[Hit]:
    """Drop off-beats with probability 1 - keep; what is before holds on where it was legato."""
    kept: list[Hit] = []
    for hit in hits:
        if hit.start % 1 == 0 or not kept or rng.random() < keep:
            kept.append(hit)
        elif kept[-1].start + kept[-1].duration >= hit.start - 1e-6:
            last = kept.pop()
            kept.append(Hit(last.start, hit.start + hit.duration - last.start, last.symbol))
    return kept


def _choices(
    hit: Hit, chords: Sequence[Chord], scale: Sequence[int], tonic: int, low: int, high: int
) -> list[int]:
    chord = chord_at(chords, hit.start)
    strong = hit.start % 1 == 0 or hit.duration >= 1
    classes = chord.pitch_classes if strong else scale_over(chord, scale, tonic)
    return pitches_within(classes, low, high)


def _walk(
    hits: Sequence[Hit],
    chords: Sequence[Chord],
    scale: Sequence[int],
    tonic: int,
    low: int,
    high: int,
    start: float,
    rng: random.Random,
) -> list[int]:
    pitches: list[int] = []
    current, direction = start, rng.choice((-1, 1))
    for hit in hits:
        if rng.random() < 0.25:
            direction = -direction
        if current > high - 4:
            direction = -1
        elif current < low + 4:
            direction = 1
        step = rng.choice(_STEPS)
        target = current + direction * abs(step) * 1.8
        pitch = nearest(target, _choices(hit, chords, scale, tonic, low, high))
        pitches.append(pitch)
        current = float(pitch)
    return pitches


def _echo(
    motif: Sequence[int],
    hits: Sequence[Hit],
    chords: Sequence[Chord],
    scale: Sequence[int],
    tonic: int,
    low: int,
    high: int,
    new_tail: bool,
    rng: random.Random,
) -> list[int]:
    """The motif again, moved a little and bent to the chords of now; perhaps with a new end."""
    shift = rng.choice((0, 0, 2, -2, 3, 5, -3))
    tail = len(hits) - max(1, len(hits) // 3) if new_tail else len(hits)
    pitches = [
        nearest(float(p + shift), _choices(h, chords, scale, tonic, low, high))
        for p, h in zip(motif[:tail], hits[:tail], strict=True)
    ]
    last = float(pitches[-1] if pitches else motif[0])
    return pitches + _walk(hits[tail:], chords, scale, tonic, low, high, last, rng)


def bass_line(
    chords: Sequence[Chord],
    scale: Sequence[int],
    tonic: int,
    rhythm: str,
    beats_per_bar: int,
    low: int,
    rng: random.Random,
    *,
    chromatic: bool,
) -> list[Note]:
    """A bass line from a pattern of chord tones; roots lie in the octave above `low`.

    A note that would still sound when the chord changes ends there, and one that starts a chord
    is its root, or the note below a slash chord. `chromatic` lets the approach come from a semitone
    away, as in a walking bass.
    """
    notes: list[Note] = []
    for hit in break_at_chords(read_rhythm(rhythm, beats_per_bar, 2), chords):
        chord = chord_at(chords, hit.start)
        if hit.symbol == "a":
            pitch = _approach(chords, scale, tonic, hit, low, chromatic, rng)
        else:
            at_root = hit.start == chord.start or hit.symbol not in "3578"
            root = chord.lowest if at_root else chord.root
            pitch = low + (root - low) % 12 + (0 if at_root else chord.tone(hit.symbol))
        if pitch - low > 17:
            pitch -= 12
        velocity = loudness("X" if hit.start == chord.start else "x", rng)
        notes.append(Note(hit.start, hit.duration * 0.95, pitch, velocity))
    return notes


def _approach(
    chords: Sequence[Chord],
    scale: Sequence[int],
    tonic: int,
    hit: Hit,
    low: int,
    chromatic: bool,
    rng: random.Random,
) -> int:
    after = chord_at(chords, hit.start + hit.duration)
    goal = low + (after.lowest - low) % 12
    if chromatic and rng.random() < 0.6:
        return goal + rng.choice((-1, 1))
    classes = scale_over(chord_at(chords, hit.start), scale, tonic)
    steps = [p for p in pitches_within(classes, goal - 3, goal + 3) if p != goal]
    return rng.choice(steps) if steps else goal + 7


def break_at_chords(hits: Sequence[Hit], chords: Sequence[Chord]) -> list[Hit]:
    """Cut what would hang over a change of chord, and strike the new chord if much is left."""
    out: list[Hit] = []
    for hit in hits:
        start, end = hit.start, hit.start + hit.duration
        for chord in chords:
            if start + 1e-6 < chord.start < end - 1e-6:
                out.append(Hit(start, chord.start - start, hit.symbol))
                start = chord.start
        if start == hit.start or end - start >= 0.5:
            out.append(Hit(start, end - start, hit.symbol))
    return out
