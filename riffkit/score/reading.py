"""Reads what an English prompt asks of a score: style, players, drums, density, mood, figure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from typing import Protocol, runtime_checkable

from riffkit.score.brief import Brief
from riffkit.score.instruments import INSTRUMENTS
from riffkit.score.spelling import corrected
from riffkit.score.styles import STYLES
from riffkit.score.thesaurus import ADJECTIVE, HINT, NAME, Meaning, plain, thesaurus

_MADE_OF_BEATS = ("lo-fi hip hop", "hip hop", "house", "techno", "drum and bass", "trap", "disco")
"""Styles whose drums play though only others are named."""
_BAND = 2  # behind a soloist: a bass and chords, beside the drums
_PLAYERS = frozenset(("instrument", "family", "ensemble", "drums"))
_ASKING = frozenset(("style", "instrument", "drums", "mood"))
_SIGNS = frozenset(",.;:!?()")
_SLOWEST, _FASTEST = 50, 220


@runtime_checkable
class WordMeanings(Protocol):
    """Knows which words are alike."""

    def is_word(self, word: str) -> bool: ...

    def nearest(self, word: str, among: Collection[str]) -> str | None: ...


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


@dataclass(frozen=True)
class _Found:
    """A phrase among a prompt's words, from `start` up to `end`."""

    phrase: str
    start: int
    end: int
    meanings: tuple[Meaning, ...]

    def of(self, kind: str) -> Meaning | None:
        return next((meaning for meaning in self.meanings if meaning.kind == kind), None)


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
    tokens, respelled, alike = _with_known_words(tokens, doubtful, meanings)
    found = list(_find(tokens))
    only, band = _others(found, written)
    style, genre = _style(found)
    instruments = _players(found, style)
    drums, only_drums = _drums(found, style, instruments, only=only)
    size = _size(found, instruments, drums)
    if band and instruments and drums is not False:
        drums = style is None or bool(STYLES[style].grooves)
        size = len(instruments) + _BAND + drums
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
    for one in _find(plain(text).split()):
        for kind in ("instrument", "family", "ensemble"):
            if (meaning := one.of(kind)) is not None:
                names |= set(_members(meaning))
    return names


def means_drums(text: str) -> bool:
    """Whether words mean drums, or one of them."""
    return any(one.of("drums") is not None for one in _find(plain(text).split()))


def _members(meaning: Meaning) -> Iterator[str]:
    if meaning.kind == "instrument":
        yield meaning.value
    elif meaning.kind == "family":
        yield from thesaurus().families[meaning.value]
    else:
        for player in thesaurus().ensembles[meaning.value].players:
            yield from thesaurus().families.get(player, (player,))


def _find(tokens: Sequence[str]) -> Iterator[_Found]:
    """The phrases among the words that mean something, in their order."""
    for phrase, start, end in sorted(_cut(tokens, thesaurus().longest), key=lambda cut: cut[1]):
        meanings = thesaurus().phrases[phrase]
        if meanings[0].kind != "plain":
            yield _Found(phrase, start, end, (*meanings, *_within(phrase)))


def _cut(tokens: Sequence[str], longest: int) -> Iterator[tuple[str, int, int]]:
    """Known phrases with their place; of two that overlap, the longer one."""
    phrases = thesaurus().phrases
    taken = [False] * len(tokens)
    for n in range(min(longest, len(tokens)), 0, -1):
        for start in range(len(tokens) - n + 1):
            if any(taken[start : start + n]):
                continue
            phrase = " ".join(tokens[start : start + n])
            if phrase not in phrases or (phrase == "vibes" and not _is_vibraphone(tokens, start)):
                continue
            taken[start : start + n] = [True] * n
            yield phrase, start, start + n


@lru_cache(maxsize=1024)
def _within(phrase: str) -> tuple[Meaning, ...]:
    """What its words add to a phrase: the player of "piano ballad", the style of "funk bass".

    Not to what captions say, and not the bass of "uk bass".
    """
    own = {meaning.kind for meaning in thesaurus().phrases[phrase]}
    tokens = phrase.split()
    if len(tokens) == 1 or phrase in thesaurus().of_captions:
        return ()
    parts = [m for part, _, _ in _cut(tokens, len(tokens) - 1) for m in thesaurus().phrases[part]]
    added = [m for kind in {"mood", "figure"} - own for m in parts if m.kind == kind]
    if "style" in own and not own & _PLAYERS:
        added += [m for m in parts if m.kind in _PLAYERS and m.value not in ("bass", "synth")][:1]
    if "style" not in own and own & _PLAYERS:
        styles = (m for m in parts if m.kind == "style" and m.weight > HINT)
        added += [replace(m, weight=ADJECTIVE) for m in styles][:1]
    return tuple(added)


def _is_vibraphone(tokens: Sequence[str], at: int) -> bool:
    """ "vibes" are one where they stand alone or behind a style that has them: not "beach vibes"."""
    before = tokens[at - 1] if at else ","
    if before in _SIGNS or before in ("and", "with", "on", "plus", "+", "or", "the"):
        return True
    for n in (3, 2, 1):
        for meaning in thesaurus().phrases.get(" ".join(tokens[max(0, at - n) : at]), ()):
            if meaning.kind == "style" and meaning.weight == NAME:
                info = STYLES[meaning.value]
                return "vibraphone" in (*info.chords, *info.leads)
    return False


def _values(found: Sequence[_Found], kind: str) -> Iterator[str]:
    return (meaning.value for one in found if (meaning := one.of(kind)) is not None)


def _others(found: Sequence[_Found], written: str) -> tuple[bool, bool]:
    """Whether nobody else is to play; whether the style's band is, too."""
    said = {*_values(found, "others"), *_values(list(_find(plain(written).split())), "others")}
    over_style = any(
        (before := one.of("others")) is not None and before.value == "over" and _is_style(other)
        for one, other in pairwise(found)
    )
    return "nobody" in said, "band" in said or over_style


def _is_style(one: _Found) -> bool:
    """Whether it is a style, and no player."""
    kinds = {meaning.kind for meaning in one.meanings}
    return "style" in kinds and not kinds & {"instrument", "family", "ensemble"}


def _style(found: Sequence[_Found]) -> tuple[str | None, _Found | None]:
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


def _players(found: Sequence[_Found], style: str | None) -> tuple[str, ...]:
    """The instruments; a general word is left out where one that it may mean is named too."""
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
    players = []
    for meaning in meanings:
        if meaning.kind == "instrument":
            players.append(meaning.value)
        elif not named.intersection(thesaurus().families[meaning.value]):
            players.append(_of_style(meaning.value, style))
    return tuple(dict.fromkeys(players))


def _of_style(family: str, style: str | None) -> str:
    """The style's own of a family, or the first."""
    members = thesaurus().families[family]
    if style is None:
        return members[0]
    info = STYLES[style]
    own = (*info.bass, *info.chords, *info.leads, *info.pads, *info.arpeggios)
    return next((one for one in own if one in members), members[0])


def _drums(
    found: Sequence[_Found], style: str | None, instruments: tuple[str, ...], *, only: bool
) -> tuple[bool | None, bool]:
    """Whether there are drums, and whether there is nothing else."""
    said = set(_values(found, "drums"))
    if "none" in said:
        return False, False
    if said:
        return True, not instruments and (style is None or only or "only" in said)
    ensembles = (thesaurus().ensembles[name].drums for name in _values(found, "ensemble"))
    return next((drums for drums in ensembles if drums is not None), None), False


def _size(found: Sequence[_Found], players: Sequence[str], drums: bool | None) -> int | None:
    """How many play, where a word such as "trio" says it and no more are named."""
    size = next((int(number) for number in _values(found, "size")), None)
    return None if size is None or size <= len(players) + bool(drums) else size


def _near(found: Sequence[_Found], genre: _Found | None) -> Iterator[tuple[str, str]]:
    """Phrases for which there is only something near; of genres, the one that is played."""
    for one in found:
        style, instrument = one.of("style"), one.of("instrument")
        if one is genre and style in thesaurus().phrases[one.phrase] and style.is_near:
            yield one.phrase, style.value
        if instrument is not None and instrument.is_near:
            yield one.phrase, instrument.value


def _number_at_an_end(found: Sequence[_Found], tokens: Sequence[str]) -> float | None:
    """The tempo in "dubstep 140", which nothing else says: where a part with a style ends."""
    taken = {at for one in found for at in range(one.start, one.end)}
    has_style = False
    for at, token in enumerate(tokens):
        has_style = has_style or any(one.start == at and _gives_tempo(one) for one in found)
        is_last = at + 1 == len(tokens) or tokens[at + 1] in _SIGNS
        beside = any(at in (one.end, one.start - 1) and one.of("style") for one in found)
        if token.isdecimal() and at not in taken and ((is_last and has_style) or beside):
            return float(token) if _SLOWEST <= float(token) <= _FASTEST else None
        has_style = has_style and token not in _SIGNS
    return None


def _gives_tempo(one: _Found) -> bool:
    return one.of("style") is not None or one.of("drums") is not None


def _with_known_words(
    tokens: Sequence[str], doubtful: Sequence[str], meanings: WordMeanings | None
) -> tuple[list[str], tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]]:
    """The words, with those that aren't known put right: by their letters, or by their meaning."""
    if meanings is None or not doubtful:
        return list(tokens), (), ()
    unsure = {piece for word in doubtful for piece in plain(word).split()} - thesaurus().tokens
    respelled, alike = {}, {}
    for word in dict.fromkeys(token for token in tokens if token in unsure):
        if not meanings.is_word(word):
            if (known := corrected(word, _spelled_words())) is not None:
                respelled[word] = known
        elif (known := meanings.nearest(word, _single_words())) is not None:
            alike[word] = known
    known_words = {**respelled, **alike}
    put_right = [known_words.get(token, token) for token in tokens]
    return put_right, tuple(respelled.items()), tuple(alike.items())


@lru_cache(maxsize=1)
def _spelled_words() -> frozenset[str]:
    """Words that a misspelled one may be meant for: names of one word, and captions' words."""
    names = {
        phrase
        for phrase, meanings in thesaurus().phrases.items()
        if " " not in phrase and any(one.kind in _ASKING and one.weight > HINT for one in meanings)
    }
    return frozenset(names.union(*(phrase.split() for phrase in thesaurus().of_captions)))


@lru_cache(maxsize=1)
def _single_words() -> frozenset[str]:
    """Words that mean something by themselves."""
    return frozenset(
        phrase
        for phrase, meanings in thesaurus().phrases.items()
        if " " not in phrase and phrase.isalpha() and meanings[0].kind in _ASKING
    ).difference(thesaurus().ambiguous)
