"""What exists as a file is a file, by content; what looks like one and isn't there is an error."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from riffkit.errors import ParameterError
from riffkit.kinds import is_image, names_a_file
from riffkit.music.inspect import inspect
from riffkit.music.registry import task
from riffkit.music.values import call_of


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with sound and pictures of all kinds, some of them without an ending."""
    sound = np.sin(np.arange(9_000) / 20)
    for name, kind in (("a.aif", "AIFF"), ("b.mp3", "MP3"), ("take 1", "WAV"), ("c.au", "AU")):
        soundfile.write(tmp_path / name, sound, 44_100, format=kind)
    pixels = np.random.default_rng(0).integers(0, 256, (512, 64), np.uint8)
    for name, kind in (("d.jpg", "JPEG"), ("e.webp", "WEBP"), ("f", "PNG")):
        Image.fromarray(pixels).save(tmp_path / name, format=kind)
    (tmp_path / "piano").write_text("a list of what to buy")
    (tmp_path / "drums").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "name", ["a.aif", "b.mp3", "take 1", "c.au", "d.jpg", "e.webp", "f", "gone.m4a", "x.FLAC"]
)
def test_files_are_files(here: Path, name: str) -> None:
    assert names_a_file(name)
    assert is_image(Path(name)) == (name in ("d.jpg", "e.webp", "f"))


@pytest.mark.parametrize(
    "words",
    [
        "piano",
        "drums",
        "",
        "lo-fi, 84.5 bpm",
        "a.b",
        "techno " * 999,
        "nul\0l",
        "~",
        "~nosuchuser1 jazz",
    ],
)
def test_words_are_words(here: Path, words: str) -> None:
    assert not names_a_file(words)


def test_an_end_of_a_morph_is_a_file_by_its_content(here: Path) -> None:
    call = call_of(task("morph"), {"first": "take 1", "last": "piano"}, seed=1)
    assert set(call.inputs) == {"first"}
    beside = call_of(task("morph"), {"first": "a.aif", "last": "f"}, seed=1)
    assert set(beside.inputs) == {"first", "last"}
    with pytest.raises(ParameterError, match=r"gone.m4a': no such file"):
        call_of(task("morph"), {"first": "gone.m4a", "last": "piano"}, seed=1)


def test_a_picture_of_any_kind_is_inspected_as_one(here: Path) -> None:
    for name in ("d.jpg", "e.webp", "f"):
        facts = inspect(name)
        assert (facts["kind"], facts["width"]) == ("spectrogram image", 64)
