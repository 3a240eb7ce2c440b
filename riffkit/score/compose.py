"""Writes the score that is asked for, of any number of bars (riffkit.score.song)."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import replace

from riffkit.errors import ParameterError
from riffkit.score import arrangement
from riffkit.score.brief import Brief
from riffkit.score.casting import cast, has_drums
from riffkit.score.facts import MOODS_OF_MODE, gather_facts, measured_density
from riffkit.score.given import Given
from riffkit.score.harmonize import harmonize
from riffkit.score.instruments import INSTRUMENTS
from riffkit.score.keys import key_of_chords, key_of_notes
from riffkit.score.notes import Note, Score
from riffkit.score.plan import Plan
from riffkit.score.song import TRIES, Song, groups_of, progressions_of
from riffkit.score.spans import until, whole_bars
from riffkit.score.styles import STYLES
from riffkit.spectrogram.beat_grid import MAX_BARS

_TRIAL_BARS = 4
_LOWEST = min(instrument.low for instrument in INSTRUMENTS.values())
_HIGHEST = max(instrument.high for instrument in INSTRUMENTS.values())
_DENSITIES = ("medium", "medium", "medium", "dense", "sparse")


def compose(
    brief: Brief,
    *,
    bars: int = 2,
    seed: int = 0,
    melody: Sequence[Note] = (),
    drums: Sequence[Note] = (),
) -> Score:
    """The score for a brief: the same for the same seed, another for another.

    A brief that asks for the tempo, key and metre which the seed drew gives the same score.

    Args:
        brief: what is asked for.
        bars: its length.
        seed: of all that isn't asked for.
        melody: notes that the leading instrument plays, repeated to the length, over harmony that
            is found for them. They are moved by octaves only where the instrument needs it.
        drums: notes that the drums play, repeated to the length, by the pitches of General MIDI.

    Returns:
        The score. The notes that are written lie within their instruments' ranges.

    Raises:
        ParameterError: `bars` out of range, nobody is left to play, or a melody that no
            instrument can play.

    Example:
        score = compose(Brief(style="funk", instruments=("slap bass", "clavinet")), bars=8)
    """
    if not 1 <= bars <= MAX_BARS:
        raise ParameterError(f"bars={bars}: must be between 1 and {MAX_BARS}")
    if melody and not any(_LOWEST <= note.pitch <= _HIGHEST for note in melody):
        raise ParameterError(
            "melody: all of its notes are outside every instrument's range; move them by octaves"
        )
    brief = replace(brief, drums=True) if drums else brief
    rng = random.Random(f"riffkit compose {seed}")
    style = brief.style or _draw_style(brief, rng)
    info = STYLES[style]
    beats = brief.beats_per_bar or usual_beats(style)
    drawn = _draw_mode(brief, style, rng), rng.randrange(12), rng.choice(_DENSITIES)
    tonic, mode = _key(brief, melody, drawn[1], drawn[0])
    density = brief.density or drawn[2]
    plan = Plan(style, tonic, mode, (), 4, density, rng)
    given = _given(brief, plan, beats, bars, melody, drums)
    is_drummed = has_drums(brief, style)
    kit = rng.choice(info.kits or ("acoustic",)) if is_drummed else ""
    for attempt in range(TRIES):
        parts = cast(brief, plan, beats, drums=is_drummed, melody=bool(melody))
        song = Song(plan, beats, bars, kit, parts, f"{seed} {attempt}", given)
        if brief.density is None:
            break
        trial = Song(plan, beats, _TRIAL_BARS, kit, parts, f"{seed} {attempt}", given)
        if measured_density(trial.tracks(), _TRIAL_BARS * beats) == brief.density:
            break
    tracks = song.tracks()
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
    return Score(facts, tracks, song.chords(), info.mix, song.sections())


def usual_beats(style: str | None) -> int:
    """The beats of a style's bars: four, unless it never has them."""
    known = (4,) if style is None else STYLES[style].beats_per_bar
    return 4 if 4 in known else known[0]


def _key(brief: Brief, melody: Sequence[Note], tonic: int, mode: str) -> tuple[int, str]:
    """As asked for; else that of the melody or the chords; else as drawn."""
    if brief.tonic is None or brief.mode is None:
        if melody:
            return key_of_notes(melody, tonic=brief.tonic, mode=brief.mode)
        if brief.chords:
            return key_of_chords(brief.chords, tonic=brief.tonic, mode=brief.mode)
    return tonic if brief.tonic is None else brief.tonic, brief.mode or mode


def _given(
    brief: Brief, plan: Plan, beats: int, bars: int, melody: Sequence[Note], drums: Sequence[Note]
) -> Given:
    """What the user brought, and the harmony of a melody without."""
    chords = brief.chords
    if melody and not chords:
        n_beats = min(bars, whole_bars(melody, beats)) * beats
        chords = harmonize(
            until(n_beats, melody),
            tonic=plan.tonic,
            mode=plan.mode,
            n_beats=n_beats,
            groups=groups_of(beats),
            progressions=progressions_of(plan),
        )
    return Given(chords, tuple(melody), tuple(drums))


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
