"""Chords of a song, such as "Am7 | F | C/G | G7sus4": read, and written, bar by bar."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace

from riffkit.errors import ParameterError
from riffkit.score.chord_symbols import chord_name, is_chord, parse_chord
from riffkit.score.harmony import Chord

MAX_CHORD_BARS = 512


def parse_chords(text: str, *, beats_per_bar: int, n_beats: int | None = None) -> tuple[Chord, ...]:
    """The chords of "Am7 | F | C/G | G7sus4", "| C G | Am |", or "Am F C G" (one a bar).

    Chords of one bar share its beats: three in 4/4 take 2, 1 and 1. "/" holds a chord, "%" repeats
    the last bar (or chord), "N.C." is silence: a chord without intervals.

    Args:
        text: chord symbols, with bar lines or without.
        beats_per_bar: quarter notes a bar.
        n_beats: repeat them to this length, and cut them there. Default: their own.

    Returns:
        Chords that follow one another without gaps.

    Raises:
        ParameterError: no chord, an unknown one (the nearest is named), too many in a bar.

    Example:
        chords = parse_chords("Am7 | F | C/G | G7sus4", beats_per_bar=4)
    """
    bars = _bars(text)
    if not bars:
        raise ParameterError(f"chords={text!r}: has no chord; write them as 'Am7 | F | C/G | G'")
    if len(bars) > MAX_CHORD_BARS:
        raise ParameterError(f"chords: {len(bars)} bars are too many; {MAX_CHORD_BARS} at most")
    chords: list[Chord] = []
    last: list[Chord] = []
    for number, symbols in enumerate(bars):
        begin = float(number * beats_per_bar)
        if symbols == ["%"] and last:
            shift = begin - last[0].start
            last = [replace(chord, start=chord.start + shift) for chord in last]
        else:
            last = _bar(symbols, begin, beats_per_bar, last[-1:])
        chords += last
    return tuple(chords) if n_beats is None else _repeated(chords, n_beats)


def chord_line(chords: Sequence[Chord], *, beats_per_bar: int, flats: bool | None = None) -> str:
    """Chords as one line with bar lines, "Am7 | F C/E | %": the inverse of `parse_chords`.

    Chords that last over bar lines, or not as `parse_chords` shares a bar, are written by the beat.
    """
    end = max((chord.start + chord.duration for chord in chords), default=0.0)
    bars: list[str] = []
    before: list[str] = []
    for number in range(math.ceil(end / beats_per_bar - 1e-6)):
        names = _bar_names(chords, number * beats_per_bar, beats_per_bar, flats)
        bars.append("%" if names == before and len(names) > 1 else " ".join(names))
        before = names
    return " | ".join(bars)


def _bars(text: str) -> list[list[str]]:
    """The symbols of each bar: one each where no bar lines are written."""
    text = re.sub(r"[→>–—;]", " ", text)
    if not re.search(r"[|\u2502\u01c0]", text):
        return [[symbol] for symbol in _symbols(text)]
    cells = re.split(r"[|\u2502\u01c0\n]", text)
    return [symbols for cell in cells if (symbols := _symbols(cell.strip(" :")))]


def _symbols(text: str) -> list[str]:
    """The symbols of "Am F, C-G": a hyphen parts them where it is no minor's."""
    found: list[str] = []
    for word in re.findall(r"(?:\([^)]*\)|[^\s,])+", text):
        if "-" in word.strip("-") and not is_chord(word):
            found += [part for part in word.split("-") if part]
        elif word != "-":
            found.append(word)
    return found


def _bar(symbols: Sequence[str], begin: float, beats: int, before: Sequence[Chord]) -> list[Chord]:
    """The chords of a bar, which begin on its beats, or parts of them where they are many."""
    steps = next((n for n in (1, 2, 4) if len(symbols) <= n * beats), None)
    if steps is None:
        raise ParameterError(
            f"chords: {len(symbols)} in a bar of {beats} beats are too many; {4 * beats} at most"
        )
    places = [math.ceil(k * beats * steps / len(symbols)) / steps for k in range(len(symbols))]
    chords: list[Chord] = []
    for symbol, place, end in zip(symbols, places, [*places[1:], float(beats)], strict=True):
        if symbol in ("/", ".", "%"):
            held = chords or before
            if not held:
                raise ParameterError(f"chords={symbol!r}: repeats nothing; begin with a chord")
            if chords and symbol != "%":
                chords[-1] = replace(chords[-1], duration=begin + end - chords[-1].start)
                continue
            chord = held[-1]
        else:
            chord = parse_chord(symbol)
        chords.append(replace(chord, start=begin + place, duration=end - place))
    return chords


def _repeated(chords: Sequence[Chord], n_beats: int) -> tuple[Chord, ...]:
    length = chords[-1].start + chords[-1].duration
    found = []
    for chord in (
        replace(chord, start=chord.start + time * length)
        for time in range(math.ceil(n_beats / length))
        for chord in chords
    ):
        if chord.start < n_beats - 1e-6:
            found.append(replace(chord, duration=min(chord.duration, n_beats - chord.start)))
    return tuple(found)


def _bar_names(chords: Sequence[Chord], begin: int, beats: int, flats: bool | None) -> list[str]:
    """A bar's symbols: as few as say when its chords begin."""
    within = [c for c in chords if c.start < begin + beats - 1e-6 and _end(c) > begin + 1e-6]
    names = [chord_name(chord, flats=flats) for chord in within]
    starts = [max(0.0, chord.start - begin) for chord in within]
    n = len(within)
    steps = next((s for s in (1, 2) if n <= s * beats), 4)
    if all(
        abs(at - math.ceil(k * beats * steps / n) / steps) < 1e-6 for k, at in enumerate(starts)
    ):
        return names
    resolution = next((s for s in (1, 2) if all(at * s % 1 == 0 for at in starts)), 4)
    cells = ["/"] * (beats * resolution)
    for name, at in zip(names, starts, strict=True):
        cells[min(len(cells) - 1, round(at * resolution))] = name
    return cells


def _end(chord: Chord) -> float:
    return chord.start + chord.duration
