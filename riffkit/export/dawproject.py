"""A clip as a DAWproject, which Bitwig Studio, Cubase, Studio One and others open.

The format is DAWproject 1.0 (github.com/bitwig/dawproject): project.xml, metadata.xml and the
sounds in a ZIP. Light until it writes.
"""

from __future__ import annotations

import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from riffkit import __version__
from riffkit.audio.encoding import Bits, Storage
from riffkit.export.exporter import Exported, Exporter

if TYPE_CHECKING:
    from riffkit.export.arrangement import ArrangedTrack, Arrangement
    from riffkit.music.clip import Clip

_VERSION = "1.0"
_MOST_BPM, _LEAST_BPM = 666.0, 20.0


def export_dawproject(
    clip: Clip | str | Path, output: str | Path, *, bits: Bits | None = 24
) -> Exported:
    """Write a clip as a DAWproject: its tracks, notes, tempo, metre and markers.

    A clip with stems has a track for each; one that was composed has its players' notes too.

    Args:
        clip: a clip, or any audio file.
        output: file to write, with the extension .dawproject.
        bits: bits of a sample of its sounds: 16, 24 or float.

    Returns:
        What was written.

    Raises:
        AudioFileError, ImageFileError: the clip can't be read.
        OutputError: it can't be written there.

    Example:
        riffkit.export_dawproject("song.wav", "song.dawproject")
    """
    from riffkit.export.arrangement import lay_out
    from riffkit.export.folders import zip_folder

    output = Path(output)
    EXPORTER.check_name(output)
    laid = lay_out(clip)
    with tempfile.TemporaryDirectory() as folder:
        _write(project(laid.arrangement), Path(folder, "project.xml"))
        _write(metadata(laid.arrangement), Path(folder, "metadata.xml"))
        laid.write_sounds(Path(folder), Storage(bits))
        zip_folder(Path(folder), output)
    return Exported(output, laid.summary, laid.facts, laid.notes)


def _wrote(path: Path) -> bool:
    """Whether it is as this exporter left it: a DAW that saves a project puts its own name in."""
    try:
        with zipfile.ZipFile(path) as archive:
            root = ElementTree.fromstring(archive.read("project.xml"))
    except (OSError, KeyError, zipfile.BadZipFile, ElementTree.ParseError):
        return False
    application = root.find("Application")
    return application is not None and application.get("name") == "riffkit"


EXPORTER = Exporter("dawproject", export_dawproject, (".dawproject",), _wrote)


def project(arrangement: Arrangement) -> ElementTree.Element:
    """project.xml: an arrangement in beats, each sound stretched from seconds to beats."""
    root = ElementTree.Element("Project", version=_VERSION)
    ElementTree.SubElement(root, "Application", name="riffkit", version=__version__)
    transport = ElementTree.SubElement(root, "Transport")
    tempo = {"min": _number(_LEAST_BPM), "max": _number(_MOST_BPM)}
    ElementTree.SubElement(
        transport,
        "Tempo",
        {"id": "tempo", "name": "Tempo", "unit": "bpm", "value": _number(arrangement.bpm), **tempo},
    )
    ElementTree.SubElement(
        transport,
        "TimeSignature",
        id="metre",
        numerator=str(arrangement.beats_per_bar),
        denominator="4",
    )
    structure = ElementTree.SubElement(root, "Structure")
    for number, track in enumerate(arrangement.tracks, 1):
        _add_track(structure, f"track{number}", track, arrangement.channels)
    _add_master(structure)
    arrangement_element = ElementTree.SubElement(root, "Arrangement", id="arrangement")
    lanes = ElementTree.SubElement(arrangement_element, "Lanes", id="lanes", timeUnit="beats")
    for number, track in enumerate(arrangement.tracks, 1):
        _add_lane(lanes, number, track, arrangement)
    if arrangement.markers:
        markers = ElementTree.SubElement(
            arrangement_element, "Markers", id="markers", timeUnit="beats"
        )
        for marker in arrangement.markers:
            time = _number(arrangement.beat_of(marker.seconds))
            ElementTree.SubElement(markers, "Marker", time=time, name=marker.label)
    return root


def metadata(arrangement: Arrangement) -> ElementTree.Element:
    """metadata.xml."""
    root = ElementTree.Element("MetaData")
    ElementTree.SubElement(root, "Title").text = arrangement.title
    about = [f"made with riffkit {__version__}", arrangement.key and f"key {arrangement.key}"]
    ElementTree.SubElement(root, "Comment").text = ", ".join(filter(None, about))
    return root


def _add_track(
    structure: ElementTree.Element, name: str, track: ArrangedTrack, channels: int
) -> None:
    content = "audio" if track.file is not None else "notes"
    element = ElementTree.SubElement(
        structure,
        "Track",
        id=name,
        name=track.name,
        color=track.color,
        contentType=content,
        loaded="true",
    )
    channel = ElementTree.SubElement(
        element,
        "Channel",
        id=f"{name}-channel",
        role="regular",
        audioChannels=str(channels if track.file is not None else 2),
        destination="master",
        solo="false",
    )
    _add_fader(channel, name)


def _add_master(structure: ElementTree.Element) -> None:
    master = ElementTree.SubElement(
        structure, "Track", id="master-track", name="Master", contentType="audio notes"
    )
    channel = ElementTree.SubElement(
        master, "Channel", id="master", role="master", audioChannels="2", solo="false"
    )
    _add_fader(channel, "master")


def _add_fader(channel: ElementTree.Element, name: str) -> None:
    ElementTree.SubElement(channel, "Mute", id=f"{name}-mute", name="Mute", value="false")
    pan = {"min": "0", "max": "1", "unit": "normalized", "value": "0.5"}
    ElementTree.SubElement(channel, "Pan", {"id": f"{name}-pan", "name": "Pan", **pan})
    volume = {"min": "0", "max": "2", "unit": "linear", "value": "1"}
    ElementTree.SubElement(channel, "Volume", {"id": f"{name}-volume", "name": "Volume", **volume})


def _add_lane(
    lanes: ElementTree.Element, number: int, track: ArrangedTrack, arrangement: Arrangement
) -> None:
    name = f"track{number}"
    lane = ElementTree.SubElement(lanes, "Lanes", id=f"{name}-lanes", track=name)
    clips = ElementTree.SubElement(lane, "Clips", id=f"{name}-clips")
    beats = _number(arrangement.beats)
    clip = ElementTree.SubElement(
        clips,
        "Clip",
        name=track.name,
        time=_number(arrangement.lead if track.file is not None else 0.0),
        duration=beats,
        playStart="0",
        contentTimeUnit="beats",
    )
    if arrangement.loop:
        clip.set("loopStart", "0")
        clip.set("loopEnd", beats)
    if track.file is not None:
        _add_sound(clip, name, track.file, arrangement)
    else:
        _add_notes(clip, name, track)


def _add_sound(clip: ElementTree.Element, name: str, file: str, arrangement: Arrangement) -> None:
    warps = ElementTree.SubElement(
        clip, "Warps", id=f"{name}-warps", timeUnit="beats", contentTimeUnit="seconds"
    )
    audio = ElementTree.SubElement(
        warps,
        "Audio",
        id=f"{name}-audio",
        algorithm="stretch",
        channels=str(arrangement.channels),
        duration=_number(arrangement.seconds),
        sampleRate=str(arrangement.sample_rate),
    )
    ElementTree.SubElement(audio, "File", path=file)
    for time, content in ((0.0, 0.0), (arrangement.beats, arrangement.seconds)):
        ElementTree.SubElement(warps, "Warp", time=_number(time), contentTime=_number(content))


def _add_notes(clip: ElementTree.Element, name: str, track: ArrangedTrack) -> None:
    notes = ElementTree.SubElement(clip, "Notes", id=f"{name}-notes")
    for note in track.notes:
        ElementTree.SubElement(
            notes,
            "Note",
            time=_number(note.start),
            duration=_number(note.duration),
            channel=str(track.channel),
            key=str(note.pitch),
            vel=_number(note.velocity / 127),
            rel=_number(note.velocity / 127),
        )


def _number(value: float) -> str:
    """A number that is read back as exactly the same."""
    return repr(float(value)).removesuffix(".0")


def _write(root: ElementTree.Element, path: Path) -> None:
    ElementTree.indent(root)
    ElementTree.ElementTree(root).write(path, encoding="UTF-8", xml_declaration=True)
