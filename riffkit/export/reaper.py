"""A clip as a Reaper project: a folder with the .RPP file and its sounds. Light until it writes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from riffkit.audio.encoding import Bits, Storage
from riffkit.export.exporter import FOLDER, Exported, Exporter

if TYPE_CHECKING:
    from riffkit.export.arrangement import ArrangedTrack, Arrangement
    from riffkit.music.clip import Clip

TICKS_PER_BEAT = 960
_NOTE_ON, _NOTE_OFF, _CONTROL, _ALL_NOTES_OFF = 0x90, 0x80, 0xB0, 0x7B
_CUSTOM_COLOR = 0x1000000
_FIRST_LINE = '<REAPER_PROJECT 0.1 "7.0" 0'
"""Format, version, and when it was saved; Reaper changes the last two."""


def export_reaper(
    clip: Clip | str | Path, output: str | Path, *, bits: Bits | None = 24
) -> Exported:
    """Write a clip as a Reaper project: a folder with its tracks, notes, tempo and markers.

    A clip with stems has a track for each; one that was composed has its players' notes too.

    Args:
        clip: a clip, or any audio file.
        output: folder to write; the project in it is named after the folder.
        bits: bits of a sample of its sounds: 16, 24 or float.

    Returns:
        What was written.

    Raises:
        AudioFileError, ImageFileError: the clip can't be read.
        OutputError: it can't be written there.

    Example:
        riffkit.export_reaper("song.wav", "song-reaper")
    """
    from riffkit.atomic import atomic_path
    from riffkit.export.arrangement import lay_out
    from riffkit.export.folders import make_folder

    output = Path(output)
    if output.suffix.lower() == ".rpp":  # the project's own name
        output = output.with_suffix("")
    laid = lay_out(clip)
    make_folder(output)
    laid.write_sounds(output, Storage(bits))
    path = output / f"{output.name}.rpp"
    with atomic_path(path) as temporary:
        temporary.write_text("\n".join(project(laid.arrangement)) + "\n", encoding="utf-8")
    facts = {"project": str(path), **laid.facts}
    return Exported(output, f"{path.name}: {laid.summary}", facts, laid.notes)


def _wrote(path: Path) -> bool:
    """Whether it is as this exporter left it, and Reaper hasn't saved it since."""
    with path.open("rb") as file:
        return file.readline().rstrip() == _FIRST_LINE.encode()


EXPORTER = Exporter("reaper", export_reaper, (FOLDER,), _wrote)


def project(arrangement: Arrangement) -> Iterator[str]:
    """The lines of the .RPP file: blocks in angle brackets, a line for each value."""
    lead = arrangement.lead * 60 / arrangement.bpm
    end = lead + arrangement.seconds
    yield _FIRST_LINE
    yield f"  TEMPO {_number(arrangement.bpm)} {arrangement.beats_per_bar} 4"
    yield f"  SAMPLERATE {arrangement.sample_rate} 1 0"
    yield f"  LOOP {int(arrangement.loop)}"
    yield f"  SELECTION {_number(lead)} {_number(end)}"
    yield f"  TITLE {_quoted(arrangement.title)}"
    for number, marker in enumerate(arrangement.markers, 1):
        yield f"  MARKER {number} {_number(lead + marker.seconds)} {_quoted(marker.label)} 0"
    for track in arrangement.tracks:
        yield "  <TRACK"
        yield f"    NAME {_quoted(track.name)}"
        yield f"    PEAKCOL {_color(track.color)}"
        yield "    VOLPAN 1 0 -1 -1 1"
        yield "    MUTESOLO 0 0 0"
        yield "    NCHAN 2"
        yield "    <ITEM"
        yield f"      POSITION {_number(lead if track.file is not None else 0.0)}"
        yield f"      LENGTH {_number(arrangement.seconds if track.file is not None else end)}"
        yield f"      LOOP {int(arrangement.loop)}"
        yield f"      NAME {_quoted(track.name)}"
        if track.file is not None:
            yield "      <SOURCE WAVE"
            yield f"        FILE {_quoted(track.file)}"
            yield "      >"
        else:
            yield from _notes(track, round(end * arrangement.bpm / 60 * TICKS_PER_BEAT))
        yield "    >"
        yield "  >"
    yield ">"


def _notes(track: ArrangedTrack, n_ticks: int) -> Iterator[str]:
    """A MIDI source: each event after the ticks since the one before it, in hexadecimal bytes."""
    events = []
    for note in track.notes:
        start = round(note.start * TICKS_PER_BEAT)
        stop = max(start + 1, round((note.start + note.duration) * TICKS_PER_BEAT))
        events.append((start, 1, _NOTE_ON, note.pitch, note.velocity))
        events.append((stop, 0, _NOTE_OFF, note.pitch, 0))
    yield "      <SOURCE MIDI"
    yield f"        HASDATA 1 {TICKS_PER_BEAT} QN"
    now = 0
    for tick, _, status, pitch, velocity in sorted(events):
        yield f"        E {tick - now} {status | track.channel:02x} {pitch:02x} {velocity:02x}"
        now = tick
    rest = max(0, n_ticks - now)
    yield f"        E {rest} {_CONTROL | track.channel:02x} {_ALL_NOTES_OFF:02x} 00"
    yield "      >"


def _color(color: str) -> int:
    """ "#rrggbb" as Reaper stores it: blue, green, red."""
    red, green, blue = (int(color[k : k + 2], 16) for k in (1, 3, 5))
    return _CUSTOM_COLOR | blue << 16 | green << 8 | red


def _number(value: float) -> str:
    return repr(float(value)).removesuffix(".0")


def _quoted(text: str) -> str:
    """Text in quotes that aren't in it; Reaper knows three kinds, and no escapes."""
    text = " ".join(text.split())
    for quote in ('"', "'", "`"):
        if quote not in text:
            return f"{quote}{text}{quote}"
    text = text.replace("`", "'")
    return f"`{text}`"
