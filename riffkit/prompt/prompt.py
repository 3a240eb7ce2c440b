"""Reads a prompt: everything its words tell a model.

    a polite sentence in any language, with weights in brackets
      → what the model reads (wording.py, languages.py), and the weights of its parts (emphasis.py)
      → what isn't wanted, tempo, key, mood and style, where it names them

Everything downstream takes a `Prompt` and parses no text itself.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from riffkit.limits import MINOR_MODES
from riffkit.prompt.emphasis import Emphasis, parse_emphasis, unclosed_bracket
from riffkit.prompt.key import MusicalKey, named_key, named_mode, parse_key, parse_tonic, with_key
from riffkit.prompt.metre import DEFAULT_BEATS, Metre, named_metre
from riffkit.prompt.tempo import named_speed, said_bpm, with_tempo
from riffkit.prompt.traits import ModelTraits
from riffkit.prompt.vocabulary import NONE_UNKNOWN, UnknownWords
from riffkit.prompt.wording import read_wording
from riffkit.spectrogram.beat_grid import MAX_BPM, MIN_BPM

_DARK_MODES = (*MINOR_MODES, "blues")


@dataclass(frozen=True)
class WeightedPart:
    """A part of a prompt with a weight other than 1, read on its own."""

    text: str
    weight: float
    names_key: bool


@dataclass(frozen=True)
class Prompt:
    """A prompt as a model understands it.

    `written` is the user's text, in parts with their weights; `text` is in the words of the model's
    captions. `unwanted` lists what should not be heard. `bpm`, `key` and `metre` are those it
    names. `style_bpm` and `style_modes` are those of the longest of the model's styles that it
    names; `speed` is how much faster than usual "slow" and "fast" make it. `mood` is "minor" or
    "major" if its words have that mood; `names_mood` if they name it. `is_unpitched` means that it
    asks for something without a key, such as drums alone. `unknown`: words that the model's
    captions didn't have. `unclosed`: a bracket that weighs nothing, with its word.
    """

    written: Emphasis
    text: str
    unwanted: tuple[str, ...] = ()
    parts: tuple[WeightedPart, ...] = ()
    bpm: float | None = None
    key: MusicalKey | None = None
    metre: Metre | None = None
    style_bpm: float | None = None
    style_modes: tuple[str, ...] = ()
    speed: float = 1.0
    mode: str | None = None
    mood: str | None = None
    names_mood: bool = False
    is_unpitched: bool = False
    unknown: UnknownWords = NONE_UNKNOWN
    unclosed: str = ""

    @property
    def words(self) -> str:
        """The text as written, without weights and their brackets."""
        return self.written.text


NOTHING = Prompt(Emphasis(()), "")
"""The empty prompt."""


def read_prompt(prompt: str, traits: ModelTraits) -> Prompt:
    """Parse a prompt for a model with these traits; any text is valid, even an empty one."""
    if not prompt:
        return NOTHING
    written = parse_emphasis(prompt)
    wording = read_wording(written.text, traits)
    parts = tuple(
        WeightedPart(read_wording(words, traits).text, weight, named_key(words) is not None)
        for words, weight in written.weights
    )
    mood = next((mood for mood, words in _moods(traits) if contains(wording.text, words)), None)
    return Prompt(
        written=written,
        text=wording.text,
        unwanted=wording.unwanted,
        parts=parts,
        bpm=said_bpm(wording.text),
        key=named_key(wording.text),
        metre=named_metre(wording.text),
        style_bpm=_of_style(wording.text, traits.style_bpm),
        style_modes=tuple(_of_style(wording.text, traits.style_modes) or ()),
        speed=_speed(wording.text, longest_named(wording.text, traits.style_bpm)),
        mode=named_mode(wording.text),
        mood=mood,
        names_mood=mood is not None and contains(wording.text, [mood]),
        is_unpitched=contains(wording.text, traits.unpitched_words),
        unknown=wording.unknown,
        unclosed=unclosed_bracket(prompt),
    )


def _of_style(text: str, styles: Mapping[str, Any]) -> Any:
    style = longest_named(text, styles)
    return None if style is None else styles[style]


def _speed(text: str, style: str | None) -> float:
    """ "slow ballad" is a style, whose tempo is slow already."""
    return 1.0 if named_speed(style or "") != 1 else named_speed(text)


def _moods(traits: ModelTraits) -> tuple[tuple[str, list[str]], ...]:
    return (("minor", ["minor", *traits.minor_words]), ("major", ["major", *traits.major_words]))


def choose_bpm(prompt: Prompt, traits: ModelTraits, *, bpm: float | None = None) -> float:
    """The given tempo, else the prompt's, else its style's or the model's, slower or faster."""
    if bpm is not None:
        return bpm
    if prompt.bpm is not None:
        return prompt.bpm
    usual = prompt.style_bpm or traits.default_bpm
    if prompt.speed == 1:
        return usual
    return min(MAX_BPM, max(MIN_BPM, float(round(usual * prompt.speed))))


def choose_metre(prompt: Prompt, *, beats_per_bar: int | None = None) -> int:
    """The given beats per bar, else the prompt's, else 4."""
    if beats_per_bar is not None:
        return beats_per_bar
    return DEFAULT_BEATS if prompt.metre is None else prompt.metre.beats


def choose_key(
    prompt: Prompt, traits: ModelTraits, *, key: str | None = None, seed: int = 0
) -> MusicalKey | None:
    """The given key, else the prompt's, else one that suits it.

    An unnamed mode follows from the prompt's mood, else from the style, by the seed. An unnamed
    tonic is one of the model's own. None for unpitched prompts, and for models without native
    tonics.
    """
    if key is not None:
        return parse_key(key)
    if prompt.key is not None and prompt.key.mode:
        return prompt.key
    if not traits.native_tonics or (prompt.key is None and prompt.is_unpitched):
        return prompt.key
    rng = random.Random(f"riffkit key {seed}")
    if prompt.key is None:
        tonic = parse_tonic(rng.choice(traits.native_tonics))
    else:
        tonic = prompt.key.tonic
    return MusicalKey(tonic, _choose_mode(prompt, traits, rng))


def _choose_mode(prompt: Prompt, traits: ModelTraits, rng: random.Random) -> str:
    modes = prompt.style_modes or ("major", "minor")
    if prompt.mood is None:
        return rng.choice(modes)
    if prompt.names_mood:
        return prompt.mood
    is_minor = prompt.mood == "minor"
    fitting = [mode for mode in modes if (mode in _DARK_MODES) == is_minor]
    return rng.choice(fitting or [prompt.mood])


def painted_text(
    prompt: Prompt, key: MusicalKey | None, bpm: float, traits: ModelTraits
) -> Emphasis:
    """The text encoder's input: the prompt with the painted key and the tempo."""
    text = with_tempo(with_key(prompt.text, key, traits), bpm, traits)
    return _weighted(text, [prompt], key, traits)


def negative_text(
    avoided: Prompt, prompt: Prompt, key: MusicalKey | None, traits: ModelTraits
) -> Emphasis:
    """The negative prompt, plus what the prompt itself excludes."""
    text = ", ".join(filter(None, [avoided.text, *prompt.unwanted]))
    return _weighted(text, [avoided, prompt] if prompt.unwanted else [avoided], key, traits)


def _weighted(
    text: str, prompts: list[Prompt], key: MusicalKey | None, traits: ModelTraits
) -> Emphasis:
    """`text` with the weights that its words have in the prompts.

    Where the model reads a prompt as it was written, and perhaps more behind it, each word has its
    place; else what a weighted part is read as by itself is looked for, thing by thing.
    """
    weights = [1.0] * len(text)
    for prompt in prompts:
        end = 0
        if text.startswith(prompt.words):
            for words, weight in prompt.written.parts:
                weights[end : end + len(words)] = [weight] * len(words)
                end += len(words)
            continue
        for part in prompt.parts:
            read = with_key(part.text, key, traits) if part.names_key else part.text
            for thing in filter(None, read.strip(" ,").split(", ")):
                pattern = re.compile(rf"(?<!\w){re.escape(thing)}(?!\w)", re.I)
                found = pattern.search(text, end) or pattern.search(text)
                if found is not None:
                    begin, end = found.span()
                    weights[begin:end] = [part.weight] * (end - begin)
    return Emphasis.of(zip(text, weights, strict=True))


def not_known(name: str, prompt: Prompt, *, by: str = "this model") -> Iterator[str]:
    """Notes on what the model, or whoever plays it, can't."""
    unknown = prompt.unknown
    if unknown.words:
        words = ", ".join(map(repr, unknown.words))
        yield f"{name}: not known to {by}: {words} (`riff words` lists what is)"
    if unknown.sung:
        yield f"{name}: {by} can't sing: {', '.join(map(repr, unknown.sung))}"


def contains(prompt: str, phrases: Iterable[str]) -> bool:
    """Whether the prompt contains one of the phrases, as whole words."""
    text = f" {_plain(prompt)} "
    return any(f" {_plain(phrase)} " in text for phrase in phrases)


def longest_named(prompt: str, phrases: Iterable[str]) -> str | None:
    """The longest of the phrases that the prompt contains."""
    return max((p for p in phrases if contains(prompt, [p])), key=len, default=None)


@lru_cache(maxsize=4096)
def _plain(text: str) -> str:
    return " ".join(re.sub(r"[^\w]+", " ", text.lower().replace("&", " and ")).split())
