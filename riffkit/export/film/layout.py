"""Where things stand in a video's pictures, and their colors. Light: no torch."""

from __future__ import annotations

import re
from dataclasses import dataclass

from riffkit.errors import ParameterError

SIZES = {"16:9": (1280, 720), "1:1": (720, 720), "9:16": (720, 1280)}
MIN_SIDE, MAX_SIDE = 240, 3840

GROUND, SURFACE, LINE = (17, 19, 23), (25, 28, 33), (52, 58, 68)
TEXT, MUTED, ACCENT = (235, 232, 226), (166, 171, 181), (242, 173, 78)
"""The page's dark theme (web/src/style.css)."""

Number = float | int

_REFERENCE_SIDE = 720
SIDE = 32
"""Left and right of all words."""
_TALL = 1.3


def size_of(size: str) -> tuple[int, int]:
    """Width and height of "16:9", "1:1", "9:16" or "854x480"; ParameterError for others."""
    if size in SIZES:
        return SIZES[size]
    found = re.fullmatch(r"(\d{1,5})[x×](\d{1,5})", size.strip())
    if found is None:
        raise ParameterError(
            f"size={size!r}: must be one of {', '.join(SIZES)}, or pixels such as 1920x1080"
        )
    width, height = int(found[1]), int(found[2])
    if width % 2 or height % 2:
        raise ParameterError(f"size={size!r}: width and height must be even")
    if min(width, height) < MIN_SIDE or max(width, height) > MAX_SIDE:
        raise ParameterError(
            f"size={size!r}: each side must be between {MIN_SIDE} and {MAX_SIDE} pixels"
        )
    return width, height


@dataclass(frozen=True)
class Box:
    left: int
    top: int
    width: int
    height: int

    @property
    def right(self) -> int:
        return self.left + self.width

    @property
    def bottom(self) -> int:
        return self.top + self.height


@dataclass(frozen=True)
class Layout:
    """The boxes of a picture from top to bottom.

    `head`: title and facts; `film`: what moves with time, its first `ruler` rows those of the bar
    numbers; `lane`: the overview of the sound; `times`: the time so far, and in all.
    """

    width: int
    height: int
    head: Box
    film: Box
    ruler: int
    lane: Box
    times: Box

    @property
    def unit(self) -> float:
        """Pixels, at 720 on the shorter side."""
        return unit_of(self.width, self.height)

    @property
    def plot_height(self) -> int:
        return self.film.height - self.ruler

    def scaled(self, length: Number) -> int:
        return max(1, round(length * self.unit))


def unit_of(width: int, height: int) -> float:
    return min(width, height) / _REFERENCE_SIDE


def layout_of(width: int, height: int, *, head_height: int) -> Layout:
    """The layout of a size. Tall pictures keep the edges free, where phones lay their buttons."""
    unit = unit_of(width, height)
    is_tall = height > _TALL * width
    above, below = (0.11 * height, 0.17 * height) if is_tall else (30 * unit, 26 * unit)
    side, gutter = SIDE * unit, 76 * unit
    lane_height, times_height, gap = (88 if is_tall else 60) * unit, 34 * unit, 14 * unit
    film_top = above + head_height + gap * (head_height > 0)
    film_bottom = height - below - times_height - lane_height - gap

    def box(left: Number, top: Number, right: Number, bottom: Number) -> Box:
        left, top, right, bottom = round(left), round(top), round(right), round(bottom)
        return Box(left, top, right - left, bottom - top)

    right = width - side
    lane_bottom = film_bottom + gap + lane_height
    return Layout(
        width,
        height,
        head=box(side, above, right, above + head_height),
        film=box(gutter, film_top, right, film_bottom),
        ruler=round(34 * unit),
        lane=box(gutter, film_bottom + gap, right, lane_bottom),
        times=box(gutter, lane_bottom, right, lane_bottom + times_height),
    )
