"""A video shows the moment that it sounds, round and round without a seam."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

import cli
from riffkit import Clip, Riff
from riffkit.audio import files
from riffkit.audio.tags import fields_to_tags
from riffkit.errors import AudioFileError, OutputError, ParameterError, RiffkitError
from riffkit.export.film import file, making
from riffkit.export.film.layout import layout_of
from riffkit.export.video import export_video
from riffkit.provenance.recipe import TAG

RATE, FPS, SIZE = 44_100, 25, "320x240"
FILM = layout_of(320, 240, head_height=0).film
RULER = layout_of(320, 240, head_height=0).ruler
CLICK_SECONDS = 2.0


def clicking(seconds: float) -> Float[Tensor, "2 sample"]:
    """Faint noise, and two milliseconds of loud noise at CLICK_SECONDS."""
    noise = torch.randn(2, round(seconds * RATE), generator=torch.Generator().manual_seed(0))
    loudness = torch.full((noise.shape[-1],), 3e-4)
    at = round(CLICK_SECONDS * RATE)
    loudness[at : at + 88] = 0.3
    return (noise * loudness).clamp(-1, 1)


def seen(path: Path) -> list[UInt8[np.ndarray, "row column 3"]]:
    """Its pictures; each is shown at its number / FPS seconds."""
    with av.open(str(path)) as file:
        frames = list(file.decode(video=0))
    assert [round(float(frame.time) * FPS, 3) for frame in frames] == list(range(len(frames)))
    return [frame.to_ndarray(format="rgb24", src_colorspace="ITU709") for frame in frames]


def heard(path: Path) -> tuple[Float[np.ndarray, "2 sample"], int]:
    """Its sound from 0 seconds on, as a player plays it."""
    with av.open(str(path)) as file:
        frames = list(file.decode(audio=0))
    rate = frames[0].rate
    samples = np.concatenate([frame.to_ndarray() for frame in frames], axis=1)
    start = round(float(frames[0].time) * rate)
    assert start <= 0
    return samples[:, -start:], rate


def film_of(picture: UInt8[np.ndarray, "row column 3"]) -> Float[np.ndarray, " column"]:
    """The brightness of each column of the spectrogram."""
    plot = picture[FILM.top + RULER : FILM.bottom, FILM.left : FILM.right]
    return plot.mean(axis=(0, 2)).astype(np.float64)


def playhead(picture: UInt8[np.ndarray, "row column 3"]) -> int:
    """The column of the film that is white from top to bottom."""
    plot = picture[FILM.top + RULER + 4 : FILM.bottom - 4, FILM.left : FILM.right]
    return int(plot.min(axis=2).mean(axis=0).argmax())


@pytest.mark.parametrize("suffix", ["mp4", "webm"])
@pytest.mark.parametrize("kind", ["standing", "scrolling", "streaming"])
def test_a_click_is_heard_and_seen_in_one_frame(
    suffix: str, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = 4.0 if kind == "standing" else 15.0
    if kind == "streaming":
        monkeypatch.setattr(making, "ONE_PASS_SECONDS", 10.0)
    files.save(tmp_path / "a.wav", clicking(seconds), RATE)
    video = tmp_path / f"a.{suffix}"
    facts = export_video(tmp_path / "a.wav", video, size=SIZE, fps=FPS, title="").facts
    samples, rate = heard(video)
    assert abs(np.abs(samples).max(0).argmax() / rate - CLICK_SECONDS) < 0.005
    assert abs(samples.shape[1] / rate - seconds) < 0.05
    pictures = seen(video)
    assert len(pictures) == facts["frames"] == round(seconds * FPS)

    before = pictures[round((CLICK_SECONDS - 0.4) * FPS)]
    head = playhead(before)
    film = film_of(before)
    film[: head + 8] = 0  # what has sounded, and the glow
    at_click = pictures[round(CLICK_SECONDS * FPS)]
    if kind == "standing":
        columns_per_second = FILM.width / seconds
        assert abs(playhead(at_click) - film.argmax()) <= columns_per_second / FPS + 1
        assert abs(playhead(at_click) / columns_per_second - CLICK_SECONDS) <= 1 / FPS
    else:
        columns_per_frame = 2
        assert playhead(at_click) == head
        assert abs(film.argmax() - head - 0.4 * FPS * columns_per_frame) <= columns_per_frame
    glow = [film_of(pictures[n])[playhead(pictures[n]) + 3] for n in (45, 50)]
    assert glow[1] > glow[0] + 6


def tone(n_periods: int, seconds: float) -> Float[Tensor, "1 sample"]:
    phase = torch.arange(round(seconds * RATE)) / round(seconds * RATE)
    return 0.5 * torch.sin(2 * torch.pi * n_periods * phase)[None]


@pytest.mark.parametrize("suffix", ["mp4", "webm"])
def test_loops_have_no_seam(suffix: str, tmp_path: Path) -> None:
    files.save(tmp_path / "a.wav", tone(660, 1.48), RATE)
    video = tmp_path / f"a.{suffix}"
    facts = export_video(tmp_path / "a.wav", video, size=SIZE, fps=FPS, loops=3, title="").facts
    assert facts["seconds"] == pytest.approx(3 * 1.48, abs=1e-4)
    samples, rate = heard(video)
    hz = 660 / 1.48
    wanted = 0.5 * np.sin(2 * np.pi * hz * np.arange(samples.shape[1]) / rate)
    inner = slice(rate // 10, round(3 * 1.48 * rate) - rate // 10)
    assert np.abs(samples[:, inner] - wanted[inner]).max() < 0.02
    pictures = seen(video)
    for n in range(5, 37):  # 1.48 s are 37 pictures
        assert abs(playhead(pictures[n]) - playhead(pictures[n + 37])) <= 1
        assert np.abs(film_of(pictures[n]) - film_of(pictures[n + 37])).mean() < 2
    # the light that trails the playhead comes round the end
    first_of_second = film_of(pictures[38])
    assert first_of_second[-10:].mean() > first_of_second[FILM.width // 4 : -100].mean() + 5


@pytest.mark.parametrize(
    ("size", "wanted"),
    [
        ("16:9", (1280, 720)),
        ("1:1", (720, 720)),
        ("9:16", (720, 1280)),
        ("426x240", (426, 240)),
        ("240×426", (240, 426)),
    ],
)
def test_sizes(size: str, wanted: tuple[int, int], tmp_path: Path) -> None:
    files.save(tmp_path / "a.flac", tone(40, 0.1), RATE)
    facts = export_video(tmp_path / "a.flac", tmp_path / "a.mp4", size=size).facts
    assert (facts["width"], facts["height"]) == wanted
    with av.open(str(tmp_path / "a.mp4")) as file:
        stream = file.streams.video[0]
        assert (stream.width, stream.height) == wanted
        assert stream.average_rate == 30
        assert (stream.codec.canonical_name, facts["codecs"]) == ("h264", "h264 + aac")
        assert file.streams.audio[0].codec_context.layout.name == "stereo"


@pytest.mark.parametrize("suffix", ["mp4", "webm"])
def test_the_same_clip_gives_the_same_bytes(suffix: str, tmp_path: Path) -> None:
    files.save(tmp_path / "a.wav", clicking(3.0), RATE)
    for name in ("one", "two"):
        export_video(tmp_path / "a.wav", tmp_path / f"{name}.{suffix}", size=SIZE)
    assert (tmp_path / f"one.{suffix}").read_bytes() == (tmp_path / f"two.{suffix}").read_bytes()


@pytest.fixture
def clip(golden_riff: Riff) -> Clip:
    return golden_riff.generate("funk", steps=2, quality="preview", seed=3, bars=1, bpm=120)


@pytest.mark.parametrize("kind", ["clip", "flac", "png"])
def test_what_it_was_made_by_stays_in_it(kind: str, clip: Clip, tmp_path: Path) -> None:
    source: Clip | Path = clip
    if kind != "clip":
        source = tmp_path / f"a.{kind}"
        (clip.image if kind == "png" else clip).save(source)
    for suffix in ("mp4", "webm"):
        facts = export_video(source, tmp_path / f"a.{suffix}", size="240x240", fps=24).facts
        assert facts["seconds"] == pytest.approx(2.0, abs=1e-3)
        with av.open(str(tmp_path / f"a.{suffix}")) as file:
            found = {name.lower(): text for name, text in file.metadata.items()}
        assert found["title"].lower() == "funk"
        recipe = json.loads(fields_to_tags(found)[TAG])
        assert recipe["arguments"]["prompt"] == "funk"


def test_the_command_writes_what_the_function_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    files.save(tmp_path / "a.wav", clicking(3.0), RATE)
    export_video(tmp_path / "a.wav", tmp_path / "b.mp4", size=SIZE, fps=FPS, loops=2, title="Click")
    options = ["--size", SIZE, "--fps", str(FPS), "--loops", "2", "--title", "Click"]
    words = ["riff", "export", "video", str(tmp_path / "a.wav"), *options]
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code in (None, 0)
    assert capsys.readouterr().out.endswith("a.mp4: 6.0 s, 320 x 240, h264 + aac\n")
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


@pytest.mark.parametrize(
    ("output", "options", "said"),
    [
        ("a.avi", {}, r"extension '\.avi' is not one of \.mp4, \.webm"),
        ("missing/a.mp4", {}, "its folder doesn't exist"),
        ("a.mp4", {"size": "4:3"}, "must be one of 16:9, 1:1, 9:16, or pixels"),
        ("a.mp4", {"size": "321x240"}, "must be even"),
        ("a.mp4", {"size": "100x100"}, "between 240 and 3840"),
        ("a.mp4", {"fps": 29}, "must be one of 24, 25, 30, 50, 60"),
        ("a.mp4", {"loops": 0}, "between 1 and 1,000"),
    ],
)
def test_what_cannot_be_written_is_said_first(
    output: str, options: dict[str, object], said: str, tmp_path: Path
) -> None:
    with pytest.raises(RiffkitError, match=said) as raised:
        export_video(tmp_path / "no.wav", tmp_path / output, **options)  # type: ignore[arg-type]
    assert "\n" not in str(raised.value)


def test_what_cannot_be_heard_or_seen_is_said(tmp_path: Path) -> None:
    files.save(tmp_path / "silent.wav", torch.zeros(2, RATE), RATE)
    with pytest.raises(AudioFileError, match=r"'silent\.wav' is silent"):
        export_video(tmp_path / "silent.wav", tmp_path / "a.mp4")
    files.save(tmp_path / "one.wav", torch.full((1, 1), 0.5), RATE)
    with pytest.raises(ParameterError, match="shorter than one picture"):
        export_video(tmp_path / "one.wav", tmp_path / "a.mp4")
    (tmp_path / "text.wav").write_text("words, and more words")
    with pytest.raises(AudioFileError, match="is not audio"):
        export_video(tmp_path / "text.wav", tmp_path / "a.mp4")
    (tmp_path / "a.mid").write_bytes(b"MThd")
    with pytest.raises(ParameterError, match="is MIDI"):
        export_video(tmp_path / "a.mid", tmp_path / "a.mp4")
    whole = tmp_path / "whole.wav"
    files.save(whole, clicking(4.0), RATE)
    whole.write_bytes(whole.read_bytes()[:-1000])
    with pytest.raises(AudioFileError, match="truncated"):
        export_video(whole, tmp_path / "a.mp4")
    assert not list(tmp_path.glob("*.mp4"))
    assert not list(tmp_path.glob(".riffkit-*"))


@pytest.mark.parametrize(
    ("suffix", "encoder", "codecs"),
    [("mp4", "mpeg4", "mpeg4 + aac"), ("webm", "libvpx", "vp8 + opus")],
)
def test_other_encoders_take_the_place_of_those_that_lack(
    suffix: str, encoder: str, codecs: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = file.FORMATS[f".{suffix}"]
    only = {"nonesuch": {}, "vc1": {}, encoder: known.pictures[encoder]}  # vc1 decodes alone
    monkeypatch.setitem(file.FORMATS, f".{suffix}", replace(known, pictures=only))
    files.save(tmp_path / "a.wav", tone(40, 0.4), RATE)
    video = tmp_path / f"a.{suffix}"
    assert export_video(tmp_path / "a.wav", video, size=SIZE, fps=FPS).facts["codecs"] == codecs
    assert len(seen(video)) == 10
    video.unlink()
    monkeypatch.setitem(file.FORMATS, f".{suffix}", replace(known, pictures={"vc1": {}}))
    with pytest.raises(OutputError, match="has none of vc1 as a video encoder"):
        export_video(tmp_path / "a.wav", video, size=SIZE, fps=FPS)
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]


def test_without_pyav_it_is_said_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(OutputError, match=r"run `pip install 'riffkit\[video\]'`"):
        export_video(tmp_path / "a.wav", tmp_path / "a.mp4")


@pytest.mark.skipif(sys.platform == "win32", reason="no limit on a file's size")
@pytest.mark.parametrize("suffix", ["mp4", "webm"])
def test_a_full_disk_leaves_nothing(
    suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import resource

    files.save(tmp_path / "a.wav", clicking(8.0), RATE)
    monkeypatch.chdir(tmp_path)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, limits[1]))
    try:
        with pytest.raises(OutputError, match="the file is too large for this disk") as raised:
            export_video("a.wav", f"a.{suffix}", size=SIZE)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert str(raised.value).startswith(f"cannot write 'a.{suffix}': ")
    assert "\n" not in str(raised.value)
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]
