"""Words that the thesaurus doesn't have: misspelled ones, and those of a like meaning."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Protocol, runtime_checkable

from riffkit.score.spelling import corrected
from riffkit.score.thesaurus import HINT, plain, thesaurus

_ASKING = frozenset(("style", "instrument", "drums", "mood"))


@runtime_checkable
class WordMeanings(Protocol):
    """Knows which words are alike."""

    def is_word(self, word: str) -> bool: ...

    def nearest(self, word: str, among: Collection[str]) -> str | None: ...


def with_known_words(
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
