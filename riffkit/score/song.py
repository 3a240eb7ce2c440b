"""A song: its phrases of two bars, which the players write, one after another.

They stand in the order of songs, A A B A: an A comes back with a melody that ends in another way, B
is played in another manner. The drums play one groove, and a fill where eight bars end.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import replace

from riffkit.score import arrangement, bach, players
from riffkit.score.casting import Part, range_of
from riffkit.score.given import Given
from riffkit.score.harmony import Chord, chord_at, lay_progression, nearest, pitches_within
from riffkit.score.notes import Note, Section, Track
from riffkit.score.plan import Plan
from riffkit.score.ranges import in_range, line_in_range, without_leaps
from riffkit.score.spans import (
    chords_between,
    chords_of_group,
    not_in_silence,
    repeated,
    until,
    whole_bars,
    without_silence,
)
from riffkit.score.style_info import POP_MAJOR, POP_MINOR

FORM = "AABA"
_VERSE = "ABCD"  # of a chorale, as hymns are printed
TRIES = 12  # at what is asked for, until a phrase has it
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


def groups_of(beats_per_bar: int) -> tuple[int, ...]:
    """The groups of beats that a bar is counted in: 3 and 2 of five."""
    return _GROUPS[beats_per_bar]


def progressions_of(plan: Plan) -> tuple[str, ...]:
    """The style's progressions in the plan's mode, or usual ones of the mode."""
    return plan.info.modes.get(plan.mode) or _OTHER_MODES[plan.mode]


class Song:
    """The parts of a score, phrase by phrase.

    `beats` is the length of a bar, `kit` the drums' or "", `seed` what the players' chance is of.
    `form` has a letter for each phrase.
    """

    def __init__(
        self,
        plan: Plan,
        beats: int,
        bars: int,
        kit: str,
        parts: Sequence[Part],
        seed: str,
        given: Given = Given(),  # noqa: B008 (frozen)
    ) -> None:
        self.plan, self.beats, self.kit, self.parts = plan, beats, kit, parts
        self.seed, self.given = seed, given
        self.groups = groups_of(beats)
        known = progressions_of(plan)
        drawn = random.Random(f"{seed} chords").sample(known, min(2, len(known)))
        self.progressions = {"A": drawn[0], "B": drawn[-1]}
        self._phrases: dict[tuple[int, str, tuple[Chord, ...], int], Track] = {}
        self._verse = self._draw_verse(-(-bars // 2))
        order = _VERSE[: len(self._verse)] or FORM
        self.form = "".join(order[place % len(order)] for place in range(-(-bars // 2)))
        self.end = bars * beats

    def sections(self) -> tuple[Section, ...]:
        """A section for each phrase."""
        length = 2.0 * self.beats
        return tuple(
            Section(letter, place * length, min(length, self.end - place * length))
            for place, letter in enumerate(self.form)
        )

    def chords(self) -> tuple[Chord, ...]:
        """The chords, up to the last bar's end."""
        end = float(self.end)
        if self.given.chords:
            return chords_between(self.given.chords, 0.0, end)
        found = []
        for place in range(len(self.form)):
            shift = place * 2 * self.beats
            for chord in self._chords(place):
                if chord.start + shift < end:
                    length = min(chord.duration, end - chord.start - shift)
                    found.append(replace(chord, start=chord.start + shift, duration=length))
        return tuple(found)

    def _chords(self, place: int) -> tuple[Chord, ...]:
        """Of a phrase. In a metre that isn't the style's, the style's come one a bar at most."""
        if self.given.chords:
            begin = float(place * 2 * self.beats)
            sounding = without_silence(self.given.chords)
            return chords_between(sounding, begin, begin + 2 * self.beats)
        if self._verse:
            return self._verse[self.form[place]].chords
        progression = self.progressions[self.form[place]].split()
        if self.beats not in self.plan.info.beats_per_bar and len(progression) > 2:
            progression = [progression[0], progression[len(progression) // 2]]
        return lay_progression(" ".join(progression), self.plan.tonic, 2 * self.beats)

    def _draw_verse(self, n_phrases: int) -> dict[str, bach.Phrase]:
        """Phrases of Bach's, where a chorale is sung over no chords of the user's."""
        is_sung = any(part.voices for part in self.parts)
        if not is_sung or self.given.chords or self.plan.mode not in bach.MODES:
            return {}
        rng = random.Random(f"{self.seed} chorale")
        n_each = min(n_phrases, len(_VERSE))
        verse = bach.draw_verse(self.plan.mode, self.plan.tonic, n_each, rng)
        return dict(zip(_VERSE, verse, strict=False))

    def tracks(self) -> tuple[Track, ...]:
        """The tracks that have notes; what the user brought is in them as it is."""
        settled = [
            self._melody(part) if part is self._singer else self._swung(self._track(part, n))
            for n, part in enumerate(self.parts)
        ]
        if self.given.drums:
            period = whole_bars(self.given.drums, self.beats) * self.beats
            settled += players.percussion(self.kit, repeated(self.given.drums, period, self.end))
        elif self.kit:
            settled += [self._swung(track) for track in self._drums()]
        programs: dict[str, int] = {}  # both hands of a piano have one
        return tuple(
            replace(track, program=programs.setdefault(track.instrument, track.program))
            for track in settled
            if track.notes
        )

    @property
    def _singer(self) -> Part | None:
        """Who plays the user's melody."""
        leads = [part for part in self.parts if part.role == "lead"]
        return leads[0] if leads and self.given.melody else None

    def _melody(self, part: Part) -> Track:
        """The user's melody, in the octave of the instrument that plays it."""
        period = whole_bars(self.given.melody, self.beats) * self.beats
        notes = line_in_range(self.given.melody, *range_of(part.instrument, part.role))
        rng = random.Random(f"{self.seed} {part.instrument}")
        plan = replace(self.plan, rng=rng)
        return players.track_of(plan, part.instrument, part.role, repeated(notes, period, self.end))

    def _swung(self, track: Track) -> Track:
        """With the style's swing, but straight beside what is."""
        info = self.plan.info
        if self.given.is_straight:
            info = replace(info, swing=0.5)
        within = replace(track, notes=until(self.end, track.notes))
        settled = arrangement.settle(within, info, self.end)
        return replace(settled, notes=until(self.end, settled.notes))

    def _track(self, part: Part, number: int) -> Track:
        """A part: what comes again is the same, but for a melody's second bar and its ends."""
        notes: list[Note] = []
        for place, letter in enumerate(self.form):
            chords = self._chords(place)
            phrase = self._phrase(part, number, letter, chords, 0).notes
            if part.role == "lead" and place % 2:
                other = self._phrase(part, number, letter, chords, 1).notes
                phrase = (
                    *(note for note in phrase if note.start < self.beats - 1e-6),
                    *(note for note in other if note.start >= self.beats - 1e-6),
                )
            shift = place * 2 * self.beats
            moved = [note.later(shift) for note in phrase]
            if part.role == "lead" and not part.riff and self._is_end(place):
                stop = min(self.end, shift + 2 * self.beats)
                moved = self._rested(moved, stop, chords)
            notes += moved
        if self.given.chords:
            notes = not_in_silence(notes, self.chords())
        low, high = range_of(part.instrument, part.role)
        notes = [note.at_pitch(in_range(note.pitch, low, high)) for note in notes]
        if part.role in ("lead", "bass"):
            notes = without_leaps(notes, low, high)
        return replace(
            self._phrase(part, number, self.form[0], self._chords(0), 0), notes=tuple(notes)
        )

    def _rested(self, notes: Sequence[Note], end: int, chords: Sequence[Chord]) -> list[Note]:
        """A melody that comes to rest: its last note, one of the chord's, lasts to the end."""
        kept = [note for note in notes if note.start <= end - self.beats / 2 + 1e-6]
        if not kept or kept[-1].start < end - self.beats:
            return list(notes)
        last = kept.pop()
        classes = chord_at(chords, last.start).pitch_classes
        pitch = nearest(float(last.pitch), pitches_within(classes, last.pitch - 6, last.pitch + 6))
        return [*kept, replace(last, pitch=pitch, duration=end - last.start)]

    def _phrase(
        self, part: Part, number: int, letter: str, chords: tuple[Chord, ...], take: int
    ) -> Track:
        """Two bars of a part, always the same; another take where the first bar came out empty."""
        known = (number, letter, chords, take)
        if known not in self._phrases:
            phrase = self._written(part, number, letter, chords, take)
            if take < 2 * TRIES and not any(n.start < self.beats for n in phrase.notes):
                phrase = self._phrase(part, number, letter, chords, take + 2)
            self._phrases[known] = phrase
        return self._phrases[known]

    def _written(
        self, part: Part, number: int, letter: str, chords: tuple[Chord, ...], take: int
    ) -> Track:
        """Two bars, by the players' own chance; a bar of several groups is joined."""
        is_pad = part.role == "pad"
        groups = (self.beats,) if is_pad else self.groups  # held through the bar
        written, first = [], 0
        for group in groups:
            size = group if is_pad or group == 3 else 4
            rng = random.Random(f"{self.seed} {number} {part.instrument} {letter} {take}")
            under = chords_of_group(chords, self.beats, first, group, size)
            plan = replace(self.plan, chords=under, beats_per_bar=size, rng=rng)
            written.append((group, size, self._played(part, letter, plan)))
            first += group
        return self._joined(written)

    def _played(self, part: Part, letter: str, plan: Plan) -> Track:
        if part.voices:
            rng = random.Random(f"{self.seed} chorale {letter}")
            sung = replace(_by_the_beat(plan), rng=rng, phrase=self._verse.get(letter))
            return players.singer(sung, part.instrument, part.voices)
        role = "solo" if len(self.parts) == 1 and not self.kit else part.role
        if part.role == "lead":
            return players.lead(plan, part.instrument, role, riff=part.riff)
        return arrangement.PLAYERS[part.role](plan, part.instrument, role)

    def _joined(self, written: Sequence[tuple[int, int, Track]]) -> Track:
        """Two bars, of each group what was written for it: its bars' beats, and the notes."""
        notes, is_whole = [], len(written) == 1 and written[0][0] == written[0][1]
        for bar in range(2):
            begin = float(bar * self.beats)
            for group, size, track in written:
                for note in track.notes:
                    start = note.start - bar * size
                    if 0 <= start < group - 1e-6:
                        length = note.duration if is_whole else min(note.duration, group - start)
                        notes.append(Note(begin + start, length, note.pitch, note.velocity))
                begin += group
        return replace(written[0][2], notes=tuple(notes))

    def _drums(self) -> list[Track]:
        """One groove, with a fill where eight bars or the song end."""
        found: dict[str, Track] = {}
        grooves = {fill: self._groove(fill=fill) for fill in (False, True)}
        for place in range(len(self.form)):
            for track in grooves[len(self.form) > 1 and self._is_end(place)]:
                shift = place * 2 * self.beats
                moved = tuple(note.later(shift) for note in track.notes)
                held = found.get(track.instrument, replace(track, notes=()))
                found[track.instrument] = replace(held, notes=held.notes + moved)
        return list(found.values())

    def _groove(self, *, fill: bool) -> list[Track]:
        played: dict[int, tuple[int, list[Track]]] = {}
        for group in self.groups:
            size = 3 if group == 3 and 3 in self.plan.info.beats_per_bar else 4
            plan = replace(self.plan, beats_per_bar=size, rng=random.Random(f"{self.seed} drums"))
            played[group] = size, players.drummer(plan, self.kit, fill=fill)
        sections = {track.instrument: track for _, of in played.values() for track in of}
        return [
            self._joined(
                [
                    (group, size, next((t for t in of if t.instrument == name), silent))
                    for group, (size, of) in ((group, played[group]) for group in self.groups)
                ]
            )
            for name, silent in ((n, replace(t, notes=())) for n, t in sections.items())
        ]

    def _is_end(self, place: int) -> bool:
        """Whether eight bars or the song end with a phrase."""
        return place % len(FORM) == len(FORM) - 1 or place == len(self.form) - 1


def _by_the_beat(plan: Plan) -> Plan:
    """With a chord on each beat, as chorales have them."""
    chords = []
    for chord in plan.chords:
        for beat in range(math.ceil(chord.duration)):
            length = min(1.0, chord.duration - beat)
            chords.append(replace(chord, start=chord.start + beat, duration=length))
    return replace(plan, chords=tuple(chords))
