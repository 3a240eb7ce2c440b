"""Reads what an English prompt asks of a score: style, players, drums, density, mood, figure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from riffkit.score.brief import MAX_PLAYERS, Brief
from riffkit.score.instruments import INSTRUMENTS
from riffkit.score.search import SIGNS, Found, find
from riffkit.score.styles import STYLES
from riffkit.score.thesaurus import NAME, Meaning, plain, thesaurus
from riffkit.score.unknown_words import WordMeanings, with_known_words

_MADE_OF_BEATS = ("lo-fi hip hop", "hip hop", "house", "techno", "drum and bass", "trap", "disco")
"""Styles whose drums play though only others are named."""
_BAND = 2  # behind a soloist: a bass and chords, beside the drums
_SLOWEST, _FASTEST = 50, 220


@dataclass(frozen=True)
class Reading:
    """The brief of a prompt, and how its words were understood.

    `near`: phrases that stand for the nearest there is. `respelled` and `alike`: words that were
    read as another, by their letters or by their meaning. `understood`: all words that said
    something. `bpm`: of a bare number ("dubstep 140"). `genre` names the style; `usual_bpm` is its
    tempo, where that isn't the style's.
    """

    brief: Brief
    near: tuple[tuple[str, str], ...] = ()
    respelled: tuple[tuple[str, str], ...] = ()
    alike: tuple[tuple[str, str], ...] = ()
    understood: frozenset[str] = frozenset()
    bpm: float | None = None
    usual_bpm: float | None = None
    genre: str = ""

    def understands(self, word: str) -> bool:
        """Whether a word, or each part of it, said something."""
        return set(plain(word).split()) <= self.understood

    @property
    def notes(self) -> Iterator[str]:
        """What the user should know of it."""
        for written, meant in self.respelled:
            yield f"{written!r} is read as {meant!r}"
        for written, meant in self.alike:
            yield f"{written!r} isn't known; {meant!r}, which is near in meaning, is read for it"
        for written, meant in self.near:
            yield f"{written!r} is played as {meant}, the nearest there is"


def read_brief(text: str) -> Brief:
    """The brief of a prompt in English words; tempo, key and metre are read elsewhere."""
    return read_words(text).brief


@lru_cache(maxsize=64)
def read_words(
    text: str,
    *,
    written: str = "",
    doubtful: tuple[str, ...] = (),
    meanings: WordMeanings | None = None,
) -> Reading:
    """The brief of a prompt in English words, with what its words were taken for.

    Args:
        text: the prompt as the model reads it, without what isn't wanted.
        written: the prompt as it was written, which says whether others play too.
        doubtful: its words that captions don't have.
        meanings: which words there are, and which are alike; without it none is guessed.

    Returns:
        The reading; its brief has no tempo, key or metre.
    """
    tokens = plain(text).split()
    tokens, respelled, alike = with_known_words(tokens, doubtful, meanings)
    found = list(find(tokens))
    only, band = _others(found, written)
    style, genre = _style(found)
    instruments = _players(found, style)
    drums, only_drums = _drums(found, tokens)
    only_drums = only_drums or (drums is True and (style is None or only))
    only_drums = only_drums and not instruments
    size = _size(found, instruments, drums)
    if band and instruments and drums is not False:
        drums = style is None or bool(STYLES[style].grooves)
        size = min(MAX_PLAYERS, len(instruments) + _BAND + drums)
    if drums is None and instruments and size is None:
        drums = style in _MADE_OF_BEATS and not only
    brief = Brief(
        players=size,
        style=style,
        instruments=instruments,
        drums=drums,
        only_drums=only_drums,
        density=next(_values(found, "density"), None),
        moods=tuple(dict.fromkeys(_values(found, "mood"))),
        figure=next(_values(found, "figure"), None),
    )
    return Reading(
        brief,
        near=tuple(dict.fromkeys(_near(found, genre))),
        respelled=respelled,
        alike=alike,
        understood=frozenset(token for one in found for token in tokens[one.start : one.end])
        | {word for word, _ in (*respelled, *alike)},
        bpm=_number_at_an_end(found, tokens),
        usual_bpm=None if genre is None else thesaurus().bpm.get(genre.phrase),
        genre="" if genre is None else genre.phrase,
    )


def meant_by(text: str) -> set[str]:
    """All instruments that words may mean: for "guitar" all guitars."""
    names: set[str] = set()
    for one in find(plain(text).split()):
        for kind in ("instrument", "family", "ensemble"):
            if (meaning := one.of(kind)) is not None:
                names |= set(_members(meaning))
    return names


def means_drums(text: str) -> bool:
    """Whether words mean drums, or one of them."""
    return any(one.of("drums") is not None for one in find(plain(text).split()))


def _members(meaning: Meaning) -> Iterator[str]:
    if meaning.kind == "instrument":
        yield meaning.value
    elif meaning.kind == "family":
        yield from thesaurus().families[meaning.value]
    else:
        for player in thesaurus().ensembles[meaning.value].players:
            yield from thesaurus().families.get(player, (player,))


def _values(found: Sequence[Found], kind: str) -> Iterator[str]:
    return (meaning.value for one in found if (meaning := one.of(kind)) is not None)


def _others(found: Sequence[Found], written: str) -> tuple[bool, bool]:
    """Whether nobody else is to play; whether the style's band is, too."""
    said = {*_values(found, "others"), *_values(list(find(plain(written).split())), "others")}
    over_style = any(
        (before := one.of("others")) is not None and before.value == "over" and _is_style(other)
        for one, other in pairwise(found)
    )
    return "nobody" in said, "band" in said or over_style


def _is_style(one: Found) -> bool:
    """Whether it is a style, and no player."""
    kinds = {meaning.kind for meaning in one.meanings}
    return "style" in kinds and not kinds & {"instrument", "family", "ensemble"}


def _style(found: Sequence[Found]) -> tuple[str | None, Found | None]:
    """The style and its name: the first of most weight; of neighbors the last ("folk rock")."""
    named = [(meaning.weight, one) for one in found if (meaning := one.of("style")) is not None]
    of_ensembles = (thesaurus().ensembles[name].style for name in _values(found, "ensemble"))
    if not named or max(named, key=lambda pair: pair[0])[0] < NAME:
        style = next((style for style in of_ensembles if style is not None), None)
        if style is not None:
            return style, None
    if not named:
        return None, None
    most = max(weight for weight, _ in named)
    first, *rest = (one for weight, one in named if weight == most)
    for one in rest:
        if one.start != first.end:
            break
        first = one
    meaning = first.of("style")
    assert meaning is not None
    return meaning.value, first


def _players(found: Sequence[Found], style: str | None) -> tuple[str, ...]:
    """The instruments; a general word gives way to one that it may mean, or a narrower word."""
    meanings: list[Meaning] = []
    for one in found:
        if (ensemble := one.of("ensemble")) is not None:
            for player in thesaurus().ensembles[ensemble.value].players:
                kind = "instrument" if player in INSTRUMENTS else "family"
                meanings.append(Meaning(kind, player))
        elif (other := thesaurus().in_style.get(style or "", {}).get(one.phrase)) is not None:
            meanings.append(Meaning("instrument", other))
        elif (meaning := one.of("instrument") or one.of("family")) is not None:
            meanings.append(meaning)
    named = {meaning.value for meaning in meanings if meaning.kind == "instrument"}
    families = {m.value: set(thesaurus().families[m.value]) for m in meanings if m.kind == "family"}
    narrowest = {
        name
        for name, members in families.items()
        if not members & named and not any(other < members for other in families.values())
    }
    players = [
        meaning.value if meaning.kind == "instrument" else _of_style(meaning.value, style)
        for meaning in meanings
        if meaning.kind == "instrument" or meaning.value in narrowest
    ]
    return tuple(dict.fromkeys(players))


def _of_style(family: str, style: str | None) -> str:
    """The style's own of a family, or the first."""
    members = thesaurus().families[family]
    if style is None:
        return members[0]
    info = STYLES[style]
    own = (*info.bass, *info.chords, *info.leads, *info.pads, *info.arpeggios)
    return next((one for one in own if one in members), members[0])


def _drums(found: Sequence[Found], tokens: Sequence[str]) -> tuple[bool | None, bool]:
    """Whether there are drums, and whether there is said to be nothing else."""
    said = set(_values(found, "drums"))
    if "none" in said:
        return False, False
    if said:
        loops = (tokens[one.end : one.end + 1] for one in found if one.of("drums") is not None)
        return True, "only" in said or any(after in (["loop"], ["loops"]) for after in loops)
    ensembles = (thesaurus().ensembles[name].drums for name in _values(found, "ensemble"))
    return next((drums for drums in ensembles if drums is not None), None), False


def _size(found: Sequence[Found], players: Sequence[str], drums: bool | None) -> int | None:
    """How many play, where a word such as "trio" says it and no more are named."""
    size = next((int(number) for number in _values(found, "size")), None)
    return None if size is None or size <= len(players) + bool(drums) else size


def _near(found: Sequence[Found], genre: Found | None) -> Iterator[tuple[str, str]]:
    """Phrases for which there is only something near; of genres, the one that is played."""
    for one in found:
        style, instrument = one.of("style"), one.of("instrument")
        if one is genre and style in thesaurus().phrases[one.phrase] and style.is_near:
            yield one.phrase, style.value
        if instrument is not None and instrument.is_near:
            yield one.phrase, instrument.value


def _number_at_an_end(found: Sequence[Found], tokens: Sequence[str]) -> float | None:
    """The tempo in "dubstep 140", which nothing else says: where a part with a style ends."""
    taken = {at for one in found for at in range(one.start, one.end)}
    has_style = False
    for at, token in enumerate(tokens):
        has_style = has_style or any(one.start == at and _gives_tempo(one) for one in found)
        is_last = at + 1 == len(tokens) or tokens[at + 1] in SIGNS
        beside = any(at in (one.end, one.start - 1) and one.of("style") for one in found)
        if token.isdecimal() and at not in taken and ((is_last and has_style) or beside):
            return float(token) if _SLOWEST <= float(token) <= _FASTEST else None
        has_style = has_style and token not in SIGNS
    return None


def _gives_tempo(one: Found) -> bool:
    return one.of("style") is not None or one.of("drums") is not None
