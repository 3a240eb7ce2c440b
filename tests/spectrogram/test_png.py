"""Files: written and read again, other people's images, places that can't be written."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from riffkit.errors import ImageFileError, OutputError
from riffkit.spectrogram import png, png_stream
from riffkit.spectrogram.beat_grid import BeatGrid
from riffkit.spectrogram.convert import waveform_to_image
from riffkit.spectrogram.exif import Tag
from riffkit.spectrogram.image import SpectrogramImage
from riffkit.spectrogram.params import FULL_BAND, RIFFUSION_V1, Planes, SpectrogramParams

RATE = 44_100


@pytest.mark.parametrize(
    "params",
    [
        RIFFUSION_V1,
        RIFFUSION_V1.with_planes(Planes.RIFFUSION_STEREO),
        FULL_BAND,
        FULL_BAND.with_planes(Planes.MONO),
        SpectrogramParams("own", 96_000, 5.8, 46.5, 46.5, 256, 30.0, 16_000.5, 0.4),
    ],
    ids=lambda p: f"{p.preset}-{p.planes.name}",
)
@pytest.mark.parametrize("grid", [None, BeatGrid(123.456, 2)])
def test_written_then_read_is_the_same(params, grid, tmp_path):
    shape = (params.n_mels, 128, 3)
    pixels = np.random.default_rng(4).integers(0, 256, shape, dtype=np.uint8)
    recipe = {"prompt": "tango, nuit d'été ☂", "seeds": [1, 2**60], "model": {"name": "mini"}}
    image = SpectrogramImage(pixels, params, 12_345.678, grid, recipe)
    image.save(tmp_path / "a.png")
    back = SpectrogramImage.open(tmp_path / "a.png")
    assert (back.pixels == pixels).all()
    assert (back.params, back.max_value, back.grid) == (params, 12_345.678, grid)
    assert back.recipe == recipe
    assert back.assumed == ()
    assert back.n_samples == image.n_samples


def test_pillow_alone_reads_what_we_write(stereo_image, tmp_path):
    stereo_image.save(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as opened:
        opened.load()
        assert opened.mode == "RGB"
        assert opened.size == (256, 512)
        assert (np.asarray(opened) == stereo_image.pixels).all()
        assert opened.getexif()[Tag.MAX_VALUE] == stereo_image.max_value
    assert (np.asarray(stereo_image.as_pil()) == stereo_image.pixels).all()


def test_same_image_same_bytes(stereo_image, tmp_path):
    stereo_image.save(tmp_path / "a.png")
    stereo_image.save(tmp_path / "b.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_a_file_is_hardly_larger_than_pillow_alone_makes_it(make_music, tmp_path):
    image = waveform_to_image(make_music(512 * 441), RATE, FULL_BAND)
    image.save(tmp_path / "a.png")
    image.as_pil().save(tmp_path / "b.png")
    size, pillow_size = ((tmp_path / name).stat().st_size for name in ("a.png", "b.png"))
    assert size < 1.15 * pillow_size < image.pixels.nbytes


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "LA", "1"])
def test_other_colour_modes_are_read(mode, tmp_path):
    level = np.random.default_rng(3).integers(0, 256, (512, 64), dtype=np.uint8)
    picture = Image.fromarray(level).convert(mode)
    picture.save(tmp_path / "a.png")
    expected = np.asarray(picture.convert("RGB"))
    assert (SpectrogramImage.open(tmp_path / "a.png").pixels == expected).all()


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "L", "RGB"])
def test_what_is_erased_is_silent(mode, tmp_path):
    """Transparent pixels show white paper, whatever colour they hold."""
    level = np.random.default_rng(3).integers(1, 256, (512, 64), dtype=np.uint8)
    level[100:200, 20:40] = 0
    expected = np.where(level == 0, 255, level)
    if mode in ("RGBA", "LA"):
        alpha = np.where(level == 0, 0, 255).astype(np.uint8)
        picture = Image.merge("LA", (Image.fromarray(level), Image.fromarray(alpha))).convert(mode)
        picture.save(tmp_path / "a.png")
    else:
        transparent = (0, 0, 0) if mode == "RGB" else 0
        picture = Image.fromarray(level)
        if mode == "P":
            picture.putpalette([value for gray in range(256) for value in (gray,) * 3])
        picture.convert(mode).save(tmp_path / "a.png", transparency=transparent)
    assert (SpectrogramImage.open(tmp_path / "a.png").pixels[:, :, 1] == expected).all()


def test_16_bit_gray_keeps_its_scale(tmp_path):
    level = np.random.default_rng(3).integers(0, 256, (512, 64), dtype=np.uint16)
    Image.fromarray(level * 257).save(tmp_path / "a.png")
    assert (SpectrogramImage.open(tmp_path / "a.png").pixels[:, :, 1] == level).all()


def test_photos_are_refused_unless_named(tmp_path):
    colours = np.random.default_rng(5).integers(0, 256, (512, 300, 3), dtype=np.uint8)
    tags = Image.Exif()
    tags.update({271: "Camera"})
    for name in ("photo.png", "photo.jpg"):
        Image.fromarray(colours).save(tmp_path / name, exif=tags)
        with pytest.raises(ImageFileError, match="looks like a photo"):
            SpectrogramImage.open(tmp_path / name)
    image = SpectrogramImage.open(tmp_path / "photo.png", params=FULL_BAND)
    assert image.params == FULL_BAND
    assert len(image.assumed) == 10


def test_24_levels_between_planes_are_the_limit(tmp_path):
    pixels = np.full((512, 64, 3), 100, np.uint8)
    for offset, refused in ((35, False), (36, True)):  # two pairs of three differ by the offset
        pixels[:, :, 2] = 100 + offset
        Image.fromarray(pixels).save(tmp_path / "a.png")
        if refused:
            with pytest.raises(ImageFileError, match="photo"):
                SpectrogramImage.open(tmp_path / "a.png")
        else:
            assert SpectrogramImage.open(tmp_path / "a.png").params == RIFFUSION_V1


def test_resized_images_are_refused(mono_image, tmp_path, save_gray):
    with pytest.raises(ImageFileError, match="height=256"):
        SpectrogramImage.open(save_gray("a.png", size=(256, 256)))
    with pytest.raises(ImageFileError, match="height=256: must be 512"):
        SpectrogramImage.open(save_gray("a.png", size=(256, 256), exif={11040: 512}))
    with pytest.raises(ImageFileError, match="height=256"):
        SpectrogramImage.open(tmp_path / "a.png", params=FULL_BAND)


@pytest.mark.parametrize(
    "content", [b"", b"hello", b"\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WAVE", b"\xff\xd8\xff\xe0"]
)
def test_what_is_no_image_is_refused_in_one_line(content, tmp_path):
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(ImageFileError) as caught:
        SpectrogramImage.open(tmp_path / "a.png")
    assert "a.png" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_damaged_files_are_refused(mono_image, tmp_path):
    mono_image.save(tmp_path / "a.png")
    whole = (tmp_path / "a.png").read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 0xFF
    for content in (whole[: len(whole) // 2], whole[:40], bytes(flipped)):
        (tmp_path / "a.png").write_bytes(content)
        with pytest.raises(ImageFileError, match="damaged"):
            SpectrogramImage.open(tmp_path / "a.png")


def test_missing_files_folders_and_bombs_are_refused(tmp_path, monkeypatch, save_gray):
    with pytest.raises(ImageFileError, match="no such file"):
        SpectrogramImage.open(tmp_path / "none.png")
    with pytest.raises(ImageFileError, match="directory"):
        SpectrogramImage.open(tmp_path)
    monkeypatch.setattr(png, "MAX_PIXELS", 1_000)
    with pytest.raises(ImageFileError, match="512 x 512 px is more than 1000"):
        SpectrogramImage.open(save_gray("a.png"))


def test_images_beyond_pillows_limit_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1_000)
    image = SpectrogramImage(np.full((512, 64, 3), 255, np.uint8), RIFFUSION_V1, 1.0)
    image.save(tmp_path / "a.png")
    assert SpectrogramImage.open(tmp_path / "a.png").n_frames == 64


def test_long_images_are_read_in_pieces(stereo_image, tmp_path, monkeypatch):
    monkeypatch.setattr(png, "STREAMED_PIXELS", 1_000)
    monkeypatch.setattr(png_stream, "_INFLATE_BYTES", 1_001)
    stereo_image.save(tmp_path / "a.png")
    with monkeypatch.context() as without_pillow:
        without_pillow.setattr(png, "flattened", None)
        image = SpectrogramImage.open(tmp_path / "a.png")
    assert (image.pixels == stereo_image.pixels).all()
    assert image.params == FULL_BAND
    assert image.grid == stereo_image.grid
    whole = (tmp_path / "a.png").read_bytes()
    for content in (whole[: len(whole) // 2], whole[:-20], whole[:9_000] + whole[9_001:]):
        (tmp_path / "b.png").write_bytes(content)
        with pytest.raises(ImageFileError, match="damaged"):
            SpectrogramImage.open(tmp_path / "b.png")
    # Other programs' filters and colour modes are left to Pillow.
    with Image.open(tmp_path / "a.png") as opened:
        opened.save(tmp_path / "c.png")
        opened.convert("L").save(tmp_path / "d.png")
        gray = np.asarray(opened.convert("L"))
    colours = SpectrogramImage.open(tmp_path / "c.png", params=FULL_BAND)
    assert (colours.pixels == stereo_image.pixels).all()
    assert (SpectrogramImage.open(tmp_path / "d.png").pixels == gray[:, :, None]).all()


def test_unwritable_places_give_one_line_and_no_file(mono_image, tmp_path):
    with pytest.raises(OutputError, match=r"none.*\.png.*folder doesn't exist"):
        mono_image.save(tmp_path / "none" / "a.png")
    with pytest.raises(OutputError, match=r"must end in \.png"):
        mono_image.save(tmp_path / "a.wav")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_no_permission(mono_image, tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="permission"):
        mono_image.save(tmp_path / "a.png")


@pytest.mark.parametrize("failure", [OSError(errno.ENOSPC, "No space left"), KeyboardInterrupt()])
def test_a_full_disk_or_ctrl_c_leaves_the_old_file(failure, mono_image, tmp_path, monkeypatch):
    (tmp_path / "a.png").write_bytes(b"old")

    def write_half(file, pixels, chunks):
        file.write(b"half")
        raise failure

    monkeypatch.setattr(png, "write_rgb", write_half)
    expected = OutputError if isinstance(failure, OSError) else KeyboardInterrupt
    with pytest.raises(expected) as caught:
        mono_image.save(tmp_path / "a.png")
    if expected is OutputError:
        assert "disk is full" in str(caught.value)
        assert "\n" not in str(caught.value)
    assert [file.name for file in tmp_path.iterdir()] == ["a.png"]
    assert (tmp_path / "a.png").read_bytes() == b"old"


PUBLISHED = os.environ.get("RIFFUSION_IMAGES")


@pytest.mark.skipif(not PUBLISHED, reason="RIFFUSION_IMAGES names no folder of published images")
def test_published_images_are_read():
    files = sorted(Path(PUBLISHED or "").glob("*.png"))
    assert files
    for file in files:
        image = SpectrogramImage.open(file)
        assert image.params == RIFFUSION_V1
        assert image.n_samples == 225_792
        assert "max_value" in image.assumed
        assert image.to_mel().max() <= 30e6
