"""MIDI files: known by their names or beginnings, opened, and what they say first."""

from __future__ import annotations

from bisect import bisect_right
from pathlib import Path

from riffkit.errors import ParameterError
from riffkit.prompt.metre import Metre, metre_of
from riffkit.score.midi import key_of_fifths
from riffkit.score.midi_file import MidiFile, parse_midi

SUFFIXES = (".mid", ".midi", ".kar", ".rmi")
DEFAULT_BPM = 120.0


def is_midi(path: Path) -> bool:
    """Whether a file is MIDI by its name or its first bytes."""
    if path.suffix.lower() in SUFFIXES:
        return True
    try:
        with path.open("rb") as file:
            head = file.read(12)
    except OSError:
        return False
    return head.startswith(b"MThd") or (head[:4] == b"RIFF" and head[8:] == b"RMID")


def open_midi(path: Path, *, option: str, pedal: bool = True) -> MidiFile:
    """A MIDI file with at least one note.

    Raises:
        ParameterError: it can't be read, says not how long a beat is, or has no notes; the message
            begins with the name of the option that it is for.
    """
    name = f"{option}={path.name!r}"
    try:
        file = parse_midi(path.read_bytes(), pedal=pedal)
    except FileNotFoundError as error:
        raise ParameterError(f"{name}: no such file") from error
    except OSError as error:
        raise ParameterError(f"{name}: can't be read ({error.strerror})") from error
    if file is None:
        raise ParameterError(f"{name}: can't be read as MIDI")
    if not file.ticks_per_beat(usual_bpm(file)):
        raise ParameterError(
            f"{name}: has 0 ticks a beat, so its notes have no length; export it again"
        )
    if not file.notes:
        raise ParameterError(f"{name}: contains no notes")
    return file


def usual_bpm(file: MidiFile) -> float:
    """The tempo at which the middle one of its notes begins, by tempo.

    Of tempi that some program stores as these microseconds it is the roundest.
    """
    if not file.tempi:
        return DEFAULT_BPM
    ticks = [tick for tick, _ in file.tempi]
    places = (max(0, bisect_right(ticks, note.start) - 1) for note in file.notes)
    tempi = sorted(file.tempi[place][1] for place in places)
    micros = tempi[len(tempi) // 2] if tempi else file.tempi[0][1]
    exact = 60e6 / micros
    rounded = (round(exact, digits) for digits in range(4))
    return next((bpm for bpm in rounded if bpm and abs(60e6 / bpm - micros) < 1), exact)


def first_metre(file: MidiFile) -> Metre | None:
    """The first that can be laid out."""
    metres = (metre_of(count, 2**power) for _, count, power in file.signatures)
    return next((metre for metre in metres if metre is not None), None)


def signed_key(file: MidiFile) -> tuple[int, bool] | None:
    """The signature's tonic, and whether it is minor; None without one, and for the C major that
    programs write where nobody says a key.
    """
    if not file.keys or file.keys[0][1:] == (0, False):
        return None
    _, fifths, is_minor = file.keys[0]
    return key_of_fifths(fifths, is_minor=is_minor), is_minor
