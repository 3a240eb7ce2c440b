"""A score's stems: what is painted alone and written as a file of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from riffkit.errors import ParameterError, unknown
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

    Tracks of one instrument with different roles are one player's hands; with the same role they
    are two players.
    """
    players: dict[object, list[tuple[int, Track]]] = {}
    same: Counter[object] = Counter()
    for number, track in enumerate(score.tracks, 1):
        sound = (track.instrument, track.bank, track.program, track.name)
        same[sound, track.role] += 1
        key = DRUMS if track.is_drums else (*sound, same[sound, track.role])
        players.setdefault(key, []).append((number, track))
    ordered = sorted(players.values(), key=lambda of: of[0][1].is_drums)
    stems = []
    for of in ordered:
        numbers, tracks = zip(*of, strict=True)
        stems.append(Stem("", stem_words(score.facts, tracks), tracks, numbers))
    names = stem_names(stem.track for stem in stems)
    return tuple(replace(stem, name=name) for name, stem in zip(names, stems, strict=True))


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
    """The track numbers, from 1, of the stems that a user calls so; ParameterError for none."""
    return tuple(number for stem in _named(option, [name], stems) for number in stem.numbers)


def _named(option: str, names: Iterable[str], stems: Sequence[Stem]) -> list[Stem]:
    found = []
    by_call: Mapping[str, list[Stem]] = {
        call: [stem for stem in stems if call in stem.calls]
        for call in {call for stem in stems for call in stem.calls}
    }
    for name in names:
        word = " ".join(name.lower().split())
        if word not in by_call:
            word = next((call for call in by_call if call.endswith(f" {word}")), word)
        if word not in by_call:
            names = [stem.name for stem in stems]
            near = [*names, *(call for call in by_call if not call.isdigit())]
            said = unknown(name, near)
            raise ParameterError(f"{option}: {said if 'did you' in said else unknown(name, names)}")
        found += by_call[word]
    return found
