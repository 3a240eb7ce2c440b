"""The players: each makes one track of a plan, on one instrument."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from riffkit.score import comping, drums, lines
from riffkit.score.bach import Phrase
from riffkit.score.general_midi import drum_section_of
from riffkit.score.harmony import PENTATONIC
from riffkit.score.instruments import INSTRUMENTS, KITS
from riffkit.score.notes import Note, Track
from riffkit.score.phrases import ARPEGGIO, BASS, COMPING, MELODY
from riffkit.score.plan import Plan

_LEVEL_DB = {"bass": -18.0, "lead": -17.0, "comp": -20.0, "pad": -25.0, "arp": -20.0, "solo": -16.0}
_WIDTH = {"bass": 0.0, "solo": 0.1, "lead": 0.15, "pad": 0.2, "comp": 0.45, "arp": 0.45}
_ANY_GROOVE = ("soft",)  # of a style that has no drums, or not in that metre
_KIT_DB = {"electronic": 1.0, "808": 1.0, "power": 1.0, "brushes": -2.0}
_BASS_LOW = {"timpani": 41, "cello": 36, "square lead": 45}
_HEAVY = frozenset(("distorted guitar", "overdriven guitar"))
_RINGING = frozenset(
    (
        "piano",
        "harp",
        "acoustic guitar",
        "electric piano",
        "vibraphone",
        "kalimba",
        "music box",
        "celesta",
        "harpsichord",
        "electric guitar",
        "banjo",
    )
)
_QUARTET = (("cello", 0.35), ("viola", 0.12), ("violin", -0.12), ("violin", -0.35))


def lead(plan: Plan, name: str, role: str, riff: bool = False) -> Track:
    """A melody in the style's manner; a riff is short-breathed and stays low."""
    rng, player = plan.rng, INSTRUMENTS[name]
    families = ("riff", "hook") if riff else plan.info.melodies
    if plan.beats_per_bar == 3:
        families = ("waltz",)
    family = rng.choice(families)
    if plan.density == "sparse" and "lyrical" in families and rng.random() < 0.5:
        family = "long"
    pentatonic = rng.random() < plan.info.pentatonic
    scale = PENTATONIC[plan.mode] if pentatonic else plan.scale
    low, high = player.low, player.high
    if riff and high - low > 20:
        high = low + 16
    notes = lines.melody(
        plan.chords,
        scale,
        plan.tonic,
        MELODY[family],
        plan.beats_per_bar,
        low + 2,
        high - 3,
        rng,
        keep=plan.keep,
    )
    return track_of(plan, name, role, notes)


def comp(plan: Plan, name: str, role: str) -> Track:
    """Chords in the style's rhythm; power chords on a distorted guitar."""
    rng = plan.rng
    family = rng.choice(plan.info.comping)
    if plan.beats_per_bar == 3 and family != "oompah":
        family = "strum three"
    if role == "solo" and family == "pad" and not INSTRUMENTS[name].sustains:
        family = "halves"
    if name in _HEAVY:
        voiced = comping.power_voicings(plan.chords, rng.choice((40, 40, 43)))
    else:
        n_voices = 3 if plan.density == "sparse" or rng.random() < 0.3 else 4
        voiced = comping.voicings(plan.chords, rng.choice((57, 60, 62)), n_voices)
    rhythm = rng.choice(COMPING[family])
    notes = comping.block_chords(
        plan.chords,
        voiced,
        rhythm,
        plan.beats_per_bar,
        rng,
        keep=plan.keep,
        legato=family in ("pad", "halves"),
    )
    return track_of(plan, name, role, notes)


def pad(plan: Plan, name: str, role: str) -> Track:
    """Three voices held as long as the chord."""
    voiced = comping.voicings(plan.chords, plan.rng.choice((60, 64, 67)), 3)
    held = "X" + "-" * (4 * plan.beats_per_bar - 1)
    notes = comping.block_chords(
        plan.chords, voiced, held, plan.beats_per_bar, plan.rng, legato=True
    )
    return track_of(plan, name, role, notes)


def arp(plan: Plan, name: str, role: str) -> Track:
    """Broken chords: quarters when sparse, sixteenths when a dense solo; low under a melody."""
    rng, player = plan.rng, INSTRUMENTS[name]
    family = rng.choice(plan.info.arpeggio_rhythms)
    if plan.beats_per_bar == 3:
        family = "three"
    elif plan.density == "sparse":
        family = rng.choice(("quarters", "slow", "eighths"))
    elif plan.density == "dense" and role == "solo":
        family = "sixteenths"
    center = max(player.low + 5, min(player.high - 16, rng.choice((57, 60, 64, 67))))
    if role == "comp":
        center = 52
    voiced = comping.voicings(plan.chords, center, rng.choice((3, 3, 4)))
    notes = comping.arpeggio(
        plan.chords,
        voiced,
        rng.choice(ARPEGGIO[family]),
        plan.beats_per_bar,
        rng,
        ring=name in _RINGING,
    )
    return track_of(plan, name, role, notes)


def bass(plan: Plan, name: str, role: str) -> Track:
    """A bass line in the style's manner; alone it moves more."""
    rng, families = plan.rng, plan.info.bass_lines
    if plan.beats_per_bar == 3:
        families = ("waltz",)
    family = rng.choice(families)
    if role == "solo" and family == "long":
        family = "pop"
    any_low = rng.choice((28, 30, 33))
    low = _BASS_LOW.get(name, any_low)
    notes = lines.bass_line(
        plan.chords,
        plan.scale,
        plan.tonic,
        rng.choice(BASS[family]),
        plan.beats_per_bar,
        low,
        rng,
        chromatic=family in ("walking", "two feel"),
    )
    return track_of(plan, name, role, notes)


def chorale(plan: Plan, name: str | None = None) -> list[Track]:
    """Four voices on one instrument, or (a quarter of those without a name) a string quartet."""
    rng = plan.rng
    written = _written_voices(plan)
    voices = written if plan.phrase is None else _sung(plan.phrase)
    if name is None and rng.random() < 0.25:
        quartet = []
        for (player, pan), notes in zip(_QUARTET, voices, strict=True):
            role = "lead" if notes is voices[-1] else "comp"
            quartet.append(replace(track_of(plan, player, role, notes), pan=pan, level_db=-21.0))
        return quartet
    name = name or rng.choice(plan.info.chords)
    return [track_of(plan, name, "solo", [n for v in voices for n in v])]


def singer(plan: Plan, name: str, which: Sequence[int]) -> Track:
    """Some of a chorale's voices on one instrument; 0 is the bass, 3 the soprano.

    Of plans with the same chance each singer has the voices of one chorale.
    """
    voices = _written_voices(plan) if plan.phrase is None else _sung(plan.phrase)
    role = "solo" if len(which) == len(voices) else "lead" if list(which) == [3] else "comp"
    track = track_of(plan, name, role, [note for voice in which for note in voices[voice]])
    if role == "solo":
        return track
    pans = [_QUARTET[voice][1] for voice in which]
    return replace(track, pan=round(sum(pans) / len(pans), 2))


def _written_voices(plan: Plan) -> list[list[Note]]:
    moving = {"sparse": 0.0, "medium": 0.45, "dense": 0.95}[plan.density]
    return comping.chorale(plan.chords, plan.scale, plan.tonic, plan.rng, moving=moving)


def _sung(phrase: Phrase) -> list[list[Note]]:
    """Bach's voices, the bass first; what falls between the beats is softer."""
    return [
        [replace(n, velocity=n.velocity - 8 * bool(n.start % 1)) for n in voice]
        for voice in phrase.voices
    ]


def drummer(plan: Plan, kit: str, *, fill: bool | None = None) -> list[Track]:
    """The drums, one track for each section of the kit. With `fill` there is one at the end, or
    none, and not by chance.
    """
    rng, info = plan.rng, plan.info
    families = info.grooves if plan.beats_per_bar in info.beats_per_bar else ()
    if plan.beats_per_bar == 3 and plan.style == "folk":
        families = ("folk three",)
    groove = rng.choice(drums.GROOVES[rng.choice(families or _ANY_GROOVE)])
    notes = drums.groove_notes(
        groove,
        plan.beats_per_bar,
        plan.density,
        rng,
        fills=info.fills and plan.beats_per_bar == 4 and fill is not False,
        sure=bool(fill),
        rolls=info.rolls,
    )
    return _kit(kit, drums.sections(notes, drum_section_of, orchestral=kit == "orchestral"))


def percussion(kit: str, notes: Sequence[Note]) -> list[Track]:
    """The user's drums on a kit, one track for each section, each note as it is."""
    return _kit(kit, drums.sections(notes, drum_section_of))


def _kit(kit: str, sections: Mapping[str, tuple[float, Sequence[Note]]]) -> list[Track]:
    louder_db = _KIT_DB.get(kit, 0.0)
    return [
        Track(
            section, "drums", 128, KITS[kit], round(level_db + louder_db, 2), 0.0, 0.12, tuple(part)
        )
        for section, (level_db, part) in sections.items()
    ]


def draw_program(plan: Plan, name: str) -> int:
    """One of the programs that sound like the instrument."""
    return plan.rng.choice(INSTRUMENTS[name].programs)


def track_of(plan: Plan, name: str, role: str, notes: Sequence[Note]) -> Track:
    """Notes as a track: the role's level and place, one of the instrument's programs."""
    level_db = _LEVEL_DB[role] + plan.rng.uniform(-1.5, 1.5)
    program = draw_program(plan, name)
    pan = round(plan.rng.uniform(-_WIDTH[role], _WIDTH[role]), 2)
    return Track(name, role, 0, program, level_db, pan, INSTRUMENTS[name].send, tuple(notes))
