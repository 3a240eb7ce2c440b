"""Notes that a user brings to a score, in MIDI files: a melody, drums. Light: no torch."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from riffkit.errors import ParameterError
from riffkit.music.midi import first_metre, is_midi, open_midi, signed_key, usual_bpm
from riffkit.prompt.metre import DEFAULT_BEATS
from riffkit.provenance.recipe import sha256
from riffkit.score.compose import MAX_BARS
from riffkit.score.midi_file import MidiFile
from riffkit.score.midi_player import Played
from riffkit.score.notes import Note
from riffkit.score.spans import until, whole_bars

_LEADING = re.compile(r"melod|lead|vocal|voice|vox|sing|tune|theme|solo|soprano", re.I)
_FEW = 0.25  # of the notes of the track that has most: too few for a melody


@dataclass(frozen=True)
class Brought:
    """A file's notes, in beats from its beginning, and the `bars` that they fill.

    `bpm`, `beats_per_bar` and `key` (its tonic, is it minor) are None where the file doesn't say
    them. `identity` is what a recipe keeps of the file. Of a recording the notes are heard, and
    their octaves unknown.
    """

    notes: tuple[Note, ...]
    bars: int
    bpm: float | None
    beats_per_bar: int | None
    key: tuple[int, bool] | None
    identity: dict[str, str]
    remarks: tuple[str, ...] = ()
    is_recording: bool = False


def read_lead(path: Path, *, beats_per_bar: int | None = None) -> Brought:
    """A melody: of several tracks the one that is called so, or else lies highest.

    Raises:
        ParameterError: it can't be read as MIDI, or has no notes but drums.
    """
    file = _opened(path, "melody")
    parts = _parts([note for note in file.notes if not note.is_drum])
    if not parts:
        raise ParameterError(
            f"melody={path.name!r}: contains drums alone; choose a file with a melody"
        )
    names = {part: file.names.get(part[0], "") for part in parts}
    most = max(map(len, parts.values()))
    likely = [part for part in parts if len(parts[part]) >= _FEW * most]
    chosen = max(
        likely, key=lambda part: (bool(_LEADING.search(names[part])), _height(parts[part]))
    )
    remarks = []
    if len(parts) > 1:
        name = names[chosen] or f"channel {chosen[1] + 1} of track {chosen[0]}"
        remarks.append(
            f"{path.name}: of its {len(parts)} parts {name!r} is the melody; to follow another, "
            "export it alone"
        )
    return _brought(path, file, parts[chosen], beats_per_bar, remarks)


def read_drums(path: Path, *, beats_per_bar: int | None = None) -> Brought:
    """Drums: the notes of channel 10, or of the only part that there is.

    Raises:
        ParameterError: it can't be read as MIDI, or has several parts and none of drums.
    """
    file = _opened(path, "drums")
    notes = [note for note in file.notes if note.is_drum]
    parts = _parts(file.notes)
    if not notes and len(parts) > 1:
        raise ParameterError(
            f"drums={path.name!r}: has {len(parts)} parts and none on channel 10, which is that of "
            "drums; export the drums alone"
        )
    return _brought(path, file, notes or file.notes, beats_per_bar, [])


def _opened(path: Path, option: str) -> MidiFile:
    if path.is_file() and not is_midi(path):
        raise ParameterError(f"{option}={path.name!r}: must be a MIDI file, such as tune.mid")
    return open_midi(path, option=option, pedal=False)


def _parts(notes: Sequence[Played]) -> dict[tuple[int, int], list[Played]]:
    """The notes of each track and channel."""
    found: dict[tuple[int, int], list[Played]] = {}
    for note in notes:
        found.setdefault((note.track, note.channel), []).append(note)
    return found


def _height(notes: Sequence[Played]) -> float:
    return sum(note.pitch for note in notes) / len(notes)


def _brought(
    path: Path,
    file: MidiFile,
    played: Sequence[Played],
    beats_per_bar: int | None,
    remarks: Sequence[str],
) -> Brought:
    bpm, metre = usual_bpm(file), first_metre(file)
    ticks = file.ticks_per_beat(bpm)
    notes = [
        Note(n.start / ticks, (n.end - n.start) / ticks, n.pitch, n.velocity)
        for n in sorted(played, key=lambda note: (note.start, note.pitch))
    ]
    remarks = list(remarks)
    if beats_per_bar is None and metre is not None and metre.halved:
        remarks.append(f"{path.name}: {metre.remark}")
    beats = beats_per_bar or (DEFAULT_BEATS if metre is None else metre.beats)
    bars = whole_bars(notes, beats)
    if bars > MAX_BARS:
        remarks.append(f"{path.name}: is {bars} bars long; the first {MAX_BARS} are used")
        bars = MAX_BARS
    return Brought(
        until(bars * beats, notes),
        bars,
        bpm if file.tempi else None,
        None if metre is None else metre.beats,
        signed_key(file),
        {"name": path.name, "sha256": sha256(path)},
        tuple(remarks),
    )
