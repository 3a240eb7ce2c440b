"""A score's stems: what is painted alone and written as a file of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from riffkit.errors import ParameterError, unknown
from riffkit.score.instruments import INSTRUMENTS
from riffkit.score.notes import Score, ScoreFacts, Track

DRUMS = "drums"


@dataclass(frozen=True)
class Stem:
    """One player: a track, both hands of a piano, or all of the drums.

    `name` is unique in its score ("violin", "violin 2", "drums"); `words` are the prompt for it
    alone; `numbers` are those of its tracks, counted from 1.
    """

    name: str
    words: str
    tracks: tuple[Track, ...]
    numbers: tuple[int, ...]

    @property
    def is_drums(self) -> bool:
        return self.tracks[0].is_drums

    @property
    def track(self) -> Track:
        """All of its tracks as one, as loud as the loudest of them."""
        notes = sorted(
            (note for track in self.tracks for note in track.notes), key=lambda note: note.start
        )
        first = self.tracks[0]
        return replace(
            first,
            instrument=DRUMS if self.is_drums else first.instrument,
            level_db=max(track.level_db for track in self.tracks),
            pan=0.0 if self.is_drums else first.pan,
            notes=tuple(notes),
        )

    @property
    def calls(self) -> frozenset[str]:
        """What a user may call it: its name, instrument, role, or number."""
        roles = {track.role for track in self.tracks}
        names = {track.name.lower() for track in self.tracks if track.name}
        instruments = {track.instrument for track in self.tracks}
        return frozenset((self.name, *instruments, *roles, *names, *map(str, self.numbers)))


def stems_of(score: Score) -> tuple[Stem, ...]:
    """The stems in the order of their first tracks, the drums last.

    Two tracks with different roles of an instrument that plays a melody over its own chords are one
    player's hands. A track without notes is nobody's.
    """
    players: dict[object, list[tuple[int, Track]]] = {}
    same: Counter[object] = Counter()
    for number, track in enumerate(score.tracks, 1):
        sound = (track.instrument, track.bank, track.program, track.name)
        hand = track.role if _has_hands(track.instrument) else ""
        same[sound, hand] += 1
        key = DRUMS if track.is_drums else (*sound, same[sound, hand])
        if track.notes:
            players.setdefault(key, []).append((number, track))
    ordered = sorted(players.values(), key=lambda of: of[0][1].is_drums)
    stems = []
    for of in ordered:
        numbers, tracks = zip(*of, strict=True)
        stems.append(Stem("", stem_words(score.facts, tracks), tracks, numbers))
    names = stem_names(stem.track for stem in stems)
    return tuple(replace(stem, name=name) for name, stem in zip(names, stems, strict=True))


def _has_hands(instrument: str) -> bool:
    return instrument in INSTRUMENTS and "p" in INSTRUMENTS[instrument].figures


def stem_names(tracks: Iterable[Track]) -> tuple[str, ...]:
    """A name for each track: its instrument, numbered from the second of a kind on."""
    seen: Counter[str] = Counter()
    names = []
    for track in tracks:
        seen[track.instrument] += 1
        n_same = seen[track.instrument]
        names.append(track.instrument if n_same == 1 else f"{track.instrument} {n_same}")
    return tuple(names)


def stem_words(facts: ScoreFacts, tracks: Sequence[Track]) -> str:
    """The prompt for a player alone, such as "solo upright bass, jazz swing, mellow"."""
    if tracks[0].is_drums:
        return ", ".join(
            filter(None, ("drums only", facts.style, facts.kit and f"{facts.kit} kit"))
        )
    return ", ".join(filter(None, (f"solo {tracks[0].instrument}", facts.style, *facts.mood)))


def chosen(
    stems: Sequence[Stem], *, solo: Collection[str] = (), mute: Collection[str] = ()
) -> tuple[Stem, ...]:
    """The stems that are heard: those of `solo`, or all but those of `mute`.

    Raises:
        ParameterError: a name that none of them has, or nothing is left.

    Example:
        chosen(stems_of(score), mute=["drums"])
    """
    alone, silent = _named("solo", solo, stems), _named("mute", mute, stems)
    heard = tuple(stem for stem in stems if (not solo or stem in alone) and stem not in silent)
    if not heard:
        raise ParameterError("solo and mute: no track is left; leave one of them out")
    return heard


def numbers_of(name: str, stems: Sequence[Stem], *, option: str) -> tuple[int, ...]:
    """The track numbers, from 1, of the one stem that a user calls so.

    Raises ParameterError for a name that nobody has, or several.
    """
    found = _named(option, [name], stems)
    if len(found) > 1:
        names = " and ".join(repr(stem.name) for stem in found)
        raise ParameterError(f"{option}={name!r}: may be {names}; say which")
    return found[0].numbers


def _named(option: str, names: Iterable[str], stems: Sequence[Stem]) -> list[Stem]:
    """The stems of each name: all that are called so, or end so ("guitar")."""
    found: list[Stem] = []
    for name in names:
        word = " ".join(name.lower().split())
        some = [stem for stem in stems if word in stem.calls]
        some = some or [
            stem for stem in stems if any(call.endswith(f" {word}") for call in stem.calls)
        ]
        if not some:
            known = [stem.name for stem in stems]
            calls = sorted({call for stem in stems for call in stem.calls if not call.isdigit()})
            near = unknown(name, calls)
            raise ParameterError(f"{option}: {near if 'mean' in near else unknown(name, known)}")
        found += some
    return found
