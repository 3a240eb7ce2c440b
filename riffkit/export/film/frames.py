"""The pictures of a video one by one: what stands still is drawn once, and what moves is copied."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64, UInt8
from PIL import Image, ImageDraw, ImageFont

from riffkit.export.film.layout import ACCENT, GROUND, LINE, MUTED, SURFACE, TEXT, Box, Layout
from riffkit.export.film.strip import UNLIT_SHARE, Scrolling, Standing, View, clock
from riffkit.export.film.text import cut_to_fit, drawable, fitted, font, words

_AXIS_HZ = (50, 100, 200, 500, 1000, 2000, 3000, 5000, 7000, 10_000, 15_000)
_TRAIL_SECONDS = 1.0
_LIT_SHARE = 1.35
"""How bright the picture is where it sounds; it fades to UNLIT_SHARE within the trail."""
_TITLE_SIZE, _FACTS_SIZE = 46, 27
_PLAYHEAD = 255
_GLOW_FALL = 0.8  # of a picture to the next
Pixels = UInt8[np.ndarray, "row column 3"]


@dataclass(frozen=True)
class Words:
    """What a video says of its sound; each may be ""."""

    title: str = ""
    facts: str = ""


class Frames:
    """Draws the picture of a moment.

    Args:
        layout: where things stand.
        film: what is seen of the spectrogram at a column.
        columns_per_second: of the film.
        said: title and facts.
        hz: the spectrogram's rows, the top row first.
        peaks: of equal parts of the sound, for the overview.
        seconds: of one pass of the sound.
        loops: how often it sounds.
    """

    def __init__(
        self,
        layout: Layout,
        film: Standing | Scrolling,
        *,
        columns_per_second: float,
        said: Words,
        hz: Float64[np.ndarray, " row"],
        peaks: Float[np.ndarray, " part"],
        seconds: float,
        loops: int,
    ) -> None:
        self._layout, self._film, self._rate = layout, film, columns_per_second
        self._seconds = seconds
        ground = _ground(layout, said, hz, seconds * loops)
        self._pixels = np.array(ground)
        self._lane = tuple(_lane(layout.lane, peaks, color) for color in (ACCENT, LINE))
        n_trail = max(1, round(_TRAIL_SECONDS * columns_per_second))
        age = np.arange(n_trail) / n_trail
        self._trail = (UNLIT_SHARE + (_LIT_SHARE - UNLIT_SHARE) * (1 - age) ** 2).astype(np.float32)
        self._glow = layout.scaled(13)
        self._shown_clock = ""
        self._highest, self._level = max(float(peaks.max()), 1e-9), 0.0

    def draw(self, seconds: float, level: float) -> Pixels:
        """The picture at a time of the whole; the playhead glows with the sound's `level`.

        The array is used again for the next picture.
        """
        view = self._film.at(seconds * self._rate + 1e-6)
        self._level = max(min(level / self._highest, 1.0), _GLOW_FALL * self._level)
        film = self._layout.film
        self._of(film)[:] = view.unlit
        self._light(view)
        self._mark(view.head, self._level)
        self._fill_lane(seconds % self._seconds / self._seconds)
        self._tell(clock(seconds))
        return self._pixels

    def _of(self, box: Box) -> Pixels:
        return self._pixels[box.top : box.bottom, box.left : box.right]

    def _light(self, view: View) -> None:
        """What has just sounded is brighter, and fades."""
        width, ruler = view.lit.shape[1], self._layout.ruler
        columns = view.head - np.arange(min(len(self._trail), width))
        if not self._film.is_circular:
            columns = columns[columns >= 0]
        share = self._trail[: len(columns), None]
        plot = self._of(self._layout.film)[ruler:]
        plot[:, columns] = np.minimum(view.lit[ruler:, columns] * share, 255).astype(np.uint8)

    def _mark(self, head: int, level: float) -> None:
        """The playhead: a white line with a glow as strong as the sound, and a handle."""
        layout, ruler = self._layout, self._layout.ruler
        film = self._of(layout.film)
        first = max(0, head - self._glow)
        near = film[ruler:, first : head + self._glow + 1]
        distance = np.abs(first + np.arange(near.shape[1]) - head)
        glow = (0.12 + 0.5 * level) * np.clip(1 - distance / self._glow, 0, 1) ** 2
        line = np.clip(layout.scaled(3) / 2 + 0.5 - distance, 0, 1)
        white = np.maximum(glow, line)[:, None]
        near[:] = (near + (_PLAYHEAD - near) * white).astype(np.uint8)
        size = layout.scaled(9)
        for row in range(size):
            half = round((size - row) * 0.8)
            film[ruler - size + row, max(0, head - half) : head + half + 1] = _PLAYHEAD

    def _fill_lane(self, share: float) -> None:
        lane = self._of(self._layout.lane)
        played = round(share * lane.shape[1])
        lane[:, :played] = self._lane[0][:, :played]
        lane[:, played:] = self._lane[1][:, played:]

    def _tell(self, now: str) -> None:
        if now == self._shown_clock:
            return
        self._shown_clock = now
        times = self._layout.times
        text = words(now, self._layout.scaled(24), TEXT, GROUND)
        place = self._of(Box(times.left, times.bottom - len(text), times.width // 2, len(text)))
        place[:] = GROUND
        place[:, : text.shape[1]] = text


def _ground(
    layout: Layout, said: Words, hz: Float64[np.ndarray, " row"], seconds: float
) -> Image.Image:
    """All that stands still."""
    image = Image.new("RGB", (layout.width, layout.height), GROUND)
    draw = ImageDraw.Draw(image)
    film = layout.film
    draw.rectangle((film.left, film.top, film.right - 1, film.bottom - 1), SURFACE)
    _write_head(draw, layout, said)
    _write_axis(draw, layout, hz)
    text = words(clock(seconds), layout.scaled(24), MUTED, GROUND)
    right, bottom = layout.times.right, layout.times.bottom
    image.paste(Image.fromarray(text), (right - text.shape[1], bottom - len(text)))
    return image


def _write_head(draw: ImageDraw.ImageDraw, layout: Layout, said: Words) -> None:
    heading, y = heading_of(said, layout.head.width, layout.unit), layout.head.top
    for line in heading.lines:
        draw.text((layout.head.left, y), line, TEXT, font=heading.face, anchor="la")
        y += heading.line_height
    if said.facts:
        size = round(_FACTS_SIZE * layout.unit)
        facts = cut_to_fit(said.facts, font(size), layout.head.width)
        draw.text(
            (layout.head.left, layout.head.bottom), facts, ACCENT, font=font(size), anchor="ld"
        )


@dataclass(frozen=True)
class Heading:
    """A title in lines, its font, and the room that it takes with the facts below it."""

    lines: tuple[str, ...]
    face: ImageFont.FreeTypeFont
    line_height: int
    height: int


def heading_of(said: Words, width: int, unit: float) -> Heading:
    title, name = drawable(said.title)
    lines, size = fitted(title, name, width, round(_TITLE_SIZE * unit)) if title else ([], 1)
    line_height = round(1.18 * size)
    facts_height = round(1.5 * _FACTS_SIZE * unit) if said.facts else 0
    return Heading(
        tuple(lines), font(size, name), line_height, len(lines) * line_height + facts_height
    )


def _write_axis(draw: ImageDraw.ImageDraw, layout: Layout, hz: Float64[np.ndarray, " row"]) -> None:
    """Round frequencies with room for their numbers, beside the plot."""
    film, size = layout.film, layout.scaled(19)
    top = film.top + layout.ruler
    face, right = font(size), film.left - layout.scaled(9)
    draw.text((right, film.top + layout.ruler / 2), "Hz", MUTED, font=face, anchor="rm")
    last = -np.inf
    for frequency in reversed(_AXIS_HZ):
        if not hz[-1] <= frequency <= hz[0]:
            continue
        row = np.interp(frequency, hz[::-1], np.arange(len(hz))[::-1] + 0.5)
        y = row / len(hz) * layout.plot_height
        if y - last < 1.7 * size or not 0.6 * size < y < layout.plot_height - 0.6 * size:
            continue
        last = y
        text = str(frequency) if frequency < 1000 else f"{frequency // 1000}k"
        draw.text((right, top + y), text, MUTED, font=face, anchor="rm")
        draw.line((film.left - layout.scaled(5), top + y, film.left - 1, top + y), LINE)


def n_bars(layout: Layout) -> int:
    """How many bars the overview has."""
    return max(1, layout.lane.width // (2 * layout.scaled(3)))


def _lane(lane: Box, peaks: Float[np.ndarray, " part"], color: tuple[int, int, int]) -> Pixels:
    """The overview in a color: a bar for each part of the sound."""
    image = Image.new("RGB", (lane.width, lane.height), GROUND)
    draw = ImageDraw.Draw(image)
    step, middle = lane.width / len(peaks), lane.height / 2
    highest = max(float(peaks.max()), 1e-9)
    for number, peak in enumerate(peaks):
        half = max(1.0, peak / highest * (middle - 1))
        left = number * step
        right = left + max(1, 0.62 * step)
        draw.rectangle((left, middle - half, right, middle + half), color)
    return np.asarray(image)
