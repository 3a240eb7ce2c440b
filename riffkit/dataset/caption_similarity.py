"""How much a dataset's captions say the same."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_matrix

_BLOCK = 1_024


def most_used(captions: Sequence[str], n: int = 10) -> list[tuple[str, int]]:
    """The captions that most clips share, with how many."""
    return [(text, count) for text, count in Counter(captions).most_common(n) if count > 1]


def most_alike(captions: Sequence[str], n: int = 10) -> list[tuple[float, str, str]]:
    """Pairs of different captions that share most of their words: shared / all, the highest first.

    Each caption comes once, in its best pair.
    """
    texts = sorted(set(captions))
    words = [sorted(set(re.findall(r"\w+", text.lower()))) for text in texts]
    place = {word: k for k, word in enumerate(sorted({w for own in words for w in own}))}
    columns = [place[word] for own in words for word in own]
    ends = np.cumsum([0, *map(len, words)])
    has = csr_matrix(
        (np.ones(len(columns), np.float32), columns, ends), shape=(len(texts), max(1, len(place)))
    )
    sizes = np.diff(ends).astype(np.float32)
    best: list[tuple[float, str, str]] = []
    for first in range(0, len(texts), _BLOCK):
        shared = (has[first : first + _BLOCK] @ has.T).toarray()
        share = shared / np.maximum(1, sizes[first : first + _BLOCK, None] + sizes - shared)
        for row, own in enumerate(share, first):
            own[: row + 1] = 0
            other = int(own.argmax())
            if own[other] > 0:
                best.append((round(float(own[other]), 3), texts[row], texts[other]))
    best.sort(key=lambda pair: (-pair[0], pair[1]))
    return best[:n]
