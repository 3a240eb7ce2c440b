"""What a bundled model's `riffkit.json` says of music, beside the model's own numbers."""

from __future__ import annotations

from collections.abc import Callable

from riffkit.score import STYLES
from riffkit.score.caption_words import DRUMS_ONLY_WORDS
from riffkit.score.facts import GRIM_MOODS, MOODS_OF_MODE, SUNNY_MOODS
from riffkit.score.styles import StyleInfo
from riffkit.score.vocabulary import vocabulary


def music_traits() -> dict[str, object]:
    """Tempi, modes and words of the styles, as fields of `ModelTraits`."""
    return {
        "bar_cue": True,
        "names_tempo": True,
        "style_bpm": _of_style(lambda info: float(info.default_bpm)),
        "style_modes": _of_style(lambda info: list(info.modes)),
        "minor_words": sorted({*MOODS_OF_MODE[True], *GRIM_MOODS}),
        "major_words": sorted({*MOODS_OF_MODE[False], *SUNNY_MOODS}),
        "unpitched_words": list(DRUMS_ONLY_WORDS),
        "english": True,
        "vocabulary": vocabulary(),
    }


def _of_style(value: Callable[[StyleInfo], object]) -> dict[str, object]:
    """A value of each style, under all the style's names."""
    return {w: value(info) for name, info in STYLES.items() for w in (name, *info.words)}
