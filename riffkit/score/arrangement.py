"""Writes a score: draws a texture, a style, a key and a density, then gives out the parts."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace

from riffkit.score import bach, players
from riffkit.score.facts import gather_facts
from riffkit.score.harmony import lay_progression
from riffkit.score.instruments import INSTRUMENTS, SOLOISTS
from riffkit.score.notes import Note, Score, Track
from riffkit.score.plan import Plan
from riffkit.score.rhythm import swing
from riffkit.score.styles import STYLES, StyleInfo

# Where a soloist is not at home in a style, it plays one of these.
_GENERAL = ("ballad", "folk", "classical", "ambient", "pop")
_SHARE_BACH = 0.6  # of the chorales; the others are written in his manner
_TEXTURES = {"solo": 15, "drums only": 8, "with drums": 61, "no drums": 16}
_DENSITIES = {"sparse": 28, "medium": 44, "dense": 28}
_LAYERS: dict[str, tuple[tuple[str, ...], ...]] = {
    "sparse": (
        ("bass", "comp"),
        ("comp", "lead"),
        ("bass", "lead"),
        ("bass", "arp"),
        ("bass", "comp", "lead"),
        ("bass", "pad"),
    ),
    "medium": (
        ("bass", "comp"),
        ("bass", "comp", "lead"),
        ("bass", "comp", "lead"),
        ("bass", "pad", "lead"),
        ("bass", "arp", "lead"),
        ("bass", "comp", "pad"),
        ("bass", "arp", "pad"),
    ),
    "dense": (
        ("bass", "comp", "lead", "pad"),
        ("bass", "comp", "lead", "arp"),
        ("bass", "comp", "arp", "pad"),
        ("bass", "comp", "lead"),
        ("bass", "comp", "lead", "arp", "pad"),
    ),
}
PLAYERS: dict[str, Callable[[Plan, str, str], Track]] = {
    "bass": players.bass,
    "comp": players.comp,
    "lead": players.lead,
    "pad": players.pad,
    "arp": players.arp,
}


def write_score(seed: int, *, tonics: Sequence[int] = range(12)) -> Score:
    """The score of a seed: always the same one, two bars long, in the key of one of `tonics`."""
    rng = random.Random(f"riffkit score {seed}")
    texture = rng.choices(tuple(_TEXTURES), tuple(_TEXTURES.values()))[0]
    soloist = rng.choice(SOLOISTS) if texture == "solo" else None
    plan = _draw_plan(_draw_style(texture, soloist, rng), tonics, rng)
    if plan.style == "chorale" and soloist is None:
        plan = _perhaps_bach(plan, seed)
    tracks, label, figure, kit = _play(plan, texture, soloist)
    settled = tuple(settle(t, plan.info, plan.n_beats) for t in tracks if t.notes)
    if all(t.is_drums for t in settled):  # a part that was to be sparse came out empty
        label, figure = "drums only", ""
    facts = gather_facts(seed, plan, settled, label, figure, kit)
    chords = plan.chords if plan.phrase is None else plan.phrase.chords
    return Score(facts, settled, chords, plan.info.mix)


def _draw_style(texture: str, soloist: str | None, rng: random.Random) -> str:
    """By weight among the styles that have such a texture, or play such an instrument."""
    names = list(STYLES)
    if texture in ("drums only", "with drums"):
        names = [n for n in names if STYLES[n].grooves]
    if soloist is not None:
        at_home = [n for n in names if soloist in instruments_of(STYLES[n])]
        names = at_home if at_home and rng.random() < 0.75 else list(_GENERAL)
    # Styles that never have drums get their share where there are none.
    shy = 6.0 if texture == "no drums" else 1.0
    weights = [STYLES[n].weight * (1.0 if STYLES[n].grooves else shy) for n in names]
    return rng.choices(names, weights)[0]


def instruments_of(info: StyleInfo) -> set[str]:
    return {*info.chords, *info.bass, *info.leads, *info.pads, *info.arpeggios}


def pools_of(info: StyleInfo) -> dict[str, tuple[str, ...]]:
    """The style's instruments for each role."""
    return {
        "bass": info.bass,
        "comp": info.chords,
        "lead": info.leads,
        "pad": info.pads,
        "arp": info.arpeggios,
    }


def _draw_plan(style: str, tonics: Sequence[int], rng: random.Random) -> Plan:
    info = STYLES[style]
    beats_per_bar = rng.choice(info.beats_per_bar)
    mode = rng.choice(tuple(info.modes))
    tonic = rng.choice(tonics)
    chords = lay_progression(rng.choice(info.modes[mode]), tonic, 2 * beats_per_bar)
    density = rng.choices(tuple(_DENSITIES), tuple(_DENSITIES.values()))[0]
    return Plan(style, tonic, mode, chords, beats_per_bar, density, rng)


def _perhaps_bach(plan: Plan, seed: int) -> Plan:
    """The plan of a chorale; of most, with a phrase of Bach's.

    Its chance is its own: all else of a seed's score is as it was before there was Bach.
    """
    rng = random.Random(f"riffkit chorale {seed}")
    if rng.random() >= _SHARE_BACH:
        return plan
    return replace(plan, phrase=bach.draw_phrase(plan.mode, plan.tonic, rng))


def _play(plan: Plan, texture: str, soloist: str | None) -> tuple[list[Track], str, str, str]:
    """Tracks, the texture's label, the leading figure of solos and duos, and the drum kit."""
    rng = plan.rng
    kit = rng.choice(plan.info.kits) if texture in ("drums only", "with drums") else ""
    if soloist is not None:
        tracks, figure = _solo(plan, soloist)
        return tracks, "solo", figure, ""
    if plan.style == "chorale":
        return players.chorale(plan), "band", "", ""
    if texture == "drums only":
        return players.drummer(plan, kit), "drums only", "", kit
    if texture == "with drums":
        return _with_drums(plan, kit)
    if rng.random() < 0.4:
        tracks, figure = _duo(plan)
        return tracks, "duo", figure, ""
    band = _band(plan)
    return band, "band" if len(band) > 2 else "duo", "", ""


def _with_drums(plan: Plan, kit: str) -> tuple[list[Track], str, str, str]:
    """Drums and a band, or (17 %) drums and one soloist: a duo."""
    beat = players.drummer(plan, kit)
    if plan.rng.random() < 0.17:
        tracks, figure = _solo(plan, _draw_soloist(plan))
        return [*tracks, *beat], "duo", figure, kit
    band = _band(plan)
    return [*band, *beat], "band" if len(band) > 1 else "duo", "", kit


def _draw_soloist(plan: Plan) -> str:
    return plan.rng.choice((*plan.info.leads, *plan.info.chords, *plan.info.arpeggios))


def _solo(plan: Plan, name: str) -> tuple[list[Track], str]:
    """What one instrument plays alone, and what that is called."""
    figure = plan.rng.choice(INSTRUMENTS[name].figures)
    if plan.style == "chorale" and figure in "cp":
        return players.chorale(plan, name), "chords"
    if figure == "c":
        return [players.comp(plan, name, "solo")], "chords"
    if figure == "a":
        return [players.arp(plan, name, "solo")], "arpeggio"
    if figure == "r":
        return [players.lead(plan, name, "solo", riff=True)], "riff"
    if figure == "b":
        return [players.bass(plan, name, "solo")], "bass line"
    if figure == "p":
        return _two_hands(plan, name), "melody"
    return [players.lead(plan, name, "solo")], "melody"


def _two_hands(plan: Plan, name: str) -> list[Track]:
    """A melody over its own chords or arpeggio, on one program."""
    program = players.draw_program(plan, name)
    left = players.comp if plan.rng.random() < 0.5 else players.arp
    under = left(plan, name, "comp")
    return [replace(t, program=program) for t in (players.lead(plan, name, "solo"), under)]


def _duo(plan: Plan) -> tuple[list[Track], str]:
    """Two players without drums: a melody over chords or arpeggios, or chords over a bass."""
    rng, info = plan.rng, plan.info
    first = players.lead(plan, rng.choice(info.leads), "lead")
    kind = rng.choice(("chords", "chords", "arpeggio", "bass"))
    if kind == "bass":
        chords = players.comp(plan, rng.choice(info.chords), "comp")
        low = players.bass(plan, _other(info.bass, chords.instrument, rng), "bass")
        return [chords, low], "chords"
    if kind == "arpeggio" and info.arpeggios:
        name = _other(info.arpeggios, first.instrument, rng)
        return [first, players.arp(plan, name, "arp")], "melody"
    name = _other(info.chords, first.instrument, rng)
    return [first, players.comp(plan, name, "comp")], "melody"


def _other(pool: Sequence[str], taken: str, rng: random.Random) -> str:
    """One of the pool, not the taken one where there is a choice."""
    return rng.choice([n for n in pool if n != taken] or list(pool))


def _band(plan: Plan) -> list[Track]:
    return [PLAYERS[layer](plan, name, layer) for layer, name in draw_band(plan)]


def draw_band(plan: Plan, without: Collection[str] = ()) -> Iterator[tuple[str, str]]:
    """Layers and instruments. Sparse: two or three. Medium: two or three. Dense: three to five.

    No instrument plays twice, and none of those that it is to be `without`. A style without such
    players has chords instead.
    """
    pools = pools_of(plan.info)
    drawn = {density: plan.rng.choice(layers) for density, layers in _LAYERS.items()}
    taken = set(without)
    for wanted in drawn[plan.density]:
        layer = wanted if pools[wanted] else "comp"
        if fresh := [n for n in pools[layer] if n not in taken]:
            name = plan.rng.choice(fresh)
            taken.add(name)
            yield layer, name


def settle(track: Track, info: StyleInfo, n_beats: int) -> Track:
    """Swing the notes, then end each before its own pitch is struck again, round the loop too."""
    swung: dict[tuple[float, int], Note] = {}
    for n in sorted(track.notes, key=lambda n: (n.start, n.pitch, -n.velocity)):
        start = swing(n.start, info.swing, info.swing_unit)
        end = swing(n.start + n.duration, info.swing, info.swing_unit)
        note = Note(start, end - start, n.pitch, n.velocity)
        swung.setdefault((round(start, 6), n.pitch), note)
    by_pitch: dict[int, list[Note]] = {}
    for note in swung.values():
        by_pitch.setdefault(note.pitch, []).append(note)
    settled = []
    for same in by_pitch.values():
        following = [*(n.start for n in same[1:]), same[0].start + n_beats]
        settled += [n.at_most(after - n.start) for n, after in zip(same, following, strict=True)]
    return replace(track, notes=tuple(sorted(settled, key=lambda n: (n.start, n.pitch))))
