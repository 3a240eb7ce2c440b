"""Riffusion's tags and ours: ids, types and numbers, and what foreign or missing ones do."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from riffkit.errors import ImageFileError
from riffkit.spectrogram import png
from riffkit.spectrogram.beat_grid import BeatGrid
from riffkit.spectrogram.convert import waveform_to_image
from riffkit.spectrogram.exif import Tag
from riffkit.spectrogram.image import SpectrogramImage
from riffkit.spectrogram.params import CRISP, FULL_BAND, RIFFUSION_V1, Planes

RATE = 44_100
SHORT, LONG, DOUBLE = 3, 4, 12
ALL_ASSUMED = (
    "sample_rate",
    "hop_ms",
    "window_ms",
    "padded_ms",
    "n_mels",
    "min_hz",
    "max_hz",
    "power_for_image",
    "planes",
    "max_value",
)


def chunks(path: Path) -> list[tuple[bytes, bytes]]:
    content, found, place = path.read_bytes(), [], 8
    while place < len(content):
        (length,) = struct.unpack(">I", content[place : place + 4])
        found.append((content[place + 4 : place + 8], content[place + 8 : place + 8 + length]))
        place += 12 + length
    return found


def directory(path: Path) -> dict[int, tuple[int, float]]:
    """Tag -> (type, value) of IFD0, read by hand from the eXIf chunk."""
    block = dict(chunks(path))[b"eXIf"]
    assert block[:4] == b"MM\0*"  # big-endian TIFF
    (start,) = struct.unpack(">I", block[4:8])
    (count,) = struct.unpack(">H", block[start : start + 2])
    entries = {}
    for index in range(count):
        place = start + 2 + 12 * index
        tag, kind, n_values = struct.unpack(">HHI", block[place : place + 8])
        assert n_values == 1
        if kind == DOUBLE:
            (offset,) = struct.unpack(">I", block[place + 8 : place + 12])
            (value,) = struct.unpack(">d", block[offset : offset + 8])
        else:
            letter = {SHORT: ">H", LONG: ">I"}[kind]
            (value,) = struct.unpack_from(letter, block, place + 8)
        entries[tag] = (kind, value)
    return entries


def test_riffusion_tags_have_riffusions_ids_types_and_numbers(mono_image, tmp_path):
    mono_image.save(tmp_path / "a.png")
    assert directory(tmp_path / "a.png") == {
        11000: (SHORT, 44_100),
        11005: (SHORT, 0),
        11010: (SHORT, 10),
        11020: (SHORT, 100),
        11030: (SHORT, 400),
        11040: (SHORT, 512),
        11050: (SHORT, 0),
        11060: (SHORT, 10_000),
        11070: (DOUBLE, 0.25),
        11080: (DOUBLE, mono_image.max_value),
        11110: (SHORT, 0),
    }


def test_our_tags(stereo_image, make_music, tmp_path):
    stereo_image.save(tmp_path / "a.png")
    tags = directory(tmp_path / "a.png")
    assert tags[11090] == (DOUBLE, 98.5)
    assert tags[11100] == (SHORT, 4)
    assert tags[11110] == (SHORT, 2)
    assert tags[11005] == (SHORT, 0)
    # A reader that knows no beats plays it at the right tempo too: 64 columns a beat.
    assert tags[11010][1] * 64 == pytest.approx(60_000 / 98.5)
    stereo = RIFFUSION_V1.with_planes(Planes.RIFFUSION_STEREO)
    waveform_to_image(make_music(5_000), RATE, stereo).save(tmp_path / "b.png")
    assert directory(tmp_path / "b.png")[11005] == (SHORT, 1)


def test_image_without_tags_is_riffusion_v1_and_says_so(save_gray):
    image = SpectrogramImage.open(save_gray("a.png"))
    assert image.params == RIFFUSION_V1
    assert image.grid is None
    assert image.recipe is None
    assert image.assumed == ALL_ASSUMED
    assert image.max_value is None
    assert image.n_samples == 225_792


def test_tags_of_the_original_are_read(save_gray):
    """As the original writes them: no PLANES, whole numbers, STEREO 1."""
    tags = {
        11000: 44_100,
        11005: 1,
        11010: 10,
        11020: 100,
        11030: 400,
        11040: 512,
        11050: 0,
        11060: 10_000,
        11070: 0.25,
        11080: 2e6,
    }
    image = SpectrogramImage.open(save_gray("a.png", exif=tags))
    assert image.params == RIFFUSION_V1.with_planes(Planes.RIFFUSION_STEREO)
    assert image.max_value == 2e6
    assert image.assumed == ()


def test_missing_tags_are_assumed_and_named(save_gray):
    image = SpectrogramImage.open(save_gray("a.png", exif={11060: 20_000, 11110: 2, 11080: 9.5}))
    assert image.params == FULL_BAND
    assert image.max_value == 9.5
    assert image.assumed == tuple(
        name for name in ALL_ASSUMED if name not in ("max_hz", "planes", "max_value")
    )


def test_a_given_preset_supplies_what_is_missing(save_gray):
    image = SpectrogramImage.open(save_gray("a.png", exif={11080: 9.5}), params=FULL_BAND)
    assert image.params == FULL_BAND
    assert "max_hz" in image.assumed
    assert SpectrogramImage.open(save_gray("b.png"), params=FULL_BAND).params == FULL_BAND


@pytest.mark.parametrize(
    ("tag", "value", "name"),
    [
        (Tag.SAMPLE_RATE, "fast", "sample_rate"),
        (Tag.SAMPLE_RATE, 0, "sample_rate"),
        (Tag.STEP_SIZE_MS, -1.0, "hop_ms"),
        (Tag.POWER_FOR_IMAGE, b"\xff\xfe", "power_for_image"),
        (Tag.MAX_VALUE, (1.0, 2.0), "max_value"),
        (Tag.MAX_VALUE, float("nan"), "max_value"),
        (Tag.PLANES, 9, "planes"),
        (Tag.NUM_FREQUENCIES, 511.5, "n_mels"),
    ],
)
def test_wrongly_typed_tags_count_as_missing(tag, value, name, save_gray):
    image = SpectrogramImage.open(save_gray("a.png", exif={int(tag): value}))
    assert image.params == RIFFUSION_V1
    assert name in image.assumed


def test_numbers_in_other_types_are_read(save_gray):
    tags = {int(Tag.SAMPLE_RATE): "22050", int(Tag.MAX_VALUE): 70_000, int(Tag.STEP_SIZE_MS): 5.0}
    image = SpectrogramImage.open(save_gray("a.png", exif=tags))
    assert (image.params.sample_rate, image.max_value, image.params.hop_ms) == (22_050, 7e4, 5.0)
    assert image.params.preset == "custom"


def test_foreign_tags_do_not_disturb(save_gray):
    tags = {271: "Camera", 274: 1, 282: 72.0, 11001: "?", 37510: b"ASCII\0\0\0hi", 11080: 5.0}
    image = SpectrogramImage.open(save_gray("a.png", exif=tags))
    assert image.params == RIFFUSION_V1
    assert image.max_value == 5.0


def test_damaged_tags_and_texts_do_not_disturb(mono_image, tmp_path, monkeypatch):
    monkeypatch.setattr(png, "tags_to_bytes", lambda tags: b"MM\0*\0\0\0\x08\xff\xff\0\1")
    monkeypatch.setattr(png, "_to_json", lambda value: "{not json")
    mono_image.save(tmp_path / "a.png")
    image = SpectrogramImage.open(tmp_path / "a.png")
    assert image.params == RIFFUSION_V1
    assert image.recipe is None
    assert image.assumed == ALL_ASSUMED


def test_stored_parameters_survive_without_exif(stereo_image, tmp_path, monkeypatch):
    monkeypatch.setattr(png, "tags_to_bytes", lambda tags: b"")
    stereo_image.save(tmp_path / "a.png")
    image = SpectrogramImage.open(tmp_path / "a.png")
    assert image.params == FULL_BAND
    assert image.assumed == ("max_value",)


def test_a_cut_loop_keeps_its_tempo(stereo_image, tmp_path):
    stereo_image.save(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as opened:
        exif = opened.getexif()
        opened.crop((0, 0, 128, 512)).save(tmp_path / "b.png", exif=exif)
        opened.crop((0, 0, 100, 512)).save(tmp_path / "c.png", exif=exif)
    assert SpectrogramImage.open(tmp_path / "b.png").grid == BeatGrid(98.5, 2)
    with pytest.raises(ImageFileError, match="width=100"):
        SpectrogramImage.open(tmp_path / "c.png")


def test_contradictory_tags_are_refused_in_one_line(save_gray):
    with pytest.raises(ImageFileError, match="max_hz=10000"):
        SpectrogramImage.open(save_gray("a.png", exif={11000: 8_000}))


def test_transpose_is_kept_and_only_written_where_there_is_one(stereo_image, tmp_path):
    stereo_image.save(tmp_path / "a.png")
    assert 11120 not in directory(tmp_path / "a.png")
    assert SpectrogramImage.open(tmp_path / "a.png").transpose == 0
    replace(stereo_image, transpose=-3.0).save(tmp_path / "b.png")
    assert directory(tmp_path / "b.png")[11120] == (DOUBLE, -3.0)
    assert SpectrogramImage.open(tmp_path / "b.png").transpose == -3.0


def test_windows_and_scale_are_written_only_where_they_differ(make_music, tmp_path, monkeypatch):
    grid = BeatGrid(120.0, 1)
    music = make_music(grid.n_samples(RATE))
    waveform_to_image(music, RATE, FULL_BAND, grid=grid).save(tmp_path / "a.png")
    assert not {11130, 11140, 11150} & set(directory(tmp_path / "a.png"))
    monkeypatch.setattr(png, "PARAMS_KEYWORD", "elsewhere")  # the tags alone say it
    waveform_to_image(music, RATE, CRISP, grid=grid).save(tmp_path / "b.png")
    tags = directory(tmp_path / "b.png")
    assert tags[11130] == (DOUBLE, 2_000.0)
    assert tags[11140] == (DOUBLE, 1.1)
    assert tags[11150] == (DOUBLE, 16.0)
    image = SpectrogramImage.open(tmp_path / "b.png")
    assert image.params == CRISP
    assert image.assumed == ()


def test_an_older_file_has_one_window_whatever_preset_is_given(save_gray):
    tags = {11000: 44_100, 11020: 100, 11060: 20_000, 11110: 2, 11080: 9.5}
    assert SpectrogramImage.open(save_gray("a.png", exif=tags), params=CRISP).params == FULL_BAND
    assert SpectrogramImage.open(save_gray("b.png"), params=CRISP).params == CRISP
