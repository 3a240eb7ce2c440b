"""Gives a score, such as a MIDI file's, the instruments and the sound of a prompt's style."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from riffkit.errors import ParameterError, unknown
from riffkit.score import players
from riffkit.score.brief import Brief
from riffkit.score.casting import range_of
from riffkit.score.harmony import key_names
from riffkit.score.instruments import INSTRUMENTS
from riffkit.score.notes import Note, Score, Track
from riffkit.score.plan import Plan
from riffkit.score.ranges import line_in_range
from riffkit.score.styles import STYLES

_USUAL_STYLE = "pop"


def arranged(score: Score, brief: Brief, tracks: Mapping[int, str]) -> Score:
    """A score in a style: its notes, with the style's balance, places, room and kit.

    A score that is in that style already stays as it is, but for instruments that are replaced.

    Args:
        score: any score; its tempo, metre, length and key are kept.
        brief: what the prompt asks for; its style and moods are used. Without a style the score's
            own is, or pop.
        tracks: instruments in the place of others, by the tracks' numbers, as `riff inspect` shows
            them. Notes that they can't play are moved by octaves.

    Returns:
        The score, always the same.

    Raises:
        ParameterError: a number that no track has, the drums', or an unknown instrument.

    Example:
        arranged(read_score(path).score, Brief(style="bossa nova"), {2: "violin"})
    """
    for number, name in tracks.items():
        _check(score, number, name)
    style = brief.style or (score.facts.style if score.facts.style in STYLES else _USUAL_STYLE)
    info, facts = STYLES[style], score.facts
    kit = facts.kit if facts.kit in info.kits else (info.kits or ("acoustic",))[0]
    plan = Plan(
        style, 0, facts.mode or "major", (), facts.beats_per_bar, facts.density, random.Random()
    )
    is_own = style == facts.style
    pitched = [
        track
        if is_own and tracks.get(number) in (None, track.instrument)
        else _played(track, number, tracks.get(number), plan)
        for number, track in enumerate((t for t in score.tracks if not t.is_drums), 1)
    ]
    is_of_style = brief.style not in (None, facts.style)
    drums = [note for track in score.tracks if track.is_drums for note in track.notes]
    balanced: Sequence[Track] = [track for track in score.tracks if track.is_drums]
    if not is_own:
        balanced = players.percussion(kit, sorted(drums, key=lambda note: (note.start, note.pitch)))
    found = replace(
        facts,
        style=style,
        instruments=tuple(dict.fromkeys(track.instrument for track in pitched)),
        mood=brief.moods or (() if is_of_style else facts.mood),
        kit=kit if drums else "",
    )
    mix = score.mix if is_own else info.mix
    return replace(score, facts=found, tracks=(*pitched, *balanced), mix=mix)


def transposed(score: Score, semitones: int) -> Score:
    """A score with all but the drums higher by that much."""
    if not semitones or score.facts.key is None or score.facts.mode is None:
        return score
    names = key_names(score.facts.mode)
    key = names[(names.index(score.facts.key) + semitones) % 12]
    tracks = tuple(
        track
        if track.is_drums
        else replace(
            track, notes=tuple(replace(n, pitch=_in_midi(n.pitch + semitones)) for n in track.notes)
        )
        for track in score.tracks
    )
    chords = tuple(
        replace(
            chord,
            root=(chord.root + semitones) % 12,
            bass=None if chord.bass is None else (chord.bass + semitones) % 12,
        )
        for chord in score.chords
    )
    return replace(score, facts=replace(score.facts, key=key), tracks=tracks, chords=chords)


def _in_midi(pitch: int) -> int:
    """The pitch, an octave away where MIDI has none so high or low."""
    return pitch - 12 if pitch > 127 else pitch + 12 if pitch < 0 else pitch


def kept_of(score: Score, brief: Brief, *, metre_of: str = "prompt") -> Iterator[str]:
    """Notes for the user on what a prompt asks for and a score has otherwise.

    `metre_of` is what asks for the metre.
    """
    facts = score.facts
    if brief.beats_per_bar not in (None, facts.beats_per_bar):
        yield (
            f"{metre_of}: {brief.beats_per_bar} beats per bar aren't used; the score's "
            f"{facts.beats_per_bar} are kept"
        )
    missing = [name for name in brief.instruments if name not in facts.instruments]
    if missing:
        yield (
            f"prompt: {', '.join(missing)}: not in the score; set `track` to play one of its "
            f"tracks, such as 1={missing[0]}"
        )


def _check(score: Score, number: int, name: str) -> None:
    """The drums are the last track, whatever parts they have."""
    n_pitched = sum(not track.is_drums for track in score.tracks)
    last = n_pitched + any(track.is_drums for track in score.tracks)
    if not 1 <= number <= last:
        raise ParameterError(f"track={number}: the score has tracks 1 to {last}")
    if number > n_pitched:
        raise ParameterError(f"track={number}: is the drums, which no instrument can play")
    if name not in INSTRUMENTS:
        raise ParameterError(f"track={number}: {unknown(name, INSTRUMENTS)}")


def _played(track: Track, number: int, name: str | None, plan: Plan) -> Track:
    """A track as the style's players would have it, perhaps on another instrument."""
    instrument = name or track.instrument
    rng = random.Random(f"riffkit arranged {number} {instrument}")
    made = players.track_of(replace(plan, rng=rng), instrument, track.role, track.notes)
    if name is None or name == track.instrument:
        return replace(track, level_db=made.level_db, pan=made.pan, send=made.send)
    low, high = range_of(name, track.role)
    return replace(made, notes=_once(line_in_range(track.notes, low, high)))


def _once(notes: Sequence[Note]) -> tuple[Note, ...]:
    """Notes that octaves have brought together are struck once, as long as the longest."""
    found: dict[tuple[float, int], Note] = {}
    for note in notes:
        before = found.get((note.start, note.pitch))
        if before is None or before.duration < note.duration:
            found[note.start, note.pitch] = note
    return tuple(sorted(found.values(), key=lambda note: (note.start, note.pitch)))
