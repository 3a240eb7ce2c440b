"""What a prompt asks of a score, and what its words were taken for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from riffkit.models.locate import BUNDLED_DEFAULT, bundled_models
from riffkit.models.word_meanings import token_meanings
from riffkit.prompt.key import parse_key
from riffkit.prompt.prompt import Prompt, not_known
from riffkit.prompt.tempo import named_speed
from riffkit.prompt.traits import ModelTraits
from riffkit.score.brief import Brief
from riffkit.score.harmony import SCALES
from riffkit.score.reading import Reading, means_drums, meant_by, read_words
from riffkit.score.styles import STYLES
from riffkit.spectrogram.beat_grid import MAX_BPM, MIN_BPM


def reading_of(prompt: Prompt) -> Reading:
    """How a prompt's words are understood where notes are written for them."""
    return read_words(
        prompt.text,
        written=prompt.words,
        doubtful=prompt.unknown.words,
        meanings=token_meanings(bundled_models()[BUNDLED_DEFAULT]),
    )


def brief_of_prompt(
    prompt: Prompt,
    traits: ModelTraits,
    *,
    bpm: float | None = None,
    key: str | None = None,
    beats_per_bar: int | None = None,
) -> Brief:
    """The brief of a prompt, without what isn't wanted.

    Args:
        prompt: as `read_prompt` reads it.
        traits: of the model that it was read for.
        bpm: tempo in BPM in the place of the prompt's.
        key: such as "A minor", in the place of the prompt's.
        beats_per_bar: quarter notes, in the place of the prompt's.

    Returns:
        The brief. Tempo, key and metre are open where neither says them; a genre that a style
        stands for ("dubstep") has its own tempo.

    Example:
        brief = brief_of_prompt(read_prompt("slow dubstep, no bass", traits), traits)
    """
    reading = reading_of(prompt)
    brief = reading.brief
    unwanted = {name for thing in prompt.unwanted for name in meant_by(thing)}
    no_drums = any(means_drums(thing) for thing in prompt.unwanted)
    asked = prompt.key if key is None else parse_key(key)
    mode = prompt.mode or (prompt.mood if prompt.names_mood else None)
    if asked is not None and asked.mode in SCALES:
        mode = asked.mode
    if beats_per_bar is None and prompt.metre is not None:
        beats_per_bar = prompt.metre.beats
    return replace(
        brief,
        instruments=tuple(name for name in brief.instruments if name not in unwanted),
        without=tuple(sorted(unwanted)),
        drums=False if no_drums else brief.drums,
        only_drums=brief.only_drums and not no_drums,
        tonic=None if asked is None else asked.tonic,
        mode=mode,
        bpm=bpm or prompt.bpm or reading.bpm or _usual_bpm(prompt, reading, traits),
        beats_per_bar=beats_per_bar,
    )


def _usual_bpm(prompt: Prompt, reading: Reading, traits: ModelTraits) -> float | None:
    """The genre's or the style's, slower or faster; None where nothing is said of the tempo."""
    style = reading.brief.style
    usual = reading.usual_bpm or (float(STYLES[style].default_bpm) if style else None)
    is_said = reading.usual_bpm is not None and named_speed(reading.genre) != 1  # slow blues
    if prompt.speed == 1 or is_said:
        return usual
    changed = round((usual or traits.default_bpm) * prompt.speed)
    return float(min(MAX_BPM, max(MIN_BPM, changed)))


def without(prompt: Prompt, negative: Prompt) -> Prompt:
    """The prompt, with what a negative prompt names unwanted too."""
    if not negative.text:
        return prompt
    return replace(prompt, unwanted=(*prompt.unwanted, negative.text))


def notes_of(prompt: Prompt) -> Iterator[str]:
    """What a prompt's words were taken for, and those that said nothing."""
    reading = reading_of(prompt)
    yield from (f"prompt: {note}" for note in reading.notes)
    left = (word for word in prompt.unknown.words if not reading.understands(word))
    unknown = replace(prompt.unknown, words=tuple(left))
    yield from not_known("prompt", replace(prompt, unknown=unknown), by="the composer")
