"""Which tracks are held out for the test split; nothing of a track lies on both sides."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence

_OVERFULL = 1.5
"""A track may bring the test split to so many times its share."""


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


def choose_test_groups(
    n_clips: Mapping[str, int], identity: Mapping[str, str], *, share: float, seed: int
) -> set[str]:
    """The groups held out: about `share` of all clips, at least one group and never all.

    Their order follows from the seed and each group's `identity`, such as the hash of a file:
    neither names nor further files change who comes before whom.
    """
    if share <= 0 or len(n_clips) < 2:
        return set()
    order = sorted(
        n_clips, key=lambda g: hashlib.sha256(f"{seed} {identity[g]}".encode()).hexdigest()
    )
    total = sum(n_clips.values())
    chosen: set[str] = set()
    held = 0
    for group in order:
        if len(chosen) + 1 < len(n_clips) and held + n_clips[group] <= _OVERFULL * share * total:
            chosen.add(group)
            held += n_clips[group]
        if held >= share * total:
            break
    if not chosen:  # all tracks are large: one of them that leaves most to train on
        halves = [group for group in order if 2 * n_clips[group] <= total]
        chosen = {halves[0] if halves else min(order, key=n_clips.__getitem__)}
    return chosen
