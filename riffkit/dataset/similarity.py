"""Which clips are all but the same, by fingerprints of their images; how alike captions are."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from jaxtyping import Float, UInt8
from scipy.sparse import csr_matrix

ROWS = 32
COLUMNS_PER_UNIT = 8
UNITS_OFF_GRID = 8
"""A unit is a beat on the beat grid, else an eighth of a clip."""
NEAR_DUPLICATE = 0.97
"""The correlation of two fingerprints from which one of them is dropped. Bars repeated note for
note reach it; the same music cut from another beat on doesn't (0.6): see `same_track`."""

SAME_TRACK = 0.8
"""The same for stretches that may begin at other beats; different songs of a band reached 0.75,
one song trimmed and sent through MP3 0.8 to 0.94."""

_SAME_SHARE = 0.3
_BLOCK = 1_024


def fingerprint(
    pixels: UInt8[np.ndarray, "row frame 3"], n_units: int = UNITS_OFF_GRID
) -> Float[np.ndarray, " feature"]:
    """How loud 32 bands are at 8 times a unit, without their means; its length is 1.

    Each band's own mean is taken off: that two clips have the same timbre says little.
    """
    loudness = 255 - pixels.mean(axis=2, dtype=np.float32)
    rows = _pooled(loudness, ROWS)
    pooled = _pooled(rows.T, n_units * COLUMNS_PER_UNIT).T
    centered = pooled - pooled.mean(axis=1, keepdims=True)
    length = float(np.linalg.norm(centered))
    return np.asarray(centered.ravel() / (length or 1.0), np.float16)


def _pooled(values: Float[np.ndarray, "place other"], n: int) -> Float[np.ndarray, "part other"]:
    """The means of `n` equal parts."""
    if len(values) < n:
        values = np.repeat(values, -(-n // len(values)), axis=0)
    edges = np.arange(n + 1) * len(values) // n
    sums = np.add.reduceat(values, edges[:-1], axis=0)
    return np.asarray(sums / np.diff(edges)[:, None], np.float32)


def similar_pairs(
    prints: Float[np.ndarray, "clip feature"], threshold: float = NEAR_DUPLICATE
) -> Iterator[tuple[int, int]]:
    """All pairs (earlier, later) of clips at least so alike, block by block."""
    for start in range(0, len(prints), _BLOCK):
        block = prints[start : start + _BLOCK].astype(np.float32)
        for first in range(0, start + 1, _BLOCK):
            others = prints[first : first + _BLOCK].astype(np.float32)
            later, earlier = np.nonzero(block @ others.T >= threshold)
            for one, other in zip(earlier + first, later + start, strict=True):
                if one < other:
                    yield int(one), int(other)


def same_track(
    prints: Float[np.ndarray, "clip feature"], others: Float[np.ndarray, "other_clip feature"]
) -> bool:
    """Whether much of a track is in another one, from whichever beat on either was cut.

    Stretches of a clip's length are compared at every unit, since another beginning or encoder
    moves the bars.
    """
    one, other = sorted((_units(prints), _units(others)), key=len)
    n = prints.shape[1] // (ROWS * COLUMNS_PER_UNIT)
    n_rows, n_columns = len(one) - n + 1, len(other) - n + 1
    power = [np.convolve(np.square(units).sum(1), np.ones(n), "valid") for units in (one, other)]
    found = []
    for start in range(0, n_rows, _BLOCK):  # hours of units by hours of units would be too many
        rows = slice(start, min(start + _BLOCK, n_rows))
        products = one[start : rows.stop + n - 1] @ other.T
        size = rows.stop - start
        likeness = products[:size, :n_columns].copy()
        for k in range(1, n):
            likeness += products[k : size + k, k : n_columns + k]
        likeness /= np.sqrt(np.outer(power[0][rows], power[1])) + 1e-9
        found.append(likeness.max(axis=1) >= SAME_TRACK)
    return bool(np.concatenate(found).mean() >= _SAME_SHARE)


def _units(prints: Float[np.ndarray, "clip feature"]) -> Float[np.ndarray, "unit part"]:
    """The prints of a track one after the other, unit by unit."""
    n = prints.shape[1] // (ROWS * COLUMNS_PER_UNIT)
    parts = prints.astype(np.float32).reshape(len(prints), ROWS, n, COLUMNS_PER_UNIT)
    return parts.transpose(0, 2, 1, 3).reshape(len(prints) * n, -1)


def drop_duplicates(n: int, pairs: list[tuple[int, int]]) -> dict[int, int]:
    """The clips to drop, each with the earlier kept clip that it is like."""
    like: dict[int, list[int]] = {}
    for earlier, later in pairs:
        like.setdefault(later, []).append(earlier)
    dropped: dict[int, int] = {}
    for clip in range(n):
        kept = [other for other in like.get(clip, ()) if other not in dropped]
        if kept:
            dropped[clip] = min(kept)
    return dropped


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


def group_alike(members: Sequence[str], alike: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Each member's group, named by its first member: those alike, directly or through others."""
    group = {member: member for member in members}

    def root(member: str) -> str:
        while group[member] != member:
            group[member] = group[group[member]]
            member = group[member]
        return member

    for one, other in alike:
        first, second = sorted((root(one), root(other)))
        group[second] = first
    return {member: root(member) for member in members}
