"""What an upload is, and the process that looks at it."""

from __future__ import annotations

import asyncio
import os
import time
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from riffkit.audio import files
from riffkit.errors import AudioFileError, ImageFileError, ParameterError, RiffkitError, WorkerError
from riffkit.music.midi_score import read_score
from riffkit.score.chords import parse_chords
from riffkit.server import conversions
from riffkit.server.conversions import Described, describe_upload
from riffkit.server.converter import Converter
from riffkit.spectrogram.image import SpectrogramImage

MINUTE = 60.0


def noise(path: Path, seconds: float = 1.0, rate: int = 22_050) -> Path:
    files.save(path, 0.1 * torch.randn(1, round(seconds * rate)), rate)
    return path


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".mp3"])
def test_a_sound_is_known_by_its_content(suffix: str, tmp_path: Path) -> None:
    path = noise(tmp_path / f"sound{suffix}").rename(tmp_path / "upload")
    found = describe_upload(path, "a song", MINUTE)
    assert found == Described("audio", suffix, 1.0, 22_050)


def test_the_ending_that_a_client_gives_says_little(tmp_path: Path) -> None:
    path = noise(tmp_path / "sound.wav")
    assert describe_upload(path, "photo.png", MINUTE).suffix == ".wav"


def test_spectrograms_are_no_masks(root: Path, tmp_path: Path) -> None:
    for path in sorted((root / "samples").glob("*.png")):
        found, image = describe_upload(path, path.name, 600.0), SpectrogramImage.open(path)
        assert (found.kind, found.width, found.height) == ("image", image.n_frames, 512), path
        assert found.seconds == image.n_samples / 44_100
    Image.fromarray(image.pixels).save(tmp_path / "plain.png")  # without tags, known by its looks
    assert describe_upload(tmp_path / "plain.png", "plain", MINUTE).kind == "image"


def test_masks(tmp_path: Path) -> None:
    width, height = 512, 512  # as a plain image of riffusion's would be
    for name, levels in {
        "all": np.full((height, width), 255, np.uint8),
        "span": np.repeat((np.arange(width) // 128 % 2 * 255)[None], height, 0).astype(np.uint8),
        "brush": _brush(width, height),
    }.items():
        Image.fromarray(levels).save(tmp_path / f"{name}.png")
        assert describe_upload(tmp_path / f"{name}.png", name, MINUTE).kind == "mask", name
    photo = np.random.default_rng(0).integers(0, 256, (80, 90, 3), np.uint8)
    Image.fromarray(photo).save(tmp_path / "photo.jpg")
    assert describe_upload(tmp_path / "photo.jpg", "photo", MINUTE).suffix == ".jpg"


def _brush(width: int, height: int) -> np.ndarray:
    """A soft stroke."""
    image = Image.new("L", (width, height))
    for radius in range(60, 20, -1):
        ImageDraw.Draw(image).ellipse(
            (200 - radius, 200 - radius, 200 + radius, 200 + radius), fill=(60 - radius) * 6
        )
    return np.asarray(image)


def test_a_mask_over_a_tagged_image_is_one(root: Path, tmp_path: Path) -> None:
    image = SpectrogramImage.open(root / "samples" / "lofi.png")
    pixels = np.zeros_like(image.pixels)
    pixels[:, 100:200] = 255
    replace(image, pixels=pixels).save(tmp_path / "mask.png")
    assert describe_upload(tmp_path / "mask.png", "mask.png", MINUTE).kind == "mask"


def test_what_is_refused(tmp_path: Path) -> None:
    """In the client's words for the file, and not in the server's."""
    with zipfile.ZipFile(tmp_path / "zip", "w") as archive:
        archive.writestr("a", "b" * 1000)
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    (tmp_path / "cut").write_bytes(noise(tmp_path / "s.wav").read_bytes()[:9_000])
    (tmp_path / "midi").write_bytes(b"MThd" + bytes(20))
    Image.new("1", (9_000, 9_000)).save(tmp_path / "huge.png")
    noise(tmp_path / "long.wav", 61.0, 8_000)
    for name, kind, said in (
        (
            "zip",
            AudioFileError,
            "'my file.wav' is not audio; choose a WAV, FLAC, OGG, MP3, PNG or MIDI file",
        ),
        ("empty", AudioFileError, "'my file.wav' is empty"),
        ("png", ImageFileError, "'my file.wav' is damaged"),
        ("cut", AudioFileError, "'my file.wav' is truncated"),
        ("midi", ParameterError, "file='my file.wav'"),
        ("huge.png", ImageFileError, "9000 × 9000 px"),
        ("long.wav", ParameterError, "1:01 of sound; must be at most 1:00"),
    ):
        with pytest.raises(kind) as caught:
            describe_upload(tmp_path / name, "my file.wav", MINUTE)
        assert said in str(caught.value)
        assert str(tmp_path) not in str(caught.value)


def test_a_three_hour_file_is_refused_by_its_header(tmp_path: Path) -> None:
    path = noise(tmp_path / "long.flac", 3 * 3600.0, 1_000)
    with pytest.raises(ParameterError, match="3:00:00 of sound; must be at most 1:00:00"):
        describe_upload(path, "long.flac", 3600.0)


def test_a_score_is_written_and_read_back_exactly(tmp_path: Path) -> None:
    asked = {"prompt": "jazz trio", "bars": 4, "seed": 2}
    made = conversions.compose_score(asked, tmp_path / "a.mid")
    assert read_score(tmp_path / "a.mid").score.to_dict() == made["score"]
    score = made["score"]
    score["tracks"][0]["notes"][0][2] += 3
    score["facts"]["bpm"] = 91.5
    again = conversions.write_score(score, tmp_path / "b.mid", "edited")
    back = read_score(tmp_path / "b.mid")
    assert (back.score.to_dict(), back.title) == (score, "edited")
    assert again["names"] == made["names"]
    assert len(again["names"]) == len(score["tracks"])
    beats = score["facts"]["beats_per_bar"]
    chords = parse_chords(again["chords"], beats_per_bar=beats)
    said = [(chord.root, chord.start) for chord in chords]
    assert said == [(root, start) for _, root, _, start, *_ in score["chords"]]


def test_no_score_makes_it_stumble(tmp_path: Path) -> None:
    """Whatever a client's JSON has in the place of a value."""
    made = conversions.compose_score({"prompt": "piano", "bars": 1, "seed": 2}, tmp_path / "a.mid")
    wrong = (None, "x", -1, 1e9, 300, [], {}, True, float("inf"))
    for part in ("facts", "mix"):
        for name in made["score"][part]:
            for value in wrong:
                _write({**made["score"], part: {**made["score"][part], name: value}}, tmp_path)
    track = made["score"]["tracks"][0]
    for name in track:
        for value in wrong:
            _write({**made["score"], "tracks": [{**track, name: value}]}, tmp_path)
    for place in range(4):
        for value in wrong:
            note = [0.0, 1.0, 60, 90]
            note[place] = value  # type: ignore[call-overload]
            _write({**made["score"], "tracks": [{**track, "notes": [note]}]}, tmp_path)
    for name in ("tracks", "chords", "sections"):
        for value in (*wrong, [1], [[1]], [["I", 0, [4], 0.0, 1.0, 99, 1]]):
            _write({**made["score"], name: value}, tmp_path)


def _write(score: object, folder: Path) -> None:
    try:
        conversions.write_score(score, folder / "w.mid", "")  # type: ignore[arg-type]
    except ParameterError as error:
        assert str(error).startswith("score: ")


@pytest.fixture(scope="module")
def converter() -> Iterator[Converter]:
    made = Converter()
    yield made
    made.stop()


def test_a_process_that_dies_or_hangs_is_replaced(converter: Converter, tmp_path: Path) -> None:
    path = noise(tmp_path / "a.wav")

    async def calls() -> None:
        with pytest.raises(WorkerError, match="may be damaged"):
            await converter.run(os._exit, 3)
        begin = time.monotonic()
        with pytest.raises(WorkerError, match=r"longer than 0\.5 s"):
            await converter.run(time.sleep, 30, seconds=0.5)
        assert time.monotonic() - begin < 15
        with pytest.raises(AudioFileError, match=r"'x\.wav' is not audio"):
            await converter.run(describe_upload, Path(__file__), "x.wav", MINUTE)
        found = await converter.run(describe_upload, path, "a.wav", MINUTE)
        assert found.kind == "audio"

    asyncio.run(calls())


def test_it_hides_what_is_the_servers_own(converter: Converter) -> None:
    with pytest.raises(RiffkitError) as caught:
        asyncio.run(converter.run(os.listdir, "/nothing/there"))
    assert "/nothing" not in str(caught.value)
