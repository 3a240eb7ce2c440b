"""The chunks of a WAV, as wavinfo and libsndfile's sndfile-info read them; the sound untouched."""

from __future__ import annotations

import io
import re
import shutil
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
import soundfile
import torch
import torchaudio
import wavinfo
from hypothesis import given, settings
from hypothesis import strategies as st

import riffkit
from riffkit.audio import files
from riffkit.audio.acid import Acid, read_acid
from riffkit.audio.reader import describe, read_tags
from riffkit.audio.shown import Marker, Shown

RATE = 44_100
BAR_SECONDS = 3 * 60 / 90
WALTZ = Shown(
    "Café – waltz",
    bpm=90.0,
    key="C#m",
    tonic=1,
    beats=12,
    beats_per_bar=3,
    genre="jazz",
    markers=tuple(Marker(k * BAR_SECONDS, f"Bar {k + 1}") for k in range(4)),
)


def noise(n_samples: int, n_channels: int = 2, seed: int = 1) -> torch.Tensor:
    random = torch.Generator().manual_seed(seed)
    return 0.1 * torch.randn(n_channels, n_samples, generator=random)


@pytest.fixture(scope="module")
def waltz(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four bars of 3/4 at 90 BPM: 8 s."""
    path = tmp_path_factory.mktemp("waltz") / "a.wav"
    files.save(path, noise(8 * RATE), RATE, tags={"riffkit": "{}"}, shown=WALTZ)
    return path


def test_a_sampler_finds_the_loop(waltz: Path) -> None:
    """From the first sample to the last, around middle C sharp."""
    smpl = wavinfo.WavInfoReader(waltz).smpl
    (loop,) = smpl.sample_loops
    assert (loop.start, loop.end, loop.loop_type_desc()) == (0, 8 * RATE - 1, "FORWARD")
    assert loop.repetition_count == 0  # for ever
    assert (smpl.midi_note, smpl.sample_period_ns) == (61, round(1e9 / RATE))


def test_the_cues_are_the_bars(waltz: Path) -> None:
    cues = wavinfo.WavInfoReader(waltz).cues
    places = {cue.name: cue.sample_offset for cue in cues.cues}
    assert places == {k + 1: 2 * k * RATE for k in range(4)}
    labels = {label.name: label.text for label in cues.labels}
    assert labels == {k + 1: f"Bar {k + 1}" for k in range(4)}


def test_the_broadcast_extension_says_what_is_known(waltz: Path) -> None:
    bext = wavinfo.WavInfoReader(waltz).bext
    assert (bext.description, bext.originator, bext.version) == ("Cafe - waltz", "riffkit", 1)
    unknown = bext.originator_date, bext.originator_time, bext.originator_ref, bext.coding_history
    assert unknown == ("", "", "", "")
    assert bext.time_reference == 0


@pytest.mark.parametrize(
    ("title", "description"),
    [("a" * 300, "a" * 256), ("сумне піаніно", "90 BPM, C#m, a loop"), ("", "90 BPM, C#m, a loop")],
)
def test_a_description_is_ascii_of_256_bytes(tmp_path: Path, title: str, description: str) -> None:
    files.save(tmp_path / "a.wav", noise(9), RATE, shown=replace(WALTZ, title=title))
    found = wavinfo.WavInfoReader(tmp_path / "a.wav", info_encoding="utf-8")
    assert found.bext.description == description
    assert (found.info.title or "") == title
    assert xml_of(tmp_path / "a.wav").findtext("ASWG/songTitle", "") == title


def xml_of(path: Path) -> ElementTree.Element:
    return ElementTree.fromstring(wavinfo.WavInfoReader(path).ixml.source)


def test_ixml_has_tempo_metre_and_key(waltz: Path) -> None:
    xml = xml_of(waltz)
    assert xml.findtext("PROJECT") == "Café – waltz"
    music = {one.tag: one.text for one in xml.iterfind("ASWG/*")}
    assert music == {
        "contentType": "music",
        "originator": f"riffkit {riffkit.__version__}",
        "songTitle": "Café – waltz",
        "genre": "jazz",
        "tempo": "90",
        "timeSig": "3/4",
        "inKey": "C#m",
        "isLoop": "true",
    }
    steinberg = {
        one.findtext("NAME"): one.findtext("VALUE") for one in xml.iterfind("STEINBERG/*/*")
    }
    assert steinberg == {"MusicalTempo": "90.000000", "MusicalBeats": "12"}


def test_info_has_title_genre_and_software(waltz: Path) -> None:
    info = wavinfo.WavInfoReader(waltz, info_encoding="utf-8").info
    assert (info.title, info.genre) == ("Café – waltz", "jazz")
    assert info.software == f"riffkit {riffkit.__version__}"
    assert read_tags(waltz) == {"riffkit": "{}"}


def test_libsndfile_reads_every_chunk(waltz: Path) -> None:
    """Its program takes the lower number of the metre first: 3/4 reads 4/3 there."""
    program = shutil.which("sndfile-info")
    if program is None:
        pytest.skip("sndfile-info isn't installed (Debian: sndfile-programs)")
    said = subprocess.run([program, waltz], capture_output=True, text=True, check=True).stdout
    for line in (
        r"bext : 602",
        r"Midi Note    : 61",
        rf"Start :     0  End : {8 * RATE - 1}",
        r"\(Loop,RootNoteValid,StretchOn,",
        r"Root note : 0x3D",
        r"Beats     : 12",
        r"Meter     : 4/3",
        r"Tempo     : 90\.0",
        rf"Cue ID :  4  Pos : {6 * RATE}",
        r"labl : 4 : Bar 4",
    ):
        assert re.search(line, said), line
    unknown = re.findall(r"\*\*\* (\w+) +: \d+ \(unknown marker\)", said)
    assert unknown == ["id3"]  # for Reaper and players
    told = subprocess.run([program, "--instrument", waltz], capture_output=True, text=True).stdout
    assert re.search(rf"Mode : fwd +Start : +0 +End : {8 * RATE} +Count : +0", told)


def test_what_is_no_loop_is_a_one_shot(tmp_path: Path) -> None:
    """With its tempo and bars; nothing that asks a DAW to loop or stretch it."""
    files.save(tmp_path / "a.wav", noise(8 * RATE), RATE, shown=replace(WALTZ, beats=None))
    found = wavinfo.WavInfoReader(tmp_path / "a.wav")
    assert found.smpl is None
    assert len(found.cues.cues) == 4
    assert read_acid(tmp_path / "a.wav") == Acid(90.0, None, root=61, metre=(3, 4))
    assert xml_of(tmp_path / "a.wav").findtext("ASWG/isLoop") == "false"


def test_of_an_unknown_tempo_nothing_is_said(tmp_path: Path) -> None:
    files.save(tmp_path / "a.wav", noise(RATE), RATE, shown=Shown("Rain"))
    found = wavinfo.WavInfoReader(tmp_path / "a.wav")
    assert found.smpl is None
    assert not found.cues.cues
    assert read_acid(tmp_path / "a.wav") is None
    assert {one.tag for one in xml_of(tmp_path / "a.wav")} == {"IXML_VERSION", "PROJECT", "ASWG"}
    assert xml_of(tmp_path / "a.wav").find("ASWG/tempo") is None


@pytest.mark.parametrize(
    ("numbers", "metre"),
    [((3, 4), (3, 4)), ((4, 3), (3, 4)), ((6, 8), (6, 8)), ((8, 6), (6, 8)), ((2, 4), (2, 4))],
)
def test_a_metre_is_read_in_either_order(numbers: tuple[int, int], metre: tuple[int, int]) -> None:
    content = struct.pack("<IHHfIHHf", 4, 60, 0x8000, 0, 8, *numbers, 120.0)
    found = Acid.from_bytes(content)
    assert found == Acid(120.0, beats=8, metre=metre)
    assert Acid.from_bytes(content[:-1]) is None


def chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Every chunk of a RIFF file; its sizes and its padding leave no byte over."""
    name, size, kind = struct.unpack_from("<4sI4s", data)
    assert (name, size, kind) == (b"RIFF", len(data) - 8, b"WAVE")
    place = 12
    while place < len(data):
        name, size = struct.unpack_from("<4sI", data, place)
        content = data[place + 8 : place + 8 + size]
        assert len(content) == size
        yield name, content
        if size % 2:
            assert data[place + 8 + size] == 0
        place += 8 + size + size % 2
    assert place == len(data)


TEXT = st.text(max_size=30)


@settings(max_examples=60, deadline=None)
@given(
    n_samples=st.integers(1, 700),
    n_channels=st.integers(1, 2),
    rate=st.sampled_from([8_000, 22_050, 44_100, 48_000, 96_000, 12_345]),
    subtype=st.sampled_from(["PCM_16", "PCM_24", "FLOAT", "PCM_U8"]),
    silent=st.booleans(),
    loop=st.booleans(),
    title=TEXT,
    labels=st.lists(st.tuples(st.floats(0, 0.02), TEXT), max_size=5),
)
def test_the_samples_are_the_same_with_chunks(
    tmp_path_factory: pytest.TempPathFactory,
    n_samples: int,
    n_channels: int,
    rate: int,
    subtype: str,
    silent: bool,
    loop: bool,
    title: str,
    labels: list[tuple[float, str]],
) -> None:
    folder = tmp_path_factory.mktemp("same")
    sound = noise(n_samples, n_channels) * (not silent)
    shown = Shown(
        title,
        bpm=97.31,
        beats=1 if loop else None,
        markers=tuple(Marker(*one) for one in sorted(labels)),
    )
    files.save(folder / "plain.wav", sound, rate, subtype=subtype)
    files.save(folder / "shown.wav", sound, rate, subtype=subtype, shown=shown)
    plain, data = (dict(chunks((folder / f"{n}.wav").read_bytes())) for n in ("plain", "shown"))
    assert data[b"data"] == plain[b"data"]
    assert data[b"fmt "] == plain[b"fmt "]
    info = describe(folder / "shown.wav")
    assert (info.n_samples, info.sample_rate) == (n_samples, rate)
    places = [cue.sample_offset for cue in wavinfo.WavInfoReader(folder / "shown.wav").cues.cues]
    assert places == [p for s, _ in sorted(labels) if (p := round(s * rate)) < n_samples]
    assert (b"smpl" in data) is loop
    xml_of(folder / "shown.wav")  # well-formed, whatever the title
    if loop:
        (only,) = wavinfo.WavInfoReader(folder / "shown.wav").smpl.sample_loops
        assert (only.start, only.end) == (0, n_samples - 1)


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
def test_every_reader_reads_the_sound(tmp_path: Path, subtype: str) -> None:
    sound = noise(30_001)
    files.save(tmp_path / "a.wav", sound, RATE, subtype=subtype, shown=WALTZ)
    ours, rate = files.load(tmp_path / "a.wav")
    assert rate == RATE
    theirs, rate = soundfile.read(tmp_path / "a.wav", dtype="float32", always_2d=True)
    assert rate == RATE
    assert torch.equal(ours, torch.from_numpy(theirs.T))
    with soundfile.SoundFile(io.BytesIO((tmp_path / "a.wav").read_bytes())) as stream:
        assert torch.equal(ours, torch.from_numpy(stream.read(dtype="float32").T))
    if subtype != "FLOAT":
        assert (ours - sound).abs().max() <= 2**-16
    info = wavinfo.WavInfoReader(tmp_path / "a.wav").data
    assert info.frame_count == 30_001


def test_the_bytes_are_the_same_each_time(waltz: Path, tmp_path: Path) -> None:
    files.save(tmp_path / "b.wav", noise(8 * RATE), RATE, tags={"riffkit": "{}"}, shown=WALTZ)
    assert (tmp_path / "b.wav").read_bytes() == waltz.read_bytes()


def test_torchaudio_reads_it(waltz: Path) -> None:
    try:
        found, rate = torchaudio.load(waltz)
    except ImportError as error:
        pytest.skip(f"torchaudio can't load files here: {error}")
    assert rate == RATE
    assert torch.equal(found, files.load(waltz)[0])
