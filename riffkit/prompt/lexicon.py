"""The words that a model knows, in any language that prompts may be in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from riffkit.errors import ParameterError
from riffkit.prompt.languages import LANGUAGES, dictionary_of
from riffkit.prompt.prompt import choose_metre, read_prompt
from riffkit.prompt.traits import ModelTraits


@dataclass(frozen=True)
class KnownWord:
    """A word of the model's captions, and those that mean it in another language."""

    word: str
    translations: tuple[str, ...] = ()


@dataclass(frozen=True)
class KnownStyle:
    """A style's name, its tempo, its metre, and the modes that it is in."""

    name: KnownWord
    bpm: float
    beats_per_bar: int
    modes: tuple[str, ...]


@dataclass(frozen=True)
class Lexicon:
    """A model's styles, and its other words by what they name."""

    styles: tuple[KnownStyle, ...]
    words: dict[str, tuple[KnownWord, ...]]


def lexicon(traits: ModelTraits, language: str = "en") -> Lexicon:
    """The words that a model knows; ParameterError for a language without a dictionary."""
    if language not in ("en", *LANGUAGES):
        raise ParameterError(f"language={language!r}: must be one of en, {', '.join(LANGUAGES)}")
    foreign: dict[str, list[str]] = {}
    for word, english in dictionary_of(language).items():
        foreign.setdefault(english, []).append(word)

    def known(words: Iterable[str]) -> tuple[KnownWord, ...]:
        return tuple(KnownWord(word, tuple(foreign.get(word, ()))) for word in words)

    styles = tuple(
        KnownStyle(
            name,
            traits.style_bpm[name.word],
            choose_metre(read_prompt(name.word, traits)),
            tuple(traits.style_modes.get(name.word, ())),
        )
        for name in known(traits.style_bpm)
    )
    return Lexicon(styles, {kind: known(words) for kind, words in traits.vocabulary.items()})
