"""What lies where a command writes: only riffkit's own is replaced, and nothing that is read."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from PIL import Image
from typer.testing import CliRunner

import cli
from riffkit.commands import loading
from riffkit.errors import OutputError
from riffkit.models.pipeline import Pipeline
from riffkit.music.outputs import check_target, stored_recipe, targets_of

FAST = ("--steps", "2", "--quality", "preview", "--bars", "1", "--seed", "1")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny: Pipeline) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(loading.Loading, "pipeline", lambda self, quiet: tiny)
    return tmp_path


def riff(*words: str) -> list[dict[str, Any]]:
    """The facts that a command prints; its error is raised."""
    done = CliRunner().invoke(cli.application(), [*words, "--json"])
    if done.exception is not None:
        raise done.exception
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def tone(path: str, seconds: float = 2.0) -> bytes:
    n_samples = round(seconds * 22_050)
    soundfile.write(path, 0.3 * np.sin(np.arange(n_samples) * 0.06), 22_050)
    return Path(path).read_bytes()


def cover(path: str) -> bytes:
    Image.new("RGB", (8, 8), "red").save(path)
    return Path(path).read_bytes()


def test_a_file_of_the_users_stays_unless_forced(here: Path) -> None:
    song = tone("song.wav")
    with pytest.raises(OutputError, match=r"^'song\.wav' exists and isn't riffkit's own"):
        riff("generate", "x", *FAST, "-o", "song.wav")
    assert (here / "song.wav").read_bytes() == song
    assert [path.name for path in here.iterdir()] == ["song.wav"]
    riff("generate", "x", *FAST, "-o", "song.wav", "--force")
    assert stored_recipe(here / "song.wav")["arguments"]["prompt"] == "x"
    riff("generate", "y", *FAST, "-o", "song.wav")  # now it is riffkit's own
    assert stored_recipe(here / "song.wav")["arguments"]["prompt"] == "y"


@pytest.mark.parametrize("force", [[], ["--force"]])
def test_what_is_read_is_never_written(force: list[str], here: Path) -> None:
    song = tone("song.wav")
    os.symlink("song.wav", "link.wav")
    for name in ("song.wav", "./song.wav", "link.wav"):
        with pytest.raises(OutputError, match="is what the command reads"):
            riff("restyle", "song.wav", "x", "--bpm", "120", "-o", name, *force)
    (made,) = riff("generate", "x", *FAST, "-o", "made.wav")
    with pytest.raises(OutputError, match="is what the command reads"):
        riff("replay", made["audio"], "-o", made["image"], "--source", made["image"], *force)
    with pytest.raises(OutputError, match="is what the command reads"):
        riff("replay", made["audio"], "-o", made["audio"], *force)
    assert (here / "song.wav").read_bytes() == song


def test_another_programs_picture_is_stepped_round(here: Path) -> None:
    art = cover("cover.png")
    done = CliRunner().invoke(cli.application(), ["generate", "x", *FAST, "-o", "cover.wav"])
    assert "cover.png isn't riffkit's own; the image is cover.wav.png" in done.stderr
    assert "cover.wav and cover.wav.png" in done.stdout
    assert (here / "cover.png").read_bytes() == art
    other = cover("cover.wav.png")  # and once more
    (facts,) = riff("generate", "x", *FAST, "-o", "cover.wav")
    assert facts["image"] == "cover.wav-2.png"
    assert (here / "cover.png").read_bytes() == art
    assert (here / "cover.wav.png").read_bytes() == other


def test_two_sounds_do_not_share_an_image(here: Path) -> None:
    images = {}
    for _ in range(2):  # a second time as the first
        for prompt, name in (("x", "a.wav"), ("y", "a.flac")):
            (facts,) = riff("generate", prompt, *FAST, "-o", name)
            images[name] = facts["image"]
    assert images == {"a.wav": "a.png", "a.flac": "a.flac.png"}
    for sound, image in images.items():
        assert stored_recipe(here / sound) == stored_recipe(here / image)


def test_an_image_that_is_read_stays(here: Path) -> None:
    riff("generate", "x", *FAST, "-o", "a.wav")
    before = (here / "a.png").read_bytes()
    (facts,) = riff("restyle", "a.png", "y", "--steps", "2", "--quality", "preview", "-o", "a.ogg")
    assert facts["image"] == "a.ogg.png"
    assert (here / "a.png").read_bytes() == before


def test_images_and_sounds_of_other_commands_too(here: Path) -> None:
    song, art = tone("song.wav"), cover("art.png")
    with pytest.raises(OutputError, match="isn't riffkit's own"):
        riff("encode", "song.wav", "art.png")
    riff("encode", "song.wav", "song.png")
    riff("encode", "song.wav", "song.png")
    with pytest.raises(OutputError, match="isn't riffkit's own"):
        riff("decode", "song.png", "song.wav", "--quality", "preview")
    riff("decode", "song.png", "back.wav", "--quality", "preview")
    riff("decode", "song.png", "back.wav", "--quality", "preview")
    assert ((here / "song.wav").read_bytes(), (here / "art.png").read_bytes()) == (song, art)


def test_variations_and_their_sheet_may_be_made_again(here: Path) -> None:
    riff("generate", "x", *FAST, "-o", "a.wav")
    words = ["vary", "a.wav", "--count", "2", "--steps", "2", "--quality", "preview", "-o", "v.wav"]
    assert [riff(*words) for _ in range(2)][1][1]["audio"] == "v-2.wav"
    cover("v-sheet.png")
    with pytest.raises(OutputError, match="isn't riffkit's own"):
        riff(*words)


@pytest.mark.parametrize("kind", ["text.wav", "half.wav", "empty.wav", "photo.wav"])
def test_what_is_no_sound_is_not_riffkits(kind: str, here: Path) -> None:
    (here / "text.wav").write_text("words")
    (here / "half.wav").write_bytes(tone("tone.wav")[:100])
    (here / "empty.wav").touch()
    (here / "photo.wav").write_bytes(cover("photo.png"))
    with pytest.raises(OutputError, match="isn't riffkit's own"):
        check_target(here / kind)
    (target,) = targets_of([here / kind], force=True)
    assert target.audio == here / kind


def test_a_place_that_takes_no_files_is_said_so() -> None:
    if not Path("/proc").is_dir():
        pytest.skip("no /proc here")
    with pytest.raises(OutputError, match="no permission to write there; choose another folder"):
        check_target(Path("/proc/x.wav"))


def test_a_name_that_is_too_long_for_another_image_is_said_so(here: Path) -> None:
    name = "a" * 251
    cover(f"{name}.png")
    with pytest.raises(OutputError, match="the name is too long; shorten it"):
        targets_of([here / f"{name}.wav"])


EXPORTS = [
    ("wav", "song.wav"),
    ("stems", "song-stems"),
    ("midi", "song.mid"),
    ("reaper", "song-reaper"),
    ("dawproject", "song.dawproject"),
    ("pack", "song-pack"),
    ("pack", "song.zip"),
    ("video", "song.webm"),
]


@pytest.mark.parametrize(("kind", "name"), EXPORTS)
def test_an_export_replaces_its_own_and_not_what_others_wrote(
    kind: str, name: str, here: Path
) -> None:
    if kind == "video":
        pytest.importorskip("av")
    seconds = np.arange(2 * 22_050) / 22_050
    soundfile.write("song.flac", 0.3 * np.sin(2_764 * seconds) * (seconds % 0.5 < 0.3), 22_050)
    export = ("export", kind, "song.flac", "-o", name)
    riff(*export)
    riff(*export)
    path = here / name
    edited = path if path.is_file() else sorted(path.glob("*.*"))[-1]
    edited.write_bytes(_changed(edited))
    with pytest.raises(OutputError, match="isn't riffkit's own"):
        riff(*export)
    assert edited.read_bytes() == _changed(edited)
    riff(*export, "--force")


def _changed(path: Path) -> bytes:
    """As another program would save it."""
    if path.suffix == ".rpp":
        return path.read_bytes().replace(b'"7.0" 0', b'"7.22/linux" 1700000000')
    return b"another program's"
