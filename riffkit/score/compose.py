"""Writes the score that is asked for, of any number of bars.

It is made of phrases of two bars, which the players of riffkit.score.players write. They stand in
the order of songs, A A B A: an A comes back with a melody that ends in another way, B is over other
chords. The drums play one groove, and a fill where eight bars end.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from riffkit.errors import ParameterError
from riffkit.score import arrangement, players
from riffkit.score.brief import Brief
from riffkit.score.facts import MOODS_OF_MODE, gather_facts
from riffkit.score.harmony import Chord, lay_progression
from riffkit.score.instruments import INSTRUMENTS
from riffkit.score.notes import Note, Score, Track
from riffkit.score.plan import Plan
from riffkit.score.style_info import POP_MAJOR, POP_MINOR
from riffkit.score.styles import STYLES

MAX_BARS = 512
_FORM = "AABA"
_OTHER_MODES = {
    "major": POP_MAJOR,
    "minor": POP_MINOR,
    "dorian": ("i7 IV7", "i IV", "i7 IV9"),
    "phrygian": ("i bII", "i bII bvii i"),
    "mixolydian": ("I bVII IV I", "I bVII"),
    "blues": ("I7 IV7 I7 V7", "I7 IV7"),
}
"""Progressions for a style that has none in the mode."""
_GROUPS = {2: (2,), 5: (3, 2), 6: (3, 3), 7: (4, 3), 8: (4, 4), 9: (3, 3, 3), 10: (4, 3, 3)}
_GROUPS |= {3: (3,), 4: (4,), 11: (4, 4, 3), 12: (4, 4, 4)}
"""How a bar of so many beats is counted."""
_LOWEST = {"bass": 23, "timpani": 40}


@dataclass(frozen=True)
class Part:
    """A player: role, instrument, and whether a lead plays a riff."""

    role: str
    instrument: str
    riff: bool = False


def compose(brief: Brief = Brief(), *, bars: int = 2, seed: int = 0) -> Score:  # noqa: B008
    """The score for a brief: the same for the same seed, another for another.

    Args:
        brief: what is asked for.
        bars: its length.
        seed: of all that isn't asked for.

    Returns:
        The score. Its notes lie within their instruments' ranges.

    Raises:
        ParameterError: `bars` out of range.

    Example:
        score = compose(Brief(style="funk", instruments=("slap bass", "clavinet")), bars=8)
    """
    if not 1 <= bars <= MAX_BARS:
        raise ParameterError(f"bars={bars}: must be between 1 and {MAX_BARS}")
    rng = random.Random(f"riffkit compose {seed}")
    style = brief.style or _draw_style(brief, rng)
    info = STYLES[style]
    beats = brief.beats_per_bar or (4 if 4 in info.beats_per_bar else info.beats_per_bar[0])
    mode = brief.mode or _draw_mode(brief, style, rng)
    tonic = rng.randrange(12) if brief.tonic is None else brief.tonic
    density = brief.density or rng.choice(("medium", "medium", "medium", "dense", "sparse"))
    plan = Plan(style, tonic, mode, (), 4, density, rng)
    has_drums = brief.only_drums or (
        brief.drums if brief.drums is not None else bool(info.grooves) and not brief.instruments
    )
    parts = () if brief.only_drums else _parts(brief, plan, has_drums)
    kit = rng.choice(info.kits or ("acoustic",)) if has_drums else ""
    song = _Song(plan, beats, kit, parts, seed)
    tracks = song.tracks(bars)
    n_pitched = len({part.instrument for part in parts})
    texture = "drums only" if not parts else "solo" if n_pitched == 1 and not kit else ""
    texture = texture or ("duo" if n_pitched + bool(kit) == 2 else "band")
    whole = replace(plan, beats_per_bar=beats)
    facts = gather_facts(seed, whole, tracks, texture, brief.figure or "", kit)
    facts = replace(
        facts,
        bpm=float(brief.bpm or info.default_bpm),
        n_beats=bars * beats,
        mood=brief.moods or facts.mood,
        density=density,
    )
    return Score(facts, tracks, song.chords(bars), info.mix, "".join(_letters(bars)))


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
    weights = [
        STYLES[name].weight * 8.0 ** len(asked & arrangement.instruments_of(STYLES[name]))
        for name in names
    ]
    return rng.choices(names, weights)[0]


def _draw_mode(brief: Brief, style: str, rng: random.Random) -> str:
    modes = tuple(STYLES[style].modes)
    for is_minor, moods in MOODS_OF_MODE.items():
        if set(moods) & set(brief.moods):
            fitting = [m for m in modes if (m not in ("major", "mixolydian")) == is_minor]
            return rng.choice(fitting or ["minor" if is_minor else "major"])
    return rng.choice(modes)


def _parts(brief: Brief, plan: Plan, has_drums: bool) -> tuple[Part, ...]:
    """The players; each instrument that is asked for, or a band of the style's."""
    if not brief.instruments:
        drawn = arrangement.draw_band(plan)
        return tuple(Part(role, name) for role, name in drawn)
    parts = []
    free = list(brief.instruments)
    if len(free) > 1 or has_drums:
        for name in [n for n in free if set(INSTRUMENTS[n].figures) == {"b"}][:1]:
            parts.append(Part("bass", name))
            free.remove(name)
    if len(free) == 1:
        return (*_alone(brief, plan, free[0], bool(parts) or has_drums), *parts)
    leads = sorted(free, key=lambda name: _leads(name, plan), reverse=True)[:1]
    for name in free:
        if name in leads:
            riff = brief.figure == "riff" or not set(INSTRUMENTS[name].figures) & set("mp")
            parts.append(Part("lead", name, riff))
        else:
            parts.append(Part(_role_behind(name, parts, plan), name))
    return tuple(parts)


def _leads(name: str, plan: Plan) -> tuple[bool, bool, bool]:
    """What makes an instrument the lead: it can, can nothing else, and does in the style."""
    figures = set(INSTRUMENTS[name].figures)
    return "m" in figures, not figures & set("cab"), name in plan.info.leads


def _role_behind(name: str, parts: Sequence[Part], plan: Plan) -> str:
    """What an instrument plays behind a lead."""
    instrument, taken = INSTRUMENTS[name], {part.role for part in parts}
    figures = set(instrument.figures)
    if instrument.sustains and (figures == {"c"} or "comp" in taken) and "pad" not in taken:
        return "pad"
    if figures & set("cp") and "comp" not in taken:
        return "comp"
    if "a" in figures and "arp" not in taken:
        return "arp"
    if figures & set("cp"):
        return "comp"
    return "bass" if figures == {"b"} else "arp" if "a" in figures else "lead"


def _alone(brief: Brief, plan: Plan, name: str, accompanied: bool) -> tuple[Part, ...]:
    """What one instrument plays that has no others, but a bass or drums, beside it."""
    able = {"m": "melody", "c": "chords", "a": "arpeggio", "r": "riff", "b": "bass line"}
    figures = INSTRUMENTS[name].figures
    figure = brief.figure or able.get(plan.rng.choice(figures.replace("p", "m")), "melody")
    role = {"chords": "comp", "arpeggio": "arp", "bass line": "bass"}.get(figure, "lead")
    part = Part(role, name, riff=figure == "riff")
    if "p" in figures and role == "lead" and not part.riff and not accompanied:
        return part, Part("comp", name)
    return (part,)


class _Song:
    """The parts of a score, phrase by phrase."""

    def __init__(self, plan: Plan, beats: int, kit: str, parts: Sequence[Part], seed: int) -> None:
        self.plan, self.beats, self.kit, self.parts, self.seed = plan, beats, kit, parts, seed
        self.groups = _GROUPS[beats]
        known = plan.info.modes.get(plan.mode) or _OTHER_MODES[plan.mode]
        drawn = plan.rng.sample(known, min(2, len(known)))
        self.progressions = {"A": drawn[0], "B": drawn[-1]}

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
        """Of two bars of so many beats: an odd metre has at most one chord a bar."""
        progression = self.progressions[letter].split()
        if len(self.groups) > 1 and len(progression) > 2:
            progression = [progression[0], progression[len(progression) // 2]]
        return lay_progression(" ".join(progression), self.plan.tonic, 2 * beats)

    def tracks(self, bars: int) -> tuple[Track, ...]:
        letters = _letters(bars)
        tracks = [self._track(part, number, letters) for number, part in enumerate(self.parts)]
        tracks += self._drums(letters) if self.kit else []
        end = bars * self.beats
        cut = (
            replace(track, notes=_within(track.notes, end))
            for track in (arrangement.settle(track, self.plan.info, end) for track in tracks)
        )
        return tuple(track for track in cut if track.notes)

    def _track(self, part: Part, number: int, letters: Sequence[str]) -> Track:
        """A part: what comes again is the same, but for a melody's second bar."""
        notes: list[Note] = []
        first = self._phrase(part, number, "A", 0)
        for place, letter in enumerate(letters):
            take = place % 2 if part.role == "lead" else 0
            phrase = self._phrase(part, number, letter, 0).notes
            if take:
                other = self._phrase(part, number, letter, take).notes
                phrase = (
                    *(note for note in phrase if note.start < self.beats - 1e-6),
                    *(note for note in other if note.start >= self.beats - 1e-6),
                )
            shift = place * 2 * self.beats
            notes += [replace(note, start=note.start + shift) for note in phrase]
        return replace(first, notes=tuple(_in_range(note, part) for note in notes))

    def _phrase(self, part: Part, number: int, letter: str, take: int) -> Track:
        """Two bars of a part, by the players' own chance; a bar of several groups is joined."""
        written = {}
        for size in {max(3, group) for group in self.groups}:
            rng = random.Random(f"{self.seed} {number} {part.instrument} {letter} {take}")
            chords = self._chords(letter, size)
            plan = replace(self.plan, chords=chords, beats_per_bar=size, rng=rng)
            role = "solo" if len(self.parts) == 1 and not self.kit else part.role
            if part.role == "lead":
                written[size] = players.lead(plan, part.instrument, role, riff=part.riff)
            else:
                write = arrangement.PLAYERS[part.role]
                written[size] = write(plan, part.instrument, role)
        return self._joined(written)

    def _joined(self, written: dict[int, Track]) -> Track:
        """Tracks of two bars each, by their beats a bar, as one of two bars of the song's metre."""
        first = next(iter(written.values()))
        notes = []
        for bar in range(2):
            begin = float(bar * self.beats)
            for group in self.groups:
                size = max(3, group)
                for note in written[size].notes:
                    start = note.start - bar * size
                    if 0 <= start < group - 1e-6:
                        length = min(note.duration, group - start)
                        if len(self.groups) == 1 and group == size:
                            length = note.duration
                        notes.append(replace(note, start=begin + start, duration=length))
                begin += group
        return replace(first, notes=tuple(notes))

    def _drums(self, letters: Sequence[str]) -> list[Track]:
        """One groove, with a fill where eight bars or the song end."""
        found: dict[str, Track] = {}
        for place in range(len(letters)):
            is_end = len(letters) > 1 and (place % 4 == 3 or place == len(letters) - 1)
            for track in self._groove(fill=is_end):
                shift = place * 2 * self.beats
                moved = tuple(replace(note, start=note.start + shift) for note in track.notes)
                held = found.get(track.instrument, replace(track, notes=()))
                found[track.instrument] = replace(held, notes=held.notes + moved)
        return list(found.values())

    def _groove(self, *, fill: bool) -> list[Track]:
        by_size = {}
        for size in {max(3, group) for group in self.groups}:
            rng = random.Random(f"{self.seed} drums")
            plan = replace(self.plan, beats_per_bar=size, rng=rng)
            by_size[size] = players.drummer(plan, self.kit, fill=fill)
        names = dict.fromkeys(track.instrument for of in by_size.values() for track in of)
        return [
            self._joined(
                {
                    size: next((t for t in of if t.instrument == name), replace(of[0], notes=()))
                    for size, of in by_size.items()
                }
            )
            for name in names
        ]


def _letters(bars: int) -> list[str]:
    """The phrase that each two bars play."""
    return [_FORM[number % len(_FORM)] for number in range(-(-bars // 2))]


def _within(notes: Sequence[Note], end: float) -> tuple[Note, ...]:
    """The notes that begin before the end."""
    return tuple(note for note in notes if note.start < end - 1e-6)


def _in_range(note: Note, part: Part) -> Note:
    """The note in the octave nearest to its own that the instrument has."""
    low, high = range_of(part.instrument, part.role)
    pitch = note.pitch
    while pitch < low:
        pitch += 12
    while pitch > high:
        pitch -= 12
    return replace(note, pitch=pitch)


def range_of(instrument: str, role: str) -> tuple[int, int]:
    """The lowest and the highest pitch: chords and bass lines reach below a melody's range."""
    player = INSTRUMENTS[instrument]
    if set(player.figures) == {"b"}:
        return min(player.low, _LOWEST.get(instrument, 28)), player.high
    low = player.low - 12 if role in ("bass", "comp", "arp") and player.low < 60 else player.low
    return low, player.high
