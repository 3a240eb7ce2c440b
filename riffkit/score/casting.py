"""Who plays what in a score: a part for each instrument that is asked for, or a band's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from riffkit.errors import ParameterError
from riffkit.score import arrangement
from riffkit.score.brief import Brief
from riffkit.score.instruments import INSTRUMENTS
from riffkit.score.plan import Plan
from riffkit.score.styles import STYLES

_LOWEST_BASS = 28
_LOWEST = {"cello": 36, "violin": 55, "viola": 48, "trombone": 40, "vibraphone": 53, "banjo": 48}
"""Strings and bars that end above the octave below a melody's range; guitars end at 40."""
_LOWEST_GUITAR = 40
_BANDS = (
    *(("comp",), ("lead",), ("comp", "lead"), ("bass", "comp"), ("lead", "bass")),
    *(("bass", "comp", "lead"), ("bass", "comp", "lead", "pad"), ("bass", "comp", "lead", "arp")),
    ("bass", "comp", "lead", "pad", "arp"),
)
"""Roles of bands of a size."""


@dataclass(frozen=True)
class Part:
    """A player: role, instrument, whether a lead plays a riff; in a "chorale", which `voices`."""

    role: str
    instrument: str
    riff: bool = False
    voices: tuple[int, ...] = ()


_VOICES = {
    1: ((0, 1, 2, 3),),
    2: ((0, 1), (2, 3)),
    3: ((0,), (1,), (2, 3)),
    4: ((0,), (1,), (2,), (3,)),
}
"""Of a chorale, shared by so many, the lowest first."""


def is_chorale(brief: Brief) -> bool:
    """Whether the instruments may share the four voices: one that plays chords, or some that hold
    notes.
    """
    if brief.figure not in (None, "chords") or len(brief.instruments) > len(_VOICES):
        return False
    if len(brief.instruments) < 2:
        return all(set(INSTRUMENTS[name].figures) & set("cp") for name in brief.instruments)
    return all(INSTRUMENTS[name].sustains for name in brief.instruments)


def _singers(brief: Brief, plan: Plan) -> tuple[Part, ...]:
    able = STYLES["chorale"].chords
    free = [name for name in able if name not in brief.without] or list(able)
    names = sorted(
        brief.instruments or [plan.rng.choice(free)], key=lambda name: INSTRUMENTS[name].low
    )
    parts = zip(names, _VOICES[len(names)], strict=True)
    return tuple(Part("chorale", name, voices=voices) for name, voices in parts)


def has_drums(brief: Brief, style: str) -> bool:
    """Whether the drums play: as asked for, else as in the style; two players need none."""
    if brief.only_drums or brief.drums is not None:
        return brief.only_drums or bool(brief.drums)
    if brief.players is not None:
        return bool(STYLES[style].grooves) and brief.players > 2
    return bool(STYLES[style].grooves) and not brief.instruments


def cast(
    brief: Brief, plan: Plan, beats: int, *, drums: bool, melody: bool = False
) -> tuple[Part, ...]:
    """The players; each instrument that is asked for, or a band of the style's.

    With a `melody` of the user's, somebody leads.
    """
    if brief.only_drums:
        if melody:
            raise ParameterError("melody: drums alone can't play it; name an instrument too")
        return ()
    size = None if brief.players is None else max(1, brief.players - drums)
    n_asked = len(brief.instruments)
    is_sung = plan.style == "chorale" and beats == 4 and not drums and not melody
    if is_sung and size in (None, n_asked or 1) and is_chorale(brief):
        return _singers(brief, plan)
    if brief.instruments:
        accompanied = drums or (size or 0) > n_asked
        figure = "melody" if melody else brief.figure
        parts = _named(replace(brief, figure=figure), plan, accompanied)
    elif size is None:
        drawn = arrangement.draw_band(plan, brief.without)
        parts = tuple(Part(role, name) for role, name in drawn)
    else:
        parts = ()
    if size is not None:
        parts = _completed(parts, size, brief, plan, melody=melody)
    return _led(parts, brief, plan) if melody else parts


def _named(brief: Brief, plan: Plan, accompanied: bool) -> tuple[Part, ...]:
    """A part for each instrument that is asked for."""
    parts = []
    free = list(brief.instruments)
    if len(free) > 1 or accompanied:
        for name in [n for n in free if set(INSTRUMENTS[n].figures) == {"b"}][:1]:
            parts.append(Part("bass", name))
            free.remove(name)
    if len(free) == 1:
        return (*_alone(brief, plan, free[0], bool(parts) or accompanied), *parts)
    leads = sorted(free, key=lambda name: _leads(name, plan), reverse=True)[:1]
    for name in free:
        if name in leads:
            riff = brief.figure == "riff" or not set(INSTRUMENTS[name].figures) & set("mp")
            parts.append(Part("lead", name, riff))
        else:
            parts.append(Part(_role_behind(name, parts, plan), name))
    return tuple(parts)


def _completed(
    parts: Sequence[Part], size: int, brief: Brief, plan: Plan, *, melody: bool
) -> tuple[Part, ...]:
    """With players of the style's, until they are so many; more than a band has, of any kind.

    With a `melody` somebody plays its chords before anybody plays the bass.
    """
    whole = list(parts)
    taken = {part.instrument for part in whole}
    roles = {part.role for part in whole}
    bands = [band for band in _BANDS if len(band) == size] or [_BANDS[-1]]
    if melody:
        bands = [band for band in bands if {"lead", "comp"} <= set(band)] or bands
    wanted = [role for role in plan.rng.choice(bands) if role not in roles]
    while len(taken) < size:
        role = wanted.pop(0) if wanted else None
        pools = [list(arrangement.pools_of(plan.info)[role])] if role else []
        pools += [sorted(arrangement.instruments_of(plan.info)), list(INSTRUMENTS)]
        fresh = [[n for n in pool if n not in taken and n not in brief.without] for pool in pools]
        pool = next((names for names in fresh if names), [])
        if not pool:
            break
        name = plan.rng.choice(pool)
        taken.add(name)
        whole.append(Part(role or _role_behind(name, whole, plan), name))
    return tuple(whole)


def _led(parts: tuple[Part, ...], brief: Brief, plan: Plan) -> tuple[Part, ...]:
    """With somebody who leads: of those that are asked for, else one more of the style's.

    Nor is a band of the style's without chords.
    """
    if not brief.instruments and brief.players is None:
        pools = arrangement.pools_of(plan.info)
        for role, figure, others in (("lead", "m", ()), ("comp", "c", ("pad", "arp"))):
            taken = {*brief.without, *(part.instrument for part in parts)}
            free = [name for name in (*pools[role], *INSTRUMENTS) if name not in taken]
            able = [name for name in free if figure in INSTRUMENTS[name].figures]
            if able and not any(part.role in (role, *others) for part in parts):
                own = [name for name in able if name in pools[role]]
                parts = (*parts, Part(role, plan.rng.choice(own or able)))
    if any(part.role == "lead" for part in parts):
        return parts
    able = sorted((p.instrument for p in parts), key=lambda n: _leads(n, plan), reverse=True)
    return tuple(
        replace(part, role="lead") if part.instrument in able[:1] else part for part in parts
    )


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


def range_of(instrument: str, role: str) -> tuple[int, int]:
    """The lowest and the highest pitch: chords and bass lines reach below a melody's range."""
    player = INSTRUMENTS[instrument]
    if instrument.endswith(" bass") or instrument == "bass guitar":
        return min(player.low, _LOWEST_BASS), player.high
    if role in ("lead", "pad") or player.low >= 60 or instrument == "timpani":
        return player.low, player.high
    lowest = _LOWEST_GUITAR if instrument.endswith("guitar") else _LOWEST.get(instrument, 0)
    return max(player.low - 12, lowest), player.high
