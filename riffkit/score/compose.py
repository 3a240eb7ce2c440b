"""Writes the score that is asked for, of any number of bars.

It is made of phrases of two bars, which the players of riffkit.score.players write. They stand in
the order of songs, A A B A: an A comes back with a melody that ends in another way, B is over other
chords. The drums play one groove, and a fill where eight bars end.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import replace

from riffkit.errors import ParameterError
from riffkit.score import arrangement, players
from riffkit.score.brief import Brief
from riffkit.score.casting import Part, cast, range_of
from riffkit.score.facts import MOODS_OF_MODE, gather_facts, measured_density
from riffkit.score.harmony import Chord, chord_at, lay_progression, nearest, pitches_within
from riffkit.score.notes import Note, Score, Section, Track
from riffkit.score.plan import Plan
from riffkit.score.style_info import POP_MAJOR, POP_MINOR
from riffkit.score.styles import STYLES

MAX_BARS = 512
_FORM = "AABA"
_DENSITIES = ("medium", "medium", "medium", "dense", "sparse")
_TRIES = 12  # at the density that is asked for
_OTHER_MODES = {
    "major": POP_MAJOR,
    "minor": POP_MINOR,
    "dorian": ("i7 IV7", "i IV", "i7 IV9"),
    "phrygian": ("i bII", "i bII bvii i"),
    "mixolydian": ("I bVII IV I", "I bVII"),
    "blues": ("I7 IV7 I7 V7", "I7 IV7"),
}
"""Progressions for a style that has none in the mode."""
_GROUPS = {2: (2,), 3: (3,), 4: (4,), 5: (3, 2), 6: (3, 3), 7: (4, 3), 8: (4, 4), 9: (3, 3, 3)}
_GROUPS |= {10: (4, 3, 3), 11: (4, 4, 3), 12: (4, 4, 4)}
"""How a bar of so many beats is counted."""


def compose(brief: Brief, *, bars: int = 2, seed: int = 0) -> Score:
    """The score for a brief: the same for the same seed, another for another.

    A brief that asks for the tempo, key and metre which the seed drew gives the same score.

    Args:
        brief: what is asked for.
        bars: its length.
        seed: of all that isn't asked for.

    Returns:
        The score. Its notes lie within their instruments' ranges.

    Raises:
        ParameterError: `bars` out of range, or nobody is left to play.

    Example:
        score = compose(Brief(style="funk", instruments=("slap bass", "clavinet")), bars=8)
    """
    if not 1 <= bars <= MAX_BARS:
        raise ParameterError(f"bars={bars}: must be between 1 and {MAX_BARS}")
    rng = random.Random(f"riffkit compose {seed}")
    style = brief.style or _draw_style(brief, rng)
    info = STYLES[style]
    beats = brief.beats_per_bar or (4 if 4 in info.beats_per_bar else info.beats_per_bar[0])
    drawn = _draw_mode(brief, style, rng), rng.randrange(12), rng.choice(_DENSITIES)
    mode, density = brief.mode or drawn[0], brief.density or drawn[2]
    tonic = drawn[1] if brief.tonic is None else brief.tonic
    plan = Plan(style, tonic, mode, (), 4, density, rng)
    has_drums = brief.only_drums or (
        brief.drums if brief.drums is not None else bool(info.grooves) and not brief.instruments
    )
    kit = rng.choice(info.kits or ("acoustic",)) if has_drums else ""
    for attempt in range(_TRIES):
        parts = cast(brief, plan, beats, has_drums)
        song = _Song(plan, beats, kit, parts, f"{seed} {attempt}")
        if brief.density in (None, measured_density(song.tracks(4), 4 * beats)):
            break
    tracks = song.tracks(bars)
    if not tracks:
        raise ParameterError("instruments: none is left to play; ask for one")
    n_pitched = len({part.instrument for part in parts})
    texture = "drums only" if not parts else "solo" if n_pitched == 1 and not kit else ""
    texture = texture or ("duo" if n_pitched + bool(kit) == 2 else "band")
    whole = replace(plan, beats_per_bar=beats)
    facts = gather_facts(seed, whole, tracks, texture, brief.figure or "", kit)
    facts = replace(
        facts,
        bpm=float(brief.bpm or info.default_bpm),
        n_beats=bars * beats,
        density=measured_density(tracks, bars * beats),
        mood=brief.moods or facts.mood,
    )
    return Score(facts, tracks, song.chords(bars), info.mix, _sections(bars, beats))


def _draw_style(brief: Brief, rng: random.Random) -> str:
    """One whose players those that are asked for are, and that has drums and the metre if asked."""
    names = [
        name
        for name, info in STYLES.items()
        if (brief.drums is not True and not brief.only_drums) or info.grooves
    ]
    if brief.beats_per_bar in (3, 6, 9):
        names = [name for name in names if 3 in STYLES[name].beats_per_bar] or names
    elif brief.beats_per_bar is not None:
        names = [name for name in names if 4 in STYLES[name].beats_per_bar] or names
    asked = set(brief.instruments)
    # Each by a key of its own (Efraimidis and Spirakis 2006), so that fewer names change nothing.
    luck = {name: rng.random() for name in STYLES}

    def key(name: str) -> float:
        info = STYLES[name]
        weight = info.weight * 8.0 ** len(asked & arrangement.instruments_of(info))
        return math.log(luck[name]) / weight

    return max(names, key=key)


def _draw_mode(brief: Brief, style: str, rng: random.Random) -> str:
    modes = tuple(STYLES[style].modes)
    for is_minor, moods in MOODS_OF_MODE.items():
        if set(moods) & set(brief.moods):
            fitting = [m for m in modes if (m not in ("major", "mixolydian")) == is_minor]
            return rng.choice(fitting or ["minor" if is_minor else "major"])
    return rng.choice(modes)


class _Song:
    """The parts of a score, phrase by phrase."""

    def __init__(self, plan: Plan, beats: int, kit: str, parts: Sequence[Part], seed: str) -> None:
        self.plan, self.beats, self.kit, self.parts, self.seed = plan, beats, kit, parts, seed
        self.groups = _GROUPS[beats]
        known = plan.info.modes.get(plan.mode) or _OTHER_MODES[plan.mode]
        drawn = plan.rng.sample(known, min(2, len(known)))
        self.progressions = {"A": drawn[0], "B": drawn[-1]}
        self._phrases: dict[tuple[int, str, int], Track] = {}

    def chords(self, bars: int) -> tuple[Chord, ...]:
        """The chords, up to the last bar's end."""
        end, found = float(bars * self.beats), []
        for number, letter in enumerate(_letters(bars)):
            shift = number * 2 * self.beats
            for chord in self._chords(letter, self.beats):
                if chord.start + shift < end:
                    length = min(chord.duration, end - chord.start - shift)
                    found.append(replace(chord, start=chord.start + shift, duration=length))
        return tuple(found)

    def _chords(self, letter: str, beats: int) -> tuple[Chord, ...]:
        """Of two bars of so many beats: in a metre that isn't the style's, at most one a bar."""
        progression = self.progressions[letter].split()
        if self.beats not in self.plan.info.beats_per_bar and len(progression) > 2:
            progression = [progression[0], progression[len(progression) // 2]]
        return lay_progression(" ".join(progression), self.plan.tonic, 2 * beats)

    def tracks(self, bars: int) -> tuple[Track, ...]:
        letters, end = _letters(bars), bars * self.beats
        tracks = [self._track(part, n, letters, end) for n, part in enumerate(self.parts)]
        tracks += self._drums(letters) if self.kit else []
        programs: dict[str, int] = {}  # both hands of a piano have one
        settled = []
        for track in tracks:
            program = programs.setdefault(track.instrument, track.program)
            within = replace(track, program=program, notes=_until(end, track.notes))
            whole = arrangement.settle(within, self.plan.info, end)
            settled.append(replace(whole, notes=_until(end, whole.notes)))
        return tuple(track for track in settled if track.notes)

    def _track(self, part: Part, number: int, letters: Sequence[str], end: int) -> Track:
        """A part: what comes again is the same, but for a melody's second bar and its ends."""
        notes: list[Note] = []
        for place, letter in enumerate(letters):
            phrase = self._phrase(part, number, letter, 0).notes
            if part.role == "lead" and place % 2:
                other = self._phrase(part, number, letter, 1).notes
                phrase = (
                    *(note for note in phrase if note.start < self.beats - 1e-6),
                    *(note for note in other if note.start >= self.beats - 1e-6),
                )
            shift = place * 2 * self.beats
            moved = [replace(note, start=note.start + shift) for note in phrase]
            if part.role == "lead" and not part.riff and _is_end(place, letters):
                until = min(end, shift + 2 * self.beats)
                moved = self._rested(moved, until, self._chords(letter, self.beats))
            notes += moved
        low, high = range_of(part.instrument, part.role)
        notes = [replace(note, pitch=_in_range(note.pitch, low, high)) for note in notes]
        if part.role in ("lead", "bass"):
            notes = _without_leaps(notes, low, high)
        return replace(self._phrase(part, number, "A", 0), notes=tuple(notes))

    def _rested(self, notes: Sequence[Note], end: int, chords: Sequence[Chord]) -> list[Note]:
        """A melody that comes to rest: its last note, one of the chord's, lasts to the end."""
        kept = [note for note in notes if note.start <= end - self.beats / 2 + 1e-6]
        if not kept or kept[-1].start < end - self.beats:
            return list(notes)
        last = kept.pop()
        classes = chord_at(chords, last.start).pitch_classes
        pitch = nearest(float(last.pitch), pitches_within(classes, last.pitch - 6, last.pitch + 6))
        return [*kept, replace(last, pitch=pitch, duration=end - last.start)]

    def _phrase(self, part: Part, number: int, letter: str, take: int) -> Track:
        """Two bars of a part, always the same; another take where the first bar came out empty."""
        known = (number, letter, take)
        if known not in self._phrases:
            phrase = self._written(part, number, letter, take)
            if take < 2 * _TRIES and not any(n.start < self.beats for n in phrase.notes):
                phrase = self._phrase(part, number, letter, take + 2)
            self._phrases[known] = phrase
        return self._phrases[known]

    def _written(self, part: Part, number: int, letter: str, take: int) -> Track:
        """Two bars, by the players' own chance; a bar of several groups is joined."""
        groups = (self.beats,) if part.role == "pad" else self.groups  # held through the bar
        written = {}
        for group in groups:
            size = group if part.role == "pad" or group == 3 else 4
            rng = random.Random(f"{self.seed} {number} {part.instrument} {letter} {take}")
            chords = self._chords(letter, size)
            plan = replace(self.plan, chords=chords, beats_per_bar=size, rng=rng)
            written[group] = size, self._played(part, plan)
        return self._joined(groups, written)

    def _played(self, part: Part, plan: Plan) -> Track:
        if part.role == "chorale":
            return players.chorale(plan, part.instrument)[0]
        role = "solo" if len(self.parts) == 1 and not self.kit else part.role
        if part.role == "lead":
            return players.lead(plan, part.instrument, role, riff=part.riff)
        return arrangement.PLAYERS[part.role](plan, part.instrument, role)

    def _joined(self, groups: Sequence[int], written: dict[int, tuple[int, Track]]) -> Track:
        """Two bars, of each group what was written for it: its bars' beats, and the notes."""
        notes = []
        for bar in range(2):
            begin = float(bar * self.beats)
            for group in groups:
                size, track = written[group]
                for note in track.notes:
                    start = note.start - bar * size
                    if 0 <= start < group - 1e-6:
                        whole = groups == (size,)
                        length = note.duration if whole else min(note.duration, group - start)
                        notes.append(replace(note, start=begin + start, duration=length))
                begin += group
        return replace(written[groups[0]][1], notes=tuple(notes))

    def _drums(self, letters: Sequence[str]) -> list[Track]:
        """One groove, with a fill where eight bars or the song end."""
        found: dict[str, Track] = {}
        grooves = {fill: self._groove(fill=fill) for fill in (False, True)}
        for place in range(len(letters)):
            for track in grooves[len(letters) > 1 and _is_end(place, letters)]:
                shift = place * 2 * self.beats
                moved = tuple(replace(note, start=note.start + shift) for note in track.notes)
                held = found.get(track.instrument, replace(track, notes=()))
                found[track.instrument] = replace(held, notes=held.notes + moved)
        return list(found.values())

    def _groove(self, *, fill: bool) -> list[Track]:
        by_group = {}
        for group in self.groups:
            size = 3 if group == 3 and 3 in self.plan.info.beats_per_bar else 4
            plan = replace(self.plan, beats_per_bar=size, rng=random.Random(f"{self.seed} drums"))
            by_group[group] = size, players.drummer(plan, self.kit, fill=fill)
        sections = {track.instrument: track for _, of in by_group.values() for track in of}
        return [
            self._joined(
                self.groups,
                {
                    group: (size, next((t for t in of if t.instrument == name), silent))
                    for group, (size, of) in by_group.items()
                },
            )
            for name, silent in ((n, replace(t, notes=())) for n, t in sections.items())
        ]


def _letters(bars: int) -> list[str]:
    """The phrase that each two bars play."""
    return [_FORM[number % len(_FORM)] for number in range(-(-bars // 2))]


def _sections(bars: int, beats: int) -> tuple[Section, ...]:
    """The phrases, the last one bar where their number is odd."""
    starts = range(0, bars * beats, 2 * beats)
    return tuple(
        Section(letter, float(start), float(min(2 * beats, bars * beats - start)))
        for letter, start in zip(_letters(bars), starts, strict=True)
    )


def _is_end(place: int, letters: Sequence[str]) -> bool:
    """Whether eight bars or the song end with a phrase."""
    return place % len(_FORM) == len(_FORM) - 1 or place == len(letters) - 1


def _until(end: int, notes: Sequence[Note]) -> tuple[Note, ...]:
    """The notes that begin before the end, and no longer than that."""
    return tuple(
        replace(note, duration=min(note.duration, end - note.start))
        for note in notes
        if note.start < end - 1e-6
    )


def _in_range(pitch: int, low: int, high: int) -> int:
    """The pitch in the nearest octave that lies within."""
    while pitch < low:
        pitch += 12
    while pitch > high:
        pitch -= 12
    return pitch


def _without_leaps(line: Sequence[Note], low: int, high: int) -> list[Note]:
    """A line whose leaps of more than an octave are an octave smaller, where the range allows."""
    bent: list[Note] = []
    for note in sorted(line, key=lambda note: note.start):
        pitch = note.pitch
        if bent and pitch - bent[-1].pitch > 12 and pitch - 12 >= low:
            pitch -= 12
        elif bent and bent[-1].pitch - pitch > 12 and pitch + 12 <= high:
            pitch += 12
        bent.append(replace(note, pitch=pitch))
    return bent
