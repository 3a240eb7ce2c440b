"""A clip laid out as a DAW shows it: tracks of sound and of notes on a grid of bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from riffkit.audio.encoding import Storage
from riffkit.audio.shown import Marker
from riffkit.export.folders import make_folder
from riffkit.limits import bpm_text
from riffkit.music.task import slug
from riffkit.score.notes import Note
from riffkit.score.stems import stems_of

if TYPE_CHECKING:
    from riffkit.export.sound import Sound
    from riffkit.export.source import Source
    from riffkit.music.clip import Clip

DRUM_CHANNEL = 9
"""MIDI's channel 10, counted from 0."""
_COLORS = ("#e8a33d", "#4f8fd6", "#56b07a", "#c678b8", "#d65f5f", "#8d7ae6", "#7fa8a3", "#b59a6a")
_DEFAULT_BPM = 120.0
AUDIO = "audio"
"""The folder of a project's sounds."""


@dataclass(frozen=True)
class ArrangedTrack:
    """A track: the file of its sound, its notes (in beats from the clip's first bar line), or both.

    `file` is relative to the project. Notes are silent until an instrument is put on their track.
    """

    name: str
    color: str
    file: str | None = None
    notes: tuple[Note, ...] = ()
    is_drums: bool = False

    @property
    def channel(self) -> int:
        """The MIDI channel of its notes, from 0."""
        return DRUM_CHANNEL if self.is_drums else 0


@dataclass(frozen=True)
class Arrangement:
    """A project: a clip's tracks from its beginning, which lies `lead` beats after a bar line.

    A beat is a quarter note. `markers` are places in seconds of the sound. The sound of all tracks
    has one length, sample rate and number of channels.
    """

    title: str
    bpm: float
    beats_per_bar: int
    key: str
    seconds: float
    sample_rate: int
    channels: int
    loop: bool
    lead: float
    tracks: tuple[ArrangedTrack, ...]
    markers: tuple[Marker, ...]

    @property
    def beats(self) -> float:
        """The length in beats; that of a loop is whole."""
        beats = self.seconds * self.bpm / 60
        return float(round(beats)) if self.loop else beats

    def beat_of(self, seconds: float) -> float:
        """A place in the sound as beats from the project's start."""
        return self.lead + seconds * self.beats / self.seconds


@dataclass(frozen=True, eq=False)
class Laid:
    """A clip laid out as a project: the arrangement, and the sound of each of its files."""

    arrangement: Arrangement
    sounds: Mapping[str, Sound]
    notes: tuple[str, ...]

    @property
    def facts(self) -> dict[str, Any]:
        n_notes = sum(len(track.notes) for track in self.arrangement.tracks)
        return {"tracks": len(self.sounds), "notes": n_notes, "bpm": self.arrangement.bpm}

    @property
    def summary(self) -> str:
        """ "4 tracks, 213 notes, 112 BPM"."""
        tracks, notes, bpm = self.facts.values()
        return f"{tracks} track{'s' * (tracks != 1)}, {notes} notes, {bpm_text(bpm)} BPM"

    def write_sounds(self, folder: Path, storage: Storage) -> None:
        """Write the files into a project's folder."""
        for file, sound in self.sounds.items():
            make_folder((folder / file).parent)
            sound.save(folder / file, storage)


def lay_out(clip: Clip | str | Path) -> Laid:
    """A clip as a project: a track for each of its stems, or one, with files under audio/."""
    from riffkit.export.source import open_source

    source = open_source(clip)
    parts = source.parts
    files = track_files(list(parts), AUDIO)
    sounds = {files[name]: sound for name, sound in parts.items()}
    return Laid(arranged(source, files), sounds, source.notes)


def arranged(source: Source, files: Mapping[str, str]) -> Arrangement:
    """A clip as an arrangement.

    Args:
        source: the clip; with a score, each player's notes are a track beside its sound.
        files: the file of each track's sound by the track's name.

    Returns:
        The arrangement; its tempo is 120 BPM where none is known.
    """
    sound, shown = source.sound, source.sound.shown
    bpm = _DEFAULT_BPM if shown.bpm is None else shown.bpm
    first = shown.markers[0].seconds if shown.markers else 0.0
    bar = shown.beats_per_bar
    names = list(files)
    tracks = [ArrangedTrack(name, _color(k), file=files[name]) for k, name in enumerate(names)]
    for stem in () if source.score is None else stems_of(source.score):
        color = _color(names.index(stem.name) if stem.name in names else len(names))
        notes = stem.track.notes
        tracks.append(
            ArrangedTrack(f"{stem.name} notes", color, notes=notes, is_drums=stem.is_drums)
        )
    return Arrangement(
        title=sound.title or "riff",
        bpm=bpm,
        beats_per_bar=bar,
        key=shown.key,
        seconds=sound.seconds,
        sample_rate=sound.sample_rate,
        channels=sound.waveform.shape[0],
        loop=shown.beats is not None,
        lead=-first * bpm / 60 % bar if first > 0 else 0.0,
        tracks=tuple(tracks),
        markers=shown.markers,
    )


def track_files(names: Sequence[str], folder: str, suffix: str = ".wav") -> dict[str, str]:
    """A file's name for each track, in order: audio/01-bass-guitar.wav."""
    return {
        name: str(Path(folder, f"{number:02}-{slug(name)}{suffix}").as_posix())
        for number, name in enumerate(names, 1)
    }


def _color(place: int) -> str:
    return _COLORS[place % len(_COLORS)]
