"""The key of notes, and of chords: the scale that they fit, and the note that they come home to."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

from riffkit.score.harmony import SCALES, Chord
from riffkit.score.notes import Note

_PRIOR = {"major": 0.0, "minor": 0.0, "dorian": -0.03, "mixolydian": -0.03, "phrygian": -0.05}
_FOREIGN = -1.5  # a note that isn't the scale's; of the scale's, one counts 1
_LEADING, _LEADING_FIT = 11, 0.0  # the raised seventh of minor
_TRIAD = {0: 0.3, 7: 0.2, 3: 0.2, 4: 0.2}
_LAST, _FIRST = 0.35, 0.1  # of a melody
_FIRST_CHORD, _LAST_CHORD, _CADENCE, _WRONG_THIRD = 0.25, 0.1, 0.25, -0.5
_FIRST_ROOT, _LAST_BASS, _LAST_TOP = 0.25, 0.15, 0.1  # of a song
_TOGETHER = 0.3  # beats: notes that end so near each other end together
_LONG = 2.0  # beats: a note that is held for longer says no more of the key


def key_of_notes(
    notes: Sequence[Note], *, tonic: int | None = None, mode: str | None = None
) -> tuple[int, str]:
    """The key of a melody, as a pitch class and a mode; a `tonic` or `mode` that is given stays."""
    ordered = sorted(notes, key=lambda note: (note.start, note.pitch))
    weights = [0.0] * 12
    for note in ordered:
        weights[note.pitch % 12] += min(note.duration, _LONG)
    home = [0.0] * 12
    home[ordered[-1].pitch % 12] += _LAST
    home[ordered[0].pitch % 12] += _FIRST
    return max(_keys(tonic, mode), key=lambda key: _fit(weights, *key) + home[key[0]])


def share_in_key(notes: Sequence[Note], tonic: int, mode: str) -> float:
    """How much of some notes, by their length, is in a scale; minor's leading tone is."""
    steps = {*SCALES[mode], *((_LEADING,) if mode == "minor" else ())}
    inside = sum(n.duration for n in notes if (n.pitch - tonic) % 12 in steps)
    return inside / sum(note.duration for note in notes)


def key_of_chords(
    chords: Sequence[Chord], *, tonic: int | None = None, mode: str | None = None
) -> tuple[int, str]:
    """The key of a progression, as a pitch class and a mode: the first chord weighs most.

    Sevenths on the first and the fourth step are a blues.
    """
    sounding = [chord for chord in chords if chord.intervals]
    if not sounding:
        return tonic or 0, mode or "major"
    weights = [0.0] * 12
    for chord in sounding:
        for pitch_class in chord.pitch_classes:
            weights[pitch_class] += chord.duration * (1.5 if pitch_class == chord.root else 1.0)

    def likely(key: tuple[int, str]) -> float:
        home, third = key[0], 3 if 3 in SCALES[key[1]] else 4
        own = [chord for chord in sounding if chord.root == home]
        score = _fit(weights, *key)
        score += _FIRST_CHORD * (sounding[0].root == home) + _LAST_CHORD * (
            sounding[-1].root == home
        )
        if any(7 - third in chord.intervals for chord in own):  # the other third
            score += _WRONG_THIRD
        resolved = any(
            (one.root - two.root) % 12 == 7 and two.root == home and 4 in one.intervals
            for one, two in itertools.pairwise((*sounding, sounding[0]))
        )
        return score + _CADENCE * resolved

    best = max(_keys(tonic, mode), key=likely)
    if mode is None and all(_has_seventh(sounding, best[0] + step) for step in (0, 5)):
        return best[0], "blues"
    return best


def key_of_song(notes: Sequence[Note], chords: Sequence[Chord]) -> tuple[int, str]:
    """The key of several voices and what chords they make, as a pitch class and a mode.

    The first chord is likely the tonic's, and so are the lowest and the highest note at the end.
    """
    weights = [0.0] * 12
    for note in notes:
        weights[note.pitch % 12] += min(note.duration, _LONG)
    home, end = [0.0] * 12, max(note.start + note.duration for note in notes)
    last = [n.pitch for n in notes if n.start + n.duration > end - _TOGETHER]
    home[min(last) % 12] += _LAST_BASS
    home[max(last) % 12] += _LAST_TOP
    first = next((chord for chord in chords if chord.intervals), None)

    def likely(key: tuple[int, str]) -> float:
        score = _fit(weights, *key) + home[key[0]]
        if first is None or first.root != key[0]:
            return score
        same_mode = (3 in first.intervals) == (3 in SCALES[key[1]])
        return score + (_FIRST_ROOT if same_mode else _FIRST_ROOT / 2)

    return max(_keys(None, None), key=likely)


def _keys(tonic: int | None, mode: str | None) -> Iterable[tuple[int, str]]:
    tonics = range(12) if tonic is None else (tonic,)
    return itertools.product(tonics, _PRIOR if mode is None else (mode,))


def _fit(weights: Sequence[float], tonic: int, mode: str) -> float:
    """How well pitch classes, as long as they sound, are those of a key."""
    scale, score = SCALES[mode], 0.0
    for step in range(12):
        fit = 1.0 if step in scale else _FOREIGN
        if step == _LEADING and mode == "minor":
            fit = _LEADING_FIT
        elif step in scale:
            fit += _TRIAD.get(step, 0.0)
        score += weights[(tonic + step) % 12] * fit
    return score / (sum(weights) or 1.0) + _PRIOR.get(mode, 0.0)


def _has_seventh(chords: Sequence[Chord], root: int) -> bool:
    own = [chord for chord in chords if chord.root == root % 12]
    return bool(own) and all({4, 10} <= set(chord.intervals) for chord in own)
