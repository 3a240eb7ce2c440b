"""The table of styles: all that makes a house loop house and a waltz a waltz."""

from __future__ import annotations

from riffkit.score.style_info import StyleInfo
from riffkit.score.styles_electronic import ELECTRONIC
from riffkit.score.styles_groove import GROOVE
from riffkit.score.styles_song import SONG

__all__ = ["STYLES", "StyleInfo"]

# What a seed gives depends on the order: new styles go to the end.
STYLES: dict[str, StyleInfo] = {**ELECTRONIC, **GROOVE, **SONG}
