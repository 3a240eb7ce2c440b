"""Which words of a prompt a model doesn't know, where it lists those that it does."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from riffkit.prompt.languages import any_of, small_words
from riffkit.prompt.traits import ModelTraits

_WORD = re.compile(r"\w+(?:['’&-]\w+)*")
_KEY = re.compile(r"[a-z]|[a-h](?:b|is|es)?m?")  # and "F#m", whose parts are letters
_HAN = re.compile(r"[\u4e00-\u9fff]")
_ENDINGS = ("s", "es", "ed", "ing", "er", "ers", "y", "ish", "like", "'s", "’s")


@dataclass(frozen=True)
class UnknownWords:
    """Words that a model's captions didn't have; `sung` are those that ask it to sing."""

    words: tuple[str, ...] = ()
    sung: tuple[str, ...] = ()


NONE_UNKNOWN = UnknownWords()


def unknown_words(text: str, traits: ModelTraits) -> UnknownWords:
    """The words of a prompt, put into English, that a model doesn't know.

    Small words ("with", "for", "song") aren't counted. None for models that list no vocabulary.
    """
    if not traits.vocabulary:
        return NONE_UNKNOWN
    known = _known(tuple(traits.style_bpm), *map(tuple, traits.vocabulary.values()))
    sung = _singing().findall(text)
    rest = _singing().sub(" ", text)
    found = [word for match in _WORD.findall(rest) for word in _pieces(match)]
    unknown = (word for word in found if not _is_known(word.lower(), known))
    return UnknownWords(_once(unknown), _once(sung))


def _once(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(words))


def _pieces(word: str) -> list[str]:
    """The word; of Chinese, which has no gaps, what small words leave of it."""
    if not _HAN.search(word):
        return [word]
    chinese = sorted(small_words()["small"]["zh"].split(), key=len, reverse=True)
    return [piece for piece in re.split("|".join(chinese), word) if piece]


def _is_known(word: str, known: frozenset[str]) -> bool:
    if word[0].isdigit() or _KEY.fullmatch(word) or word in known:
        return True
    if any(word.removesuffix(ending) in known for ending in _ENDINGS):
        return True
    parts = [part for part in re.split(r"['’&-]", word) if part]
    return len(parts) > 1 and all(_is_known(part, known) for part in parts)


@lru_cache(maxsize=4)
def _known(*groups: tuple[str, ...]) -> frozenset[str]:
    """The single words of phrases, and the small words of all languages."""
    words = {word for phrases in groups for phrase in phrases for word in phrase.lower().split()}
    parts = {part for word in words for part in word.split("-")}
    small = {word for some in small_words()["small"].values() for word in some.split()}
    return frozenset(words | parts | small)


@lru_cache(maxsize=1)
def _singing() -> re.Pattern[str]:
    phrases = [phrase for some in small_words()["singing"].values() for phrase in some]
    return re.compile(rf"(?:{any_of(phrases)})(?!\s+bowls?\b)", re.I)
