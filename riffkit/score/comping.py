"""Chords in rhythm: block chords, power chords, arpeggios, and four-part chorales."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence

from riffkit.score.harmony import Chord, chord_at, pitches_within, scale_over, voice
from riffkit.score.lines import break_at_chords
from riffkit.score.notes import Note
from riffkit.score.rhythm import loudness, read_rhythm, thin


def voicings(chords: Sequence[Chord], center: int, n_voices: int) -> list[list[int]]:
    """One voicing a chord, each near the one before."""
    out: list[list[int]] = []
    for chord in chords:
        out.append(voice(chord, out[-1] if out else None, center, n_voices))
    return out


def power_voicings(chords: Sequence[Chord], low: int) -> list[list[int]]:
    """Root, fifth and octave above `low`: what a distorted guitar can play without mud."""
    roots = [low + (c.root - low) % 12 for c in chords]
    return [[r, r + 7, r + 12] for r in roots]


def block_chords(
    chords: Sequence[Chord],
    voiced: Sequence[Sequence[int]],
    rhythm: str,
    beats_per_bar: int,
    rng: random.Random,
    *,
    keep: float = 1.0,
    legato: bool = False,
) -> list[Note]:
    """The voiced chords in a rhythm. Inner notes are a little softer than the top one."""
    hits = break_at_chords(thin(read_rhythm(rhythm, beats_per_bar, 2), keep, rng), chords)
    notes = []
    for hit in hits:
        pitches = voiced[chords.index(chord_at(chords, hit.start))]
        velocity = loudness(hit.symbol, rng)
        length = hit.duration * (1.0 if legato else 0.9)
        notes += [
            Note(hit.start, length, p, max(1, velocity - (0 if p == pitches[-1] else 6)))
            for p in pitches
        ]
    return notes


def arpeggio(
    chords: Sequence[Chord],
    voiced: Sequence[Sequence[int]],
    rhythm: str,
    beats_per_bar: int,
    rng: random.Random,
    *,
    ring: bool,
) -> list[Note]:
    """Chord tones one after another, in one shape kept through both bars.

    With `ring` a note sounds on for up to a beat, as on a harp; else it ends with its step.
    """
    n_tones = max(len(v) for v in voiced)
    order = _arpeggio_order(n_tones, rng)
    notes, position, last_chord = [], 0, None
    for hit in read_rhythm(rhythm, beats_per_bar, 2):
        chord = chord_at(chords, hit.start)
        if chord is not last_chord:
            position, last_chord = 0, chord
        pitches = list(voiced[chords.index(chord)])
        ladder = pitches + [p + 12 for p in pitches]
        pitch = ladder[order[position % len(order)] % len(ladder)]
        position += 1
        end = chord.start + chord.duration
        length = min(max(hit.duration, 1.0), end - hit.start) if ring else hit.duration * 0.9
        symbol = "X" if hit.start % 1 == 0 else "x"
        notes.append(Note(hit.start, length, pitch, loudness(symbol, rng) - 8))
    return notes


def _arpeggio_order(n: int, rng: random.Random) -> list[int]:
    up = list(range(n))
    top = [*up, n]
    return rng.choice(
        (
            [*top, *reversed(top[1:-1])],
            [*up, n],
            list(reversed(top)),
            [0, n - 1, 1, n - 1],
            [0, 2 % n, 1, 2 % n],
            [*range(2 * n)],
            [0, n, 1, n, 2 % n, n],
            [0, 1, 2 % n, n, 2 % n, 1],
        )
    )


_RANGES = ((43, 60), (50, 67), (55, 74), (62, 81))  # bass, tenor, alto, soprano


def chorale(
    chords: Sequence[Chord], scale: Sequence[int], tonic: int, rng: random.Random, *, moving: float
) -> list[list[Note]]:
    """Four voices (bass first) on one chord a beat, with passing notes in eighths.

    Voices move little; parallel fifths and octaves, crossings and wide gaps cost more than any
    movement, so that they hardly occur. `moving` is the share of thirds filled by passing notes.
    """
    frames: list[tuple[int, ...]] = []
    for chord in chords:
        options = _four_parts(chord)
        before = frames[-1] if frames else None
        costs = [_motion_cost(before, option) + rng.random() * 2 for option in options]
        frames.append(options[costs.index(min(costs))])
    return [
        _voice_notes([f[v] for f in frames], chords, scale, tonic, moving, rng) for v in range(4)
    ]


def _four_parts(chord: Chord) -> list[tuple[int, ...]]:
    third = (chord.root + chord.tone("3")) % 12
    upper = [pitches_within(chord.pitch_classes, *r) for r in _RANGES[1:]]
    options: list[tuple[int, ...]] = []
    spare: list[tuple[int, ...]] = []  # of chords that aren't triads or sevenths
    for bass in pitches_within([chord.lowest], *_RANGES[0]):
        for tenor, alto, soprano in itertools.product(*upper):
            classes = {bass % 12, tenor % 12, alto % 12, soprano % 12}
            ordered = bass < tenor < alto < soprano
            spaced = soprano - alto <= 12 and alto - tenor <= 12 and tenor - bass <= 19
            thirds = sum(p % 12 == third for p in (tenor, alto, soprano))
            if ordered and spaced:
                is_full = len(classes) >= 3 and thirds == 1
                (options if is_full else spare).append((bass, tenor, alto, soprano))
    return options or spare


def _motion_cost(before: tuple[int, ...] | None, now: tuple[int, ...]) -> float:
    if before is None:
        return abs(now[3] - 71) * 0.8
    cost = sum(
        abs(a - b) * (0.3 if v == 0 else 1.0)
        for v, (a, b) in enumerate(zip(before, now, strict=True))
    )
    cost += 1.5 * (before[3] == now[3])
    for i, j in itertools.combinations(range(4), 2):
        moved = before[i] != now[i]
        gap, old_gap = (now[j] - now[i]) % 12, (before[j] - before[i]) % 12
        cost += 40.0 * (moved and gap == old_gap and gap in (0, 7))
    return cost


def _voice_notes(
    pitches: Sequence[int],
    chords: Sequence[Chord],
    scale: Sequence[int],
    tonic: int,
    moving: float,
    rng: random.Random,
) -> list[Note]:
    notes = []
    for k, (pitch, chord) in enumerate(zip(pitches, chords, strict=True)):
        after = pitches[(k + 1) % len(pitches)]
        between = pitches_within(
            scale_over(chord, scale, tonic), min(pitch, after) + 1, max(pitch, after) - 1
        )
        velocity = rng.randint(82, 94)
        if abs(after - pitch) in (3, 4) and len(between) == 1 and rng.random() < moving:
            half = chord.duration / 2
            notes += [
                Note(chord.start, half, pitch, velocity),
                Note(chord.start + half, half, between[0], velocity - 8),
            ]
        else:
            notes.append(Note(chord.start, chord.duration, pitch, velocity))
    return notes
