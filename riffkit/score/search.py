"""Finds the phrases of the thesaurus in a prompt."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from riffkit.score.styles import STYLES
from riffkit.score.thesaurus import ADJECTIVE, HINT, NAME, Meaning, thesaurus

SIGNS = frozenset(",.;:!?()")
"""Words that part others."""
_PLAYERS = frozenset(("instrument", "family", "ensemble", "drums"))


@dataclass(frozen=True)
class Found:
    """A phrase among a prompt's words, from `start` up to `end`."""

    phrase: str
    start: int
    end: int
    meanings: tuple[Meaning, ...]

    def of(self, kind: str) -> Meaning | None:
        return next((meaning for meaning in self.meanings if meaning.kind == kind), None)


def find(tokens: Sequence[str]) -> Iterator[Found]:
    """The phrases among the words that mean something, in their order."""
    for phrase, start, end in sorted(_cut(tokens, thesaurus().longest), key=lambda cut: cut[1]):
        meanings = thesaurus().phrases[phrase]
        if meanings[0].kind != "plain":
            yield Found(phrase, start, end, (*meanings, *_within(phrase)))


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
    added = [m for m in parts if m.kind in ("mood", "figure") and m.kind not in own]
    if "style" in own and not own & _PLAYERS:
        added += [m for m in parts if m.kind in _PLAYERS and m.value not in ("bass", "synth")][:1]
    if "style" not in own and own & _PLAYERS:
        styles = (m for m in parts if m.kind == "style" and m.weight > HINT)
        added += [replace(m, weight=ADJECTIVE) for m in styles][:1]
    return tuple(added)


def _is_vibraphone(tokens: Sequence[str], at: int) -> bool:
    """ "vibes" are one alone, or behind a style that has them; "beach vibes" aren't."""
    before = tokens[at - 1] if at else ","
    if before in SIGNS or before in ("and", "with", "on", "plus", "+", "or", "the"):
        return True
    for n in (3, 2, 1):
        for meaning in thesaurus().phrases.get(" ".join(tokens[max(0, at - n) : at]), ()):
            if meaning.kind == "style" and meaning.weight == NAME:
                info = STYLES[meaning.value]
                return "vibraphone" in (*info.chords, *info.leads)
    return False
