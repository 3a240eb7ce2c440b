"""Prompts in other languages, for models whose captions were English.

A dictionary of musical words (languages.toml) and the ways to name a key: German, French, Spanish,
Ukrainian, Russian, Chinese. Grammar doesn't matter: the model reads a handful of words. Polite ones
(small_words.toml) are left out.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

_DICTIONARY = Path(__file__).with_name("languages.toml")
_SMALL_WORDS = Path(__file__).with_name("small_words.toml")
_PUNCTUATION = " ,.!?;:¿¡，。！？"
LANGUAGES = ("de", "fr", "es", "uk", "ru", "zh")
_LINKS = frozenset(("with", "and", "without", ""))  # translated only beside other words
_STARTS = r"(?<!\w)"
_TEMPO = re.compile(r"(\d{2,3})\s*(?:уд/мин|ударов в минуту|уд/хв|拍|schläge)", re.I)

_MODES = {
    "dur": "major",
    "majeur": "major",
    "mayor": "major",
    "мажор": "major",
    "大调": "major",
    "moll": "minor",
    "mineur": "minor",
    "menor": "minor",
    "мінор": "minor",
    "минор": "minor",
    "小调": "minor",
}
_GERMAN_NOTES = {
    "h": "B",
    "b": "Bb",
    "cis": "C#",
    "des": "Db",
    "dis": "D#",
    "es": "Eb",
    "fis": "F#",
    "ges": "Gb",
    "gis": "G#",
    "as": "Ab",
    "ais": "A#",
    **{note: note.upper() for note in "cdefga"},
}
_SUNG_NOTES = {
    "do": "C",
    "ré": "D",
    "re": "D",
    "mi": "E",
    "fa": "F",
    "sol": "G",
    "la": "A",
    "si": "B",
    "до": "C",
    "ре": "D",
    "ми": "E",
    "мі": "E",
    "фа": "F",
    "соль": "G",
    "ля": "A",
    "си": "B",
    "сі": "B",
}
_ACCIDENTALS = {
    "dièse": "#",
    "sostenido": "#",
    "диез": "#",
    "дієз": "#",
    "升": "#",
    "bémol": "b",
    "bemol": "b",
    "бемоль": "b",
    "降": "b",
}


def _any(words: dict[str, str]) -> str:
    return "|".join(sorted(words, key=len, reverse=True))


_KEYS = (
    re.compile(rf"(?<!\w)(?P<note>{_any(_GERMAN_NOTES)})(?P<sign>)[ -](?P<mode>dur|moll)\b", re.I),
    re.compile(
        rf"(?<!\w)(?P<note>{_any(_SUNG_NOTES)})(?:[ -](?P<sign>{_any(_ACCIDENTALS)}))?[ -]"
        r"(?P<mode>majeur|mineur|mayor|menor|мажор|мінор|минор)\w*",
        re.I,
    ),
    re.compile(r"(?P<sign>[升降]?)(?P<note>[A-G])(?P<mode>[大小]调)", re.I),
)


@dataclass(frozen=True)
class _Dictionary:
    """All words in one pattern; group k of it is the word that means `meanings[k]`."""

    pattern: re.Pattern[str]
    meanings: tuple[str, ...]


@lru_cache(maxsize=64)
def to_english(prompt: str) -> str:
    """The prompt with known musical words translated to English.

    An English prompt is returned unchanged. In others, unknown words in other scripts are dropped:
    they would be noise to the model.
    """
    text, is_translated = _translated(prompt)
    if not is_translated:
        return text
    return tidy("".join(c for c in text if not _is_foreign(c)))


def with_foreign_words(prompt: str) -> str:
    """The prompt as `to_english` gives it, but with the words that it drops."""
    return _translated(prompt)[0]


@lru_cache(maxsize=64)
def _translated(prompt: str) -> tuple[str, bool]:
    """The prompt with known words translated, and whether there were any."""
    normal = unicodedata.normalize("NFC", prompt)
    text = _TEMPO.sub(r"\1 bpm", _without_politeness(normal))
    for pattern in _KEYS:
        text = pattern.sub(_english_key, text)
    dictionary = _dictionary()
    found = [dictionary.meanings[_index(match)] for match in dictionary.pattern.finditer(text)]
    if not any(word not in _LINKS for word in found):
        return (text if text != normal else prompt), False
    return dictionary.pattern.sub(lambda m: f" {dictionary.meanings[_index(m)]} ", text), True


def _without_politeness(text: str) -> str:
    """A text without polite words of other languages; unchanged where it has only those."""
    left, n_found = _politeness().subn(" ", text)
    return tidy(left.strip(_PUNCTUATION)) or text if n_found else text


def _english_key(match: re.Match[str]) -> str:
    note, sign = match["note"].lower(), _ACCIDENTALS.get((match["sign"] or "").lower(), "")
    mode = _MODES[match["mode"].lower()]
    notes = _GERMAN_NOTES if match.re is _KEYS[0] else _SUNG_NOTES
    return f" {notes.get(note, match['note'].upper())}{sign} {mode} "


def _index(match: re.Match[str]) -> int:
    assert match.lastindex is not None
    return match.lastindex - 1


def dictionary_of(language: str) -> dict[str, str]:
    """The English of a language's musical words; nothing for a language that there isn't."""
    return _languages().get(language, {})


@lru_cache(maxsize=1)
def _languages() -> dict[str, dict[str, str]]:
    return tomllib.loads(_DICTIONARY.read_text(encoding="utf-8"))


@lru_cache(maxsize=1)
def _dictionary() -> _Dictionary:
    words = {word: english for of in LANGUAGES for word, english in dictionary_of(of).items()}
    # the longest of those that fit, which all begin with the same letter
    ordered = sorted(words, key=lambda word: (word[0], -len(word.replace("*", ""))))
    whole = [word for word in ordered if _is_whole_word(word)]
    others = [word for word in ordered if not _is_whole_word(word)]
    # one look behind for all whole words, so that what isn't a word's start is passed quickly
    pattern = rf"(?<!\w)(?:{_any_ending(whole)})|{_any_ending(others)}"
    return _Dictionary(re.compile(pattern, re.I), tuple(words[word] for word in (*whole, *others)))


def _any_ending(words: Iterable[str]) -> str:
    """A pattern with a group for each word. The words are ordered by their first letters: only
    those that begin with what is there are tried.
    """
    of_letters = []
    for letter, beginning in groupby(words, key=itemgetter(0)):
        groups = "|".join(f"({_as_pattern(word).removeprefix(_STARTS)})" for word in beginning)
        of_letters.append(f"(?={re.escape(letter)})(?:{groups})")
    return "|".join(of_letters)


@lru_cache(maxsize=1)
def _politeness() -> re.Pattern[str]:
    """Any language's polite phrases, each with an article of its own behind it."""
    of_languages = []
    for language, phrases in small_words()["politeness"].items():
        articles = any_of(small_words()["articles"].get(language, ()))
        behind = rf"(?:\s*(?:{articles}))?" if articles else ""
        of_languages.append(rf"(?<!-)(?:{any_of(phrases)})(?!-){behind}")
    return re.compile("|".join(of_languages), re.I)


@lru_cache(maxsize=1)
def small_words() -> dict[str, dict[str, Any]]:
    """Words that say nothing of the music, by kind and language."""
    return tomllib.loads(_SMALL_WORDS.read_text(encoding="utf-8"))


def any_of(phrases: Iterable[str]) -> str:
    """A pattern of any of these phrases, whose * stands for any ending."""
    return "|".join(_as_pattern(phrase) for phrase in sorted(phrases, key=len, reverse=True))


def _as_pattern(word: str) -> str:
    """Whole words, any white space between them; Chinese has no gaps between words."""
    escaped = re.escape(word).replace(r"\*", r"\w*").replace(r"\ ", r"\s+")
    return rf"{_STARTS}{escaped}(?!\w)" if _is_whole_word(word) else escaped


def _is_whole_word(word: str) -> bool:
    return word[0].isalnum() and not any("\u4e00" <= c <= "\u9fff" for c in word)


def _is_foreign(character: str) -> bool:
    """A letter of no Latin script."""
    return character.isalpha() and not unicodedata.name(character, "LATIN").startswith("LATIN")


def tidy(text: str) -> str:
    """Single spaces, none before a comma, and no empty places between commas."""
    parts = [" ".join(part.split()) for part in text.split(",")]
    return ", ".join(part for part in parts if part)
