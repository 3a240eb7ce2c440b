"""What moves in a video: a spectrogram with its bars, as one long film or as a loop's picture."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8

from riffkit.export.film.layout import MUTED, SURFACE, TEXT, Layout
from riffkit.export.film.picture import SILENT, Spectrogram, colors
from riffkit.export.film.text import words

UNLIT_SHARE = 0.84
"""How bright the picture is where it doesn't sound."""
_STRONG, _FAINT = 0.34, 0.14
"""How white the lines of bars and beats are."""
_LEAST_BEAT, _LEAST_NUMBER = 14, 44
"""Pixels, at 720 on the shorter side, that beats and numbers are apart."""
_PART = 256  # columns drawn at once
_UNLIT = np.rint(np.arange(256) * UNLIT_SHARE).astype(np.uint8)
Pixels = UInt8[np.ndarray, "row column 3"]


@dataclass(frozen=True)
class Meter:
    """Bars of `beats_per_bar` beats at `bpm`, of which one begins `lead_seconds` before the sound.

    Without a tempo the lines are seconds.
    """

    bpm: float | None = None
    beats_per_bar: int = 4
    lead_seconds: float = 0.0


@dataclass(frozen=True)
class _Line:
    column: int
    text: str
    is_strong: bool


class Film:
    """The picture over time, of `columns_per_second`, `loops` times a sound of `seconds`.

    Column 0 is the sound's beginning; before it and behind its end all is silent.
    """

    def __init__(
        self,
        picture: Spectrogram,
        meter: Meter,
        layout: Layout,
        *,
        seconds: float,
        loops: int,
        columns_per_second: float,
    ) -> None:
        self._picture, self._meter, self._layout = picture, meter, layout
        self._seconds, self._loops, self._rate = seconds, loops, columns_per_second
        self._colors = colors()

    def column_of_loop(self, loop: int) -> int:
        return round(loop * self._seconds * self._rate)

    def columns(self, first: int, last: int) -> Pixels:
        """Columns `first` to `last`: asked for from left to right."""
        ruler, height = self._layout.ruler, self._layout.plot_height
        gray = np.full((height, last - first), SILENT, np.uint8)
        found = np.empty((ruler + height, last - first, 3), np.uint8)
        found[:ruler] = SURFACE
        lines: list[_Line] = []
        for loop in self._loops_between(first, last):
            begin, end = self.column_of_loop(loop), self.column_of_loop(loop + 1)
            left, right = max(first, begin), min(last, end)
            if left < right:
                start, stop = (self._time(loop, column) for column in (left, right))
                gray[:, left - first : right - first] = self._picture.part(
                    start, stop, right - left, height
                )
            lines += [line for line in self._lines(loop, first, last) if line.column < end]
        found[ruler:] = self._colors[gray]
        for line in lines:
            self._draw(found, line, line.column - first)
        return found

    def unlit(self, lit: Pixels) -> Pixels:
        """The same at rest: the picture is darker, and the ruler as it is."""
        found, ruler = lit.copy(), self._layout.ruler
        found[ruler:] = _UNLIT[lit[ruler:]]
        return found

    def _loops_between(self, first: int, last: int) -> range:
        each = self._seconds * self._rate
        begin = max(0, int(first / each) - 1)
        return range(begin, min(self._loops, int(last / each) + 2))

    def _time(self, loop: int, column: int) -> float:
        """Seconds of the picture at a column of a loop."""
        begin, end = self.column_of_loop(loop), self.column_of_loop(loop + 1)
        return (
            self._picture.seconds_of_loop(loop) + (column - begin) / (end - begin) * self._seconds
        )

    def _lines(self, loop: int, first: int, last: int) -> Iterator[_Line]:
        """The lines of a loop of which something is between two columns."""
        begin, meter = self.column_of_loop(loop), self._meter
        beat = _second_step(self._rate, self._layout) if meter.bpm is None else 60 / meter.bpm
        beats_per_bar = 1 if meter.bpm is None else meter.beats_per_bar
        lead = 0.0 if meter.bpm is None else meter.lead_seconds
        bar_columns = beat * beats_per_bar * self._rate
        every = 1
        while bar_columns * every < self._layout.scaled(_LEAST_NUMBER):
            every *= 2
        reach = self._layout.scaled(3 * _LEAST_NUMBER)  # of a number beyond its line
        least = max((first - reach - begin) / self._rate, 0.0) + lead
        most = min((last - begin) / self._rate, self._seconds) + lead
        for n in range(int(np.ceil(least / beat - 1e-6)), int(np.ceil(most / beat - 1e-6))):
            bar, within = divmod(n, beats_per_bar)
            if within and beat * self._rate < self._layout.scaled(_LEAST_BEAT):
                continue
            if not within and bar % every:
                continue
            text = clock(n * beat) if meter.bpm is None else str(bar + 1)
            column = begin + round((n * beat - lead) * self._rate)
            yield _Line(column, "" if within else text, not within and meter.bpm is not None)

    def _draw(self, found: Pixels, line: _Line, column: int) -> None:
        ruler, layout = self._layout.ruler, self._layout
        if 0 <= column < found.shape[1]:
            white = _STRONG if line.is_strong else _FAINT
            plot = found[ruler:, column].astype(np.float32)
            found[ruler:, column] = np.rint(plot + (255 - plot) * white).astype(np.uint8)
            tick = layout.scaled(9 if line.text else 5)
            found[ruler - tick : ruler, column] = TEXT if line.text else MUTED
        if line.text:
            text = words(line.text, layout.scaled(21), TEXT, SURFACE)
            text = text[: ruler - layout.scaled(3)]
            _paste(found, text, column + layout.scaled(6), layout.scaled(1))


def _paste(
    pixels: Pixels, part: UInt8[np.ndarray, "part_row part_column 3"], column: int, row: int
) -> None:
    """Lay a part over pixels, as far as it is within their columns."""
    left, right = max(0, column), min(pixels.shape[1], column + part.shape[1])
    if left < right:
        pixels[row : row + len(part), left:right] = part[:, left - column : right - column]


def clock(seconds: float) -> str:
    """ "0:07", "12:30", "1:02:03"."""
    minutes, rest = divmod(int(seconds + 1e-6), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _second_step(columns_per_second: float, layout: Layout) -> float:
    least = layout.scaled(2 * _LEAST_NUMBER)
    return next((s for s in (1.0, 2.0, 5.0, 10.0, 30.0) if s * columns_per_second >= least), 60.0)


@dataclass(frozen=True)
class View:
    """What is seen of a film: as it sounds, at rest, and the column in it that sounds now."""

    lit: Pixels
    unlit: Pixels
    head: int


class Standing:
    """The whole picture of a loop stands still, and the playhead moves."""

    is_circular = True

    def __init__(self, film: Film) -> None:
        self._lit = film.columns(0, film.column_of_loop(1))
        self._unlit = film.unlit(self._lit)

    def at(self, column: float) -> View:
        return View(self._lit, self._unlit, int(column) % self._lit.shape[1])


class Scrolling:
    """The picture passes a playhead that stands still at `head`; time never goes back."""

    is_circular = False

    def __init__(self, film: Film, width: int, head: int) -> None:
        self._film, self._width, self._head = film, width, head
        self._first = -head
        self._lit = film.columns(-head, width - head)
        self._unlit = film.unlit(self._lit)

    def at(self, column: float) -> View:
        left = int(column) - self._head
        while left + self._width > self._first + self._lit.shape[1]:
            self._read_on(left)
        seen = slice(left - self._first, left - self._first + self._width)
        return View(self._lit[:, seen], self._unlit[:, seen], self._head)

    def _read_on(self, left: int) -> None:
        last = self._first + self._lit.shape[1]
        part = self._film.columns(last, last + _PART)
        old = min(left - self._first, self._lit.shape[1])
        self._lit = np.concatenate((self._lit[:, old:], part), axis=1)
        self._unlit = np.concatenate((self._unlit[:, old:], self._film.unlit(part)), axis=1)
        self._first += old
