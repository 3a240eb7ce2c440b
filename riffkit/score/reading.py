"""Reads what an English prompt asks of a score: style, players, drums, density, mood, figure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

from riffkit.score import caption_words as words
from riffkit.score.brief import Brief
from riffkit.score.captions import OWN_DRUMS
from riffkit.score.facts import MOODS_OF_MODE
from riffkit.score.instruments import INSTRUMENTS
from riffkit.score.styles import STYLES

_GENERIC = {
    "guitar": (
        *("electric guitar", "acoustic guitar", "jazz guitar"),
        *("overdriven guitar", "distorted guitar", "muted guitar"),
    ),
    "bass": ("bass guitar", "upright bass", "synth bass", "fretless bass", "slap bass"),
    "synth": ("synth lead", "square lead", "synth pad"),
    "synthesizer": ("synth lead", "square lead", "synth pad"),
    "keys": ("electric piano", "piano"),
    "keyboard": ("piano",),
    "horns": ("brass",),
    "voices": ("choir",),
    "pads": ("synth pad",),
    "bells": ("tubular bells", "glockenspiel"),
    "mallets": ("marimba",),
}
"""Names of several instruments: the style's own of them, or the first."""
_MORE_DRUMS = ("drum kit", "drum set", "drum machine", "drum loop", "drumming", "beats", "drum")
_NO_DRUMS = (
    *("no drummer", "no drum kit", "no drum", "without percussion", "without a drummer"),
    *("no beats", "beatless", "drumfree", "drum free"),
)
_ONLY_DRUMS = (
    *("drum solo", "solo drums", "drums alone", "only percussion", "percussion only"),
    *("just percussion", "drums and nothing else", "drums and nothing more"),
)
_MORE_DENSITIES = {"spacious": "sparse", "few notes": "sparse", "lots of notes": "dense"}


def read_brief(text: str) -> Brief:
    """The brief of a prompt in English words; tempo, key and metre are read elsewhere."""
    left = f" {_plain(text)} "
    found: dict[str, list[tuple[int, str]]] = {}
    for phrase, (kind, meaning) in _phrases().items():
        if f" {phrase} " in left:
            found.setdefault(kind, []).append((left.index(f" {phrase} "), meaning))
            left = left.replace(f" {phrase} ", " , ")
    said = {kind: [meaning for _, meaning in sorted(of)] for kind, of in found.items()}
    style = said.get("style", [None])[0]
    instruments = [_of_style(name, style) for name in said.get("instrument", ())]
    only_drums = "only drums" in said
    drums: bool | None = None
    if "no drums" in said:
        drums = False
    elif only_drums or "drums" in said:
        drums = True
    elif instruments:
        drums = False
    figures = said.get("figure", [])
    return Brief(
        style=style,
        instruments=() if only_drums else tuple(dict.fromkeys(instruments)),
        drums=drums,
        only_drums=only_drums or (drums is True and not instruments and style is None),
        density=said.get("density", [None])[0],
        moods=tuple(dict.fromkeys(said.get("mood", ()))),
        figure=figures[0] if figures else None,
    )


def _of_style(name: str, style: str | None) -> str:
    """An instrument; of those that a general word means, the style's."""
    if name in INSTRUMENTS:
        return name
    wanted = _GENERIC[name]
    if style is None:
        return wanted[0]
    info = STYLES[style]
    own = (*info.bass, *info.chords, *info.leads, *info.pads, *info.arpeggios)
    return next((one for one in own if one in wanted), wanted[0])


def meant_by(text: str) -> set[str]:
    """All instruments that words may mean: for "guitar" all guitars."""
    word = _plain(text)
    names = {name for one in (word, word.removesuffix("s")) for name in _GENERIC.get(one, ())}
    names |= {name for name, some in words.INSTRUMENT_WORDS.items() if word in some}
    return names | set(read_brief(text).instruments)


@lru_cache(maxsize=1)
def _phrases() -> Mapping[str, tuple[str, str]]:
    """All phrases, the longest first, each with its kind and what it means."""
    found: dict[str, tuple[str, str]] = {}

    def add(kind: str, phrases: Iterable[str], meaning: str) -> None:
        for phrase in phrases:
            found.setdefault(_plain(phrase), (kind, meaning))

    for style in STYLES:
        add("style", [style], style)
    for name in INSTRUMENTS:
        add("instrument", _singular_and_plural(name), name)
    for name in _GENERIC:
        add("instrument", _singular_and_plural(name), name)
    for name, synonyms in words.INSTRUMENT_WORDS.items():
        add("instrument", (w for s in synonyms for w in _singular_and_plural(s)), name)
    for style, info in STYLES.items():
        add("style", info.words, style)
    add("only drums", (*_ONLY_DRUMS, *words.DRUMS_ONLY_WORDS), "")
    add("no drums", (*_NO_DRUMS, *words.NO_DRUM_WORDS), "")
    kits = [word for of in (words.KIT_WORDS, OWN_DRUMS) for some in of.values() for word in some]
    add("drums", (*words.DRUM_WORDS, *_MORE_DRUMS, *kits), "")
    for density, some in words.DENSITY_WORDS.items():
        add("density", some, density)
    for phrase, density in _MORE_DENSITIES.items():
        add("density", [phrase], density)
    for figure in words.FIGURE_WORDS:
        add("figure", [figure, f"{figure}s"], figure)
    add("figure", ["arpeggiated", "arpeggios"], "arpeggio")
    moods = {mood for info in STYLES.values() for mood in info.moods}
    for mood in sorted(moods.union(*MOODS_OF_MODE.values())):
        add("mood", [mood], mood)
    return dict(sorted(found.items(), key=lambda item: -len(item[0])))


def _singular_and_plural(name: str) -> tuple[str, ...]:
    return (name,) if name.endswith("s") else (name, f"{name}s")


def _plain(text: str) -> str:
    """Words alone: commas and other signs stand for themselves, so that no phrase spans them."""
    spaced = re.sub(r"([,.;:!?()])", r" \1 ", text.lower().replace("&", " and "))
    return " ".join(re.sub(r"[^\w,.;:!?()/#+'-]+", " ", spaced).replace("-", " ").split())
