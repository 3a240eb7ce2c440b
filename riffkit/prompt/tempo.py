"""The tempo in a prompt."""

from __future__ import annotations

import re

from riffkit.prompt.traits import ModelTraits
from riffkit.spectrogram.beat_grid import MAX_BPM, MIN_BPM

SLOWLY = (
    r"slow(?:er|ly|ed|ish|[- ]paced|[- ]?mo(?:tion)?)|adagio|largo|larghetto|lento|"
    r"unhurried(?:ly)?|sluggish(?:ly)?|plodding|crawling|snail'?s pace"
)
QUICKLY = (
    r"fast(?:er|ish|[- ]paced)|quick(?:er|ly)|rapid(?:ly)?|brisk(?:ly)?|speedy|presto|prestissimo|"
    r"all?egro|vivace|breakneck|high[- ]speed|full speed|lightning[- ]fast|blazing(?:ly)?"
)
"""Other words for slow and fast, as patterns."""
_SLOW, _FAST = 0.7, 1.3  # of the usual tempo
_NOT_OF_ONE_SOUND = (
    r"(?![ -](?:[\w-]+ ){0,2}?(?:attacks?|releases?|decays?|fades?|fade-(?:in|out)s?|swells?|"
    r"sweeps?|builds?|builds?-ups?|vibrato|tremolo|trills?|lfo|filters?|motion|picking|strumming|fingers?|"
    r"arpegg\w+|runs?|riffs?|licks?|solos?|notes?|rolls?|fills?|hi-?hats?|hats?|sixteenths?|"
    r"evolving|building|rising|changing|moving)\b)"
)
_SPEEDS = tuple(
    (re.compile(rf"(?<![\w'-])(?:{words})(?![\w'-]){_NOT_OF_ONE_SOUND}", re.I), factor)
    for words, factor in (
        (rf"{SLOWLY}|slow|down[- ]?tempo", _SLOW),
        (rf"{QUICKLY}|fast|quick|up[- ]?tempo", _FAST),
    )
)
_NAMED_TEMPO = re.compile(r"(?<![\d.])(\d{2,3}(?:[.,]\d+)?)\s*-?\s*bpm\b", re.IGNORECASE)
_MINUTE = r"(?:bpm|beats (?:per|a) minute)"
_SAID_TEMPI = (
    re.compile(rf"(?<![\d.])(\d{{2,3}})\s*(?:-|–|to)\s*(\d{{2,3}})\s*{_MINUTE}\b", re.I),
    re.compile(rf"(?<![\d.])(\d{{2,3}}(?:\.\d+)?)()\s*-?\s*{_MINUTE}\b", re.I),
    re.compile(
        r"\b(?:bpm|tempo)(?:\s*(?:of|is|at|around|about|ca\.?|[:=]))*\s*(\d{2,3})()\b", re.I
    ),
    re.compile(r"(?:^|,)\s*(?:@|at|around|about|~)?\s*(\d{2,3})()\s*(?=,|$)", re.I),  # ", 128"
    re.compile(r"@\s*(\d{2,3})()\b"),
)
_ALONE_SLOWEST, _ALONE_FASTEST = 50, 220  # beyond, it is a machine: 808


def named_bpm(text: str) -> float | None:
    """The tempo named in a text ("84 bpm"), or None if it is out of range."""
    for match in _NAMED_TEMPO.finditer(text):
        bpm = float(match[1].replace(",", "."))
        if MIN_BPM <= bpm <= MAX_BPM:
            return bpm
    return None


def said_bpm(text: str) -> float | None:
    """The tempo that a text asks for in any words: "bpm: 120", "100-110 bpm", "house, 128"."""
    if (bpm := named_bpm(text)) is not None and not _SAID_TEMPI[0].search(text):
        return bpm
    for pattern in _SAID_TEMPI:
        for match in pattern.finditer(text):
            tempi = [float(number) for number in match.groups() if number]
            if all(_ALONE_SLOWEST <= tempo <= _ALONE_FASTEST for tempo in tempi):
                return sum(tempi) / len(tempi)
    return None


def named_speed(text: str) -> float:
    """How much faster than usual a text asks for: 0.7 for "slow", 1.3 for "fast", else 1.

    Not for "slow attack" or "fast arpeggio", which are of one sound, nor where both are named.
    """
    found = [factor for pattern, factor in _SPEEDS if pattern.search(text)]
    return found[0] if len(found) == 1 else 1.0


def with_tempo(text: str, bpm: float, traits: ModelTraits) -> str:
    """A text with the tempo added, for a model whose captions named it."""
    if not traits.names_tempo or named_bpm(text) is not None:
        return text
    return f"{text}, {bpm:g} bpm"
