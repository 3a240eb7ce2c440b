"""Finds the word that a misspelled one was meant to be."""

from __future__ import annotations

from collections.abc import Iterable

_SHORTEST = 5
_LONG = 9  # letters; from here on two may be wrong


def corrected(word: str, known: Iterable[str]) -> str | None:
    """The known word that is one letter away, or two for long ones; None if there is none.

    A letter more, less, another, or two that are swapped. Short words are left alone, and so are
    those whose first letter would change.
    """
    if len(word) < _SHORTEST or not word.isalpha():
        return None
    most = 2 if len(word) >= _LONG else 1
    able = (
        (distance(word, one), -len(one), one)
        for one in known
        if one[0] == word[0] and abs(len(one) - len(word)) <= most and len(one) >= _SHORTEST - 1
    )
    best = min(able, default=None)
    return best[2] if best is not None and best[0] <= most else None


def distance(one: str, other: str) -> int:
    """How many letters are to be added, left out, changed or swapped with their neighbor.

    The optimal string alignment distance (Damerau 1964).
    """
    before: list[int] = []
    last = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        row = [i]
        for j, wanted in enumerate(other, 1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (letter != wanted))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == wanted:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        before, last = last, row
    return last[-1]
