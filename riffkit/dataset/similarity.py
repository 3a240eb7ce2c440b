"""Which clips are all but the same: fingerprints of their images, compared with one another."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float, UInt8

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
    centred = pooled - pooled.mean(axis=1, keepdims=True)
    length = float(np.linalg.norm(centred))
    return np.asarray(centred.ravel() / (length or 1.0), np.float16)


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
