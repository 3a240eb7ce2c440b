"""Who plays what in a score: a part for each instrument that is asked for, or a band's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from riffkit.score import arrangement
from riffkit.score.brief import Brief
from riffkit.score.instruments import INSTRUMENTS
from riffkit.score.plan import Plan
from riffkit.score.styles import STYLES

_LOWEST_BASS = 28
_LOWEST = {"cello": 36, "violin": 55, "viola": 48, "trombone": 40, "vibraphone": 53, "banjo": 48}
"""Strings and bars that end above the octave below a melody's range; guitars end at 40."""
_LOWEST_GUITAR = 40


@dataclass(frozen=True)
class Part:
    """A player: role (a "chorale" is all four voices), instrument, whether a lead plays a riff."""

    role: str
    instrument: str
    riff: bool = False


def is_chorale(brief: Brief) -> bool:
    """Whether one instrument may play all four voices."""
    chordal = all(set(INSTRUMENTS[name].figures) & set("cp") for name in brief.instruments)
    return len(brief.instruments) < 2 and chordal and brief.figure in (None, "chords")


def _singers(brief: Brief) -> list[str]:
    able = STYLES["chorale"].chords
    return [name for name in able if name not in brief.without] or list(able)


def cast(brief: Brief, plan: Plan, beats: int, has_drums: bool) -> tuple[Part, ...]:
    """The players; each instrument that is asked for, or a band of the style's."""
    if brief.only_drums:
        return ()
    if plan.style == "chorale" and beats == 4 and not has_drums and is_chorale(brief):
        name = brief.instruments[0] if brief.instruments else plan.rng.choice(_singers(brief))
        return (Part("chorale", name),)
    if not brief.instruments:
        drawn = arrangement.draw_band(plan, brief.without)
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


def range_of(instrument: str, role: str) -> tuple[int, int]:
    """The lowest and the highest pitch: chords and bass lines reach below a melody's range."""
    player = INSTRUMENTS[instrument]
    if instrument.endswith(" bass") or instrument == "bass guitar":
        return min(player.low, _LOWEST_BASS), player.high
    if role in ("lead", "pad") or player.low >= 60 or instrument == "timpani":
        return player.low, player.high
    lowest = _LOWEST_GUITAR if instrument.endswith("guitar") else _LOWEST.get(instrument, 0)
    return max(player.low - 12, lowest), player.high
