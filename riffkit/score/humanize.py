"""Plays a score as people do: a few milliseconds early or late, louder here and softer there.

People's deviations aren't independent: they drift, with a spectrum near 1/f (Hennig, Fleischmann
and Geisel 2011, "The nature and perception of fluctuations in human musical rhythms"), and players
of one group drift together. Each part of a drum kit has a place of its own before or behind the
beat, the kick nearest to it, and hats vary most in loudness (Gillick et al. 2019, "Learning to
Groove with Inverse Sequence Transformations").
"""

from __future__ import annotations

import bisect
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from riffkit.errors import ParameterError
from riffkit.score.notes import Note, Score

_TOGETHER_MS, _ALONE_MS = 5.0, 6.0  # standard deviations of all, and of each player, at 1
_STRUM_MS = 3.0  # between the notes of one chord
_LOUDER, _EACH = 7.0, 2.5  # standard deviations of velocities, of a stroke and of its notes
_ACCENTS = ((4.0, 0.0), (2.0, 1.0), (-2.0, 0.5))  # on the bar, the beats, the eighths
_BETWEEN = -5.0
_MEMORIES = (1.0, 4.0, 16.0)  # beats; processes of these lengths add up to nearly 1/f
_ROOM = 0.4  # of the time between two strokes: so far each may move
_NEARLY = 1e-6


@dataclass(frozen=True)
class _Voice:
    """How unevenly a part is played: `late_ms` on the mean, and how much of the usual spread."""

    late_ms: float = 0.0
    timing: float = 1.0
    loudness: float = 1.0


_KICKS, _SNARES = (35, 36), (37, 38, 39, 40)
_HATS = (42, 44, 46, 51, 53, 54, 59, 69, 70, 82)
_DRUMS = {
    **dict.fromkeys(_KICKS, _Voice(timing=0.5, loudness=0.6)),
    **dict.fromkeys(_SNARES, _Voice(late_ms=3.0, timing=0.7, loudness=0.8)),
    **dict.fromkeys(_HATS, _Voice(late_ms=-2.0, loudness=1.5)),
}


def humanize(score: Score, amount: float, seed: int = 0) -> Score:
    """The score as people play it.

    Args:
        score: any score.
        amount: 0 changes nothing, 0.5 is a tight band, 1 a loose one.
        seed: the same seed plays the same way.

    Returns:
        The score with other starts, durations and velocities. Notes of a voice keep their order,
        and all stay within the score, so that it still plays round.

    Raises:
        ParameterError: `amount` is out of range.

    Example:
        humanize(score, 0.5, seed=3)
    """
    if not 0 <= amount <= 1:
        raise ParameterError(f"humanize={amount:g}: must be between 0 and 1")
    if not amount:
        return score
    starts = sorted({note.start for track in score.tracks for note in track.notes})
    together = dict(
        zip(starts, _drift(starts, random.Random(f"riffkit humanize {seed}")), strict=True)
    )
    tracks = []
    for number, track in enumerate(score.tracks):
        pitches = sorted({note.pitch for note in track.notes}) if track.is_drums else [None]
        notes: list[Note] = []
        for pitch in pitches:
            own = [note for note in track.notes if pitch in (None, note.pitch)]
            voice = _Voice() if pitch is None else _DRUMS.get(pitch, _Voice(timing=0.8))
            rng = random.Random(f"riffkit humanize {seed} {number} {pitch}")
            notes += _played(own, voice, amount, together, score, rng)
        tracks.append(replace(track, notes=tuple(sorted(notes, key=lambda n: (n.start, n.pitch)))))
    return replace(score, tracks=tuple(tracks))


def _played(
    notes: Sequence[Note],
    voice: _Voice,
    amount: float,
    together: dict[float, float],
    score: Score,
    rng: random.Random,
) -> list[Note]:
    """The notes of a voice, moved; those that were struck at once nearly at once."""
    starts = sorted({note.start for note in notes})
    alone, louder = _drift(starts, rng), _drift(starts, rng)
    beats_per_ms = amount * score.bpm / 60000
    moved: dict[tuple[float, int], float] = {}
    stroke = {}
    for k, start in enumerate(starts):
        before = start - starts[k - 1] if k else start
        after = (starts[k + 1] if k + 1 < len(starts) else float(score.n_beats)) - start
        ms = _TOGETHER_MS * together[start] + voice.timing * _ALONE_MS * alone[k] + voice.late_ms
        chord = sorted({note.pitch for note in notes if note.start == start})
        for pitch in chord:
            spread = abs(rng.gauss(0, _STRUM_MS)) if len(chord) > 1 else 0.0
            shift = (ms + spread) * beats_per_ms
            moved[start, pitch] = start + max(-_ROOM * before, min(_ROOM * after, shift))
        accent = _accent(start % score.facts.beats_per_bar)
        stroke[start] = amount * voice.loudness * (accent + _LOUDER * louder[k])
    earliest = [min(moved[s, n.pitch] for n in notes if n.start == s) for s in starts]
    found = []
    for note in notes:
        start = moved[note.start, note.pitch]
        end = start + note.duration
        follower = bisect.bisect_left(starts, note.start + note.duration - _NEARLY)
        if follower < len(starts) and starts[follower] > note.start:
            end = min(end, earliest[follower])
        end = min(end, float(score.n_beats))
        velocity = note.velocity + stroke[note.start] + amount * rng.gauss(0, _EACH)
        found.append(Note(start, end - start, note.pitch, max(1, min(127, round(velocity)))))
    return found


def _accent(place: float) -> float:
    """How much louder a place within a bar is played."""
    for louder, unit in _ACCENTS:
        on_it = place if unit == 0 else place % unit
        if on_it < _NEARLY or (unit and unit - on_it < _NEARLY):
            return louder
    return _BETWEEN


def _drift(times: Sequence[float], rng: random.Random) -> list[float]:
    """Noise near 1/f at increasing times in beats; its standard deviation is 1."""
    states = [rng.gauss(0, 1) for _ in _MEMORIES]
    found, last = [], times[0] if times else 0.0
    for time in times:
        for k, memory in enumerate(_MEMORIES):
            keep = math.exp(-(time - last) / memory)
            states[k] = keep * states[k] + math.sqrt(1 - keep * keep) * rng.gauss(0, 1)
        last = time
        found.append(sum(states) / math.sqrt(len(states)))
    return found
