"""All that captions say beside the names of styles: what a model trained on them can know."""

from __future__ import annotations

from collections.abc import Iterable

from riffkit.score import caption_words as words
from riffkit.score.captions import OWN_DRUMS
from riffkit.score.facts import MOODS_OF_MODE
from riffkit.score.instruments import INSTRUMENTS
from riffkit.score.styles import STYLES


def vocabulary() -> dict[str, list[str]]:
    """The words of captions by what they name: "instruments", "moods", "other"."""
    drums = [*words.DRUM_WORDS, *_all(words.KIT_WORDS.values()), *_all(OWN_DRUMS.values())]
    instruments = {*INSTRUMENTS, *_all(words.INSTRUMENT_WORDS.values()), *drums}
    moods = {*_all(info.moods for info in STYLES.values()), *_all(MOODS_OF_MODE.values())}
    figures = [*_all(words.FIGURE_WORDS.values()), *words.SOLO_WORDS]
    other = {
        *_all(words.DENSITY_WORDS.values()),
        *words.SLOW_WORDS,
        *words.MIDDLE_WORDS,
        *words.FAST_WORDS,
        *(" ".join(figure.format("").split()).removesuffix(" on") for figure in figures),
        *(phrase for phrase in words.DRUMS_ONLY_WORDS if "," not in phrase),
        *words.NO_DRUM_WORDS,
        *words.NO_PERCUSSION_WORDS,
        *words.NOUNS,
        *words.GENTLE_NOUNS,
        *words.THREE_WORDS,
        *_all(info.modes for info in STYLES.values()),
    }
    return {"instruments": sorted(instruments), "moods": sorted(moods), "other": sorted(other)}


def _all(groups: Iterable[Iterable[str]]) -> list[str]:
    return [word for group in groups for word in group]
