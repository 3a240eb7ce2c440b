"""What DAWs are told of a clip: where its bars and sections begin, its metre and its key."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from riffkit.audio.shown import Marker, Shown
from riffkit.prompt.key import MusicalKey, parse_key
from riffkit.prompt.metre import DEFAULT_BEATS
from riffkit.provenance.recipe import Recipe
from riffkit.score.notes import Score, Section
from riffkit.score.stems import chosen, stems_of

_SAME_BEAT = 1e-6
_UNHEARD_SECONDS = 0.001


@dataclass(frozen=True)
class MusicalFacts:
    """Bars begin with the clip's image, `lead_seconds` before its sound. `sections` are in beats
    from there, and `genre` is the style of its score.
    """

    beats_per_bar: int = DEFAULT_BEATS
    key: MusicalKey | None = None
    genre: str = ""
    sections: tuple[Section, ...] = ()
    lead_seconds: float = 0.0

    @classmethod
    def of_recipe(cls, recipe: Recipe, image_rate: int) -> MusicalFacts:
        """Those of what a recipe makes; its image has `image_rate`."""
        asked, score = recipe.arguments, recipe.score or {}
        return cls(
            asked.get("beats_per_bar") or DEFAULT_BEATS,
            parse_key(asked["key"]) if asked.get("key") else None,
            genre=score.get("facts", {}).get("style", ""),
            sections=tuple(Section(*one) for one in score.get("sections", ()) if one[0]),
            lead_seconds=(lead_samples(recipe) or 0) / image_rate,
        )

    def played(self, *, lead_seconds: float = 0.0, semitones: float = 0.0) -> MusicalFacts:
        """Those of the image when it is decoded, from `lead_seconds` on and transposed."""
        key = self.key
        if key is not None and semitones:
            shifted = replace(key, tonic=(key.tonic + round(semitones)) % 12)
            key = shifted if float(semitones).is_integer() else None
        return replace(self, key=key, lead_seconds=lead_seconds)

    def shown(self, title: str, bpm: float | None, *, seconds: float, beats: int | None) -> Shown:
        """What is shown of a sound of that length; `beats` is that of a loop."""
        key = self.key
        return Shown(
            title,
            bpm=bpm,
            key="" if key is None else key.short_name,
            tonic=None if key is None else key.tonic,
            beats=beats,
            beats_per_bar=self.beats_per_bar,
            genre=self.genre,
            markers=() if bpm is None else tuple(self._markers(bpm, seconds)),
        )

    def _markers(self, bpm: float, seconds: float) -> Iterator[Marker]:
        """The bars that begin in the sound, from 1, and what sections begin there or between."""
        labels = {beat: f"Bar {number}" for number, beat in enumerate(self._bars(bpm, seconds), 1)}
        for section in self.sections if len(self.sections) > 1 else ():
            near = (beat for beat in labels if abs(beat - section.start) < _SAME_BEAT)
            beat = next(near, section.start)
            labels[beat] = f"{labels[beat]}: {section.name}" if beat in labels else section.name
        for beat in sorted(labels):
            place = beat * 60 / bpm - self.lead_seconds
            if -_SAME_BEAT < place < seconds:
                yield Marker(max(0.0, place), labels[beat])

    def _bars(self, bpm: float, seconds: float) -> list[float]:
        """The first beats of bars within the sound: not one that a rounded length lets begin with
        its last sample.
        """
        bar_seconds = self.beats_per_bar * 60 / bpm
        end = self.lead_seconds + seconds - min(_UNHEARD_SECONDS, seconds / 2)
        first = math.ceil(self.lead_seconds / bar_seconds - _SAME_BEAT)
        last = math.ceil(end / bar_seconds)
        return [float(bar * self.beats_per_bar) for bar in range(first, last)]


def lead_samples(recipe: Recipe) -> int | None:
    """How many samples a clip's image begins before its sound, as far as its recipe says: those of
    the clip that it was made of, at the image's rate.
    """
    if recipe.arguments.get("before"):  # new bars stand before the clip's
        return 0
    source = recipe.inputs.get("clip") or recipe.inputs.get("file") or {}
    lead = source.get("lead_samples")
    return lead if isinstance(lead, int) else None


def score_in(recipe: Recipe) -> Score | None:
    """The score of what is heard: of a player alone, or of those chosen, their tracks."""
    if recipe.score is None:
        return None
    score, asked = Score.from_dict(recipe.score), recipe.arguments
    stem, stems = asked.get("stem"), stems_of(score)
    heard = [one for one in stems if one.name == stem]
    if stem is None:
        heard = [*chosen(stems, solo=asked.get("solo") or (), mute=asked.get("mute") or ())]
    numbers = {number for one in heard for number in one.numbers}
    tracks = (track for number, track in enumerate(score.tracks, 1) if number in numbers)
    return replace(score, tracks=tuple(tracks))


def is_loop(recipe: Mapping[str, Any]) -> bool:
    """Whether a loop was painted, as far as a recipe's values say."""
    return bool(recipe.get("command") == "loop" or recipe.get("arguments", {}).get("loop"))
