"""Captions for real clips, worded like those of the bundled model's training music.

They only state what is known (a sidecar, file tags, folder names) or measured (tempo, key, tags).
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from riffkit.dataset.describe import SourceWords
from riffkit.dataset.templates import fields_of, fill, fill_partly
from riffkit.score import caption_words as words

CAPTIONS_PER_CLIP = 5
TAG_FLOOR = 0.2
"""Tags with at least this probability count as present; the tagger is rarely surer of details."""

STYLE_TAGS = (
    "metal",
    "rock",
    "techno",
    "electronic",
    "classical",
    "ambient",
    "indian",
    "opera",
    "pop",
    "new age",
    "dance",
    "country",
    "choral",
)
_INSTRUMENT_TAGS = (
    "guitar",
    "strings",
    "piano",
    "violin",
    "synth",
    "harpsichord",
    "flute",
    "sitar",
    "harp",
    "cello",
)
_TAGS_AS_WORDS = {
    "mood": {"soft": "soft", "quiet": "quiet", "loud": "loud", "weird": "weird"},
    "voices": {
        "female vocal": "female vocals",
        "female voice": "female vocals",
        "woman": "female vocals",
        "male vocal": "male vocals",
        "male voice": "male vocals",
        "man": "male vocals",
        "vocal": "vocals",
        "vocals": "vocals",
        "singing": "singing",
        "voice": "vocals",
        "choir": "choir",
    },
    "drums": {"drums": "drums", "beat": "drums", "beats": "drums"},
}
_ELECTRIC = ("metal", "rock")  # whose guitars are

_TEMPLATES = (
    "{style}, {instruments}, {key}, {bpm} bpm",
    "{style}, {key}, {mood}, {instruments}",
    "{style}, {bpm} bpm, {drums}, {key}",
    "{style}, {instruments}, {drums}",
    "{style}, {speed}, {key}",
    "{style}, {key}, {bpm} bpm",
    "{style} with {instruments} in {key}",
    "{mood} {style} in {key} at {bpm} bpm",
    "{style} loop in {key} at {bpm} bpm",
    "{speed} {style} with {instruments}, {key}",
    "{mood} {style} with {instruments} and {drums}",
    "{style} track in {key} with {instruments}",
    "{style} in {key}, {meter}",
    "{style} groove at {bpm} bpm, {drums}",
    "{style} in {key}",
    "{style}",
)
_TEMPLATES_OF_CAPTIONS = (
    "{caption}, {key}, {bpm} bpm",
    "{caption}, {key}",
    "{caption}, {bpm} bpm",
    "{caption}, {style}, {key}",
    "{caption}, {instruments}, {key}",
    "{caption}, {mood}, {bpm} bpm",
    "{caption}, {speed}, {key}",
    "{caption}",
)
_TWICE_SAID = ("music loop", "music track", "music groove")
_TRIES = 12


@dataclass(frozen=True)
class KnownFacts:
    """What is known about one clip."""

    words: SourceWords
    tags: Mapping[str, float]
    bpm: float | None
    key: str | None
    beats_per_bar: int


def caption_clip(
    facts: KnownFacts,
    *,
    seed: str,
    trigger: str | None = None,
    templates: Sequence[str] = (),
    n: int = CAPTIONS_PER_CLIP,
) -> tuple[str, ...]:
    """Up to `n` captions, all different, each with the trigger word; the first is the main one.

    User-written captions come first, unchanged. With `templates`, all captions are made from them,
    unless none of their fields are known; then the built-in templates are used.
    """
    rng = random.Random(f"captions {seed}")
    found = [] if templates else [triggered(text, trigger) for text in facts.words.captions[:n]]
    chosen = templates or (_TEMPLATES_OF_CAPTIONS if facts.words.captions else _TEMPLATES)
    for _ in range(n * _TRIES):
        if len(found) >= n:
            break
        text = triggered(_made(chosen, _values(facts, trigger, rng), rng), trigger)
        if text and text not in found:
            found.append(text)
    if templates and not found:
        return caption_clip(facts, seed=seed, trigger=trigger, n=n)
    return tuple(found)


def _made(templates: Sequence[str], values: Mapping[str, str], rng: random.Random) -> str:
    """One template whose fields are all known, or the most of one that has some."""
    able = [t for t in templates if all(values.get(name) for name in fields_of(t))]
    if able:
        text = fill(rng.choice(able), values) or ""
    else:
        text = max((fill_partly(t, values) for t in templates), key=len)
    for phrase in _TWICE_SAID:
        text = text.replace(phrase, phrase.split()[0])
    return text


def triggered(text: str, trigger: str | None) -> str:
    """The caption, led by the trigger word unless it holds it."""
    if not trigger or re.search(rf"(?<!\w){re.escape(trigger)}(?!\w)", text, re.I):
        return text
    return f"{trigger}, {text}" if text else trigger


def _values(facts: KnownFacts, trigger: str | None, rng: random.Random) -> dict[str, str]:
    """Each field's value for one caption; "" where nothing is known."""
    captions = facts.words.captions
    return {
        "style": _style(facts, rng),
        "instruments": _listed(instruments(facts.tags), rng),
        "mood": _one_of(_named(facts.tags, "mood"), rng),
        "drums": _one_of(_named(facts.tags, "drums"), rng),
        "speed": "" if facts.bpm is None else _speed(facts.bpm, rng),
        "bpm": "" if facts.bpm is None else f"{facts.bpm:.0f}",
        "key": facts.key or "",
        "meter": rng.choice(words.THREE_WORDS) if facts.beats_per_bar == 3 else "",
        "caption": captions[0] if len(captions) == 1 else _one_of(captions, rng),
        "artist": facts.words.artist or "",
        "title": facts.words.title or "",
        "trigger": trigger or "",
    }


def _style(facts: KnownFacts, rng: random.Random) -> str:
    """A genre given by the user, else a detected one, else "music"."""
    heard = sorted((t for t in STYLE_TAGS if sure(facts.tags, t)), key=lambda t: -facts.tags[t])
    return _one_of(facts.words.styles, rng) or _one_of(heard[:2], rng) or "music"


def instruments(tags: Mapping[str, float]) -> list[str]:
    """What is heard to play or sing, the surest first."""
    found = sorted((t for t in _INSTRUMENT_TAGS if sure(tags, t)), key=lambda t: -tags[t])
    if any(sure(tags, style) for style in _ELECTRIC):
        found = ["electric guitar" if name == "guitar" else name for name in found]
    return [*found, *_named(tags, "voices")[:1]]


def sure(tags: Mapping[str, float], name: str) -> bool:
    return tags.get(name, 0.0) >= TAG_FLOOR


def _named(tags: Mapping[str, float], kind: str) -> list[str]:
    """The words for the tags of a kind, the surest first."""
    found = sorted((t for t in _TAGS_AS_WORDS[kind] if sure(tags, t)), key=lambda t: -tags[t])
    return list(dict.fromkeys(_TAGS_AS_WORDS[kind][tag] for tag in found))


def _speed(bpm: float, rng: random.Random) -> str:
    if bpm <= words.SLOW_BPM:
        return rng.choice(words.SLOW_WORDS)
    return rng.choice(words.FAST_WORDS) if bpm >= words.FAST_BPM else ""


def _one_of(options: Sequence[str], rng: random.Random) -> str:
    return rng.choice(options) if options else ""


def _listed(names: Sequence[str], rng: random.Random) -> str:
    """All of them in most captions, else the surest."""
    if len(names) > 1 and rng.random() < 0.4:
        names = names[: rng.randint(1, len(names) - 1)]
    if len(names) < 2:
        return "".join(names)
    return ", ".join(names[:-1]) + " and " + names[-1]
