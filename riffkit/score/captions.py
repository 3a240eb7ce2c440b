"""Captions of a score, from one word to a long sentence; they may leave out, but never lie."""

from __future__ import annotations

import random
from collections.abc import Sequence

from riffkit.score import caption_words as words
from riffkit.score.notes import ScoreFacts
from riffkit.score.styles import STYLES

_PIECES = frozenset(
    (
        "music",
        "beat",
        "beats",
        "groove",
        "song",
        "tune",
        "piece",
        "score",
        "soundscape",
        "chorale",
        "hymn",
        "waltz",
        "ballad",
    )
)
_BEAT_WORDS = ("beat", "boom bap", "groove", "club")  # in a style's other names: there are drums
OWN_DRUMS = {
    "lo-fi hip hop": ("dusty drums", "lo-fi drums"),
    "drum and bass": ("breakbeat drums",),
    "metal": ("heavy drums",),
    "trap": ("trap drums",),
    "reggae": ("reggae drums",),
    "jazz swing": ("swing drums", "jazz drums"),
}

_KEY_SHARE = 0.9  # riffkit always tells the model a key (riffkit/prompt/key.py)


def captions(facts: ScoreFacts, n: int, seed: int) -> list[str]:
    """`n` captions, all true of the facts, different where the facts allow it."""
    rng = random.Random(f"captions {facts.seed} {seed}")
    found: list[str] = []
    for _ in range(n):
        text = _caption(facts, rng)
        for _ in range(6):
            if text not in found:
                break
            text = _caption(facts, rng)
        found.append(text)
    return found


def _caption(facts: ScoreFacts, rng: random.Random) -> str:
    form = rng.choices((_short, _tags, _sentence), (16, 38, 46))[0]
    text = " ".join(form(facts, rng).split())
    if form is _short and facts.key and rng.random() < _KEY_SHARE:
        text += " in " + _key(facts, rng)
    if rng.random() < 0.06:
        return text[0].upper() + text[1:] + rng.choice(("", "."))
    return text


def _short(facts: ScoreFacts, rng: random.Random) -> str:
    """One to four words: what anybody would call the clip first."""
    style = _style(facts, rng)
    if facts.texture == "drums only":
        return rng.choice(
            (
                "drums",
                "drum beat",
                f"{style} drums",
                f"{style} drum beat",
                rng.choice(words.DRUMS_ONLY_WORDS),
                f"{facts.style} drums only",
            )
        )
    lead = _name(facts.instruments[0], rng)
    styled = f"{lead}, {style}" if _is_noun(style) else f"{style} {lead}"
    if facts.texture == "solo":
        return rng.choice(
            (
                facts.instruments[0],
                lead,
                rng.choice(words.SOLO_WORDS).format(lead),
                _figure(facts, rng),
                _figure(facts, rng),
            )
        )
    if facts.texture == "duo":
        if facts.drums:
            return rng.choice(
                (
                    f"{lead} and drums",
                    f"{_figure(facts, rng)} with drums",
                    f"{lead} with {facts.style} drums",
                    styled,
                )
            )
        pair = " and ".join(_name(i, rng) for i in facts.instruments)
        return rng.choice((pair, pair, styled, f"{lead}, no drums", _figure(facts, rng)))
    if _lacks_drums(facts):
        pair = " and ".join(_name(i, rng) for i in facts.instruments[:2])
        return rng.choice(
            (f"{style}, no drums", f"{styled}, no drums", f"{style} without drums", pair)
        )
    return rng.choice(
        (style, style, facts.style, styled, f"{_mood(facts, rng)} {style}", f"{style} with {lead}")
    )


def _lacks_drums(facts: ScoreFacts) -> bool:
    """Whether one would expect drums of the style, and there are none."""
    return not facts.drums and bool(STYLES[facts.style].grooves)


def _tags(facts: ScoreFacts, rng: random.Random) -> str:
    """Comma-separated tags; the style or the instrument comes first, the rest in any order."""
    tags: list[str] = []
    if rng.random() < 0.45:
        tags.append(_tempo(facts, rng))
    if rng.random() < 0.15:
        tags.append(_speed_word(facts, rng))
    if rng.random() < _KEY_SHARE:
        tags.append(_key(facts, rng))
    elif facts.mode in ("major", "minor") and rng.random() < 0.2:
        tags.append(rng.choice((facts.mode, f"{facts.mode} key")))
    if rng.random() < 0.5:
        tags.append(_mood(facts, rng))
    if rng.random() < 0.4:
        tags.append(_density(facts, rng))
    if facts.beats_per_bar == 3 and rng.random() < 0.4:
        tags.append(rng.choice(words.THREE_WORDS))
    if facts.texture == "drums only":
        tags.append(rng.choice((*words.DRUMS_ONLY_WORDS, *_drum_words(facts))))
    else:
        tags += _instrument_tags(facts, rng)
        if rng.random() < (0.75 if _lacks_drums(facts) and facts.texture != "solo" else 0.55):
            tags.append(_drum_tag(facts, rng))
    rng.shuffle(tags)
    first = [_style(facts, rng)] if rng.random() < _style_share(facts) else []
    if not first and facts.texture != "drums only":
        first = [_subject(facts, rng)]
    elif not first:
        first = ["drums"]
    seen = [t for t in dict.fromkeys((*first, *tags)) if t]
    return ", ".join(seen)


def _sentence(facts: ScoreFacts, rng: random.Random) -> str:
    """[mood] [density] [speed] style noun [in a key] [at a tempo] [with players] [, no drums]."""
    lead_words = []
    if rng.random() < 0.45:
        lead_words.append(_mood(facts, rng))
    if rng.random() < 0.2:
        lead_words.append(_density(facts, rng))
    if rng.random() < 0.15:
        lead_words.append(_speed_word(facts, rng))
    rng.shuffle(lead_words)
    head = " ".join((*lead_words, _subject(facts, rng)))
    tail = []
    if rng.random() < _KEY_SHARE and facts.key:
        tail.append(rng.choice(("in {}", "in {}", "in the key of {}")).format(_key(facts, rng)))
    if rng.random() < 0.5:
        tail.append(f"at {_tempo(facts, rng)}")
    if facts.beats_per_bar == 3 and rng.random() < 0.4:
        tail.append("in 3/4")
    players = _players(facts, rng)
    if players:
        tail.insert(rng.choice((0, len(tail))), players)
    text = " ".join(" ".join((head, *tail)).split())
    shown = 0.7 if _lacks_drums(facts) and facts.texture != "solo" else 0.35
    if facts.texture != "drums only" and not facts.drums and rng.random() < shown:
        text += ", " + _drum_tag(facts, rng)
    elif rng.random() < 0.15 and (density := _density(facts, rng)):
        text += ", " + density
    return _article(text, rng) + text.removesuffix(", ")


def _article(text: str, rng: random.Random) -> str:
    """An article before what can be counted, in a third of the cases."""
    countable = any(f" {noun}" in f" {text}" for noun in ("loop", "track", "groove", "piece"))
    if not countable or rng.random() > 0.35:
        return ""
    return "an " if text[0] in "aeiou8" else "a "


def _subject(facts: ScoreFacts, rng: random.Random) -> str:
    """What the sentence is about: a style's loop, a solo, a duo, a beat."""
    style = _style(facts, rng)
    if facts.texture == "drums only":
        return rng.choice(
            (
                f"{style} drum loop",
                f"{style} drums",
                f"{style} drum beat loop",
                f"drum loop, {style}",
                f"{style} drum groove",
                "drum loop",
            )
        )
    with_style = rng.random() < _style_share(facts)
    if facts.texture == "solo":
        lead = _name(facts.instruments[0], rng)
        alone = rng.choice(
            (_figure(facts, rng), rng.choice(words.SOLO_WORDS[:3]).format(lead), f"{lead} loop")
        )
        if not with_style:
            return alone
        return f"{alone}, {style}" if _is_noun(style) else f"{style} {alone}"
    if facts.texture == "duo" and not with_style:
        return _figure(facts, rng)
    noun = rng.choice(words.NOUNS if facts.drums else words.GENTLE_NOUNS)
    if _is_noun(style):
        noun = "" if noun != "loop" else noun
    return f"{style} {noun}".strip()


def _is_noun(style: str) -> bool:
    """Whether a style's word already says that it is a piece of music."""
    return style.split()[-1] in _PIECES


def _style_share(facts: ScoreFacts) -> float:
    return {"solo": 0.5, "duo": 0.7}.get(facts.texture, 0.9)


def _style(facts: ScoreFacts, rng: random.Random) -> str:
    """The style's name, or another word for it; no "trap beat" without a beat."""
    if rng.random() < 0.6:
        return facts.style
    others = [
        w for w in STYLES[facts.style].words if facts.drums or not any(b in w for b in _BEAT_WORDS)
    ]
    return rng.choice(others or [facts.style])


def _name(instrument: str, rng: random.Random) -> str:
    if rng.random() < 0.5:
        return instrument
    return rng.choice(words.INSTRUMENT_WORDS.get(instrument, (instrument,)))


def _figure(facts: ScoreFacts, rng: random.Random) -> str:
    """What the leading instrument plays: "marimba arpeggio"."""
    name = _name(facts.instruments[0], rng)
    if not facts.figure:
        return name
    text = rng.choice(words.FIGURE_WORDS[facts.figure]).format(name)
    return text.replace("bass line line", "bass line")


def _chosen(facts: ScoreFacts, rng: random.Random) -> Sequence[str]:
    """All instruments in most captions, else the leading ones."""
    if rng.random() < 0.6:
        return facts.instruments
    return facts.instruments[: rng.randint(1, len(facts.instruments))]


def _instrument_tags(facts: ScoreFacts, rng: random.Random) -> list[str]:
    if facts.texture == "solo":
        lead = _name(facts.instruments[0], rng)
        return [rng.choice((_figure(facts, rng), rng.choice(words.SOLO_WORDS).format(lead), lead))]
    if rng.random() < 0.12:
        return []
    tags = [_name(i, rng) for i in _chosen(facts, rng)]
    if facts.figure and rng.random() < 0.4:
        tags[0] = _figure(facts, rng)
    return tags


def _players(facts: ScoreFacts, rng: random.Random) -> str:
    """ "with piano, upright bass and dusty drums"; a solo has none to add."""
    if facts.texture in ("solo", "drums only") or rng.random() < 0.1:
        return ""
    names = [_name(i, rng) for i in _chosen(facts, rng)]
    if facts.drums and rng.random() < 0.65:
        names.append(rng.choice(_drum_words(facts)))
    names = list(dict.fromkeys(names))
    listed = names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]
    return f"{rng.choice(('with', 'with', 'with', 'featuring'))} {listed}"


def _drum_words(facts: ScoreFacts) -> tuple[str, ...]:
    own = OWN_DRUMS.get(facts.style, (f"{facts.style} drums",))
    return (*words.DRUM_WORDS, *words.KIT_WORDS.get(facts.kit, ()), *own)


def _drum_tag(facts: ScoreFacts, rng: random.Random) -> str:
    if facts.drums:
        return rng.choice(_drum_words(facts))
    if "timpani" in facts.instruments or "steel drums" in facts.instruments:
        return rng.choice(("no drum kit", "without a drum kit"))
    if words.STRUCK.isdisjoint(facts.instruments):
        return rng.choice((*words.NO_DRUM_WORDS, *words.NO_PERCUSSION_WORDS))
    return rng.choice(words.NO_DRUM_WORDS)


def _tempo(facts: ScoreFacts, rng: random.Random) -> str:
    number = f"{facts.bpm:g}"
    return f"{number} bpm" if rng.random() < 0.85 else f"{number} BPM"


def _speed_word(facts: ScoreFacts, rng: random.Random) -> str:
    if facts.bpm <= words.SLOW_BPM:
        return rng.choice(words.SLOW_WORDS)
    if facts.bpm >= words.FAST_BPM:
        return rng.choice(words.FAST_WORDS)
    return rng.choice(words.MIDDLE_WORDS) if 95 <= facts.bpm <= 125 else ""


def _key(facts: ScoreFacts, rng: random.Random) -> str:
    """ "A minor"; the blues has no third to speak of, so it is in "A" alone."""
    if facts.key is None or facts.mode is None:
        return ""
    key = facts.key
    if len(key) == 2 and rng.random() < 0.2:
        key = key[0] + (" sharp" if key[1] == "#" else " flat")
    return key if facts.mode == "blues" else f"{key} {facts.mode}"


def _mood(facts: ScoreFacts, rng: random.Random) -> str:
    return rng.choice(facts.mood) if facts.mood else ""


def _density(facts: ScoreFacts, rng: random.Random) -> str:
    options = words.DENSITY_WORDS[facts.density]
    return rng.choice(options) if options else ""
