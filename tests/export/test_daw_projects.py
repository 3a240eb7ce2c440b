"""DAWproject and Reaper files: read back, they hold the same tracks, notes and times."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree import ElementTree

import pytest
import rpp

from riffkit.audio.shown import Marker
from riffkit.export import dawproject, reaper
from riffkit.export.arrangement import ArrangedTrack, Arrangement
from riffkit.score.notes import Note
from tests.export.dawproject_rules import broken_rules

NOTES = (
    Note(0.0, 1.0, 60, 100),
    Note(0.0, 0.25, 64, 1),
    Note(1 / 3, 1 / 3, 67, 127),
    Note(7.5, 2.0, 21, 64),
)
DRUMS = (Note(0.0, 0.25, 36, 120), Note(2.0, 0.25, 38, 90))


def arrangement(**changed: object) -> Arrangement:
    values: dict[str, object] = {
        "title": 'A "loop" & more',
        "bpm": 112.5,
        "beats_per_bar": 4,
        "key": "Am",
        "seconds": 8 * 60 / 112.5,
        "sample_rate": 44_100,
        "channels": 2,
        "loop": True,
        "lead": 0.0,
        "tracks": (
            ArrangedTrack("bass guitar", "#e8a33d", file="audio/01-bass-guitar.wav"),
            ArrangedTrack("bass guitar notes", "#e8a33d", notes=NOTES),
            ArrangedTrack("drums notes", "#4f8fd6", notes=DRUMS, is_drums=True),
        ),
        "markers": (Marker(0.0, "Bar 1"), Marker(4 * 60 / 112.5, "Bar 2: chorus")),
    }
    return Arrangement(**{**values, **changed})  # type: ignore[arg-type]


CASES = [
    arrangement(),
    arrangement(loop=False, lead=1.25, seconds=9.87, beats_per_bar=3, channels=1),
    arrangement(markers=(), tracks=(ArrangedTrack("a `b` 'c' \"d\"", "#ffffff", file="x.wav"),)),
]


@pytest.mark.parametrize("case", CASES)
def test_a_dawproject_keeps_to_the_format_s_rules(case: Arrangement) -> None:
    for root in (dawproject.project(case), dawproject.metadata(case)):
        assert broken_rules(ElementTree.fromstring(ElementTree.tostring(root))) == []


@pytest.mark.parametrize("case", CASES)
def test_a_dawproject_is_read_back_with_the_same_notes_and_times(case: Arrangement) -> None:
    root = ElementTree.fromstring(ElementTree.tostring(dawproject.project(case)))
    tempo, metre = root.find("Transport/Tempo"), root.find("Transport/TimeSignature")
    assert tempo is not None and float(tempo.attrib["value"]) == case.bpm
    assert metre is not None and int(metre.attrib["numerator"]) == case.beats_per_bar
    tracks = {track.attrib["id"]: track for track in root.iterfind("Structure/Track")}
    lanes = root.findall("Arrangement/Lanes/Lanes")
    assert [tracks[lane.attrib["track"]].attrib["name"] for lane in lanes] == [
        track.name for track in case.tracks
    ]
    for lane, track in zip(lanes, case.tracks, strict=True):
        clip = lane.find("Clips/Clip")
        assert clip is not None and float(clip.attrib["duration"]) == case.beats
        found = [
            Note(*(float(one.attrib[name]) for name in ("time", "duration")),
                 int(one.attrib["key"]), round(float(one.attrib["vel"]) * 127))
            for one in clip.iterfind("Notes/Note")
        ]  # fmt: skip
        assert tuple(found) == track.notes
        assert all(
            int(one.attrib["channel"]) == (9 if track.is_drums else 0)
            for one in clip.iterfind("Notes/Note")
        )
        if track.file is not None:
            file = clip.find("Warps/Audio/File")
            assert file is not None and file.attrib["path"] == track.file
            assert float(clip.attrib["time"]) == case.lead
            warps = [
                (float(one.attrib["time"]), float(one.attrib["contentTime"]))
                for one in clip.iterfind("Warps/Warp")
            ]
            assert warps == [(0, 0), (case.beats, case.seconds)]
        assert (clip.attrib.get("loopEnd") is not None) == case.loop
    marked = [
        (one.attrib["name"], float(one.attrib["time"]))
        for one in root.iterfind("Arrangement/Markers/Marker")
    ]
    assert marked == [(one.label, case.beat_of(one.seconds)) for one in case.markers]


def test_a_rule_that_is_broken_is_found() -> None:
    root = dawproject.project(CASES[0])
    root.find("Transport/Tempo").attrib.pop("unit")  # type: ignore[union-attr]
    root.find("Structure").append(ElementTree.Element("Clip", time="x"))  # type: ignore[union-attr]
    found = " ".join(broken_rules(root))
    assert "Tempo" in found and "unit" in found and "Clip" in found and "time" in found


@pytest.mark.parametrize("case", CASES)
def test_a_reaper_project_is_read_back_with_the_same_notes_and_times(case: Arrangement) -> None:
    root = rpp.loads("\n".join(reaper.project(case)))
    assert [float(x) for x in root.find("TEMPO")[1:]] == [case.bpm, case.beats_per_bar, 4]
    tracks = root.findall("TRACK")
    assert len(tracks) == len(case.tracks)
    lead = case.lead * 60 / case.bpm
    for found, track in zip(tracks, case.tracks, strict=True):
        item = found.find("ITEM")
        source = item.find("SOURCE")
        if track.file is not None:
            assert source.find("FILE")[1] == track.file
            assert float(item.find("POSITION")[1]) == lead
            assert float(item.find("LENGTH")[1]) == case.seconds
        else:
            assert sorted(played(source)) == sorted(
                (round(960 * n.start), round(960 * (n.start + n.duration)), n.pitch, n.velocity)
                for n in track.notes
            )
    marked = [(line[3], float(line[2])) for line in root.findall("MARKER")]
    assert [label for label, _ in marked] == [one.label for one in case.markers]
    for (_, at), one in zip(marked, case.markers, strict=True):
        assert at == pytest.approx(lead + one.seconds, abs=1e-9)


def played(source: rpp.Element) -> Iterator[tuple[int, int, int, int]]:
    """The notes of a MIDI source: begin and end in ticks, pitch, velocity."""
    now, sounding = 0, {}
    for _, ticks, status, pitch, velocity in source.findall("E"):
        now += int(ticks)
        if int(status, 16) >> 4 == 9:
            sounding[pitch] = now, int(velocity, 16)
        elif int(status, 16) >> 4 == 8:
            begin, loud = sounding.pop(pitch)
            yield begin, now, int(pitch, 16), loud
    assert not sounding
