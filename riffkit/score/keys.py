"""The key of notes, and of chords: the scale that they fit, and the note that they come home to."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterable, Mapping, Sequence

from riffkit.analysis.key_profile import MAJOR, MINOR
from riffkit.score.harmony import SCALES, Chord
from riffkit.score.notes import Note

_MODES = ("major", "minor", "dorian", "mixolydian", "phrygian")
_RARE = {"dorian": 0.07, "mixolydian": 0.07, "phrygian": 0.15}
_LAST, _FIRST = 0.03, 0.03  # of a melody: on the tonic; on the tonic or fifth
_MODAL_SEVENTH = {10: 0.08, 11: 0.015}  # no leading tone
_LEAST = 0.04  # of a profile is spread evenly: a single foreign note decides nothing
_FOREIGN = -1.5  # of chords: a note that isn't the scale's; of the scale's, one counts 1
_LEADING, _LEADING_FIT = 11, 0.0  # the raised seventh of minor
_TRIAD = {0: 0.3, 7: 0.2, 3: 0.2, 4: 0.2}
_FIRST_CHORD, _LAST_CHORD, _CADENCE, _WRONG_THIRD = 0.25, 0.1, 0.25, -0.5
_FIRST_ROOT, _LAST_BASS, _LAST_TOP = 0.25, 0.15, 0.1  # of a song
_TOGETHER = 0.3  # beats: notes that end so near each other end together
_LONG = 2.0  # beats: a note that is held for longer says no more of the key


def key_of_notes(
    notes: Sequence[Note], *, tonic: int | None = None, mode: str | None = None
) -> tuple[int, str]:
    """The key of a melody, as a pitch class and a mode; a `tonic` or `mode` that is given stays.

    The notes are likeliest in it, by how often each degree of a key is played.
    """
    ordered = sorted(notes, key=lambda note: (note.start, note.pitch))
    weights = [0.0] * 12
    for note in ordered:
        weights[note.pitch % 12] += math.sqrt(min(note.duration, _LONG))
    first, last = ordered[0].pitch, ordered[-1].pitch

    def likely(key: tuple[int, str]) -> float:
        home, profile = key[0], _profiles()[key[1]]
        score = sum(weights[(home + step) % 12] * profile[step] for step in range(12))
        score = score / sum(weights) - _RARE.get(key[1], 0.0)
        return score + _LAST * (last % 12 == home) + _FIRST * ((first - home) % 12 in (0, 7))

    return max(_keys(tonic, mode), key=likely)


@functools.cache
def _profiles() -> dict[str, list[float]]:
    """The logarithms of how often degrees are played; modes are major or minor with other steps.

    Blues, which only a user names, is minor.
    """
    shares = {
        "major": MAJOR,
        "minor": MINOR,
        "dorian": _changed(MINOR, {8: 0.011, 9: 0.062, **_MODAL_SEVENTH}),
        "phrygian": _changed(MINOR, {1: 0.073, 2: 0.006, **_MODAL_SEVENTH}),
        "mixolydian": _changed(MAJOR, _MODAL_SEVENTH),
        "blues": MINOR,
    }
    return {
        mode: [math.log((1 - _LEAST) * share / sum(of) + _LEAST / 12) for share in of]
        for mode, of in shares.items()
    }


def _changed(profile: Sequence[float], steps: Mapping[int, float]) -> list[float]:
    return [steps.get(step, share) for step, share in enumerate(profile)]


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
    return itertools.product(tonics, _MODES if mode is None else (mode,))


def _fit(weights: Sequence[float], tonic: int, mode: str) -> float:
    """How well the pitch classes of chords, as long as they sound, are those of a key."""
    scale, score = SCALES[mode], 0.0
    for step in range(12):
        fit = 1.0 if step in scale else _FOREIGN
        if step == _LEADING and mode == "minor":
            fit = _LEADING_FIT
        elif step in scale:
            fit += _TRIAD.get(step, 0.0)
        score += weights[(tonic + step) % 12] * fit
    return score / (sum(weights) or 1.0) - _RARE.get(mode, 0.0) / 2


def _has_seventh(chords: Sequence[Chord], root: int) -> bool:
    own = [chord for chord in chords if chord.root == root % 12]
    return bool(own) and all({4, 10} <= set(chord.intervals) for chord in own)
