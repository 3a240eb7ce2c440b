"""The words that a score may be asked for in: captions' own, and what people write for them.

`words/*.toml` say which phrase stands for what; a phrase may stand for several things at once
("walking bass" is a player, a figure and a hint of jazz).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from riffkit.score import caption_words as words
from riffkit.score.captions import OWN_DRUMS
from riffkit.score.facts import MOODS_OF_MODE
from riffkit.score.instruments import INSTRUMENTS
from riffkit.score.styles import STYLES

_FILES = Path(__file__).with_name("words")
HINT, ADJECTIVE, NAME = 0, 1, 2
"""How much the name of a style weighs: hints give way to adjectives, and both to names."""


@dataclass(frozen=True)
class Meaning:
    """What a phrase stands for.

    `kind` is "style", "instrument", "family", "ensemble", "drums", "density", "mood", "figure",
    "others" (who else plays), "size" (how many play), "nothing" (it asks nothing of the notes) or
    "plain" (it only looks like one of them), `value` what of that kind. `is_near`: it has no name
    of its own here, and `value` is the nearest. `weight` is that of a style's name.
    """

    kind: str
    value: str
    is_near: bool = False
    weight: int = NAME


@dataclass(frozen=True)
class Ensemble:
    """Players who belong together, instruments or families; what else the name says."""

    players: tuple[str, ...]
    drums: bool | None = None
    style: str | None = None


@dataclass(frozen=True)
class Thesaurus:
    """`phrases` by their words; `families` and `ensembles` by name, with their players.

    `bpm`: tempi of genres. `in_style`: phrases that are another instrument in a style. `longest`:
    words of the longest phrase; `tokens`: all words of phrases. `of_captions`: phrases that
    captions say. `ambiguous`: words that mean something else, too.
    """

    phrases: Mapping[str, tuple[Meaning, ...]]
    families: Mapping[str, tuple[str, ...]]
    ensembles: Mapping[str, Ensemble]
    bpm: Mapping[str, float]
    in_style: Mapping[str, Mapping[str, str]]
    longest: int
    tokens: frozenset[str]
    of_captions: frozenset[str]
    ambiguous: frozenset[str]


@lru_cache(maxsize=1)
def thesaurus() -> Thesaurus:
    """All words there are; read once."""
    styles, players, moods = (_read(name) for name in ("styles", "players", "moods"))
    found: dict[str, tuple[Meaning, ...]] = {}

    def add(phrases: Iterable[str], meaning: Meaning) -> None:
        for phrase in phrases:
            known = found.get(phrase)
            if known is None:
                found[phrase] = (meaning,)
            elif all(one.kind != meaning.kind for one in known):
                found[phrase] = (*known, meaning)

    for phrases, meaning in _of_captions():
        add(map(plain, phrases), meaning)
    of_captions = frozenset(found)
    for key, is_near, weight in (
        ("names", False, NAME),
        ("near", True, NAME),
        ("hints", False, HINT),
    ):
        for style, of in styles["style"].items():
            add(_listed(of.get(key, "")), Meaning("style", style, is_near, weight))
    for phrase in _listed(styles["adjectives"]["words"]):
        if phrase in found:
            found[phrase] = tuple(map(_as_adjective, found[phrase]))
    for name, of in players["instrument"].items():
        for key in ("names", "near"):
            add(_with_plurals(_listed(of.get(key, ""))), Meaning("instrument", name, key == "near"))
    for name, of in players["family"].items():
        add(_with_plurals([name, *_listed(of["names"])]), Meaning("family", name))
    for name, of in players["ensemble"].items():
        add([name, *_listed(of.get("words", ""))], Meaning("ensemble", name))
    for kind, value, some in (
        *(("drums", value, some) for value, some in players["drums"].items()),
        *(("others", value, some) for value, some in players["others"].items()),
        *(("size", number, some) for number, some in players["size"].items()),
        *(("plain", "", some) for some in players["plain"].values()),
        *((kind, value, some) for kind, of in moods.items() for value, some in of.items()),
    ):
        add(_listed(some), Meaning(kind, value))
    return Thesaurus(
        phrases=found,
        families={n: tuple(_listed(of["members"])) for n, of in players["family"].items()},
        ensembles={
            name: Ensemble(tuple(_listed(of["players"])), of.get("drums"), of.get("style"))
            for name, of in players["ensemble"].items()
        },
        bpm={genre: float(bpm) for genre, bpm in styles["bpm"].items()},
        of_captions=of_captions,
        ambiguous=frozenset(_listed(players["ambiguous"]["words"])),
        in_style=players["in_style"],
        longest=max(phrase.count(" ") + 1 for phrase in found),
        tokens=frozenset(" ".join(found).split()),
    )


def _of_captions() -> Iterable[tuple[Iterable[str], Meaning]]:
    """What captions say, which is known whatever else is."""
    for style, info in STYLES.items():
        yield [style, *info.words], Meaning("style", style)
    for name in INSTRUMENTS:
        yield _with_plurals([name]), Meaning("instrument", name)
    for name, synonyms in words.INSTRUMENT_WORDS.items():
        own = [s for s in synonyms if s not in _GENERAL]
        yield _with_plurals(own), Meaning("instrument", name)
    yield words.DRUMS_ONLY_WORDS, Meaning("drums", "only")
    yield (*words.NO_DRUM_WORDS, *words.NO_PERCUSSION_WORDS), Meaning("drums", "none")
    kits = [word for of in (words.KIT_WORDS, OWN_DRUMS) for some in of.values() for word in some]
    yield (*words.DRUM_WORDS, *kits), Meaning("drums", "named")
    for density, some in words.DENSITY_WORDS.items():
        yield some, Meaning("density", density)
    for figure in words.FIGURE_WORDS:
        yield [figure, f"{figure}s"], Meaning("figure", figure)
    moods = {mood for info in STYLES.values() for mood in info.moods}
    for mood in sorted(moods.union(*MOODS_OF_MODE.values())):
        yield [mood], Meaning("mood", mood)


_GENERAL = ("guitar", "bass", "synth")
"""Captions' words for several instruments."""


def plain(text: str) -> str:
    """Words alone: commas and other signs stand for themselves, so that no phrase spans them."""
    spaced = re.sub(r"([,.;:!?()])", r" \1 ", text.lower().replace("&", " and "))
    return " ".join(re.sub(r"[^\w,.;:!?()/#+'-]+", " ", spaced).replace("-", " ").split())


def _with_plurals(phrases: Iterable[str]) -> list[str]:
    return [
        form for name in phrases for form in ((name,) if name.endswith("s") else (name, f"{name}s"))
    ]


def _listed(text: str) -> list[str]:
    """The phrases of a file, which are plain but for hyphens."""
    return " ".join(text.replace("-", " ").split()).split(", ") if text else []


def _as_adjective(meaning: Meaning) -> Meaning:
    is_name = meaning.kind == "style" and meaning.weight == NAME
    return replace(meaning, weight=ADJECTIVE) if is_name else meaning


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((_FILES / f"{name}.toml").read_text(encoding="utf-8"))
